//! Rules of single kinds that clients run into: what may not change, what must be there.
//!
//! Source: `pkg/apis/*/validation` of Kubernetes 1.36. The full set is several times the size of this program; these
//! are the rules that tools and people meet when they write what v9s and its companion write.

mod containers;
mod cron_jobs;
mod events;
mod job_policies;
mod jobs;
mod network;
mod pod_spec;
mod pods;
mod rbac;
mod rollouts;
mod selectors;
mod services;
mod statuses;
mod storage;
mod workloads;

use super::signing;
use crate::custom;
use crate::kinds::Kind;
use crate::status::FieldError;
use crate::webhooks;
use serde_json::Value;
pub(crate) use services::{is_open, needs_health_check};

/// The way by which a change comes.
#[derive(Clone, Copy)]
pub(super) struct Through<'a> {
    /// API version, such as `apps/v1`; empty: the host's own write.
    pub(super) version: &'a str,
    /// Empty for the object itself.
    pub(super) subresource: &'a str,
}

/// What is wrong with a new object that comes in an API version; empty: the host's own write.
pub(super) fn create(kind: &Kind, version: &str, new: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if kind.is_custom() {
        return custom::check_object(kind, new, None);
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => pod_spec::check(&new["spec"], "spec", &[], &mut errors),
        ("certificates.k8s.io", "certificatesigningrequests") => signing::create(new, &mut errors),
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations" | "validatingwebhookconfigurations",
        ) => {
            errors = webhooks::check(new);
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => errors = custom::check_definition(new, None),
        ("", "services") => services::check(new, None, &mut errors),
        ("apps", "deployments" | "replicasets" | "daemonsets" | "statefulsets") => {
            workloads::workload(kind, new, &mut errors);
        }
        ("", "secrets") => secret(new, &mut errors),
        ("", "configmaps") => distinct_keys(new, &mut errors),
        ("", "events") => events::create(new, version, &mut errors),
        ("networking.k8s.io", "ingressclasses") => network::ingress_class(new, &mut errors),
        ("", "persistentvolumes") => storage::volume(new, &mut errors),
        ("", "persistentvolumeclaims") => storage::claim(&new["spec"], "spec", &mut errors),
        ("networking.k8s.io", "ingresses") => network::ingress(new, &mut errors),
        ("batch", "jobs") => jobs::job(new, &mut errors),
        ("batch", "cronjobs") => cron_jobs::check(new, None, &mut errors),
        ("storage.k8s.io", "storageclasses") => storage::class(new, None, &mut errors),
        ("discovery.k8s.io", "endpointslices") => network::endpoint_slice(new, None, &mut errors),
        ("policy", "poddisruptionbudgets") => rollouts::budget(new, &mut errors),
        ("autoscaling", "horizontalpodautoscalers") => workloads::autoscaler(new, &mut errors),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            rbac::binding(kind, new, &mut errors)
        }
        _ => {}
    }
    errors
}

/// What is wrong with a change of an object through this path.
pub(super) fn update(kind: &Kind, through: Through<'_>, new: &Value, old: &Value) -> Vec<FieldError> {
    let Through { version, subresource } = through;
    let mut errors = Vec::new();
    if kind.is_custom() {
        return custom::check_object(kind, new, Some(old));
    }
    match (kind.group.as_str(), kind.plural.as_str(), subresource) {
        ("certificates.k8s.io", "certificatesigningrequests", _) => signing::update(new, old, &mut errors),
        ("", "pods", "ephemeralcontainers") => pods::debug_containers(new, old, &mut errors),
        (_, _, "status") => statuses::check(kind, new, &mut errors),
        _ => {}
    }
    if !matches!(subresource, "" | "scale") {
        return errors;
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "configmaps") => {
            immutable_map(new, old, &["data", "binaryData"], &mut errors);
            distinct_keys(new, &mut errors);
        }
        ("", "secrets") => {
            unchanged(new, old, "/type", "type", &mut errors);
            immutable_map(new, old, &["data"], &mut errors);
            secret(new, &mut errors);
        }
        ("", "pods") => pods::update(new, old, &mut errors),
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations" | "validatingwebhookconfigurations",
        ) => {
            errors = webhooks::check(new);
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            errors = custom::check_definition(new, Some(old));
        }
        ("", "services") => services::check(new, Some(old), &mut errors),
        ("", "persistentvolumeclaims") => {
            storage::claim(&new["spec"], "spec", &mut errors);
            storage::claim_update(new, old, &mut errors);
        }
        ("apps", "daemonsets") => {
            unchanged(new, old, "/spec/selector", "spec.selector", &mut errors);
            workloads::workload(kind, new, &mut errors);
        }
        ("apps", "deployments" | "replicasets") => {
            workloads::workload(kind, new, &mut errors);
            unchanged(new, old, "/spec/selector", "spec.selector", &mut errors);
        }
        ("apps", "statefulsets") => workloads::stateful_set_update(kind, new, old, &mut errors),
        ("batch", "jobs") => jobs::update(new, old, &mut errors),
        ("batch", "cronjobs") => cron_jobs::check(new, Some(old), &mut errors),
        ("scheduling.k8s.io", "priorityclasses") => {
            if new["value"] != old["value"] {
                errors.push(FieldError::forbidden("value", "may not be changed in an update."));
            }
            unchanged(new, old, "/preemptionPolicy", "preemptionPolicy", &mut errors);
        }
        ("", "events") => events::update(new, old, version, &mut errors),
        ("storage.k8s.io", "storageclasses") => storage::class(new, Some(old), &mut errors),
        ("discovery.k8s.io", "endpointslices") => network::endpoint_slice(new, Some(old), &mut errors),
        ("policy", "poddisruptionbudgets") => rollouts::budget(new, &mut errors),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            rbac::binding(kind, new, &mut errors);
            rbac::binding_update(new, old, &mut errors);
        }
        ("", "resourcequotas") => unchanged(new, old, "/spec/scopes", "spec.scopes", &mut errors),
        _ => {}
    }
    errors
}

/// A ConfigMap has each key once.
fn distinct_keys(new: &Value, errors: &mut Vec<FieldError>) {
    for key in new["data"].as_object().into_iter().flatten().map(|(key, _)| key) {
        if !new["binaryData"][key.as_str()].is_null() {
            let detail = "duplicate of key present in binaryData";
            errors.push(FieldError::invalid(format!("data[{key}]"), format!("{key:?}"), detail));
        }
    }
}

/// Types of secrets that must hold certain keys.
fn secret(new: &Value, errors: &mut Vec<FieldError>) {
    let has = |key: &str| !new["data"][key].is_null();
    let missing = |key: &str| FieldError::required(format!("data[{key}]"), "");
    match new["type"].as_str().unwrap_or_default() {
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            errors.extend([missing("username"), missing("password")]);
        }
        "kubernetes.io/tls" => {
            errors.extend(["tls.crt", "tls.key"].into_iter().filter(|key| !has(key)).map(missing));
        }
        "kubernetes.io/ssh-auth" if !has("ssh-privatekey") => errors.push(missing("ssh-privatekey")),
        "kubernetes.io/dockerconfigjson" if !has(".dockerconfigjson") => {
            errors.push(missing(".dockerconfigjson"))
        }
        "kubernetes.io/dockercfg" if !has(".dockercfg") => errors.push(missing(".dockercfg")),
        _ => {}
    }
}

fn unchanged(new: &Value, old: &Value, path: &str, field: &str, errors: &mut Vec<FieldError>) {
    if new.pointer(path) != old.pointer(path) {
        let shown = new.pointer(path).cloned().unwrap_or_default();
        errors.push(FieldError::invalid(field, shown, "field is immutable"));
    }
}

fn immutable_map(new: &Value, old: &Value, fields: &[&str], errors: &mut Vec<FieldError>) {
    if old["immutable"] != true {
        return;
    }
    for field in ["immutable"].iter().chain(fields).copied() {
        if new[field] != old[field] {
            errors.push(FieldError::forbidden(field, "field is immutable when `immutable` is set"));
        }
    }
}
