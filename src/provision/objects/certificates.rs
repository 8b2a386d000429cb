//! Secrets with keys: what proves who is who in the virtual cluster, and the kubeconfig for people.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::{Value, json};

use super::{API_PORT, Blueprint, Object};
use crate::cluster::Resource;
use crate::provision::pki::Keys;
use crate::wire::{App, label, name};

/// The Secret with all keys and certificates. `owner` is the UID of the Service by which the virtual API is reached.
pub fn certificates(plan: &Blueprint, keys: &Keys, owner: Option<&str>) -> Object {
    secret(plan, name::certificates_secret(plan.name), keys.files().clone(), owner)
}

/// The Secret with the administrator's kubeconfig, and its parts for those who look for them.
pub fn kubeconfig(plan: &Blueprint, keys: &Keys, owner: Option<&str>) -> Object {
    let export = &plan.settings.export_kube_config;
    let admin = keys.admin();
    let server = export.server.clone().unwrap_or_else(|| format!("https://localhost:{API_PORT}"));
    let context = export.context.as_deref().unwrap_or("my-vcluster");
    let trust = (!export.insecure).then_some(admin.authority.as_str());
    let config = document(context, &server, trust, &admin.certificate, &admin.key);
    let data = [
        ("config", config),
        ("certificate-authority", admin.authority),
        ("client-certificate", admin.certificate),
        ("client-key", admin.key),
    ];
    let data = data.map(|(key, text)| (key.to_owned(), text)).into();
    secret(plan, name::kubeconfig_secret(plan.name), data, owner)
}

/// A kubeconfig with one context. Without an authority the server's certificate is not checked.
pub(crate) fn document(
    context: &str,
    server: &str,
    authority: Option<&str>,
    certificate: &str,
    key: &str,
) -> String {
    let mut cluster = json!({"server": server});
    match authority {
        Some(pem) => cluster["certificate-authority-data"] = Value::String(STANDARD.encode(pem)),
        None => cluster["insecure-skip-tls-verify"] = Value::Bool(true),
    }
    let document = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": context,
        "clusters": [{"name": context, "cluster": cluster}],
        "users": [{"name": context, "user": {
            "client-certificate-data": STANDARD.encode(certificate), "client-key-data": STANDARD.encode(key),
        }}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    });
    // It is plain data; YAML can say all of it.
    serde_saphyr::to_string(&document).unwrap_or_default()
}

fn secret(plan: &Blueprint, name: String, files: BTreeMap<String, String>, owner: Option<&str>) -> Object {
    let labels = [(label::APP, App::ControlPlane.value()), (label::VCLUSTER_NAME, plan.name)];
    let owner = owner.map(|uid| OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        name: plan.name.to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    });
    let annotations = plan.settings.control_plane.advanced.global_annotations.clone();
    let object = Secret {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(plan.namespace.to_owned()),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some(files.into_iter().map(|(key, text)| (key, ByteString(text.into_bytes()))).collect()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    Object::of(Resource::SECRETS, &object)
}
