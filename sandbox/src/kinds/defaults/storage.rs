//! Volumes, claims, classes and limit ranges.

use serde_json::{Value, json};

use super::{fill, items, section};

pub(super) fn volume(object: &mut Value) {
    if let Some(spec) = section(object, "spec") {
        fill(spec, "persistentVolumeReclaimPolicy", "Retain");
        fill(spec, "volumeMode", "Filesystem");
        if let Some(path) =
            spec.get_mut("hostPath").filter(|path| path.get("type").is_none_or(Value::is_null))
        {
            path["type"] = "".into();
        }
    }
}

pub(super) fn claim(object: &mut Value) {
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "volumeMode", "Filesystem");
    section(spec, "resources");
    for (from, to) in [("dataSource", "dataSourceRef"), ("dataSourceRef", "dataSource")] {
        // A reference into another namespace has no short form.
        if let Some(source) = spec.get(from).filter(|source| source.get("namespace").is_none()).cloned() {
            fill(spec, to, source);
        }
    }
}

pub(super) fn class(object: &mut Value) {
    for (key, default) in [("reclaimPolicy", "Delete"), ("volumeBindingMode", "Immediate")] {
        // An empty text is no answer, and stays one.
        if object.get(key).is_none_or(Value::is_null) {
            object[key] = default.into();
        }
    }
}

pub(super) fn driver(object: &mut Value) {
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "attachRequired", true);
    for key in ["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"] {
        fill(spec, key, false);
    }
    fill(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    fill(spec, "volumeLifecycleModes", json!(["Persistent"]));
}

/// For containers, limits default to the maximum, requests to the limits or else the minimum.
pub(super) fn limit_range(object: &mut Value) {
    let Some(spec) = section(object, "spec") else { return };
    for limit in items(spec, "limits").filter(|limit| limit["type"] == "Container") {
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let Some(amounts) = limit[from].as_object().cloned() else { continue };
            let Some(target) = section(limit, to) else { continue };
            for (name, amount) in amounts {
                fill(target, &name, amount);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::created;
    use super::*;

    #[test]
    fn limit_ranges_fill_their_own_columns() {
        let range = created(
            "limits",
            json!({"spec": {"limits": [
            {"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "64Mi"}, "default": {"memory": "1Gi"}},
            {"type": "Pod", "max": {"cpu": "4"}}]}}),
        );
        let limit = &range["spec"]["limits"][0];
        assert_eq!(limit["default"], json!({"cpu": "2", "memory": "1Gi"}));
        assert_eq!(limit["defaultRequest"], json!({"cpu": "2", "memory": "1Gi"}));
        assert!(range["spec"]["limits"][1].get("default").is_none());
    }

    #[test]
    fn claims_start_pending_and_name_their_source_twice() {
        let source = json!({"kind": "VolumeSnapshot", "apiGroup": "snapshot.storage.k8s.io", "name": "s"});
        let claim = created("pvc", json!({"spec": {"dataSource": source}}));
        assert_eq!(claim["spec"]["dataSourceRef"], source);
        assert_eq!(claim["status"], json!({"phase": "Pending"}));
        let volume = created("pv", json!({"spec": {}}));
        assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Retain");
        assert_eq!(volume["status"], json!({"phase": "Pending"}));
    }
}
