//! What a host's pod says of the tenant's in labels and annotations: for the downward API, for autoscalers, and to select
//! pods by the labels of their namespaces.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::annotation;

use super::claims;
use crate::context::Context;
use crate::engine::key::Key;
use crate::translate::applied::Applied;
use crate::translate::meta::{Extra, Texts, namespace_labels};

/// What a pod on the host carries besides what crosses.
pub(super) fn of(
    ctx: &Context,
    key: &Key,
    v: &Lean,
    spec: &Value,
    namespace: Option<&Lean>,
    applied: Applied,
) -> Extra {
    let mut annotations = Texts::new();
    let mut mark = |key: &str, value: String| drop(annotations.insert(key.to_owned(), value));
    let VirtualName { namespace: in_namespace, name } = &key.object;
    mark(annotation::POD_NAME, name.to_string());
    mark(annotation::POD_NAMESPACE, in_namespace.as_deref().unwrap_or_default().to_owned());
    mark(annotation::POD_UID, v.metadata.uid.to_string());
    mark(annotation::POD_SERVICE_ACCOUNT, claims::account(spec).to_owned());
    if !v.metadata.labels.is_empty() {
        mark(annotation::POD_LABELS, labels(v));
    }
    let owners = owners(v);
    if !owners.is_empty() {
        mark(annotation::POD_OWNER_REFERENCES, json!(owners).to_string());
    }
    let controller = owners.iter().find(|owner| owner["controller"] == true);
    if let Some(kind) = controller.and_then(set_kind) {
        mark(annotation::POD_OWNER_KIND, kind.to_owned());
    }
    // What the tenant says itself crosses like every annotation.
    let unsaid = |key: &str| v.metadata.annotation(key).is_none();
    if unsaid(annotation::SAFE_TO_EVICT) {
        mark(annotation::SAFE_TO_EVICT, controller.is_some().to_string());
    }
    if unsaid(annotation::DAEMONSET_POD) && controller.is_some_and(is_daemon_set) {
        mark(annotation::DAEMONSET_POD, "true".to_owned());
    }
    let labels = namespace.map(|namespace| namespace_labels(ctx, namespace)).unwrap_or_default();
    Extra { labels, annotations, applied, ..Extra::default() }
}

/// Whether a DaemonSet keeps a pod.
pub(in crate::resources) fn is_of_daemon_set(v: &Lean) -> bool {
    owners(v).iter().any(|owner| owner["controller"] == true && is_daemon_set(owner))
}

fn owners(v: &Lean) -> Vec<Value> {
    let raw = v.metadata.other("ownerReferences");
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn is_daemon_set(owner: &Value) -> bool {
    set_kind(owner) == Some("DaemonSet")
}

/// The kind of a set of pods, of the API that it belongs to.
fn set_kind(owner: &Value) -> Option<&'static str> {
    match (owner["apiVersion"].as_str()?, owner["kind"].as_str()?) {
        ("apps/v1", "DaemonSet") => Some("DaemonSet"),
        ("apps/v1", "ReplicaSet") => Some("ReplicaSet"),
        ("apps/v1", "StatefulSet") => Some("StatefulSet"),
        ("batch/v1", "Job") => Some("Job"),
        _ => None,
    }
}

/// As the downward API writes labels into a file.
fn labels(v: &Lean) -> String {
    let sorted: BTreeMap<&str, &str> =
        v.metadata.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    sorted.iter().map(|(key, value)| format!("{key}={}", json!(value))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::key::KindId;

    fn marks(meta: Value) -> Extra {
        let mut meta = meta;
        meta["name"] = json!("web-0");
        meta["uid"] = json!("u1");
        let v: Lean = serde_json::from_str(&json!({"metadata": meta}).to_string()).unwrap();
        let namespace: Lean = serde_json::from_str(
            &json!({"metadata": {"name": "shop", "labels": {"kubernetes.io/metadata.name": "shop"}}})
                .to_string(),
        )
        .unwrap();
        let key = Key::new(KindId(0), VirtualName::namespaced("shop", "web-0"));
        let ctx = Context::new("my-vcluster", "host");
        of(&ctx, &key, &v, &json!({"serviceAccountName": "web"}), Some(&namespace), Applied::default())
    }

    #[test]
    fn the_downward_api_finds_what_the_tenant_calls_a_pod() {
        let extra = marks(json!({"labels": {"b": "2", "a": "say \"1\""}}));
        let says = |key: &str| extra.annotations.get(key).map(String::as_str);
        assert_eq!(says("vcluster.loft.sh/name"), Some("web-0"));
        assert_eq!(says("vcluster.loft.sh/namespace"), Some("shop"));
        assert_eq!(says("vcluster.loft.sh/uid"), Some("u1"));
        assert_eq!(says("vcluster.loft.sh/service-account-name"), Some("web"));
        assert_eq!(says("vcluster.loft.sh/labels"), Some("a=\"say \\\"1\\\"\"\nb=\"2\""));
        assert_eq!(says("vcluster.loft.sh/owner-references"), None);
        assert_eq!(extra.labels["vcluster.loft.sh/ns-label-my-vcluster-x-cf1227b7b2"], "shop");
    }

    #[test]
    fn the_kind_of_the_controller_is_told_of_all_sets_of_pods() {
        let owned = |api: &str, kind: &str, controller: bool| {
            let owner =
                json!({"apiVersion": api, "kind": kind, "name": "o", "uid": "u", "controller": controller});
            let extra = marks(json!({"ownerReferences": [owner]}));
            let says = |key: &str| extra.annotations.get(key).cloned();
            (
                says(annotation::POD_OWNER_KIND),
                says(annotation::SAFE_TO_EVICT),
                says(annotation::DAEMONSET_POD),
            )
        };
        let yes = || Some("true".to_owned());
        assert_eq!(owned("batch/v1", "Job", true), (Some("Job".to_owned()), yes(), None));
        assert_eq!(owned("apps/v1", "DaemonSet", true), (Some("DaemonSet".to_owned()), yes(), yes()));
        assert_eq!(owned("apps/v1", "StatefulSet", true), (Some("StatefulSet".to_owned()), yes(), None));
        assert_eq!(owned("example.com/v1", "Job", true), (None, yes(), None));
        assert_eq!(owned("apps/v1", "ReplicaSet", false), (None, Some("false".to_owned()), None));
    }

    #[test]
    fn what_the_tenant_tells_the_autoscaler_is_not_overruled() {
        let extra = marks(json!({"annotations": {annotation::SAFE_TO_EVICT: "false"}}));
        assert_eq!(extra.annotations.get(annotation::SAFE_TO_EVICT), None);
    }
}
