//! Names and addresses of a cluster, all of which follow from its number: two clusters never share one.

use std::net::Ipv4Addr;

use crate::subnet::Subnet;

/// As many clusters fit beside one another.
pub(super) const MOST_CLUSTERS: u32 = 32;
/// As many nodes fit into a cluster.
pub const MOST_NODES: usize = 8;

/// Set aside for tests of networks (RFC 2544), so that no network that the machine is on uses it.
const ALL: Subnet = Subnet::new(Ipv4Addr::new(198, 18, 0, 0), 15);

/// The plan of the cluster with this number. Its 4096 addresses are: 256 for nodes, 1024 for Services, 2048 for pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub number: u32,
}

impl Layout {
    /// The cluster's name; its network interface and its control groups are called so too.
    pub fn name(self) -> String {
        format!("v9s{}", self.number)
    }

    fn block(self) -> Subnet {
        ALL.part(self.number, 20)
    }

    /// The network that the machine and the nodes are on.
    pub fn network(self) -> Subnet {
        self.block().part(0, 24)
    }

    /// Where Services get their addresses from.
    pub fn services(self) -> Subnet {
        self.block().part(1, 22)
    }

    /// Where pods get their addresses from.
    pub fn pods(self) -> Subnet {
        self.block().part(1, 21)
    }

    /// Where the pods of a node get theirs from; nodes count from 0.
    pub fn pods_of(self, node: usize) -> Subnet {
        self.pods().part(ordinal(node), 24)
    }

    /// The machine's own address in the cluster's network, where the API server listens.
    pub fn machine(self) -> Ipv4Addr {
        self.network().nth(1)
    }

    /// Number of a node's address in the cluster's network.
    pub fn host_number(node: usize) -> u32 {
        10 + ordinal(node)
    }

    /// A node's address.
    pub fn address(self, node: usize) -> Ipv4Addr {
        self.network().nth(Self::host_number(node))
    }

    /// Address of the name server's Service.
    pub fn dns(self) -> Ipv4Addr {
        self.services().nth(10)
    }

    /// A node's name.
    pub fn node(node: usize) -> String {
        format!("node-{}", node + 1)
    }
}

fn ordinal(node: usize) -> u32 {
    u32::try_from(node).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_of_a_cluster_do_not_overlap() {
        let plan = Layout { number: 1 };
        assert_eq!(plan.network().to_string(), "198.18.16.0/24");
        assert_eq!(plan.services().to_string(), "198.18.20.0/22");
        assert_eq!(plan.pods().to_string(), "198.18.24.0/21");
        assert_eq!(plan.pods_of(MOST_NODES - 1).to_string(), "198.18.31.0/24");
        assert_eq!(Layout { number: 2 }.network().to_string(), "198.18.32.0/24");
    }

    #[test]
    fn the_last_cluster_is_still_within_the_range_for_tests() {
        let last = Layout { number: MOST_CLUSTERS - 1 };
        assert_eq!(last.pods_of(MOST_NODES - 1).to_string(), "198.19.255.0/24");
    }
}
