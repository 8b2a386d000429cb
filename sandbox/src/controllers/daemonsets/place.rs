//! On which nodes a DaemonSet has pods, and how new ones take over from old ones. Pure.

use serde_json::{Value, json};

use crate::node::{NodeView, Taint, toleration};

/// What every daemon puts up with: key and effect.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// Whether a node is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A pod belongs there.
    Runs,
    /// None is started there, but one that runs stays.
    Stays,
    /// Not there.
    No,
}

/// The spec of the pods: that of the template with what daemons put up with.
pub(super) fn pod_spec(template: &Value) -> Value {
    let mut spec = template["spec"].clone();
    let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    let network = ("node.kubernetes.io/network-unavailable", "NoSchedule");
    for (key, effect) in TOLERATED.into_iter().chain((spec["hostNetwork"] == true).then_some(network)) {
        let new = json!({"key": key, "operator": "Exists", "effect": effect});
        if !tolerations.contains(&new) {
            tolerations.push(new);
        }
    }
    spec["tolerations"] = Value::Array(tolerations);
    spec
}

/// Binds the spec of a pod to a node: the scheduler puts it there and nowhere else.
pub(super) fn aim(spec: &mut Value, node: &str) {
    let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
    let required = &mut spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    match required["nodeSelectorTerms"].as_array_mut().filter(|terms| !terms.is_empty()) {
        Some(terms) => terms.iter_mut().for_each(|term| term["matchFields"] = json!([field])),
        None => *required = json!({"nodeSelectorTerms": [{"matchFields": [field]}]}),
    }
}

/// The node at which the spec of a pod is aimed; empty for none.
pub(super) fn target(spec: &Value) -> &str {
    let path = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields";
    let mut fields = spec.pointer(path).and_then(Value::as_array).into_iter().flatten();
    let field = fields.find(|field| field["key"] == "metadata.name" && field["operator"] == "In");
    field.and_then(|field| field["values"][0].as_str()).unwrap_or_default()
}

/// Whether a node is meant by a pod spec ([`pod_spec`]).
pub(super) fn place(node: &NodeView, name: &str, spec: &Value) -> Place {
    let named = spec["nodeName"].as_str().is_none_or(|wanted| wanted.is_empty() || wanted == name);
    if !named || !node.is_selected(name, spec) {
        return Place::No;
    }
    let untolerated = |effect: &str| {
        let refuses = |taint: &&Taint| taint.effect == effect && toleration(spec, taint).is_none();
        node.taints.iter().any(|taint| refuses(&taint))
    };
    match (untolerated("NoExecute"), untolerated("NoSchedule")) {
        (true, _) => Place::No,
        (_, true) => Place::Stays,
        _ => Place::Runs,
    }
}

/// The pods of a DaemonSet on one node that is meant, as far as a rollout depends on them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) node: String,
    /// The pod of the new template: name, and whether it is available.
    pub(super) new: Option<(String, bool)>,
    pub(super) old: Option<(String, bool)>,
}

/// What a rollout does next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rollout {
    pub(super) delete: Vec<String>,
    /// Nodes on which a new pod starts beside the old one.
    pub(super) create: Vec<String>,
}

/// Old pods go first, so that at most `unavailable` nodes are without one.
pub(super) fn replace(sites: &[Site], unavailable: usize) -> Rollout {
    let mut without = 0;
    let (mut delete, mut candidates) = (Vec::new(), Vec::new());
    for site in sites {
        match (&site.new, &site.old) {
            (Some((_, true)), None) => {}
            (None, Some((name, false))) => delete.push(name.clone()),
            (None, Some((name, true))) => candidates.push(name.clone()),
            _ => without += 1,
        }
    }
    delete.extend(candidates.into_iter().take(unavailable.saturating_sub(without)));
    Rollout { delete, create: Vec::new() }
}

/// New pods start beside old ones on at most `surge` nodes; the old ones go when the new ones are available.
pub(super) fn surge(sites: &[Site], surge: usize) -> Rollout {
    let mut rollout = Rollout::default();
    let (mut doubled, mut candidates) = (0, Vec::new());
    for site in sites {
        match (&site.new, &site.old) {
            (Some((_, true)), Some((name, _))) => rollout.delete.push(name.clone()),
            (Some((_, false)), Some(_)) => doubled += 1,
            (None, Some((_, false))) => rollout.create.push(site.node.clone()),
            (None, Some((_, true))) => candidates.push(site.node.clone()),
            _ => {}
        }
    }
    let left = surge.saturating_sub(doubled + rollout.create.len());
    rollout.create.extend(candidates.into_iter().take(left));
    rollout
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(taints: Value) -> NodeView {
        NodeView::read(&json!({"metadata": {"labels": {"disk": "ssd"}}, "spec": {"taints": taints}}))
    }

    #[test]
    fn daemons_run_where_they_are_wanted_and_let_in() {
        let spec = |own: Value| pod_spec(&json!({"spec": own}));
        let taint = |key: &str, effect: &str| json!([{"key": key, "effect": effect}]);
        let aimed = |name: &str| {
            let mut spec = spec(json!({}));
            aim(&mut spec, name);
            assert_eq!(target(&spec), name);
            spec
        };
        let cases = [
            ("plain", node(json!([])), spec(json!({})), Place::Runs),
            ("selected", node(json!([])), spec(json!({"nodeSelector": {"disk": "ssd"}})), Place::Runs),
            ("not selected", node(json!([])), spec(json!({"nodeSelector": {"disk": "hdd"}})), Place::No),
            ("here", node(json!([])), aimed("n"), Place::Runs),
            ("elsewhere", node(json!([])), aimed("m"), Place::No),
            ("named", node(json!([])), spec(json!({"nodeName": "m"})), Place::No),
            ("kept out", node(taint("gpu", "NoSchedule")), spec(json!({})), Place::Stays),
            ("thrown out", node(taint("gpu", "NoExecute")), spec(json!({})), Place::No),
            ("preferred elsewhere", node(taint("gpu", "PreferNoSchedule")), spec(json!({})), Place::Runs),
            (
                "lost",
                node(taint("node.kubernetes.io/unreachable", "NoExecute")),
                spec(json!({})),
                Place::Runs,
            ),
            (
                "cordoned",
                node(taint("node.kubernetes.io/unschedulable", "NoSchedule")),
                spec(json!({})),
                Place::Runs,
            ),
        ];
        for (why, node, spec, expected) in cases {
            assert_eq!(place(&node, "n", &spec), expected, "{why}");
        }
    }

    fn site(node: &str, new: Option<bool>, old: Option<bool>) -> Site {
        let pod = |kind: &str, available: Option<bool>| available.map(|it| (format!("{kind}-{node}"), it));
        Site { node: node.to_owned(), new: pod("new", new), old: pod("old", old) }
    }

    #[test]
    fn so_many_nodes_are_without_a_pod_at_a_time() {
        let cases: Vec<(Vec<Site>, usize, &[&str])> = vec![
            (vec![site("a", None, Some(true)), site("b", None, Some(true))], 1, &["old-a"]),
            (vec![site("a", None, Some(true)), site("b", None, Some(true))], 2, &["old-a", "old-b"]),
            (vec![site("a", Some(false), None), site("b", None, Some(true))], 1, &[]),
            (vec![site("a", None, None), site("b", None, Some(true))], 1, &[]),
            (vec![site("a", Some(true), None), site("b", None, Some(true))], 1, &["old-b"]),
            // A broken one costs nothing.
            (vec![site("a", Some(false), None), site("b", None, Some(false))], 1, &["old-b"]),
        ];
        for (sites, unavailable, expected) in cases {
            assert_eq!(replace(&sites, unavailable).delete, expected, "{sites:?}");
        }
    }

    #[test]
    fn with_surge_the_new_one_comes_first() {
        let sites = [
            site("a", Some(true), Some(true)),
            site("b", Some(false), Some(true)),
            site("c", None, Some(true)),
            site("d", None, Some(true)),
        ];
        let rollout = surge(&sites, 2);
        assert_eq!((rollout.delete, rollout.create), (vec!["old-a".to_owned()], vec!["c".to_owned()]));
    }
}
