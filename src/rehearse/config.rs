//! How the virtual cluster of a rehearsal is configured.
//!
//! Of the backup's own configuration only that is taken which decides whether its API server comes up and reads the store: versions, images,
//! flags, resources, where pods may run. Everything else stays away, whatever it may be called: a store that others use, Secrets that are
//! written to other namespaces, manifests, addresses.

use serde_json::{Value, json};

use crate::provision::values::{self, Problems};

/// What is taken over, by its place.
const KEPT: [&str; 14] = [
    "/controlPlane/distro/k8s/version",
    "/controlPlane/distro/k8s/image",
    "/controlPlane/distro/k8s/imagePullPolicy",
    "/controlPlane/distro/k8s/env",
    "/controlPlane/distro/k8s/securityContext",
    "/controlPlane/distro/k8s/apiServer",
    "/controlPlane/statefulSet/image",
    "/controlPlane/statefulSet/imagePullPolicy",
    "/controlPlane/statefulSet/resources",
    "/controlPlane/statefulSet/security",
    "/controlPlane/statefulSet/scheduling",
    "/controlPlane/statefulSet/persistence/volumeClaim",
    "/controlPlane/advanced/defaultImageRegistry",
    "/controlPlane/advanced/serviceAccount/imagePullSecrets",
];

/// Where the companion finds the credentials of the API server inside.
const INSIDE: &str = "/pki/admin.conf";

/// The configuration by which a backup is tried: `backup` is that of the tenant, and `over` is laid over what is taken of it.
///
/// # Errors
/// What is wrong with either.
pub(super) fn rehearsal(backup: &str, over: &str, name: &str) -> Result<String, Problems> {
    let (whole, over) = (values::document(backup)?, values::document(over)?);
    let mut taken = json!({});
    for place in KEPT {
        if let Some(value) = whole.pointer(place) {
            put(&mut taken, place, value.clone());
        }
    }
    merge(&mut taken, over);
    // A tenant's controllers would make pods, and its companion would bring them to the host.
    put(&mut taken, "/controlPlane/distro/k8s/controllerManager", json!({"command": idle()}));
    put(&mut taken, "/controlPlane/coredns", json!({"enabled": false}));
    let watches =
        json!([format!("--name={name}"), format!("--virtual-kubeconfig={INSIDE}"), "--mode=observe"]);
    put(&mut taken, "/controlPlane/statefulSet/args", watches);
    put(&mut taken, "/controlPlane/statefulSet/persistence/volumeClaim/retentionPolicy", json!("Delete"));
    Ok(serde_saphyr::to_string(&taken).unwrap_or_default())
}

/// The controller manager with one controller only, which looks after a ConfigMap of `kube-public` that tools for joining nodes read: there is
/// none in a virtual cluster. (`--controllers` without `*` turns all others off.)
fn idle() -> Value {
    json!([
        "kube-controller-manager",
        "--controllers=bootstrap-signer-controller",
        "--kubeconfig=/pki/controller-manager.conf",
        "--authentication-kubeconfig=/pki/controller-manager.conf",
        "--authorization-kubeconfig=/pki/controller-manager.conf",
        "--leader-elect=false",
        "--profiling=false",
    ])
}

/// Puts a value where it belongs; what is in the way gives way.
fn put(at: &mut Value, place: &str, value: Value) {
    let mut at = at;
    for key in place.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[key];
    }
    *at = value;
}

/// Mappings are merged, all else is replaced.
fn merge(at: &mut Value, over: Value) {
    match (at, over) {
        (Value::Object(at), Value::Object(over)) => {
            for (key, value) in over {
                merge(at.entry(key).or_insert(Value::Null), value);
            }
        }
        (at, over) => *at = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::values::settings::BackingStore;

    const TENANT: &str = "
controlPlane:
  distro: {k8s: {version: v1.36.2, apiServer: {extraArgs: [--v=2]}}}
  backingStore:
    database: {external: {enabled: true, connector: '', dataSource: 'postgres://u:p@db/shop'}}
  statefulSet:
    highAvailability: {replicas: 3}
    image: {registry: registry:5000, repository: v9s-syncer, tag: '1'}
    scheduling: {nodeSelector: {pool: tenants}}
  ingress: {enabled: true, host: shop.example.com}
exportKubeConfig: {additionalSecrets: [{namespace: other, name: theirs}]}
experimental: {deploy: {vcluster: {manifests: 'kind: Namespace'}}}
";

    #[test]
    fn what_makes_it_come_up_is_taken_and_nothing_that_others_use() {
        let text = rehearsal(TENANT, "", "rehearsal").unwrap();
        for word in ["postgres", "ingress", "additionalSecrets", "manifests", "highAvailability"] {
            assert!(!text.contains(word), "{word} in\n{text}");
        }
        for word in [
            "v1.36.2",
            "--v=2",
            "registry:5000",
            "pool: tenants",
            "--mode=observe",
            "--controllers=bootstrap-signer",
        ] {
            assert!(text.contains(word), "{word} is not in\n{text}");
        }
        let settings = values::read(&text).unwrap();
        assert!(matches!(settings.control_plane.store, BackingStore::EmbeddedDatabase { .. }));
    }

    #[test]
    fn what_is_said_goes_over_what_is_taken_and_holds_nothing_loose() {
        let over =
            "controlPlane: {statefulSet: {args: [--mode=sync], scheduling: {nodeSelector: {pool: spare}}}}";
        let text = rehearsal(TENANT, over, "rehearsal").unwrap();
        assert!(text.contains("pool: spare") && !text.contains("pool: tenants"), "{text}");
        assert!(text.contains("--mode=observe") && !text.contains("--mode=sync"), "{text}");
    }

    #[test]
    fn a_configuration_that_is_none_is_told() {
        assert!(rehearsal("controlPlane: [", "", "rehearsal").is_err());
    }
}
