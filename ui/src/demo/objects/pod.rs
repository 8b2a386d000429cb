//! The host copy of a pod: identity, annotations, status (docs/vclusters.md, Annotations to Pods).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use v9s::wire::annotation;

use super::meta::set;
use super::status::{self, Subject};
use super::synced::{Origin, app_labels};
use super::{Maker, OwnerUid, pod_spec};
use crate::demo::spec::{AppKind, StrayKind, Tenant, VirtualPod};

/// Host name of a pod. A copy that another controller made has a name of that controller's choice.
pub(super) fn host_name(maker: &Maker<'_>, pod: &VirtualPod<'_>) -> String {
    let name = maker.host_name(&pod.app.namespace, &pod.name);
    if pod.stray == Some(StrayKind::ForeignCopy) { format!("{name}-debug") } else { name }
}

/// The pod as it stands on the host.
pub(super) fn host_pod(maker: &Maker<'_>, pod: &VirtualPod<'_>, owner: &OwnerUid) -> Value {
    let token_key = format!("{}{}", annotation::TOKEN_PREFIX, pod.seed.child("token").letters(8));
    let spec = pod_spec::of(maker, pod, &token_key);
    let status = status::of(&Subject {
        spec: &spec,
        fate: pod.fate,
        created: pod.created,
        now: maker.setting.now,
        seed: pod.seed,
    });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(maker, pod, owner, &token_key),
        "spec": spec,
        "status": status,
    })
}

fn meta(maker: &Maker<'_>, pod: &VirtualPod<'_>, owner: &OwnerUid, token_key: &str) -> Value {
    let labels = labels(maker.tenant, pod);
    // Without its owner a host object outlives its virtual cluster: that is how such orphans come about.
    let owner = (pod.stray != Some(StrayKind::VclusterGone)).then_some(owner);
    let origin = Origin {
        kind: "Pod",
        namespace: &pod.app.namespace,
        name: &pod.name,
        uid: pod.uid(),
        labels: labels.clone(),
        created: pod.created,
        controlled: true,
    };
    let mut meta = maker.synced_meta(&origin, owner);
    set(&mut meta, "name", json!(host_name(maker, pod)));
    if let Some(labels) = meta.get_mut("labels") {
        let namespace_key = maker.translator.namespace_label_key("kubernetes.io/metadata.name");
        set(labels, &namespace_key, json!(pod.app.namespace));
    }
    if let Some(annotations) = meta.get_mut("annotations") {
        add_annotations(maker, pod, &labels, token_key, annotations);
    }
    meta
}

/// Labels of the virtual pod.
fn labels(tenant: &Tenant, pod: &VirtualPod<'_>) -> BTreeMap<String, String> {
    let mut labels = app_labels(pod.app);
    match pod.app.kind {
        AppKind::Deployment => {
            labels.insert("pod-template-hash".to_owned(), pod.app.template_hash(tenant));
        }
        AppKind::StatefulSet => {
            labels.insert("apps.kubernetes.io/pod-index".to_owned(), pod.ordinal.to_string());
            labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), pod.name.clone());
        }
        AppKind::DaemonSet => {
            labels.insert("controller-revision-hash".to_owned(), pod.app.template_hash(tenant));
        }
        AppKind::Job => {
            labels.insert("batch.kubernetes.io/job-name".to_owned(), pod.app.name.clone());
        }
    }
    labels
}

fn add_annotations(
    maker: &Maker<'_>,
    pod: &VirtualPod<'_>,
    labels: &BTreeMap<String, String>,
    token_key: &str,
    annotations: &mut Value,
) {
    let label_lines: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
    let (kind, owner_name) = virtual_owner(maker.tenant, pod);
    let owners = json!([{
        "apiVersion": if kind == "Job" { "batch/v1" } else { "apps/v1" },
        "kind": kind,
        "name": owner_name,
        "uid": pod.app.seed(maker.tenant).child("owner").nth(u64::from(pod.app.revision)).uid(),
        "controller": true,
        "blockOwnerDeletion": true,
    }]);
    let more = [
        (annotation::POD_NAME, pod.name.clone()),
        (annotation::POD_NAMESPACE, pod.app.namespace.clone()),
        (annotation::POD_UID, pod.uid()),
        (annotation::POD_SERVICE_ACCOUNT, "default".to_owned()),
        (annotation::POD_LABELS, label_lines.join("\n")),
        (annotation::POD_OWNER_REFERENCES, owners.to_string()),
        (annotation::POD_OWNER_KIND, kind.to_owned()),
        (annotation::SAFE_TO_EVICT, "true".to_owned()),
        (token_key, dummy_token(maker, pod)),
    ];
    for (key, value) in more {
        set(annotations, key, json!(value));
    }
    if pod.app.kind == AppKind::DaemonSet {
        set(annotations, annotation::DAEMONSET_POD, json!("true"));
    }
}

/// What owns the virtual pod.
fn virtual_owner(tenant: &Tenant, pod: &VirtualPod<'_>) -> (&'static str, String) {
    match pod.app.kind {
        AppKind::Deployment => ("ReplicaSet", format!("{}-{}", pod.app.name, pod.app.template_hash(tenant))),
        AppKind::StatefulSet => ("StatefulSet", pod.app.name.clone()),
        AppKind::DaemonSet => ("DaemonSet", pod.app.name.clone()),
        AppKind::Job => ("Job", pod.app.name.clone()),
    }
}

/// Has the form and the length of the token that the official syncer leaves in the annotation, and opens nothing.
fn dummy_token(maker: &Maker<'_>, pod: &VirtualPod<'_>) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let header = json!({ "alg": "none", "kid": "dummy" });
    let claims = json!({
        "aud": ["https://kubernetes.default.svc.cluster.local"],
        "iss": "https://kubernetes.default.svc.cluster.local",
        "sub": format!("system:serviceaccount:{}:default", pod.app.namespace),
        "kubernetes.io": {
            "namespace": pod.app.namespace,
            "pod": { "name": pod.name, "uid": pod.uid() },
            "serviceaccount": { "name": "default", "uid": maker.tenant.seed.child("account").uid() },
        },
    });
    format!("{}.{}.{}", encode(&header), encode(&claims), "not-a-signature".repeat(8))
}
