//! How a pod resolves names: by the virtual cluster's DNS.

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::refs::items;
use crate::context::Context;

/// Kubernetes refuses more.
const MOST_SERVERS: usize = 3;
const MOST_SEARCHES: usize = 32;

/// Whether a pod asks the DNS of its cluster.
pub(super) fn asks_cluster(spec: &Value) -> bool {
    match spec["dnsPolicy"].as_str().unwrap_or("ClusterFirst") {
        "ClusterFirst" => spec["hostNetwork"] != true,
        "ClusterFirstWithHostNet" => true,
        _ => false,
    }
}

/// Turns what kubelets would do for the host's DNS into settings for the tenant's. What the tenant set stays: servers and
/// searches come after those of the cluster, options win over them.
pub(super) fn rewrite(ctx: &Context, spec: &mut Value, namespace: &str, servers: &[SmolStr]) {
    if !asks_cluster(spec) {
        return;
    }
    if servers.is_empty() {
        // What kubelets do where no DNS is configured.
        spec["dnsPolicy"] = json!("Default");
        return;
    }
    let domain = &ctx.cluster_domain;
    let searches = [format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.to_string()];
    let config = &spec["dnsConfig"];
    let servers = servers.iter().map(|server| json!(server)).chain(items(config, "nameservers").cloned());
    let searches = searches.iter().map(|search| json!(search)).chain(items(config, "searches").cloned());
    let mut options: Vec<Value> = items(config, "options").cloned().collect();
    if !options.iter().any(|option| option["name"] == "ndots") {
        options.insert(0, json!({"name": "ndots", "value": "5"}));
    }
    spec["dnsConfig"] = json!({
        "nameservers": distinct(servers, MOST_SERVERS),
        "searches": distinct(searches, MOST_SEARCHES),
        "options": options,
    });
    spec["dnsPolicy"] = json!("None");
}

/// Names by which containers find the virtual API server without DNS.
pub(super) fn api_aliases(ctx: &Context) -> Vec<Value> {
    let full = format!("kubernetes.default.svc.{}", ctx.cluster_domain);
    let names = [full.as_str(), "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    ctx.api_addresses.iter().map(|address| json!({"ip": address, "hostnames": names})).collect()
}

fn distinct(values: impl Iterator<Item = Value>, most: usize) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        if kept.len() < most && !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(mut spec: Value) -> Value {
        let ctx = Context::new("t", "host");
        rewrite(&ctx, &mut spec, "shop", &["10.0.0.10".into(), "fd00::10".into()]);
        spec
    }

    #[test]
    fn cluster_first_asks_the_virtual_dns_in_both_families() {
        let expected = json!({
            "nameservers": ["10.0.0.10", "fd00::10"],
            "searches": ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"],
            "options": [{"name": "ndots", "value": "5"}],
        });
        for spec in [
            json!({}),
            json!({"dnsPolicy": "ClusterFirst"}),
            json!({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": true}),
        ] {
            let spec = resolved(spec);
            assert_eq!((&spec["dnsPolicy"], &spec["dnsConfig"]), (&json!("None"), &expected));
        }
    }

    #[test]
    fn other_policies_are_left_alone() {
        for spec in [
            json!({"dnsPolicy": "Default"}),
            json!({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}),
            json!({"dnsPolicy": "ClusterFirst", "hostNetwork": true}),
        ] {
            assert_eq!(resolved(spec.clone()), spec);
        }
    }

    #[test]
    fn what_the_tenant_set_is_kept() {
        let spec = resolved(json!({"dnsConfig": {
            "nameservers": ["10.0.0.10", "9.9.9.9", "8.8.8.8"],
            "searches": ["corp.example", "cluster.local"],
            "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
        }}));
        assert_eq!(spec["dnsConfig"]["nameservers"], json!(["10.0.0.10", "fd00::10", "9.9.9.9"]));
        assert_eq!(spec["dnsConfig"]["searches"][3], "corp.example");
        assert_eq!(spec["dnsConfig"]["searches"].as_array().unwrap().len(), 4);
        assert_eq!(spec["dnsConfig"]["options"], json!([{"name": "ndots", "value": "2"}, {"name": "edns0"}]));
    }
}
