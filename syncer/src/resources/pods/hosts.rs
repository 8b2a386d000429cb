//! Pods with a subdomain: their full name in `/etc/hosts` is the tenant's.
//!
//! The host would build that name from its own namespace and domain, so the subdomain does not go there; an init container
//! writes a copy of the file with the right name, which all containers see in its place.

use serde_json::{Value, json};
use v9s::names::VirtualName;
use v9s::wire::HOSTS_CONTAINER as NAME;

use super::refs::{items, items_mut};
use crate::context::{Context, HostsSettings};

const FILE: &str = "/etc/hosts";

/// Takes the subdomain out of a spec and, when that is wanted, writes the name it stands for. Answers whether it does.
/// `hostname` must be set.
pub(super) fn rewrite(ctx: &Context, spec: &mut Value, pod: &VirtualName, declined: bool) -> bool {
    let Some(subdomain) = spec["subdomain"].as_str().filter(|name| !name.is_empty()).map(str::to_owned)
    else {
        return false;
    };
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("subdomain");
    }
    let Some(settings) = ctx.pods.hosts.as_ref().filter(|_| !declined && spec["hostNetwork"] != true) else {
        return false;
    };
    let named = |list: &str| items(spec, list).any(|item| item["name"] == NAME);
    if named("initContainers") || named("containers") || named("volumes") {
        return false;
    }
    let hostname = spec["hostname"].as_str().unwrap_or(&pod.name).to_owned();
    let namespace = pod.namespace.as_deref().unwrap_or_default();
    let full = format!("{hostname}.{subdomain}.{namespace}.svc.{}", ctx.cluster_domain);
    for list in ["initContainers", "containers"] {
        for container in items_mut(spec, list) {
            mount(container);
        }
    }
    push(spec, "volumes", json!({"name": NAME, "emptyDir": {}}), true);
    push(spec, "initContainers", writer(settings, &hostname, &full), false);
    true
}

/// Lets a container see the new file, unless it brings its own.
fn mount(container: &mut Value) {
    if !items(container, "volumeMounts").any(|mount| mount["mountPath"] == FILE) {
        push(container, "volumeMounts", json!({"name": NAME, "mountPath": FILE, "subPath": "hosts"}), true);
    }
}

fn writer(settings: &HostsSettings, hostname: &str, full: &str) -> Value {
    // Names are DNS labels: nothing in them means anything to a shell or to sed.
    let script = format!("sed -e 's/[[:space:]]{hostname}$/ {full} {hostname}/' {FILE} > /hosts/hosts");
    json!({
        "name": NAME,
        "image": settings.image,
        "command": ["/bin/sh", "-c", script],
        "resources": settings.resources,
        "volumeMounts": [{"name": NAME, "mountPath": "/hosts"}],
        "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": true,
            "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"},
        },
    })
}

fn push(of: &mut Value, list: &str, item: Value, last: bool) {
    if !of[list].is_array() {
        of[list] = json!([]);
    }
    if let Some(items) = of[list].as_array_mut() {
        items.insert(if last { items.len() } else { 0 }, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(spec: Value, on: bool, declined: bool) -> (Value, bool) {
        let mut ctx = Context::new("t", "host");
        ctx.pods.hosts = on.then(|| HostsSettings { image: "alpine".into(), resources: json!({}) });
        let mut spec = spec;
        let pod = VirtualName::namespaced("shop", "web-0");
        let done = rewrite(&ctx, &mut spec, &pod, declined);
        (spec, done)
    }

    #[test]
    fn a_subdomain_becomes_a_name_in_etc_hosts() {
        let spec = json!({"hostname": "web-0", "subdomain": "web", "initContainers": [{"name": "first"}],
            "containers": [{"name": "c"}, {"name": "own", "volumeMounts": [{"name": "x", "mountPath": "/etc/hosts"}]}]});
        let (spec, done) = rewritten(spec, true, false);
        assert!(done);
        assert_eq!(spec.get("subdomain"), None);
        let first = &spec["initContainers"][0];
        assert_eq!(first["name"], NAME);
        assert_eq!(
            first["command"][2],
            "sed -e 's/[[:space:]]web-0$/ web-0.web.shop.svc.cluster.local web-0/' /etc/hosts > /hosts/hosts"
        );
        let mounted = json!({"name": NAME, "mountPath": FILE, "subPath": "hosts"});
        assert_eq!(spec["initContainers"][1]["volumeMounts"], json!([mounted]));
        assert_eq!(spec["containers"][0]["volumeMounts"], json!([mounted]));
        assert_eq!(spec["containers"][1]["volumeMounts"].as_array().unwrap().len(), 1, "it brings its own");
        assert_eq!(spec["volumes"], json!([{"name": NAME, "emptyDir": {}}]));
    }

    #[test]
    fn where_it_is_not_wanted_only_the_subdomain_goes() {
        let spec = json!({"hostname": "a", "subdomain": "web", "containers": [{"name": "c"}]});
        let expected = json!({"hostname": "a", "containers": [{"name": "c"}]});
        assert_eq!(rewritten(spec.clone(), false, false), (expected.clone(), false));
        assert_eq!(rewritten(spec, true, true), (expected.clone(), false));
        assert_eq!(
            rewritten(expected.clone(), true, false),
            (expected, false),
            "no subdomain, nothing to do"
        );
    }
}
