//! Whether pods find a node: labels, taints, room. What the host's scheduler does in the end, as far as it can be told before.
//! Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration};
use smol_str::{SmolStr, format_smolstr};

use super::amounts::{Amounts, shown};
use super::demand::{self, Pods};

/// A node of the host.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Node {
    pub name: SmolStr,
    pub labels: BTreeMap<String, String>,
    /// Those that keep pods away.
    pub taints: Vec<Taint>,
    /// It is ready, and nobody has closed it.
    pub open: bool,
    /// What pods may ask for.
    pub allocatable: Amounts,
    /// The same less what its pods ask for; None while that is not known.
    pub free: Option<Amounts>,
}

/// Where pods would go.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Placed {
    /// On these nodes, by position, each as often as it gets a pod.
    On(Vec<usize>),
    /// Nowhere, and why.
    Nowhere(SmolStr),
}

/// Finds a node for each pod, the largest first. Of a node whose use is not known, everything counts as free.
pub(super) fn place(nodes: &[Node], all: &[Pods]) -> Placed {
    let mut free: Vec<Amounts> =
        nodes.iter().map(|node| node.free.clone().unwrap_or_else(|| node.allocatable.clone())).collect();
    let mut on = Vec::new();
    let mut all: Vec<(&Pods, Amounts)> = all.iter().map(|pods| (pods, one(&pods.spec))).collect();
    all.sort_by_key(|(_, asked)| std::cmp::Reverse(asked.get("memory")));
    for (pods, asked) in all {
        let fitting = match candidates(nodes, pods) {
            Ok(fitting) => fitting,
            Err(why) => return Placed::Nowhere(why),
        };
        for _ in 0..pods.replicas {
            let found = fitting.iter().copied().find(|at| free[*at].short_of(&asked).is_none());
            let Some(at) = found else { return Placed::Nowhere(full(&fitting, &free, nodes, pods, &asked)) };
            free[at].take(&asked);
            on.push(at);
        }
    }
    Placed::On(on)
}

/// What one pod takes of a node.
fn one(spec: &PodSpec) -> Amounts {
    let mut asked = demand::of_pod(spec, &[]).requests;
    asked.fill("pods", 1000);
    asked
}

/// Nodes that would take such pods if they had room.
fn candidates(nodes: &[Node], pods: &Pods) -> Result<Vec<usize>, SmolStr> {
    let (workload, spec) = (&pods.workload, &pods.spec);
    let named: Vec<usize> = (0..nodes.len()).filter(|at| is_meant(&nodes[*at], spec)).collect();
    if named.is_empty() {
        return Err(format_smolstr!("no node has the labels that the scheduling of {workload} wants"));
    }
    let tolerations = spec.tolerations.clone().unwrap_or_default();
    let tolerated: Vec<usize> =
        named.iter().copied().filter(|at| kept_away(&nodes[*at], &tolerations).is_none()).collect();
    if tolerated.is_empty() {
        let (node, taint) = named
            .iter()
            .find_map(|at| Some((&nodes[*at].name, kept_away(&nodes[*at], &tolerations)?)))
            .map(|(node, taint)| (node.clone(), written(taint)))
            .unwrap_or_default();
        return Err(format_smolstr!(
            "node {node} has the taint {taint}, which the scheduling of {workload} does not tolerate, and no other node is meant"
        ));
    }
    let open: Vec<usize> = tolerated.into_iter().filter(|at| nodes[*at].open).collect();
    match open.is_empty() {
        true => Err(format_smolstr!("no node that is meant for {workload} is ready and open")),
        false => Ok(open),
    }
}

fn full(fitting: &[usize], free: &[Amounts], nodes: &[Node], pods: &Pods, asked: &Amounts) -> SmolStr {
    // The node with the most memory left shows best what is missing.
    let best = fitting.iter().copied().max_by_key(|at| free[*at].get("memory"));
    let lacks = best.and_then(|at| Some((at, free[at].short_of(asked)?)));
    let Some((at, resource)) = lacks else {
        return format_smolstr!("no node has room for a pod of {}", pods.workload);
    };
    format_smolstr!(
        "no node has room for a pod of {}: it asks for {resource} {}, and {} has {} left",
        pods.workload,
        shown(&resource, asked.get(&resource).unwrap_or_default()),
        nodes[at].name,
        shown(&resource, free[at].get(&resource).unwrap_or_default().max(0))
    )
}

/// The first taint of a node that keeps pods with these tolerations away.
pub(super) fn kept_away<'n>(node: &'n Node, tolerations: &[Toleration]) -> Option<&'n Taint> {
    node.taints.iter().find(|taint| {
        matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute")
            && !tolerations.iter().any(|toleration| tolerates(toleration, taint))
    })
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let key = toleration.key.as_deref().unwrap_or_default();
    let exists = toleration.operator.as_deref() == Some("Exists");
    let value =
        || toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default();
    (effect.is_empty() || effect == taint.effect)
        && (key == taint.key || (key.is_empty() && exists))
        && (exists || value())
}

/// `KEY=VALUE:EFFECT`, as `kubectl taint` takes it.
pub(super) fn written(taint: &Taint) -> SmolStr {
    match taint.value.as_deref().filter(|value| !value.is_empty()) {
        Some(value) => format_smolstr!("{}={value}:{}", taint.key, taint.effect),
        None => format_smolstr!("{}:{}", taint.key, taint.effect),
    }
}

/// Whether the selector and the required affinity of a pod mean this node.
fn is_meant(node: &Node, spec: &PodSpec) -> bool {
    let selected = has(node, spec.node_selector.iter().flatten());
    let required = spec.affinity.as_ref().and_then(|affinity| {
        let required = affinity.node_affinity.as_ref()?;
        required.required_during_scheduling_ignored_during_execution.as_ref()
    });
    selected
        && required
            .is_none_or(|required| required.node_selector_terms.iter().any(|term| term_holds(term, node)))
}

/// Whether a node has all of these labels.
pub(super) fn has<'l>(node: &Node, mut labels: impl Iterator<Item = (&'l String, &'l String)>) -> bool {
    labels.all(|(key, value)| node.labels.get(key) == Some(value))
}

/// A term that says nothing means no node.
fn term_holds(term: &NodeSelectorTerm, node: &Node) -> bool {
    let by_label = term.match_expressions.as_deref().unwrap_or_default();
    let by_field = term.match_fields.as_deref().unwrap_or_default();
    let label = |it: &NodeSelectorRequirement| holds(it, node.labels.get(&it.key).map(String::as_str));
    // There is one such field: the name.
    let field = |it: &NodeSelectorRequirement| holds(it, Some(&node.name));
    !(by_label.is_empty() && by_field.is_empty()) && by_label.iter().all(label) && by_field.iter().all(field)
}

fn holds(wanted: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = wanted.values.as_deref().unwrap_or_default();
    let is_in = || value.is_some_and(|value| values.iter().any(|one| one == value));
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let both = || Some((number(value)?, number(values.first().map(String::as_str))?));
    match wanted.operator.as_str() {
        "In" => is_in(),
        "NotIn" => !is_in(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => both().is_some_and(|(own, than)| own > than),
        "Lt" => both().is_some_and(|(own, than)| own < than),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    use serde_json::{Value, json};

    use super::*;

    fn amounts(cpu: &str, memory: &str) -> Amounts {
        let of = |name: &str, amount: &str| (name.to_owned(), Quantity(amount.to_owned()));
        Amounts::of(&[of("cpu", cpu), of("memory", memory), of("pods", "10")].into())
    }

    fn node(name: &str, labels: &[(&str, &str)], taint: Option<(&str, &str)>) -> Node {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let taint = taint.map(|(key, value)| Taint {
            key: key.to_owned(),
            value: Some(value.to_owned()),
            effect: "NoSchedule".to_owned(),
            ..Taint::default()
        });
        Node {
            name: name.into(),
            labels,
            taints: taint.into_iter().collect(),
            open: true,
            allocatable: amounts("4", "8Gi"),
            free: None,
        }
    }

    fn pods(replicas: u32, more: Value) -> Pods {
        let mut spec =
            json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Pods {
            workload: "StatefulSet shop".into(),
            replicas,
            spec: serde_json::from_value(spec).unwrap(),
            claims: Vec::new(),
        }
    }

    fn told(nodes: &[Node], pods: Pods) -> String {
        match place(nodes, &[pods]) {
            Placed::On(on) => format!("{on:?}"),
            Placed::Nowhere(why) => why.to_string(),
        }
    }

    #[test]
    fn pods_go_where_labels_taints_and_room_let_them() {
        let plain = node("plain", &[], None);
        let pool = node("pool", &[("pool", "shop"), ("size", "8")], Some(("dedicated", "shop")));
        let both = [plain.clone(), pool.clone()];
        let in_pool = |operator: &str, key: &str, values: Value| {
            let term = json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
            json!({
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}},
                "tolerations": [{"operator": "Exists"}],
            })
        };
        let cases = [
            (json!({}), "[0]"),
            (
                json!({"nodeSelector": {"pool": "shop"}}),
                "node pool has the taint dedicated=shop:NoSchedule, which the scheduling of StatefulSet shop does not tolerate, \
                 and no other node is meant",
            ),
            (
                json!({"nodeSelector": {"pool": "shop"}, "tolerations": [{"key": "dedicated", "value": "shop"}]}),
                "[1]",
            ),
            (
                json!({"nodeSelector": {"pool": "shop"}, "tolerations": [{"key": "dedicated", "value": "other"}]}),
                "node pool has the taint dedicated=shop:NoSchedule, which the scheduling of StatefulSet shop does not tolerate, \
                 and no other node is meant",
            ),
            (
                json!({"nodeSelector": {"pool": "none"}}),
                "no node has the labels that the scheduling of StatefulSet shop wants",
            ),
            (in_pool("In", "pool", json!(["shop"])), "[1]"),
            (in_pool("NotIn", "pool", json!(["shop"])), "[0]"),
            (in_pool("Exists", "pool", json!([])), "[1]"),
            (in_pool("DoesNotExist", "pool", json!([])), "[0]"),
            (in_pool("Gt", "size", json!(["4"])), "[1]"),
            (
                in_pool("Lt", "size", json!(["4"])),
                "no node has the labels that the scheduling of StatefulSet shop wants",
            ),
        ];
        for (more, expected) in cases {
            assert_eq!(told(&both, pods(1, more.clone())), expected, "{more}");
        }
        let closed = Node { open: false, ..plain };
        assert_eq!(
            told(&[closed], pods(1, json!({}))),
            "no node that is meant for StatefulSet shop is ready and open"
        );
    }

    #[test]
    fn room_is_what_is_left_and_shared_by_all_replicas() {
        let used = |free: Amounts| Node { free: Some(free), ..node("n", &[], None) };
        let cases = [
            (amounts("4", "8Gi"), 3, "[0, 0, 0]"),
            (
                amounts("2500m", "8Gi"),
                3,
                "no node has room for a pod of StatefulSet shop: it asks for cpu 1, and n has 500m left",
            ),
            (
                amounts("4", "512Mi"),
                1,
                "no node has room for a pod of StatefulSet shop: it asks for memory 1Gi, and n has 512Mi left",
            ),
        ];
        for (free, replicas, expected) in cases {
            assert_eq!(told(&[used(free)], pods(replicas, json!({}))), expected);
        }
        let mut none = amounts("4", "8Gi");
        none.take(&Amounts::of(&[("pods".to_owned(), Quantity("10".to_owned()))].into()));
        assert_eq!(
            told(&[used(none)], pods(1, json!({}))),
            "no node has room for a pod of StatefulSet shop: it asks for pods 1, and n has 0 left"
        );
    }
}
