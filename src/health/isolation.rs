//! What the NetworkPolicies of a host namespace say of the pods of a tenant. Pure.
//!
//! Policies add up: a pod that none selects for a direction passes everything in that direction, and one that some select passes what any of
//! these lists. What is judged here is what they say; whether the network of the host enforces them only a probe can tell.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use crate::fleet::model::{Finding, Severity};
use crate::wire::{label, name};

/// Codes of its findings.
pub mod code {
    /// Its namespace has no NetworkPolicy.
    pub const NONE: &str = "no-network-policy";
    /// It has some, and they let everything pass in a direction.
    pub const OPEN: &str = "network-policy-open";
}

/// What may pass in one direction between a tenant's pods and everything else; the order is by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Nothing: policies select all of them and list nothing.
    Nothing,
    /// What policies list.
    Listed,
    /// Everything: a policy that selects all of them says so.
    Everything,
    /// Everything: no policy selects all of them.
    Unconfined,
}

impl Way {
    /// Whether everything passes.
    pub fn is_open(self) -> bool {
        self >= Way::Everything
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Nothing => "nothing passes",
            Way::Listed => "what policies list",
            Way::Everything => "everything: a policy lets it pass",
            Way::Unconfined => "everything: no policy selects all of its pods",
        })
    }
}

/// What all of them come to for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// How many there are in the namespace.
    pub policies: u32,
    /// Those of the official chart among them, by name.
    pub chart: Vec<SmolStr>,
    /// What reaches its pods.
    pub ingress: Way,
    /// What its pods reach.
    pub egress: Way,
}

/// One NetworkPolicy, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    name: SmolStr,
    selects: Selects,
    /// What it lets in; None when it says nothing of that.
    ingress: Option<Way>,
    egress: Option<Way>,
}

/// Which pods a policy is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Selects {
    /// All in the namespace.
    All,
    /// All that came from this virtual cluster.
    Tenant(SmolStr),
    /// Some, by what they are.
    Some,
}

/// `spec` of a NetworkPolicy.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    pod_selector: Selector,
    policy_types: Option<Vec<SmolStr>>,
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Selector {
    match_labels: Option<BTreeMap<SmolStr, SmolStr>>,
    match_expressions: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
struct Rule {
    #[serde(alias = "to")]
    from: Option<Vec<Peer>>,
    ports: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Peer {
    pod_selector: Option<Selector>,
    namespace_selector: Option<Selector>,
    ip_block: Option<Block>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
struct Block {
    cidr: SmolStr,
    except: Option<Vec<SmolStr>>,
}

impl Selector {
    fn is_empty(&self) -> bool {
        self.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && self.match_expressions.as_ref().is_none_or(Vec::is_empty)
    }

    fn selects(&self) -> Selects {
        if self.is_empty() {
            return Selects::All;
        }
        let labels = self.match_labels.as_ref().filter(|labels| labels.len() == 1);
        let tenant = labels.and_then(|labels| labels.get(label::MANAGED_BY));
        match tenant {
            Some(tenant) if self.match_expressions.as_ref().is_none_or(Vec::is_empty) => {
                Selects::Tenant(tenant.clone())
            }
            _ => Selects::Some,
        }
    }
}

impl Rule {
    /// Whether it lets every pod of the host pass, on every port.
    fn is_everything(&self) -> bool {
        let peers = self.from.as_deref().unwrap_or_default();
        let ports = self.ports.as_deref().unwrap_or_default();
        ports.is_empty() && (peers.is_empty() || peers.iter().any(Peer::is_everything))
    }
}

impl Peer {
    fn is_everything(&self) -> bool {
        let every_pod = self.pod_selector.as_ref().is_none_or(Selector::is_empty);
        let every_namespace = self.namespace_selector.as_ref().is_some_and(Selector::is_empty);
        let every_address = self.ip_block.as_ref().is_some_and(|block| {
            matches!(block.cidr.as_str(), "0.0.0.0/0" | "::/0")
                && block.except.as_ref().is_none_or(Vec::is_empty)
        });
        every_address || every_pod && every_namespace
    }
}

fn way(rules: Option<&Vec<Rule>>) -> Way {
    match rules.map(Vec::as_slice).unwrap_or_default() {
        [] => Way::Nothing,
        rules if rules.iter().any(Rule::is_everything) => Way::Everything,
        _ => Way::Listed,
    }
}

impl Policy {
    /// Reads one.
    pub fn of(name: impl Into<SmolStr>, spec: &Spec) -> Policy {
        // A server fills in the types; without them, this is what they are.
        let is = |kind: &str, otherwise: bool| match &spec.policy_types {
            Some(types) => types.iter().any(|it| it == kind),
            None => otherwise,
        };
        let ingress = is("Ingress", true).then(|| way(spec.ingress.as_ref()));
        let egress = is("Egress", spec.egress.is_some()).then(|| way(spec.egress.as_ref()));
        Policy { name: name.into(), selects: spec.pod_selector.selects(), ingress, egress }
    }

    fn is_about_all_of(&self, tenant: &str) -> bool {
        match &self.selects {
            Selects::All => true,
            Selects::Tenant(name) => name == tenant,
            Selects::Some => false,
        }
    }
}

impl Isolation {
    /// What the policies of a namespace come to for the tenant of this name.
    pub fn of<'a>(tenant: &str, policies: impl IntoIterator<Item = &'a Policy>) -> Isolation {
        let known = [
            name::workload_policy(tenant),
            name::control_plane_policy(tenant),
            name::dns_policy(tenant),
            name::snapshot_policy(tenant),
        ];
        let mut isolation =
            Isolation { policies: 0, chart: Vec::new(), ingress: Way::Unconfined, egress: Way::Unconfined };
        let (mut ingress, mut egress) = (None, None);
        for policy in policies {
            isolation.policies += 1;
            if known.iter().any(|known| policy.name == known.as_str()) {
                isolation.chart.push(policy.name.clone());
            }
            if policy.is_about_all_of(tenant) {
                ingress = ingress.max(policy.ingress);
                egress = egress.max(policy.egress);
            }
        }
        isolation.ingress = ingress.unwrap_or(Way::Unconfined);
        isolation.egress = egress.unwrap_or(Way::Unconfined);
        isolation
    }

    /// What is wrong with it. Of what policies list nothing is said: that is for those who wrote them.
    pub fn finding(&self) -> Option<Finding> {
        if self.policies == 0 {
            let message = "its namespace has no NetworkPolicy: every pod of the host may reach this tenant's, and the reverse";
            return Some(Finding::new(Severity::Info, code::NONE, SmolStr::new_static(message), None));
        }
        let open: Vec<&str> = [
            (self.ingress, "every pod of the host may reach this tenant's"),
            (self.egress, "this tenant's may reach every pod of the host"),
        ]
        .into_iter()
        .filter(|(way, _)| way.is_open())
        .map(|(_, words)| words)
        .collect();
        (!open.is_empty()).then(|| {
            let message = format_smolstr!("its NetworkPolicies leave a way open: {}", open.join(", and "));
            Finding::new(Severity::Info, code::OPEN, message, None)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(name: &str, spec: Value) -> Policy {
        Policy::of(name, &serde_json::from_value(spec).unwrap())
    }

    fn tenants(rest: Value) -> Value {
        let mut spec = json!({"podSelector": {"matchLabels": {"vcluster.loft.sh/managed-by": "shop"}}});
        spec.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        spec
    }

    fn of(specs: &[Value]) -> (Way, Way) {
        let all: Vec<Policy> = specs.iter().map(|spec| policy("p", spec.clone())).collect();
        let isolation = Isolation::of("shop", &all);
        (isolation.ingress, isolation.egress)
    }

    #[test]
    fn what_passes_is_what_the_policies_that_select_all_its_pods_let_pass() {
        use Way::{Everything, Listed, Nothing, Unconfined};
        let every = json!({"namespaceSelector": {}});
        let own = json!({"podSelector": {}});
        let dns = json!({"podSelector": {"matchLabels": {"vcluster.loft.sh/managed-by": "shop", "k8s-app": "vcluster-kube-dns"}},
            "policyTypes": ["Ingress", "Egress"]});
        let by_expression = json!({"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, "policyTypes": ["Ingress"]});
        for (case, specs, expected) in [
            ("none", vec![], (Unconfined, Unconfined)),
            (
                "deny all",
                vec![json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})],
                (Nothing, Nothing),
            ),
            (
                "deny ingress",
                vec![json!({"podSelector": {}, "policyTypes": ["Ingress"]})],
                (Nothing, Unconfined),
            ),
            ("types are not said", vec![json!({"podSelector": {}})], (Nothing, Unconfined)),
            (
                "egress is not said and there",
                vec![json!({"podSelector": {}, "egress": []})],
                (Nothing, Nothing),
            ),
            (
                "own namespace",
                vec![json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [own]}]})],
                (Listed, Unconfined),
            ),
            (
                "an empty rule",
                vec![json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]})],
                (Everything, Unconfined),
            ),
            (
                "all namespaces",
                vec![tenants(json!({"policyTypes": ["Ingress"], "ingress": [{"from": [every]}]}))],
                (Everything, Unconfined),
            ),
            (
                "all namespaces, a port",
                vec![tenants(
                    json!({"policyTypes": ["Ingress"], "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 80}]}]}),
                )],
                (Listed, Unconfined),
            ),
            (
                "all addresses",
                vec![tenants(
                    json!({"policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}),
                )],
                (Unconfined, Everything),
            ),
            (
                "public addresses",
                vec![tenants(
                    json!({"policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}]}),
                )],
                (Unconfined, Listed),
            ),
            ("of its name server alone", vec![dns], (Unconfined, Unconfined)),
            ("by expression", vec![by_expression], (Unconfined, Unconfined)),
            (
                "of another tenant",
                vec![
                    json!({"podSelector": {"matchLabels": {"vcluster.loft.sh/managed-by": "other"}}, "policyTypes": ["Ingress"]}),
                ],
                (Unconfined, Unconfined),
            ),
            (
                "they add up",
                vec![
                    json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
                    tenants(json!({"policyTypes": ["Ingress"], "ingress": [{}]})),
                ],
                (Everything, Nothing),
            ),
        ] {
            assert_eq!(of(&specs), expected, "{case}");
        }
    }

    #[test]
    fn those_of_the_official_chart_are_told_by_name() {
        let all: Vec<Policy> =
            ["vc-work-shop", "vc-cp-shop", "vc-kube-dns-shop", "vc-snapshot-shop", "vc-work-other", "mine"]
                .map(|name| policy(name, json!({"podSelector": {}})))
                .into();
        let isolation = Isolation::of("shop", &all);
        assert_eq!(isolation.policies, 6);
        assert_eq!(isolation.chart, ["vc-work-shop", "vc-cp-shop", "vc-kube-dns-shop", "vc-snapshot-shop"]);
    }

    #[test]
    fn a_namespace_without_policies_and_a_way_that_is_open_are_found() {
        let found = |specs: &[Value]| {
            let all: Vec<Policy> = specs.iter().map(|spec| policy("p", spec.clone())).collect();
            let finding = Isolation::of("shop", &all).finding();
            finding.map(|finding| (finding.severity, finding.code, finding.message.to_string()))
        };
        assert!(matches!(found(&[]), Some((Severity::Info, code::NONE, _))));
        let deny = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]});
        assert_eq!(found(&[deny]), None);
        let half = json!({"podSelector": {}, "policyTypes": ["Ingress"]});
        let (severity, code, message) = found(&[half]).unwrap();
        assert_eq!((severity, code), (Severity::Info, code::OPEN));
        assert!(
            message.ends_with("leave a way open: this tenant's may reach every pod of the host"),
            "{message}"
        );
    }
}
