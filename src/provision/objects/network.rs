//! Who may talk to whom: the control plane, the tenant's pods, and the tenant's name server.

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Blueprint, Object, meta, store};
use crate::cluster::Resource;
use crate::provision::values::settings::{self, NetworkRules};
use crate::wire::{App, label, name};

/// Label of the pods of the tenant's name server.
const DNS: (&str, &str) = ("k8s-app", "vcluster-kube-dns");
/// Its port in its pods.
const DNS_PORT: i32 = 1053;
const API: i32 = 8443;
const KUBELET: i32 = 10250;

/// All policies, when they are on.
pub(super) fn policies(plan: &Blueprint) -> Vec<Object> {
    let Some(policy) = &plan.settings.policies.network_policy else { return Vec::new() };
    let own = [workload(plan, policy), control_plane(plan, policy), name_server(plan, policy)];
    own.iter().map(|policy| Object::of(Resource::NETWORK_POLICIES, policy)).collect()
}

/// The tenant's pods: each other, their API server, their name server, and the world outside the cluster.
fn workload(plan: &Blueprint, policy: &settings::NetworkPolicy) -> NetworkPolicy {
    let peers = || vec![of_pods(synced(plan))];
    let mut egress =
        vec![to(vec![of_pods(control_plane_pods(plan))], &[tcp(API), tcp(KUBELET)]), to(peers(), &[])];
    if let Some(public) = &policy.public_egress {
        let except: Vec<String> = public.except.iter().map(ToString::to_string).collect();
        let block =
            IPBlock { cidr: public.cidr.to_string(), except: Some(except).filter(|all| !all.is_empty()) };
        egress
            .push(to(vec![NetworkPolicyPeer { ip_block: Some(block), ..NetworkPolicyPeer::default() }], &[]));
    }
    let ingress = vec![from(vec![of_pods(control_plane_pods(plan))], &[]), from(peers(), &[])];
    object(
        plan,
        policy,
        name::workload_policy(plan.name),
        synced(plan),
        ingress,
        egress,
        Some(&policy.workload),
    )
}

/// The control plane: the host's API server and name server, its store, its tenant; the API from anywhere.
fn control_plane(plan: &Blueprint, policy: &settings::NetworkPolicy) -> NetworkPolicy {
    let release = LabelSelector {
        match_labels: Some([(label::RELEASE.to_owned(), plan.name.to_owned())].into()),
        ..LabelSelector::default()
    };
    let mut outside = vec![tcp(443), tcp(8443), tcp(6443)];
    // A store that somebody else runs may be anywhere.
    outside.extend(store::ports(plan).into_iter().map(|port| tcp(port.into())));
    let egress = vec![
        to(vec![host_dns()], &[udp(53), tcp(53)]),
        to(Vec::new(), &outside),
        to(vec![of_pods(release.clone())], &[]),
        to(vec![of_pods(synced(plan))], &[]),
    ];
    let ingress = vec![
        from(Vec::new(), &[tcp(API)]),
        from(vec![of_pods(release.clone())], &[]),
        from(vec![of_pods(synced(plan))], &[tcp(API), tcp(KUBELET)]),
    ];
    let name = name::control_plane_policy(plan.name);
    object(plan, policy, name, release, ingress, egress, Some(&policy.control_plane))
}

/// The tenant's name server asks the host's, and the one outside.
fn name_server(plan: &Blueprint, policy: &settings::NetworkPolicy) -> NetworkPolicy {
    let mut pods = synced(plan);
    pods.match_labels.get_or_insert_default().insert(DNS.0.to_owned(), DNS.1.to_owned());
    let fallback = policy.fallback_dns;
    let length = if fallback.is_ipv4() { 32 } else { 128 };
    let outside = NetworkPolicyPeer {
        ip_block: Some(IPBlock { cidr: format!("{fallback}/{length}"), except: None }),
        ..NetworkPolicyPeer::default()
    };
    let egress = vec![
        to(vec![host_dns(), outside], &[udp(53), tcp(53)]),
        to(vec![of_pods(control_plane_pods(plan))], &[tcp(API)]),
    ];
    let ingress = vec![from(vec![of_pods(synced(plan))], &[udp(DNS_PORT), tcp(DNS_PORT)])];
    object(plan, policy, name::dns_policy(plan.name), pods, ingress, egress, None)
}

fn object(
    plan: &Blueprint,
    policy: &settings::NetworkPolicy,
    name: String,
    pods: LabelSelector,
    mut ingress: Vec<NetworkPolicyIngressRule>,
    mut egress: Vec<NetworkPolicyEgressRule>,
    more: Option<&NetworkRules>,
) -> NetworkPolicy {
    ingress.extend(more.map(|more| more.ingress.clone()).unwrap_or_default());
    egress.extend(more.map(|more| more.egress.clone()).unwrap_or_default());
    NetworkPolicy {
        metadata: meta::of(plan, App::ControlPlane, name, Some(&policy.metadata)),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(pods),
            policy_types: Some(vec!["Egress".to_owned(), "Ingress".to_owned()]),
            ingress: Some(ingress),
            egress: Some(egress),
        }),
    }
}

fn synced(plan: &Blueprint) -> LabelSelector {
    LabelSelector {
        match_labels: Some([(label::MANAGED_BY.to_owned(), plan.name.to_owned())].into()),
        ..LabelSelector::default()
    }
}

fn control_plane_pods(plan: &Blueprint) -> LabelSelector {
    meta::matching(plan, App::ControlPlane)
}

fn host_dns() -> NetworkPolicyPeer {
    let select = |key: &str, value: &str| LabelSelector {
        match_labels: Some([(key.to_owned(), value.to_owned())].into()),
        ..LabelSelector::default()
    };
    NetworkPolicyPeer {
        namespace_selector: Some(select("kubernetes.io/metadata.name", "kube-system")),
        pod_selector: Some(select("k8s-app", "kube-dns")),
        ..NetworkPolicyPeer::default()
    }
}

fn of_pods(pods: LabelSelector) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(pods), ..NetworkPolicyPeer::default() }
}

/// No peers are all, and no ports are all.
fn to(peers: Vec<NetworkPolicyPeer>, ports: &[NetworkPolicyPort]) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: some(peers), ports: some(ports.to_vec()) }
}

fn from(peers: Vec<NetworkPolicyPeer>, ports: &[NetworkPolicyPort]) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule { from: some(peers), ports: some(ports.to_vec()) }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn tcp(port: i32) -> NetworkPolicyPort {
    on("TCP", port)
}

fn udp(port: i32) -> NetworkPolicyPort {
    on("UDP", port)
}

fn on(protocol: &str, port: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(port)),
        ..NetworkPolicyPort::default()
    }
}
