//! What is not brought back although it is among what is wanted: somebody makes it, and makes it again. Pure.

use smol_str::{SmolStr, format_smolstr};

use super::selection::Chosen;
use super::stored::Stored;
use crate::wire::annotation;

/// Kinds that are never brought back, by group.
const NEVER: [(&str, &str, &str); 16] = [
    ("", "Event", "it tells what was"),
    ("events.k8s.io", "Event", "it tells what was"),
    ("", "Node", "the companion keeps nodes"),
    ("storage.k8s.io", "CSINode", "nodes keep it"),
    ("storage.k8s.io", "VolumeAttachment", "the control plane keeps it"),
    ("storage.k8s.io", "CSIStorageCapacity", "the storage keeps it"),
    ("", "PersistentVolume", "volumes are the host's, and their data is not in the backup"),
    ("", "RangeAllocation", "the control plane keeps it"),
    ("networking.k8s.io", "IPAddress", "the control plane keeps it"),
    ("networking.k8s.io", "ServiceCIDR", "the control plane keeps it"),
    ("coordination.k8s.io", "Lease", "who holds it now renews it"),
    ("coordination.k8s.io", "LeaseCandidate", "who wants the lease now says so"),
    ("certificates.k8s.io", "CertificateSigningRequest", "it was answered"),
    ("internal.apiserver.k8s.io", "StorageVersion", "the control plane keeps it"),
    ("batch", "Job", "it would run once more: make it anew where it comes from"),
    ("", "ComponentStatus", "the control plane keeps it"),
];

/// Labels and annotations by which programs say that an object is theirs to make, and who they are.
const MADE: [(&str, &str); 6] = [
    (annotation::APPLIED, "the companion shows it from the host"),
    ("endpoints.kubernetes.io/managed-by", "its Service makes it again"),
    ("endpoints.kubernetes.io/last-change-trigger-time", "its Service makes it again"),
    ("endpointslice.kubernetes.io/managed-by", "its Service makes it again"),
    ("kube-aggregator.kubernetes.io/automanaged", "the control plane makes it again"),
    ("apf.kubernetes.io/autoupdate-spec", "the control plane keeps it"),
];

/// Objects that are in every cluster, by kind, namespace and name; no namespace stands for any.
const EVERYWHERE: [(&str, &str, &str); 4] = [
    ("Service", "default", "kubernetes"),
    ("Endpoints", "default", "kubernetes"),
    ("EndpointSlice", "default", "kubernetes"),
    ("ConfigMap", "", "kube-root-ca.crt"),
];

/// On Secrets with the token of a service account: which one.
const TOKEN_OF: &str = "kubernetes.io/service-account.name";

/// Why an object is left out; none for one that is brought back.
pub(super) fn reason(stored: &Stored, chosen: Chosen) -> Option<SmolStr> {
    let (group, kind, meta) = (stored.group(), stored.kind.as_str(), &stored.meta);
    if let Some((_, _, why)) = NEVER.iter().find(|(of, never, _)| *of == group && *never == kind) {
        return Some(SmolStr::new_static(why));
    }
    let is_there = EVERYWHERE.iter().any(|(of, namespace, name)| {
        *of == kind && *name == meta.name && (namespace.is_empty() || *namespace == meta.namespace)
    });
    if is_there {
        return Some("the control plane keeps it".into());
    }
    let is_marked = |mark: &str| {
        let of = |value: &String| value != "false";
        meta.labels.get(mark).is_some_and(of) || meta.annotations.get(mark).is_some_and(of)
    };
    if group.is_empty() && kind == "Secret" && meta.annotations.contains_key(TOKEN_OF) {
        return Some("the token was of a service account that is another by now".into());
    }
    if let Some((_, why)) = MADE.iter().find(|(mark, _)| is_marked(mark)) {
        return Some(SmolStr::new_static(why));
    }
    let owner = meta.owner_references.iter().find(|owner| owner.is_controller());
    match owner {
        Some(owner) if chosen == Chosen::Among => {
            Some(format_smolstr!("{} {} makes it again", owner.kind, owner.name))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lifecycle::reinstate::key::Place;

    fn stored(api_version: &str, kind: &str, namespace: &str, mut meta: serde_json::Value) -> Stored {
        meta["name"] = "kubernetes".into();
        meta["namespace"] = namespace.into();
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": meta});
        let place = Place { plural: "any", group: None, namespace: Some(namespace), name: "kubernetes" };
        Stored::read(&place, object.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_somebody_makes_is_left_to_them() {
        let owner = |controller: bool| json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": controller}]});
        for (api_version, kind, namespace, meta, among, by_name) in [
            ("v1", "ConfigMap", "shop", json!({}), None, None),
            ("v1", "Pod", "shop", owner(true), Some("ReplicaSet r makes it again"), None),
            ("v1", "Pod", "shop", owner(false), None, None),
            ("v1", "Event", "shop", json!({}), Some("it tells"), Some("it tells")),
            ("batch/v1", "Job", "shop", json!({}), Some("run once more"), Some("run once more")),
            ("example.com/v1", "Job", "shop", json!({}), None, None),
            ("v1", "Service", "default", json!({}), Some("control plane"), Some("control plane")),
            ("v1", "Service", "shop", json!({}), None, None),
            (
                "v1",
                "Secret",
                "shop",
                json!({"annotations": {TOKEN_OF: "default"}}),
                Some("token"),
                Some("token"),
            ),
            (
                "v1",
                "ConfigMap",
                "shop",
                json!({"annotations": {"v9s.io/applied": "x"}}),
                Some("companion"),
                Some("companion"),
            ),
        ] {
            let stored = stored(api_version, kind, namespace, meta);
            for (chosen, expected) in [(Chosen::Among, among), (Chosen::ByName, by_name)] {
                let told = reason(&stored, chosen);
                let fits = match expected {
                    Some(expected) => told.as_ref().is_some_and(|told| told.contains(expected)),
                    None => told.is_none(),
                };
                assert!(fits, "{api_version} {kind} {namespace} {chosen:?}: {told:?}");
            }
        }
    }
}
