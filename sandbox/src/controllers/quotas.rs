//! ResourceQuotas: what is used, counted again whenever something changes that they count.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;

use super::queue::Queue;
use super::usage::{self, Scopes};
use super::{Controller, Key, PODS, RESOURCE_QUOTAS, Seen, World};
use crate::kinds::quantity::Quantity;
use crate::kinds::resources::Resources;
use crate::store::{Change, Gr, Object};

/// What a pod counted for, and in which version.
type Counted = (u64, Resources);

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    queue: Queue<Key>,
    /// Quotas by namespace, with the kinds they count.
    quotas: HashMap<SmolStr, HashMap<Key, Vec<Gr>>>,
    /// Most of what is counted are pods, and most of them have not changed since.
    pods: HashMap<Key, Counted>,
}

impl Quotas {
    fn reconcile(&mut self, world: &World, key: &Key) {
        let Some(object) = world.find(&RESOURCE_QUOTAS, key) else { return };
        let quota = object.value();
        let hard = Resources::from_json(quota["spec"].get("hard"));
        let kinds = usage::counted(&world.store, &hard);
        let scopes = Scopes::read(&quota);
        let mut used = Resources(hard.0.keys().map(|name| (name.clone(), Quantity::ZERO)).collect());
        for gr in &kinds {
            let Ok(kind) = world.store.kind(gr) else { continue };
            for object in world.store.all(gr, Some(&key.namespace)) {
                if *gr == PODS && scopes.is_empty() {
                    usage::add(&mut used, self.pod(world, &object));
                    continue;
                }
                let value = object.value();
                if scopes.matches(&kind, &value) {
                    usage::add(&mut used, &usage::of(&kind, &value, world.now()));
                }
            }
        }
        self.quotas.entry(key.namespace.clone()).or_default().insert(key.clone(), kinds);
        let status = serde_json::json!({"hard": hard.to_json(), "used": used.to_json()});
        if status != quota["status"] {
            // Somebody may be charged meanwhile: the event of that write brings us back.
            let version = object.revision().to_string();
            let _ = world.update(&RESOURCE_QUOTAS, key, "status", |quota| {
                if quota["metadata"]["resourceVersion"] == version.as_str() {
                    quota["status"] = status.clone();
                }
            });
        }
    }

    fn pod(&mut self, world: &World, object: &Object) -> &Resources {
        let entry = self.pods.entry(Key::of(object)).or_default();
        // A pod that is on its way out stops counting by the clock.
        if entry.0 != object.revision() || object.deleting() {
            let usage = match world.store.kind(&PODS) {
                Ok(kind) => usage::of(&kind, &object.value(), world.now()),
                Err(_) => Resources::default(),
            };
            *entry = (object.revision(), usage);
        }
        &entry.1
    }
}

impl Controller for Quotas {
    fn name(&self) -> &'static str {
        "quotas"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        let key = Key::of(seen.object);
        if *seen.gr == PODS && seen.change == Change::Deleted {
            self.pods.remove(&key);
        }
        if *seen.gr == RESOURCE_QUOTAS {
            if seen.change == Change::Deleted {
                self.queue.forget(&key);
                if let Some(quotas) = self.quotas.get_mut(&key.namespace) {
                    quotas.remove(&key);
                }
            } else {
                self.queue.add(key.clone());
            }
        }
        // What happens inside pods changes them all the time, and seldom what they count for.
        if *seen.gr == PODS && seen.previous.is_some_and(|before| usage::is_alike(before, seen.object)) {
            return;
        }
        let quotas = self.quotas.get(&key.namespace).into_iter().flatten();
        for (quota, kinds) in quotas {
            if kinds.contains(seen.gr) {
                self.queue.add(quota.clone());
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

#[cfg(test)]
mod tests {
    use crate::controllers::testing::{Host, host};
    use serde_json::{Value, json};

    fn quota(hard: Value) -> Value {
        json!({"metadata": {"name": "q"}, "spec": {"hard": hard}})
    }

    fn pod(name: &str, cpu: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i:1",
            "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}}]}})
    }

    fn used(host: &Host) -> Value {
        host.find("quota", "q").expect("quota")["status"]["used"].clone()
    }

    #[test]
    fn usage_follows_what_is_there() {
        let mut host = host();
        host.create("pods", pod("a", "500m"));
        host.create("quota", quota(json!({"requests.cpu": "2", "pods": "3", "count/configmaps": "10"})));
        host.settle();
        // The root certificate is a ConfigMap, too.
        assert_eq!(used(&host), json!({"requests.cpu": "500m", "pods": "1", "count/configmaps": "1"}));
        host.create("pods", pod("b", "1"));
        assert_eq!(used(&host)["requests.cpu"], "1500m", "charged at once");
        host.settle();
        host.delete("pods", "a");
        host.settle();
        assert_eq!(used(&host), json!({"requests.cpu": "1", "pods": "1", "count/configmaps": "1"}));
        host.update_status_in("default", "pods", "b", |pod| pod["status"]["phase"] = json!("Succeeded"));
        host.settle();
        assert_eq!(used(&host)["pods"], "0", "what is over costs nothing");
    }

    #[test]
    fn what_does_not_fit_is_refused_in_the_words_of_the_real_server() {
        let mut host = host();
        host.create("quota", quota(json!({"requests.cpu": "1", "pods": "5"})));
        host.settle();
        host.create("pods", pod("a", "700m"));
        let refusal = host.try_create_in("default", "pods", pod("b", "400m")).expect_err("refused");
        assert_eq!(refusal.code, 403);
        assert_eq!(
            refusal.message,
            "pods \"b\" is forbidden: exceeded quota: q, requested: requests.cpu=400m, used: requests.cpu=700m, \
             limited: requests.cpu=1"
        );
        assert_eq!(used(&host)["requests.cpu"], "700m", "nothing is charged for what is refused");
    }

    #[test]
    fn a_quota_that_nobody_has_counted_yet_limits_nobody() {
        let mut host = host();
        host.create("quota", quota(json!({"pods": "0"})));
        host.create("pods", pod("a", "1"));
        host.settle();
        assert_eq!(used(&host)["pods"], "1");
        let refusal = host.try_create_in("default", "pods", pod("b", "1")).expect_err("refused");
        assert!(
            refusal.message.contains("exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=0")
        );
    }

    #[test]
    fn containers_have_to_say_what_a_quota_counts() {
        let mut host = host();
        host.create("quota", quota(json!({"limits.memory": "1Gi", "requests.cpu": "1"})));
        host.settle();
        let refusal = host.try_create_in("default", "pods", pod("a", "1")).expect_err("refused");
        assert_eq!(
            refusal.message,
            "pods \"a\" is forbidden: failed quota: q: must specify limits.memory for: c"
        );
    }

    #[test]
    fn other_kinds_are_counted_too() {
        let mut host = host();
        host.create(
            "quota",
            quota(
                json!({"services.nodeports": "1", "requests.storage": "5Gi", "count/deployments.apps": "0"}),
            ),
        );
        host.settle();
        host.create(
            "svc",
            json!({"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}),
        );
        let second =
            json!({"metadata": {"name": "t"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
        assert!(host.try_create_in("default", "svc", second).is_err());
        let claim = json!({"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "6Gi"}}}});
        let refusal = host.try_create_in("default", "pvc", claim).expect_err("refused");
        assert!(
            refusal.message.contains(
                "requested: requests.storage=6Gi, used: requests.storage=0, limited: requests.storage=5Gi"
            ),
            "{}",
            refusal.message
        );
        let deployment = json!({"metadata": {"name": "d"}, "spec": {"selector": {}, "template": {}}});
        assert!(host.try_create_in("default", "deploy", deployment).is_err());
    }

    #[test]
    fn a_replica_set_says_why_it_cannot_go_on() {
        let mut host = host();
        host.create("quota", quota(json!({"pods": "1"})));
        host.settle();
        host.create(
            "rs",
            json!({"metadata": {"name": "web"}, "spec": {"replicas": 2,
            "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}}),
        );
        host.settle();
        let set = host.find("rs", "web").expect("set");
        assert_eq!(set["status"]["conditions"][0]["type"], "ReplicaFailure");
        let events = host.events();
        let failed = events.iter().find(|event| event["reason"] == "FailedCreate").expect("an event");
        assert!(failed["message"].as_str().expect("text").contains("exceeded quota: q"));
        host.update("quota", "q", |quota| quota["spec"]["hard"]["pods"] = json!("2"));
        host.settle();
        host.advance(2);
        assert_eq!(host.all("pods").len(), 2, "it tries again");
    }
}
