//! Straight ways to the API server of a virtual cluster, which need no tunnel: what its objects on the host offer. Pure.

mod probe;

use std::fmt;

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::networking::v1::Ingress;

pub use probe::{Found, certificate_names, reach, try_all};

use crate::connect::secret::Access;

/// Nodes whose ports are tried.
const NODES: usize = 2;

/// By what a virtual cluster is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The address that its configuration exports.
    Export,
    /// A load balancer.
    LoadBalancer,
    /// An Ingress.
    Ingress,
    /// A port of a node.
    NodePort,
    /// The address of its Service, from within the host's network.
    ClusterIp,
    /// An address that a person has given.
    Given,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            By::Export => "exported address",
            By::LoadBalancer => "load balancer",
            By::Ingress => "ingress",
            By::NodePort => "node port",
            By::ClusterIp => "cluster IP",
            By::Given => "given address",
        })
    }
}

/// A way that may be open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// By what.
    pub by: By,
    /// The URL.
    pub server: String,
}

/// A way that is not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// By what.
    pub by: By,
    /// The URL, where there is one.
    pub server: Option<String>,
    /// Why.
    pub why: String,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{} {server}: {}", self.by, self.why),
            None => write!(f, "{}: {}", self.by, self.why),
        }
    }
}

/// What a host offers: ways to try in this order, and what is offered and not there.
pub fn offered(
    access: &Access,
    service: Option<&Service>,
    ingress: Option<&Ingress>,
    nodes: &[Node],
) -> (Vec<Way>, Vec<Closed>) {
    let mut ways = Vec::new();
    let mut closed = Vec::new();
    if !access.is_local() {
        ways.push(Way { by: By::Export, server: access.server.clone() });
    }
    let Some(service) = service else { return (ways, closed) };
    let spec = service.spec.as_ref();
    let port = spec.and_then(|spec| {
        let ports = spec.ports.as_deref().unwrap_or_default();
        ports.iter().find(|port| port.name.as_deref() == Some("https")).or(ports.first())
    });
    let kind = spec.and_then(|spec| spec.type_.as_deref()).unwrap_or("ClusterIP");
    let number = port.map_or(443, |port| port.port);
    if kind == "LoadBalancer" {
        let status =
            service.status.as_ref().and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
        let addresses: Vec<&str> = status
            .into_iter()
            .flatten()
            .filter_map(|ingress| ingress.ip.as_deref().or(ingress.hostname.as_deref()))
            .filter(|address| !address.is_empty())
            .collect();
        if addresses.is_empty() {
            let why = "it has no address yet".to_owned();
            closed.push(Closed { by: By::LoadBalancer, server: None, why });
        }
        ways.extend(addresses.iter().map(|address| way(By::LoadBalancer, address, number)));
    }
    for host in hosts(ingress) {
        ways.push(way(By::Ingress, host, 443));
    }
    if matches!(kind, "NodePort" | "LoadBalancer")
        && let Some(number) = port.and_then(|port| port.node_port)
    {
        let addresses: Vec<&str> = nodes.iter().filter_map(address_of).take(NODES).collect();
        if addresses.is_empty() {
            let why = "no address of a node is known".to_owned();
            closed.push(Closed { by: By::NodePort, server: None, why });
        }
        ways.extend(addresses.iter().map(|address| way(By::NodePort, address, number)));
    }
    let own = spec.and_then(|spec| spec.cluster_ip.as_deref()).filter(|ip| !ip.is_empty() && *ip != "None");
    ways.extend(own.map(|ip| way(By::ClusterIp, ip, number)));
    (ways, closed)
}

fn hosts(ingress: Option<&Ingress>) -> impl Iterator<Item = &str> {
    let rules = ingress.and_then(|ingress| ingress.spec.as_ref()?.rules.as_deref()).unwrap_or_default();
    rules
        .iter()
        .filter_map(|rule| rule.host.as_deref())
        .filter(|host| !host.is_empty() && !host.contains('*'))
}

fn way(by: By, host: &str, port: i32) -> Way {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let server = if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") };
    Way { by, server }
}

/// The outer address of a node, else the inner one.
fn address_of(node: &Node) -> Option<&str> {
    let addresses = node.status.as_ref()?.addresses.as_deref()?;
    let of = |kind: &str| addresses.iter().find(|one| one.type_ == kind).map(|one| one.address.as_str());
    of("ExternalIP").or_else(|| of("InternalIP"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::connect::secret::{Hidden, Identity, Trust};

    fn access(server: &str) -> Access {
        Access { server: server.into(), trust: Trust::System, identity: Identity::Token(Hidden::new("t")) }
    }

    fn ways(
        access: &Access,
        service: Value,
        ingress: Option<Value>,
        nodes: Value,
    ) -> (Vec<String>, Vec<String>) {
        let service: Service = serde_json::from_value(service).unwrap();
        let ingress: Option<Ingress> = ingress.map(|it| serde_json::from_value(it).unwrap());
        let nodes: Vec<Node> = serde_json::from_value(nodes).unwrap();
        let (ways, closed) = offered(access, Some(&service), ingress.as_ref(), &nodes);
        (
            ways.iter().map(|way| format!("{} {}", way.by, way.server)).collect(),
            closed.iter().map(ToString::to_string).collect(),
        )
    }

    fn service(kind: &str, node_port: Value, balancer: Value) -> Value {
        json!({"spec": {"type": kind, "clusterIP": "10.96.0.7", "ports": [
            {"name": "kubelet", "port": 10250}, {"name": "https", "port": 443, "nodePort": node_port}]},
            "status": {"loadBalancer": {"ingress": balancer}}})
    }

    fn node(addresses: &[(&str, &str)]) -> Value {
        let addresses: Vec<_> =
            addresses.iter().map(|(kind, it)| json!({"type": kind, "address": it})).collect();
        json!({"status": {"addresses": addresses}})
    }

    #[test]
    fn every_kind_of_service_offers_its_ways_in_order() {
        let local = access("https://localhost:8443");
        let nodes = json!([
            node(&[("InternalIP", "10.0.0.1"), ("ExternalIP", "1.2.3.4")]),
            node(&[("Hostname", "x")]),
            node(&[("InternalIP", "fd00::2")])
        ]);
        let cluster_ip = "cluster IP https://10.96.0.7".to_owned();
        assert_eq!(
            ways(&local, service("ClusterIP", json!(null), json!([])), None, nodes.clone()),
            (vec![cluster_ip.clone()], vec![])
        );
        assert_eq!(
            ways(&local, service("NodePort", json!(30443), json!([])), None, nodes.clone()),
            (
                vec![
                    "node port https://1.2.3.4:30443".into(),
                    "node port https://[fd00::2]:30443".into(),
                    cluster_ip.clone()
                ],
                vec![]
            )
        );
        assert_eq!(
            ways(
                &local,
                service("LoadBalancer", json!(null), json!([{"hostname": "lb.example"}])),
                None,
                json!([])
            ),
            (vec!["load balancer https://lb.example".into(), cluster_ip.clone()], vec![])
        );
        assert_eq!(
            ways(&local, service("LoadBalancer", json!(30443), json!([])), None, json!([])),
            (
                vec![cluster_ip],
                vec![
                    "load balancer: it has no address yet".into(),
                    "node port: no address of a node is known".into()
                ]
            )
        );
    }

    #[test]
    fn an_exported_address_comes_first_and_an_ingress_by_its_hosts() {
        let exported = access("https://shop.example:8443");
        let ingress = json!({"spec": {"rules": [{"host": "shop.example"}, {"host": "*.example"}, {}]}});
        let headless = json!({"spec": {"clusterIP": "None", "ports": []}});
        assert_eq!(
            ways(&exported, headless, Some(ingress), json!([])).0,
            ["exported address https://shop.example:8443", "ingress https://shop.example"]
        );
        assert_eq!(offered(&access("https://127.0.0.1:8443"), None, None, &[]), (vec![], vec![]));
    }
}
