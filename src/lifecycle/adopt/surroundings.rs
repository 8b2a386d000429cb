//! How a pod finds others, as the tenant said it: DNS, `/etc/hosts`.

use serde_json::{Value, json};

use super::back::{remove, remove_empty};
use crate::references::{items, items_mut, texts};
use crate::wire::HOSTS_CONTAINER;

/// A name by which every pod finds its API server.
const API: &str = "kubernetes.default.svc";

/// Aliases without those for the API server.
pub(super) fn aliases(host: &Value) -> Vec<Value> {
    let of_api = |alias: &Value| texts(alias, "hostnames").any(|name| name == API);
    items(host, "hostAliases").filter(|alias| !of_api(alias)).cloned().collect()
}

/// What a pod has set besides what the virtual cluster's DNS made of its policy.
pub(super) fn resolving(spec: &mut Value, namespace: &str, dns: &[String]) {
    let config = &spec["dnsConfig"];
    let first = texts(config, "searches").next().unwrap_or_default();
    let Some(domain) = first.strip_prefix(&format!("{namespace}.svc.")).map(str::to_owned) else { return };
    let second = texts(config, "searches").nth(1);
    if spec["dnsPolicy"] != "None" || second != Some(format!("svc.{domain}").as_str()) {
        return;
    }
    let ours = |server: &str, at: usize| dns.iter().any(|of| of == server) || (dns.is_empty() && at == 0);
    let servers = texts(config, "nameservers").enumerate().filter(|(at, server)| !ours(server, *at));
    let servers: Vec<Value> = servers.map(|(_, server)| json!(server)).collect();
    let searches: Vec<Value> = items(config, "searches").skip(3).cloned().collect();
    let ndots = json!({"name": "ndots", "value": "5"});
    let options = items(config, "options").enumerate().filter(|(at, option)| *at > 0 || **option != ndots);
    let options: Vec<Value> = options.map(|(_, option)| option.clone()).collect();
    let mut config = json!({"nameservers": servers, "searches": searches, "options": options});
    for list in ["nameservers", "searches", "options"] {
        remove_empty(&mut config, list);
    }
    let on_node = spec["hostNetwork"] == true;
    spec["dnsPolicy"] = json!(if on_node { "ClusterFirstWithHostNet" } else { "ClusterFirst" });
    match config.as_object().is_none_or(serde_json::Map::is_empty) {
        true => remove(spec, "dnsConfig"),
        false => spec["dnsConfig"] = config,
    }
}

/// Takes out what writes the tenant's name into `/etc/hosts`, and finds the subdomain in it.
pub(super) fn hosts(spec: &mut Value, namespace: &str) {
    let writer = items(spec, "initContainers").find(|container| container["name"] == HOSTS_CONTAINER);
    let Some(writer) = writer else { return };
    let script = texts(writer, "command").last().unwrap_or_default();
    let hostname = spec["hostname"].as_str().unwrap_or_default();
    let subdomain = script.split([' ', '/']).find_map(|word| {
        let (subdomain, _) =
            word.strip_prefix(hostname)?.strip_prefix('.')?.split_once(&format!(".{namespace}.svc."))?;
        Some(subdomain.to_owned())
    });
    if let Some(subdomain) = subdomain {
        spec["subdomain"] = json!(subdomain);
    }
    for list in ["initContainers", "volumes"] {
        without_named(spec, list);
    }
    for list in ["initContainers", "containers"] {
        for container in items_mut(spec, list) {
            without_named(container, "volumeMounts");
        }
    }
}

fn without_named(of: &mut Value, list: &str) {
    if let Some(items) = of.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| item["name"] != HOSTS_CONTAINER);
    }
    remove_empty(of, list);
}
