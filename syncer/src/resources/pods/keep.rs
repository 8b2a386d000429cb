//! What is held of pods: of the host's only what is compared, of the tenant's all until it has started, and nothing twice.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use v9s::cluster::lean::Lean;

use super::status::DIGESTED;
use crate::engine::key::Side;
use crate::translate::applied::digest;

/// What an object says of itself besides: known from its kind.
const KNOWN: [&str; 2] = ["apiVersion", "kind"];
/// Fields of a host's spec that are looked at.
const OF_SPEC: [&str; 5] =
    ["nodeName", "activeDeadlineSeconds", "tolerations", "schedulingGates", "resources"];
/// And of its containers.
const OF_CONTAINERS: [(&str, &[&str]); 3] = [
    ("containers", &["name", "image", "resources"]),
    ("initContainers", &["name", "image", "resources"]),
    ("ephemeralContainers", &["name"]),
];

/// Fields of a tenant's spec that are looked at after its pod has started: it is never created again.
const OF_STARTED: [&str; 11] = [
    "nodeName",
    "activeDeadlineSeconds",
    "tolerations",
    "schedulingGates",
    "resources",
    "serviceAccountName",
    "volumes",
    "imagePullSecrets",
    "readinessGates",
    "enableServiceLinks",
    "ephemeralContainers",
];
/// And of its containers.
const OF_STARTED_CONTAINERS: [(&str, &[&str]); 2] = [
    ("containers", &["name", "image", "resources", "env", "envFrom"]),
    ("initContainers", &["name", "image", "resources", "env", "envFrom"]),
];
/// Keeps what plans look at.
pub(super) fn keep(side: Side, object: Lean) -> Lean {
    let object = object.without(&KNOWN);
    match side {
        Side::Virtual if has_started(&object) => {
            let spec = |spec| pruned(&spec, &OF_STARTED, &OF_STARTED_CONTAINERS);
            changed(changed(object, "spec", spec), "status", digested)
        }
        Side::Virtual => changed(object, "status", digested),
        Side::Host => changed(object, "spec", |spec| pruned(&spec, &OF_SPEC, &OF_CONTAINERS)),
    }
}

fn has_started(v: &Lean) -> bool {
    v.field("status").is_some_and(|status| status.get().contains("\"startTime\":\""))
}

fn changed(object: Lean, name: &str, change: fn(Value) -> Value) -> Lean {
    let read = object.field(name).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let written: Option<Box<RawValue>> = read.and_then(|value| to_raw_value(&change(value)).ok());
    match written {
        Some(raw) => object.with_field(name, raw),
        None => object,
    }
}

/// Long lists that are only compared with what the host reports.
fn digested(mut status: Value) -> Value {
    for list in DIGESTED {
        if let Some(statuses) = status.get_mut(list).filter(|statuses| statuses.is_array()) {
            *statuses = json!(digest(statuses));
        }
    }
    status
}

fn pruned(spec: &Value, of_spec: &[&str], of_containers: &[(&str, &[&str])]) -> Value {
    let mut kept = Map::new();
    for name in of_spec {
        if let Some(value) = spec.get(name) {
            kept.insert((*name).into(), value.clone());
        }
    }
    for (list, fields) in of_containers {
        let Some(containers) = spec[*list].as_array() else { continue };
        let only = |container: &Value| -> Value {
            let there =
                fields.iter().filter_map(|name| Some(((*name).to_owned(), container.get(*name)?.clone())));
            Value::Object(there.collect())
        };
        kept.insert((*list).into(), containers.iter().map(only).collect());
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lean(value: Value) -> Lean {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    #[test]
    fn nothing_is_held_that_no_plan_looks_at() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"nodeName": "n", "volumes": [{"name": "v"}], "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "c", "image": "i", "resources": {}, "env": [{"name": "A"}]}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "c"}]},
        });
        let host = keep(Side::Host, lean(pod.clone()));
        assert_eq!(
            serde_json::to_value(&host).unwrap(),
            json!({"metadata": {"name": "a"},
                "spec": {"nodeName": "n", "tolerations": [{"operator": "Exists"}],
                    "containers": [{"name": "c", "image": "i", "resources": {}}]},
                "status": pod["status"]})
        );
        let kept = keep(Side::Virtual, lean(pod.clone()));
        let kept = serde_json::to_value(&kept).unwrap();
        assert_eq!((&kept["spec"], &kept["status"]["phase"]), (&pod["spec"], &json!("Running")));
        assert_eq!(kept["status"]["containerStatuses"], json!(digest(&pod["status"]["containerStatuses"])));
    }

    #[test]
    fn of_a_pod_that_has_started_only_what_may_change_is_held() {
        let pod = |started: Value| {
            lean(json!({"metadata": {"name": "a"}, "status": {"startTime": started},
                "spec": {"restartPolicy": "Always", "containers": [{"name": "c", "image": "i", "ports": [], "env": []}]}}))
        };
        let waiting = keep(Side::Virtual, pod(Value::Null));
        let started = keep(Side::Virtual, pod(json!("2026-01-01T00:00:00Z")));
        assert!(waiting.field("spec").unwrap().get().contains("restartPolicy"));
        assert_eq!(
            started.field("spec").unwrap().get(),
            r#"{"containers":[{"env":[],"image":"i","name":"c"}]}"#
        );
    }

    #[test]
    fn a_pod_of_five_and_a_half_kilobytes_is_held_on_both_sides_in_little_more() {
        let host: Value = serde_json::from_str(include_str!("fixture.json")).unwrap();
        let mut mine = host.clone();
        for texts in ["labels", "annotations"] {
            let ours = |key: &str| key.starts_with("vcluster.loft.sh/") || key.starts_with("v9s.io/");
            mine["metadata"][texts].as_object_mut().unwrap().retain(|key, _| !ours(key));
        }
        let size = |side, pod: &Value| serde_json::to_string(&keep(side, lean(pod.clone()))).unwrap().len();
        let (v, h) = (size(Side::Virtual, &mine), size(Side::Host, &host));
        assert!(v + h <= 6800, "{v} and {h} bytes");
    }
}
