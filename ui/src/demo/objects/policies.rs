//! Quota, limits and network policies (docs/vclusters.md, Policies).

use serde_json::{Value, json};
use v9s::wire::{self, label};

use super::Maker;
use super::meta::set;
use crate::demo::spec::QuotaSpec;

/// The policies that are on, but for the quota.
pub(super) fn all(maker: &Maker<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    if maker.tenant.quota.is_some() {
        all.push(limit_range(maker));
    }
    if maker.tenant.network_policies {
        all.extend(network_policies(maker));
    }
    all
}

/// The ResourceQuota, if the policy is on.
pub(super) fn resource_quota(maker: &Maker<'_>) -> Option<Value> {
    maker.tenant.quota.map(|quota| quota_object(maker, quota))
}

fn quota_object(maker: &Maker<'_>, quota: QuotaSpec) -> Value {
    let tenant = maker.tenant;
    let (replicas, members) = (u64::from(tenant.replicas), u64::from(tenant.etcd_members()));
    // What the control plane is limited to comes on top: it must not use up what the tenant was promised.
    let hard = json!({
        "requests.cpu": cpu(quota.cpu_millis),
        "requests.memory": format!("{}Mi", quota.memory_mib),
        "requests.storage": format!("{}Gi", quota.storage_gib),
        "requests.ephemeral-storage": format!("{}Gi", 3 * quota.pods),
        "limits.cpu": cpu(2 * quota.cpu_millis + 1_000 * (replicas + members)),
        "limits.memory": format!("{}Mi", 2 * quota.memory_mib + 4_096 * replicas + 512 * members),
        "limits.ephemeral-storage": format!("{}Gi", 8 * quota.pods + 10 * replicas),
        "services.loadbalancers": "1",
        "services.nodeports": "0",
        "count/pods": quota.pods.to_string(),
        "count/services": quota.pods.max(20).to_string(),
        "count/endpoints": quota.pods.max(40).to_string(),
        "count/secrets": quota.pods.max(100).to_string(),
        "count/configmaps": quota.pods.max(100).to_string(),
        "count/persistentvolumeclaims": quota.pods.max(20).to_string(),
    });
    json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": maker.chart_meta("ResourceQuota", &wire::name::policy(&tenant.name)),
        "spec": { "hard": hard },
        "status": { "hard": hard, "used": used(maker) },
    })
}

/// What the quota controller counts, over the whole host namespace: the control plane is part of it.
fn used(maker: &Maker<'_>) -> Value {
    let tenant = maker.tenant;
    let usage = tenant.usage();
    let replicas = u64::from(tenant.replicas_now());
    let services = 2 + tenant.apps.iter().filter(|app| app.port.is_some()).count() as u64;
    let configs = 3 + tenant.apps.iter().filter(|app| app.configured).count() as u64;
    json!({
        "requests.cpu": cpu(usage.cpu_millis),
        "requests.memory": format!("{}Mi", usage.memory_mib),
        "requests.storage": format!("{}Gi", usage.storage_gib),
        "requests.ephemeral-storage": format!("{replicas}Gi"),
        "limits.cpu": cpu(usage.limit_cpu_millis),
        "limits.memory": format!("{}Mi", usage.limit_memory_mib),
        "limits.ephemeral-storage": format!("{}Gi", 10 * replicas),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        "count/pods": usage.pods.to_string(),
        "count/services": services.to_string(),
        "count/endpoints": services.to_string(),
        "count/secrets": configs.to_string(),
        "count/configmaps": configs.to_string(),
        "count/persistentvolumeclaims": usage.claims.to_string(),
    })
}

/// Thousandths of a CPU in canonical form.
pub(super) fn cpu(millis: u64) -> String {
    if millis.is_multiple_of(1000) { (millis / 1000).to_string() } else { format!("{millis}m") }
}

fn limit_range(maker: &Maker<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": maker.chart_meta("LimitRange", &wire::name::policy(&maker.tenant.name)),
        "spec": {
            "limits": [{
                "type": "Container",
                "default": { "cpu": "1", "memory": "512Mi", "ephemeral-storage": "8Gi" },
                "defaultRequest": { "cpu": "100m", "memory": "128Mi", "ephemeral-storage": "3Gi" },
            }],
        },
    })
}

fn network_policies(maker: &Maker<'_>) -> Vec<Value> {
    let name = &maker.tenant.name;
    let control_plane = json!({ "matchLabels": { label::RELEASE: name } });
    let workloads = json!({ "matchLabels": { label::MANAGED_BY: name } });
    let dns = json!({ "matchLabels": { "k8s-app": "vcluster-kube-dns", label::MANAGED_BY: name } });
    let snapshots = json!({ "matchLabels": { label::APP: "vcluster-snapshot", label::RELEASE: name } });
    let tcp =
        |ports: &[u16]| -> Value { ports.iter().map(|p| json!({ "protocol": "TCP", "port": p })).collect() };
    let dns_ports =
        |port: u16| json!([{ "protocol": "UDP", "port": port }, { "protocol": "TCP", "port": port }]);
    let to = |selector: &Value| json!([{ "podSelector": selector }]);
    let host_dns = json!([{
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } },
        "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } },
    }]);
    let public = json!([{ "ipBlock": {
        "cidr": "0.0.0.0/0",
        "except": ["100.64.0.0/10", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
    } }]);

    let policy = |prefix: &str, selector: &Value, egress: Value, ingress: Option<Value>| {
        let types = if ingress.is_some() { json!(["Egress", "Ingress"]) } else { json!(["Egress"]) };
        let mut spec = json!({ "podSelector": selector, "policyTypes": types, "egress": egress });
        if let Some(ingress) = ingress {
            set(&mut spec, "ingress", ingress);
        }
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": maker.chart_meta("NetworkPolicy", &format!("{prefix}-{name}")),
            "spec": spec,
        })
    };
    vec![
        policy(
            "vc-work",
            &workloads,
            json!([
                { "to": to(&control_plane), "ports": dns_ports(1053) },
                { "to": to(&control_plane), "ports": tcp(&[8443]) },
                { "to": to(&workloads) },
                { "to": public },
            ]),
            Some(json!([{ "from": to(&control_plane) }, { "from": to(&workloads) }])),
        ),
        policy(
            "vc-cp",
            &control_plane,
            json!([
                { "to": host_dns, "ports": dns_ports(53) },
                { "ports": tcp(&[443, 8443, 6443]) },
                { "to": to(&control_plane) },
                { "to": to(&workloads) },
            ]),
            Some(json!([
                { "ports": tcp(&[8443]) },
                { "from": to(&control_plane) },
                { "from": to(&workloads), "ports": tcp(&[1053, 8443]) },
                { "from": to(&snapshots) },
            ])),
        ),
        policy(
            "vc-kube-dns",
            &dns,
            json!([
                { "to": host_dns, "ports": dns_ports(53) },
                { "to": to(&control_plane), "ports": tcp(&[8443]) },
            ]),
            Some(json!([{ "from": to(&workloads), "ports": dns_ports(1053) }])),
        ),
        policy(
            "vc-snapshot",
            &snapshots,
            json!([
                { "to": to(&control_plane) },
                { "to": host_dns, "ports": dns_ports(53) },
                { "ports": tcp(&[443, 8443, 6443]) },
            ]),
            None,
        ),
    ]
}
