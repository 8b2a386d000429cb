//! PodDisruptionBudgets: how many of the pods they guard may go at a time. Evictions spend what is written here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use super::queue::Queue;
use super::workload::{Pod, controller_of, number, share, status_of};
use super::{Controller, DISRUPTION_BUDGETS, Key, PODS, Seen, Source, World};
use crate::clock::stamp;
use crate::store::{Change, Gr, ListQuery, Object, Selector};

const SOURCE: Source = Source::controller("controllermanager");
/// A pod whose eviction was granted counts as gone for this long.
const PATIENCE: TimeDelta = TimeDelta::minutes(2);

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct Disruption {
    queue: Queue<Key>,
    /// Selectors of the budgets of a namespace.
    selectors: BTreeMap<SmolStr, BTreeMap<SmolStr, Selector>>,
}

/// What is expected of the pods that a budget guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Expected {
    pods: i64,
    healthy: i64,
}

/// What a budget expects, given how many pods there are and how many their controllers want. Pure.
fn expected(spec: &Value, pods: i64, scale: i64) -> Option<Expected> {
    if let Some(most) = spec.get("maxUnavailable").filter(|most| !most.is_null()) {
        let healthy = (scale - share(most, scale, true)?).max(0);
        return Some(Expected { pods: scale, healthy });
    }
    let least = &spec["minAvailable"];
    match least.as_i64() {
        Some(healthy) => Some(Expected { pods, healthy }),
        None if least.is_null() => Some(Expected { pods: 0, healthy: 0 }),
        None => Some(Expected { pods: scale, healthy: share(least, scale, true)? }),
    }
}

impl Disruption {
    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&DISRUPTION_BUDGETS, key) else { return };
        let Some(about) = world.about(&DISRUPTION_BUDGETS, &object) else { return };
        let budget = object.value();
        let pods = self.pods(world, key);
        if pods.is_empty() {
            world.recorder.normal(&about, &SOURCE, "NoPods", "No matching pods found".to_owned());
        }
        let count = i64::try_from(pods.len()).unwrap_or(i64::MAX);
        let scale = scale(world, &pods);
        if let Err(pod) = &scale {
            let why = format!(
                "Failed to calculate the number of expected pods: found no controllers for pod {pod:?}"
            );
            world.recorder.warning(&about, &SOURCE, "CalculateExpectedPodCountFailed", why);
        }
        let expected = scale.ok().and_then(|scale| expected(&budget["spec"], count, scale));
        let (disrupted, again) = disrupted(&budget, &pods, world.now());
        write(world, key, &object, &budget, &pods, expected, disrupted);
        if let Some(again) = again {
            self.queue.add_at(key.clone(), again);
        }
    }

    fn pods(&self, world: &World, key: &Key) -> Vec<Pod> {
        let Some(selector) = self.selectors.get(&key.namespace).and_then(|all| all.get(&key.name)) else {
            return Vec::new();
        };
        let query = ListQuery {
            namespace: Some(key.namespace.to_string()),
            selector: selector.clone(),
            ..ListQuery::default()
        };
        let page = world.store.list(&PODS, &query).map(|page| page.items).unwrap_or_default();
        page.into_iter().map(Pod::read).collect()
    }

    fn observe_budget(&mut self, seen: &Seen<'_>) {
        let key = Key::of(seen.object);
        let selectors = self.selectors.entry(key.namespace.clone()).or_default();
        if seen.change == Change::Deleted {
            selectors.remove(&key.name);
            return self.queue.forget(&key);
        }
        match Selector::of_label_selector(&seen.object.value()["spec"]["selector"]) {
            Some(selector) => selectors.insert(key.name.clone(), selector),
            // No selector guards nothing.
            None => selectors.remove(&key.name),
        };
        self.queue.add(key);
    }

    fn observe_pod(&mut self, seen: &Seen<'_>) {
        let Some(selectors) = self.selectors.get(seen.object.namespace()) else { return };
        for object in [Some(seen.object), seen.previous].into_iter().flatten() {
            for (name, _) in selectors.iter().filter(|(_, selector)| selector.matches(object)) {
                self.queue.add(Key::new(object.namespace(), name.clone()));
            }
        }
    }
}

/// How many pods the controllers of these pods want together; the name of one whose controller has no scale.
fn scale(world: &World, pods: &[Pod]) -> Result<i64, String> {
    let mut counted = BTreeSet::new();
    let mut total = 0;
    for pod in pods {
        let Some(owner) = controller_of(&pod.object) else { continue };
        if !counted.insert(owner.uid.clone()) {
            continue;
        }
        let kinds = world.store.kinds();
        let scaled = kinds
            .by_object(&owner.api_version, &owner.kind)
            .filter(|kind| kind.subresource("scale").is_some());
        let found = scaled.and_then(|kind| {
            let gr = Gr::new(kind.group.clone(), kind.plural.clone());
            world.find(&gr, &Key::new(pod.object.namespace(), owner.name.clone()))
        });
        let found = found.filter(|found| found.uid() == owner.uid).ok_or_else(|| pod.name().to_owned())?;
        total += number(&found.value(), "/spec/replicas", 1);
    }
    Ok(total)
}

/// The pods whose eviction was granted and that are not gone yet; and when the first of them is given up on.
fn disrupted(
    budget: &Value,
    pods: &[Pod],
    now: DateTime<Utc>,
) -> (Map<String, Value>, Option<DateTime<Utc>>) {
    let granted = budget["status"]["disruptedPods"].as_object().into_iter().flatten();
    let (mut left, mut again) = (Map::new(), None::<DateTime<Utc>>);
    for (name, time) in granted {
        let until =
            time.as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok()).map(|time| time + PATIENCE);
        let there = pods.iter().any(|pod| pod.name() == name && !pod.deleting());
        if let Some(until) = until.filter(|until| there && *until >= now) {
            again = Some(again.map_or(until, |again| again.min(until)));
            left.insert(name.clone(), time.clone());
        }
    }
    (left, again)
}

fn write(
    world: &World,
    key: &Key,
    object: &Object,
    budget: &Value,
    pods: &[Pod],
    expected: Option<Expected>,
    disrupted: Map<String, Value>,
) {
    let healthy = pods.iter().filter(|pod| !pod.deleting() && !disrupted.contains_key(pod.name()));
    let current = i64::try_from(healthy.filter(|pod| pod.ready()).count()).unwrap_or(i64::MAX);
    let mut status = status_of(budget);
    // Where nobody can tell how many there should be, none may go.
    let allowed = match expected {
        Some(expected) => {
            status["expectedPods"] = json!(expected.pods);
            status["desiredHealthy"] = json!(expected.healthy);
            status["currentHealthy"] = json!(current);
            status["observedGeneration"] = json!(object.generation());
            if expected.pods > 0 { (current - expected.healthy).max(0) } else { 0 }
        }
        None => 0,
    };
    status["disruptionsAllowed"] = json!(allowed);
    if let Some(fields) = status.as_object_mut() {
        match disrupted.is_empty() {
            true => fields.remove("disruptedPods"),
            false => fields.insert("disruptedPods".to_owned(), Value::Object(disrupted)),
        };
    }
    let (word, reason) = match (expected, allowed) {
        (None, _) => ("False", "SyncFailed"),
        (_, 0) => ("False", "InsufficientPods"),
        _ => ("True", "SufficientPods"),
    };
    set_allowed(&mut status, word, reason, object.generation(), &stamp(world.now()));
    if status != budget["status"] {
        // Gone meanwhile: nothing to tell.
        let _ = world.update(&DISRUPTION_BUDGETS, key, "status", |budget| budget["status"] = status.clone());
    }
}

fn set_allowed(status: &mut Value, word: &str, reason: &str, generation: i64, now: &str) {
    let old =
        status["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == "DisruptionAllowed");
    let since = old.filter(|old| old["status"] == word).and_then(|old| old["lastTransitionTime"].as_str());
    let condition = json!({"type": "DisruptionAllowed", "status": word, "reason": reason, "message": "",
        "observedGeneration": generation, "lastTransitionTime": since.unwrap_or(now)});
    status["conditions"] = json!([condition]);
}

impl Controller for Disruption {
    fn name(&self) -> &'static str {
        "disruption"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        if *seen.gr == DISRUPTION_BUDGETS {
            self.observe_budget(seen);
        } else if *seen.gr == PODS {
            self.observe_pod(seen);
        } else if seen.change == Change::Modified && self.is_scaled(seen) {
            for name in self.selectors.get(seen.object.namespace()).into_iter().flat_map(BTreeMap::keys) {
                self.queue.add(Key::new(seen.object.namespace(), name.clone()));
            }
        }
    }

    fn work(&mut self, world: &mut World) {
        while let Some(key) = self.queue.pop(world.now()) {
            self.reconcile(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.next()
    }
}

impl Disruption {
    /// Whether a workload with a scale has got other wishes.
    fn is_scaled(&self, seen: &Seen<'_>) -> bool {
        let workload = seen.gr.group == "apps";
        workload && seen.previous.is_some_and(|previous| previous.generation() != seen.object.generation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::{Host, host};

    #[test]
    fn budgets_expect_numbers_or_shares() {
        let cases = [
            (json!({"minAvailable": 2}), 3, 5, (3, 2)),
            (json!({"minAvailable": "50%"}), 3, 5, (5, 3)),
            (json!({"maxUnavailable": 1}), 3, 5, (5, 4)),
            (json!({"maxUnavailable": "30%"}), 3, 5, (5, 3)),
            (json!({"maxUnavailable": 9}), 3, 5, (5, 0)),
            (json!({}), 3, 5, (0, 0)),
        ];
        for (spec, pods, scale, (count, healthy)) in cases {
            assert_eq!(expected(&spec, pods, scale), Some(Expected { pods: count, healthy }), "{spec}");
        }
    }

    fn guarded(spec: Value) -> Host {
        let mut host = host();
        host.create(
            "rs",
            json!({"metadata": {"name": "web"}, "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}}),
        );
        let mut budget = json!({"metadata": {"name": "b"}, "spec": spec});
        budget["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
        host.create("pdb", budget);
        host.run_all_pods();
        host
    }

    fn counts(host: &Host) -> Vec<i64> {
        let status = host.find("pdb", "b").expect("budget")["status"].clone();
        let keys = ["expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed"];
        keys.iter().map(|key| status[*key].as_i64().expect("a count")).collect()
    }

    #[test]
    fn what_may_go_follows_from_who_is_healthy() {
        let mut host = guarded(json!({"maxUnavailable": 1}));
        assert_eq!(counts(&host), [3, 2, 3, 1]);
        let condition = host.find("pdb", "b").expect("budget")["status"]["conditions"][0].clone();
        assert_eq!((&condition["status"], &condition["reason"]), (&json!("True"), &json!("SufficientPods")));
        host.update("rs", "web", |set| set["spec"]["replicas"] = json!(5));
        host.settle();
        assert_eq!(counts(&host), [5, 4, 3, 0], "two more are wanted and not there yet");
        host.run_all_pods();
        assert_eq!(counts(&host), [5, 4, 5, 1]);
    }

    #[test]
    fn granted_evictions_count_until_they_are_given_up_on() {
        let mut host = guarded(json!({"minAvailable": 1}));
        let name = host.all("pods")[0]["metadata"]["name"].as_str().expect("a name").to_owned();
        let now = host.store().clock().stamp();
        host.update_status_in("default", "pdb", "b", |budget| {
            budget["status"]["disruptedPods"][&name] = json!(now)
        });
        host.settle();
        assert_eq!(counts(&host), [3, 1, 2, 1]);
        host.advance(121);
        assert_eq!(counts(&host), [3, 1, 3, 2]);
        assert!(host.find("pdb", "b").expect("budget")["status"].get("disruptedPods").is_none());
    }

    #[test]
    fn a_budget_over_nobodys_pods_lets_none_go() {
        let mut host = guarded(json!({"minAvailable": "50%"}));
        let name = host.all("pods")[0]["metadata"]["name"].as_str().expect("a name").to_owned();
        host.update("pods", &name, |pod| {
            pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x",
                "uid": "u", "controller": true}]);
        });
        host.engine.freeze("garbage", true);
        host.settle();
        let status = host.find("pdb", "b").expect("budget")["status"].clone();
        assert_eq!(
            (&status["disruptionsAllowed"], &status["conditions"][0]["reason"]),
            (&json!(0), &json!("SyncFailed"))
        );
    }
}
