//! What is held of pods: of the host's only what is compared, and nothing twice.

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

/// Keeps what plans look at.
pub(super) fn keep(side: Side, object: Lean) -> Lean {
    let object = object.without(&KNOWN);
    match side {
        Side::Virtual => changed(object, "status", digested),
        Side::Host => changed(object, "spec", pruned),
    }
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

fn pruned(spec: Value) -> Value {
    let mut kept = Map::new();
    for name in OF_SPEC {
        if let Some(value) = spec.get(name) {
            kept.insert(name.into(), value.clone());
        }
    }
    for (list, fields) in OF_CONTAINERS {
        let Some(containers) = spec[list].as_array() else { continue };
        let only = |container: &Value| -> Value {
            let there =
                fields.iter().filter_map(|name| Some(((*name).to_owned(), container.get(*name)?.clone())));
            Value::Object(there.collect())
        };
        kept.insert(list.into(), containers.iter().map(only).collect());
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
    fn a_mirrored_pair_stays_within_its_budget() {
        let pod: Value = serde_json::from_str(include_str!("fixture.json")).unwrap();
        let size = |side| {
            let kept = keep(side, lean(pod.clone()));
            let meta = &kept.metadata;
            let texts = |pairs: &v9s::cluster::lean::Pairs| -> usize {
                // Texts of up to 23 bytes are kept in place.
                let beside = |text: &str| if text.len() > 23 { text.len() + 16 } else { 0 };
                pairs.iter().map(|(key, value)| 48 + beside(key) + beside(value)).sum()
            };
            let fields = serde_json::to_string(&kept).unwrap().len();
            size_of::<Lean>() + texts(&meta.labels) + texts(&meta.annotations) + fields
        };
        let (v, h) = (size(Side::Virtual), size(Side::Host));
        assert!(v + h <= 6000, "{v} and {h} bytes");
    }
}
