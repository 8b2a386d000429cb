//! Whether something on the host acts on NetworkPolicies. The API server takes them although nothing does. Pure.

use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::items::Meta;

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforcement {
    /// This network does it.
    By(SmolStr),
    /// This network does not.
    NotBy(SmolStr),
    /// Nobody can tell, and why.
    Unknown(SmolStr),
}

/// A DaemonSet: a network has a part on every node.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DaemonSet {
    pub metadata: Meta,
    spec: Spec,
}

#[derive(Debug, Clone, Deserialize)]
struct Spec {
    template: Template,
}

#[derive(Debug, Clone, Deserialize)]
struct Template {
    spec: Pod,
}

#[derive(Debug, Clone, Deserialize)]
struct Pod {
    containers: Vec<Container>,
}

#[derive(Debug, Clone, Deserialize)]
struct Container {
    name: SmolStr,
    #[serde(default)]
    args: Vec<SmolStr>,
}

/// Networks that enforce policies, by the DaemonSet of theirs.
const ENFORCE: [(&str, &str); 13] = [
    ("calico-node", "Calico"),
    ("canal", "Canal"),
    ("cilium", "Cilium"),
    ("antrea-agent", "Antrea"),
    ("weave-net", "Weave Net"),
    ("kube-router", "kube-router"),
    ("ovnkube-node", "OVN-Kubernetes"),
    ("kube-ovn-cni", "Kube-OVN"),
    ("azure-npm", "Azure NPM"),
    ("anetd", "GKE Dataplane V2"),
    ("nsx-node-agent", "NSX"),
    ("sdn", "OpenShift SDN"),
    ("kube-network-policies", "kube-network-policies"),
];
/// Networks that only connect, unless a container beside does it: their DaemonSet, that container, and what it must be told.
const CONNECT: [(&str, &str, &str, &str); 2] = [
    ("kube-flannel", "Flannel", "kube-network-policies", ""),
    ("aws-node", "the Amazon VPC CNI", "aws-eks-nodeagent", "--enable-network-policy=true"),
];

/// Looks for networks that are known.
pub(super) fn enforcement(sets: &[DaemonSet]) -> Enforcement {
    let named = |name: &str| sets.iter().find(move |set| set.metadata.name == name);
    if let Some((_, network)) = ENFORCE.iter().find(|(name, _)| named(name).is_some()) {
        return Enforcement::By((*network).into());
    }
    for (name, network, beside, told) in CONNECT {
        let Some(set) = sets.iter().find(|set| set.metadata.name.starts_with(name)) else { continue };
        let does = set.spec.template.spec.containers.iter().any(|container| {
            container.name == beside && (told.is_empty() || container.args.iter().any(|arg| arg == told))
        });
        return match does {
            true => Enforcement::By(format_smolstr!("{network} with {beside}")),
            false => Enforcement::NotBy(network.into()),
        };
    }
    Enforcement::Unknown("no network that v9s knows is among the DaemonSets of the host".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn networks_are_known_by_their_daemon_sets() {
        let cases = [
            (
                vec![("kube-proxy", "kube-proxy", ""), ("calico-node", "calico-node", "")],
                Enforcement::By("Calico".into()),
            ),
            (vec![("cilium", "cilium-agent", "")], Enforcement::By("Cilium".into())),
            (vec![("kube-flannel-ds", "kube-flannel", "--ip-masq")], Enforcement::NotBy("Flannel".into())),
            (
                vec![("kube-flannel-ds", "kube-network-policies", "")],
                Enforcement::By("Flannel with kube-network-policies".into()),
            ),
            // Beside Flannel, somebody else may do it.
            (
                vec![("kube-flannel-ds", "kube-flannel", ""), ("kube-router", "kube-router", "")],
                Enforcement::By("kube-router".into()),
            ),
            (vec![("aws-node", "aws-node", "")], Enforcement::NotBy("the Amazon VPC CNI".into())),
            (
                vec![("aws-node", "aws-eks-nodeagent", "--enable-network-policy=false")],
                Enforcement::NotBy("the Amazon VPC CNI".into()),
            ),
            (
                vec![("aws-node", "aws-eks-nodeagent", "--enable-network-policy=true")],
                Enforcement::By("the Amazon VPC CNI with aws-eks-nodeagent".into()),
            ),
            (
                vec![("kube-proxy", "kube-proxy", "")],
                Enforcement::Unknown("no network that v9s knows is among the DaemonSets of the host".into()),
            ),
        ];
        for (sets, expected) in cases {
            let sets: Vec<DaemonSet> = sets
                .into_iter()
                .map(|(name, container, arg)| {
                    let pod = json!({"containers": [{"name": container, "args": [arg]}]});
                    serde_json::from_value(
                        json!({"metadata": {"name": name}, "spec": {"template": {"spec": pod}}}),
                    )
                    .unwrap()
                })
                .collect();
            assert_eq!(enforcement(&sets), expected);
        }
    }
}
