//! Annotations of ingress controllers that name other objects.

use serde_json::{Value, json};
use v9s::cluster::lean::{Lean, LeanMeta};
use v9s::names::VirtualName;

use crate::engine::mirror::At;
use crate::translate::meta::Extra;

/// ingress-nginx: Secrets, as `name` or `namespace/name`.
const SECRETS: [&str; 3] = [
    "nginx.ingress.kubernetes.io/auth-secret",
    "nginx.ingress.kubernetes.io/auth-tls-secret",
    "nginx.ingress.kubernetes.io/proxy-ssl-secret",
];
/// ingress-nginx: a Service of the same namespace.
const SERVICES: [&str; 1] = ["nginx.ingress.kubernetes.io/default-backend"];
/// AWS load balancers: called after a Service, with Services in its JSON.
const ALB: [&str; 2] = ["alb.ingress.kubernetes.io/actions.", "alb.ingress.kubernetes.io/conditions."];

/// The Secrets that annotations name.
pub(super) fn secrets(namespace: &str, meta: &LeanMeta) -> Vec<VirtualName> {
    let named = SECRETS.iter().filter_map(|key| meta.annotation(key)).filter(|value| !value.is_empty());
    named.map(|value| reference(namespace, value)).collect()
}

/// Puts the host's form of what names other objects into `extra`.
pub(super) fn translate(at: &At<'_>, v: &Lean, extra: &mut Extra) {
    let namespace = at.key.object.namespace.as_deref().unwrap_or_default();
    let on_host = |name: &VirtualName| at.ctx.names.host_name(name).to_string();
    for (key, value) in &v.metadata.annotations {
        let translated = if SECRETS.contains(&key.as_str()) && !value.is_empty() {
            let name = on_host(&reference(namespace, value));
            match value.contains('/') {
                true => format!("{}/{name}", at.ctx.host_namespace),
                false => name,
            }
        } else if SERVICES.contains(&key.as_str()) && !value.is_empty() {
            on_host(&VirtualName::namespaced(namespace, value.as_str()))
        } else if let Some((prefix, service)) =
            ALB.iter().find_map(|prefix| Some((prefix, key.strip_prefix(prefix)?)))
        {
            let service = VirtualName::namespaced(namespace, service);
            extra.withheld.insert(key.to_string());
            let value = alb(value, &|name| on_host(&VirtualName::namespaced(namespace, name)));
            extra.annotations.insert(format!("{prefix}{}", on_host(&service)), value);
            continue;
        } else {
            continue;
        };
        extra.annotations.insert(key.to_string(), translated);
    }
}

fn reference(namespace: &str, value: &str) -> VirtualName {
    match value.split_once('/') {
        Some((namespace, name)) => VirtualName::namespaced(namespace, name),
        None => VirtualName::namespaced(namespace, value),
    }
}

/// The same JSON with the host's names of Services; as it is when it is no JSON.
fn alb(value: &str, on_host: &dyn Fn(&str) -> String) -> String {
    fn walk(value: &mut Value, on_host: &dyn Fn(&str) -> String) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    // Lower case in the documentation, upper case in older versions of the controller.
                    match value.as_str().filter(|_| name.eq_ignore_ascii_case("serviceName")) {
                        Some(service) => *value = json!(on_host(service)),
                        None => walk(value, on_host),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, on_host)),
            _ => {}
        }
    }
    let Ok(mut parsed) = serde_json::from_str::<Value>(value) else { return value.to_owned() };
    walk(&mut parsed, on_host);
    parsed.to_string()
}
