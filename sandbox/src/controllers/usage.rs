//! What objects count for in quotas, and which quotas count them. Pure but for the listing.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use smol_str::{SmolStr, format_smolstr};

use crate::kinds::Kind;
use crate::kinds::quantity::Quantity;
use crate::kinds::resources::{Column, PodNeeds, Resources};
use crate::store::{Gr, Object, Store};

const ONE: i64 = 1;

/// What one object counts for.
pub(crate) fn of(kind: &Kind, object: &Value, now: DateTime<Utc>) -> Resources {
    let mut usage = Resources::default();
    let mut count = |name: SmolStr, amount: Quantity| {
        usage.0.insert(name, amount);
    };
    count(format_smolstr!("count/{}", kind.group_resource()), Quantity::units(ONE));
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") if is_charged(object, now) => pod(&object["spec"], &mut usage),
        ("", "services") => service(&object["spec"], &mut usage),
        ("", "persistentvolumeclaims") => claim(object, &mut usage),
        ("", plural @ ("configmaps" | "secrets" | "replicationcontrollers" | "resourcequotas")) => {
            count(plural.into(), Quantity::units(ONE));
        }
        _ => {}
    }
    usage
}

/// A pod that is over, or that should be gone by now, costs nothing any more.
fn is_charged(pod: &Value, now: DateTime<Utc>) -> bool {
    if matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
        return false;
    }
    let metadata = &pod["metadata"];
    let end = metadata["deletionTimestamp"].as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok());
    let grace = TimeDelta::try_seconds(metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0));
    end.zip(grace).is_none_or(|(end, grace)| now <= end + grace)
}

/// Whether two versions of a pod that is to stay certainly count for the same in every quota; a look at the bytes.
pub(crate) fn is_alike(one: &Object, other: &Object) -> bool {
    #[derive(Deserialize)]
    struct Shape<'a> {
        #[serde(borrow)]
        spec: &'a RawValue,
        #[serde(default)]
        status: Status,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Status {
        phase: SmolStr,
    }
    fn read(json: &[u8]) -> Option<Shape<'_>> {
        serde_json::from_slice(json).ok()
    }
    if one.deleting() || other.deleting() {
        return false;
    }
    let (one, other) = (one.json(), other.json());
    let is_over = |shape: &Shape<'_>| matches!(shape.status.phase.as_str(), "Succeeded" | "Failed");
    read(&one)
        .zip(read(&other))
        .is_some_and(|(one, other)| one.spec.get() == other.spec.get() && is_over(&one) == is_over(&other))
}

fn pod(spec: &Value, usage: &mut Resources) {
    let needs = PodNeeds::read(spec);
    usage.0.insert("pods".into(), Quantity::units(ONE));
    for (name, amount) in needs.total(Column::Requests).0 {
        let plain =
            matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
        let extended = name.contains('/');
        if plain || extended {
            usage.0.insert(format_smolstr!("requests.{name}"), amount);
        }
        if plain {
            usage.0.insert(name, amount);
        }
    }
    for (name, amount) in needs.total(Column::Limits).0 {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            usage.0.insert(format_smolstr!("limits.{name}"), amount);
        }
    }
}

fn service(spec: &Value, usage: &mut Resources) {
    let ports = spec["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    let balanced = spec["type"] == "LoadBalancer";
    let on_nodes = match spec["type"].as_str() {
        Some("NodePort") => ports.len(),
        Some("LoadBalancer") if spec["allocateLoadBalancerNodePorts"] == false => {
            ports.iter().filter(|port| port["nodePort"].as_i64().unwrap_or(0) > 0).count()
        }
        Some("LoadBalancer") => ports.len(),
        _ => 0,
    };
    let units = |count: usize| Quantity::units(i64::try_from(count).unwrap_or(i64::MAX));
    usage.0.insert("services".into(), Quantity::units(ONE));
    usage.0.insert("services.loadbalancers".into(), units(usize::from(balanced)));
    usage.0.insert("services.nodeports".into(), units(on_nodes));
}

fn claim(object: &Value, usage: &mut Resources) {
    let storage =
        object.pointer("/spec/resources/requests/storage").and_then(Quantity::from_json).unwrap_or_default();
    usage.0.insert("persistentvolumeclaims".into(), Quantity::units(ONE));
    usage.0.insert("requests.storage".into(), storage);
    if let Some(class) = object["spec"]["storageClassName"].as_str().filter(|class| !class.is_empty()) {
        let of_class = |what: &str| format_smolstr!("{class}.storageclass.storage.k8s.io/{what}");
        usage.0.insert(of_class("requests.storage"), storage);
        usage.0.insert(of_class("persistentvolumeclaims"), Quantity::units(ONE));
    }
}

/// Which pods a quota counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scopes(Vec<Value>);

impl Scopes {
    pub(crate) fn read(quota: &Value) -> Self {
        let plain = quota["spec"]["scopes"].as_array().into_iter().flatten();
        let plain = plain.map(|scope| serde_json::json!({"scopeName": scope, "operator": "Exists"}));
        let selected = quota.pointer("/spec/scopeSelector/matchExpressions").and_then(Value::as_array);
        Scopes(plain.chain(selected.into_iter().flatten().cloned()).collect())
    }

    /// Whether everything counts.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object counts. Only pods have scopes.
    pub(crate) fn matches(&self, kind: &Kind, object: &Value) -> bool {
        let is_pod = kind.group.is_empty() && kind.plural == "pods";
        self.0.is_empty() || is_pod && self.0.iter().all(|scope| in_scope(scope, &object["spec"]))
    }
}

fn in_scope(scope: &Value, spec: &Value) -> bool {
    let ends = spec["activeDeadlineSeconds"].as_i64().is_some_and(|seconds| seconds >= 0);
    let best_effort = || PodNeeds::read(spec).quality_of_service() == "BestEffort";
    match scope["scopeName"].as_str() {
        Some("Terminating") => ends,
        Some("NotTerminating") => !ends,
        Some("BestEffort") => best_effort(),
        Some("NotBestEffort") => !best_effort(),
        Some("PriorityClass") => {
            let class = spec["priorityClassName"].as_str().unwrap_or_default();
            let listed =
                scope["values"].as_array().is_some_and(|values| values.iter().any(|value| value == class));
            match scope["operator"].as_str() {
                Some("In") => listed,
                Some("NotIn") => !listed,
                Some("DoesNotExist") => class.is_empty(),
                _ => !class.is_empty(),
            }
        }
        _ => false,
    }
}

/// The kind of which a resource of a quota says how much there may be; None where it is not served.
pub(crate) fn counts(store: &Store, resource: &str) -> Option<Gr> {
    match resource {
        "configmaps"
        | "secrets"
        | "replicationcontrollers"
        | "resourcequotas"
        | "services"
        | "persistentvolumeclaims" => Some(Gr::new("", resource)),
        "services.loadbalancers" | "services.nodeports" => Some(Gr::core("services")),
        "requests.storage" => Some(Gr::core("persistentvolumeclaims")),
        _ if resource.contains(".storageclass.storage.k8s.io/") => Some(Gr::core("persistentvolumeclaims")),
        _ => match resource.strip_prefix("count/") {
            Some(resource) => {
                let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
                store.kinds().by_resource(group, plural).map(|_| Gr::new(group, plural))
            }
            None => Some(Gr::core("pods")),
        },
    }
}

/// The kinds that a quota may have to count.
pub(crate) fn counted(store: &Store, hard: &Resources) -> Vec<Gr> {
    let mut all: Vec<Gr> = Vec::new();
    for gr in hard.0.keys().filter_map(|name| counts(store, name)) {
        if !all.contains(&gr) {
            all.push(gr);
        }
    }
    all
}

/// Adds what a quota counts, and nothing else.
pub(crate) fn add(used: &mut Resources, usage: &Resources) {
    for (name, amount) in &mut used.0 {
        *amount += usage.get(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;
    use serde_json::json;

    fn usage(word: &str, object: Value) -> Value {
        let now = "2026-01-01T00:10:00Z".parse().expect("a time");
        of(Kinds::builtin().by_word(word).expect("built in"), &object, now).to_json()
    }

    #[test]
    fn objects_count_for_what_they_take() {
        let container = json!([{"resources": {"requests": {"cpu": "100m", "example.org/gpu": "1"}, "limits": {"memory": "1Gi"}}}]);
        let cases = [
            (
                "pods",
                json!({"spec": {"containers": container}}),
                json!({"count/pods": "1", "pods": "1", "cpu": "100m", "requests.cpu": "100m",
                    "requests.example.org/gpu": "1", "limits.memory": "1Gi"}),
            ),
            (
                "pods",
                json!({"spec": {"containers": container}, "status": {"phase": "Failed"}}),
                json!({"count/pods": "1"}),
            ),
            (
                "pods",
                json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}, "spec": {}}),
                json!({"count/pods": "1"}),
            ),
            (
                "svc",
                json!({"spec": {"type": "LoadBalancer", "ports": [{}, {}]}}),
                json!({"count/services": "1", "services": "1", "services.loadbalancers": "1", "services.nodeports": "2"}),
            ),
            (
                "pvc",
                json!({"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "5Gi"}}}}),
                json!({"count/persistentvolumeclaims": "1", "persistentvolumeclaims": "1", "requests.storage": "5Gi",
                    "fast.storageclass.storage.k8s.io/requests.storage": "5Gi",
                    "fast.storageclass.storage.k8s.io/persistentvolumeclaims": "1"}),
            ),
            ("cm", json!({}), json!({"count/configmaps": "1", "configmaps": "1"})),
            ("deploy", json!({}), json!({"count/deployments.apps": "1"})),
        ];
        for (word, object, expected) in cases {
            assert_eq!(usage(word, object.clone()), expected, "{word} {object}");
        }
    }

    #[test]
    fn scopes_choose_pods() {
        let pods = Kinds::builtin().by_word("pods").expect("built in");
        let busy = json!({"spec": {"containers": [{"resources": {"requests": {"cpu": "1"}}}], "priorityClassName": "high"}});
        let idle = json!({"spec": {"activeDeadlineSeconds": 60}});
        let class = |operator: &str| {
            json!({"spec": {"scopeSelector": {"matchExpressions":
            [{"scopeName": "PriorityClass", "operator": operator, "values": ["high"]}]}}})
        };
        let plain = |scope: &str| json!({"spec": {"scopes": [scope]}});
        let cases = [
            (json!({"spec": {}}), true, true),
            (plain("BestEffort"), false, true),
            (plain("NotBestEffort"), true, false),
            (plain("Terminating"), false, true),
            (plain("NotTerminating"), true, false),
            (class("In"), true, false),
            (class("NotIn"), false, true),
            (class("Exists"), true, false),
        ];
        for (quota, takes_busy, takes_idle) in cases {
            let scopes = Scopes::read(&quota);
            assert_eq!(
                (scopes.matches(pods, &busy), scopes.matches(pods, &idle)),
                (takes_busy, takes_idle),
                "{quota}"
            );
        }
        let maps = Kinds::builtin().by_word("cm").expect("built in");
        assert!(!Scopes::read(&plain("BestEffort")).matches(maps, &json!({})));
    }
}
