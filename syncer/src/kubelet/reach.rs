//! Where the tenant's API server, and whoever else asks kubelets, finds what it takes for those of its nodes, and which
//! node somebody means who asks there.
//!
//! A pod names itself in a request, its node does not: whoever asks for the metrics of a node has only its address. So
//! each node has one of its own, that of a Service on the host, or a name, and what a client says as `Host` is the way
//! back; behind a Service the address that a connection went to is no longer to be seen.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use smol_str::SmolStr;

/// Port of kubelets, and of the Services that stand for them.
pub const PORT: u16 = 10250;
/// Domain of the names of nodes.
const DOMAIN: &str = ".nodes.vcluster.com";

/// How nodes are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// By a name, `NODE.nodes.vcluster.com`, which the DNS of the virtual cluster knows.
    pub by_name: bool,
    /// By an address.
    pub by_address: Address,
}

/// The address of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Address {
    /// It has none.
    #[default]
    None,
    /// The same for all nodes.
    Shared {
        /// The address.
        address: SmolStr,
        /// The port.
        port: u16,
    },
    /// Each node has a Service on the host that leads to the syncer.
    Services {
        /// Labels of the pods that the syncer runs in.
        selector: BTreeMap<SmolStr, SmolStr>,
        /// Where it listens there.
        port: u16,
    },
}

impl Reach {
    /// Fields of a node's status: how it is reached. `service` holds the addresses of its Service.
    pub fn status(&self, node: &str, service: &[SmolStr]) -> (Value, Value) {
        let own: &[SmolStr] = match &self.by_address {
            Address::None => &[],
            Address::Shared { address, .. } => std::slice::from_ref(address),
            Address::Services { .. } => service,
        };
        let by_address = own.iter().map(|address| json!({"type": "InternalIP", "address": address}));
        let name = self.by_name.then(|| json!({"type": "Hostname", "address": format!("{node}{DOMAIN}")}));
        let port = match self.by_address {
            Address::Shared { port, .. } => port,
            Address::None | Address::Services { .. } => PORT,
        };
        (by_address.chain(name).collect(), json!({"kubeletEndpoint": {"Port": port}}))
    }

    /// The labels and the port of Services for nodes, where these have some.
    pub fn services(&self) -> Option<(&BTreeMap<SmolStr, SmolStr>, u16)> {
        match &self.by_address {
            Address::Services { selector, port } => Some((selector, *port)),
            Address::None | Address::Shared { .. } => None,
        }
    }
}

/// Whom a client asks, by what it says as `Host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A node, by its name.
    Node(SmolStr),
    /// Whichever has this address.
    Address(SmolStr),
}

/// Reads a `Host` with or without a port.
pub fn host(said: &str) -> Host {
    let without_port = match said.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => said.split(':').next().unwrap_or_default(),
    };
    match without_port.strip_suffix(DOMAIN) {
        Some(node) if !node.is_empty() => Host::Node(node.into()),
        _ => Host::Address(without_port.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_tells_how_it_is_reached() {
        let services = Address::Services { selector: BTreeMap::new(), port: 10251 };
        let shared = Address::Shared { address: "192.0.2.7".into(), port: 11250 };
        let name = json!({"type": "Hostname", "address": "n.nodes.vcluster.com"});
        let own = json!({"type": "InternalIP", "address": "10.0.0.7"});
        let cases = [
            (Reach { by_name: true, by_address: Address::None }, json!([name]), PORT),
            (Reach { by_name: true, by_address: services.clone() }, json!([own, name]), PORT),
            (Reach { by_name: false, by_address: services }, json!([own]), PORT),
            (
                Reach { by_name: false, by_address: shared },
                json!([{"type": "InternalIP", "address": "192.0.2.7"}]),
                11250,
            ),
        ];
        for (reach, addresses, port) in cases {
            let told = reach.status("n", &["10.0.0.7".into()]);
            assert_eq!(told, (addresses, json!({"kubeletEndpoint": {"Port": port}})), "{reach:?}");
        }
    }

    #[test]
    fn what_a_client_says_as_host_tells_a_node_or_an_address() {
        let cases = [
            ("worker-1.nodes.vcluster.com:10250", Host::Node("worker-1".into())),
            ("ip-10.eu.internal.nodes.vcluster.com", Host::Node("ip-10.eu.internal".into())),
            ("10.0.0.7:10250", Host::Address("10.0.0.7".into())),
            ("10.0.0.7", Host::Address("10.0.0.7".into())),
            ("[fd00::7]:10250", Host::Address("fd00::7".into())),
            (".nodes.vcluster.com", Host::Address(".nodes.vcluster.com".into())),
            ("", Host::Address("".into())),
        ];
        for (said, expected) in cases {
            assert_eq!(host(said), expected, "{said}");
        }
    }
}
