//! Claims get the default class; claims and volumes are protected while they are in use.

use serde_json::{Value, json};

use crate::controllers::STORAGE_CLASSES;
use crate::store::Store;

pub(crate) const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";
pub(crate) const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";
const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";

pub(super) fn admit_claim(store: &Store, claim: &mut Value) {
    // An empty class means: none, which is not the same as saying nothing.
    if claim["spec"].get("storageClassName").is_none_or(Value::is_null)
        && let Some(class) = default_class(store)
    {
        claim["spec"]["storageClassName"] = json!(class);
    }
    protect(claim, CLAIM_PROTECTION);
}

/// The newest class that is marked as the default.
pub(crate) fn default_class(store: &Store) -> Option<String> {
    let classes = store.all(&STORAGE_CLASSES, None);
    let marked = classes.iter().filter_map(|class| {
        let meta = class.meta();
        let default = meta.annotations.get(DEFAULT).is_some_and(|mark| mark == "true");
        default.then(|| (meta.creation_timestamp.unwrap_or_default(), class.name().to_owned()))
    });
    marked.max().map(|(_, name)| name)
}

pub(super) fn protect(object: &mut Value, finalizer: &str) {
    match object["metadata"]["finalizers"].as_array_mut() {
        Some(finalizers) if finalizers.iter().any(|present| present == finalizer) => {}
        Some(finalizers) => finalizers.push(json!(finalizer)),
        None => object["metadata"]["finalizers"] = json!([finalizer]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::host;

    #[test]
    fn claims_get_the_default_class_unless_they_say_something() {
        let mut host = host();
        let claim = |name: &str, mut spec: Value| {
            spec["accessModes"] = json!(["ReadWriteOnce"]);
            spec["resources"] = json!({"requests": {"storage": "1Gi"}});
            json!({"metadata": {"name": name}, "spec": spec})
        };
        let before = host.create("pvc", claim("a", json!({})));
        assert!(before["spec"].get("storageClassName").is_none());
        host.create(
            "sc",
            json!({"metadata": {"name": "standard", "annotations": {DEFAULT: "true"}}, "provisioner": "x"}),
        );
        assert_eq!(host.create("pvc", claim("b", json!({})))["spec"]["storageClassName"], "standard");
        assert_eq!(
            host.create("pvc", claim("c", json!({"storageClassName": ""})))["spec"]["storageClassName"],
            ""
        );
        assert_eq!(before["metadata"]["finalizers"], json!([CLAIM_PROTECTION]));
    }
}
