//! Whether a pod fits on a node, in the words of the scheduler. Pure.

use std::collections::BTreeMap;

use serde_json::Value;
use smol_str::SmolStr;

use crate::kinds::quantity::Quantity;
use crate::kinds::resources::Resources;

/// A node as the scheduler sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeView {
    pub(crate) labels: BTreeMap<SmolStr, SmolStr>,
    pub(crate) taints: Vec<Taint>,
    pub(crate) unschedulable: bool,
    pub(crate) allocatable: Resources,
    /// What the pods on it ask for.
    pub(crate) used: Resources,
    pub(crate) pods: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Taint {
    pub(crate) key: SmolStr,
    pub(crate) value: SmolStr,
    pub(crate) effect: SmolStr,
}

/// Why a pod does not fit on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reasons: Vec<String>,
    /// Removing other pods could help.
    pub(crate) resolvable: bool,
}

impl NodeView {
    pub(crate) fn read(node: &Value) -> Self {
        let text = |value: &Value, key: &str| SmolStr::new(value[key].as_str().unwrap_or_default());
        let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
        let taints = node["spec"]["taints"].as_array().into_iter().flatten();
        NodeView {
            labels: labels
                .map(|(key, value)| (key.into(), value.as_str().unwrap_or_default().into()))
                .collect(),
            taints: taints
                .map(|taint| Taint {
                    key: text(taint, "key"),
                    value: text(taint, "value"),
                    effect: text(taint, "effect"),
                })
                .collect(),
            unschedulable: node["spec"]["unschedulable"] == true,
            allocatable: Resources::from_json(node["status"].get("allocatable")),
            ..NodeView::default()
        }
    }

    /// The share of cpu and memory that would be free with a pod on it; the greater the better.
    pub(crate) fn free_share(&self, request: &Resources) -> i64 {
        let share = |name: &str| {
            let all = self.allocatable.get(name).as_millis();
            let free = all.saturating_sub((self.used.get(name) + request.get(name)).as_millis());
            if all == 0 { 0 } else { i64::try_from(i128::from(free) * 1000 / i128::from(all)).unwrap_or(0) }
        };
        share("cpu") + share("memory")
    }

    /// Why a pod with these requests does not fit; None when it does.
    pub(crate) fn refuses(&self, name: &str, pod: &Value, request: &Resources) -> Option<Refusal> {
        let never = |reason: &str| Some(Refusal { reasons: vec![reason.to_owned()], resolvable: false });
        let spec = &pod["spec"];
        let cordoned = Taint {
            key: "node.kubernetes.io/unschedulable".into(),
            effect: "NoSchedule".into(),
            ..Taint::default()
        };
        if self.unschedulable && !tolerates(spec, &cordoned) {
            return never("node(s) were unschedulable");
        }
        let keeps_out = |taint: &&Taint| taint.effect != "PreferNoSchedule" && !tolerates(spec, taint);
        if self.taints.iter().any(|taint| keeps_out(&taint)) {
            return never("node(s) had untolerated taint(s)");
        }
        if !self.is_selected(name, spec) {
            return never("node(s) didn't match Pod's node affinity/selector");
        }
        let mut reasons = Vec::new();
        if self.pods >= self.allocatable.0.get("pods").map_or(110, Quantity::as_units) {
            reasons.push("Too many pods".to_owned());
        }
        for (resource, wanted) in request.0.iter().filter(|(_, wanted)| wanted.is_positive()) {
            if self.used.get(resource) + *wanted > self.allocatable.get(resource) {
                reasons.push(format!("Insufficient {resource}"));
            }
        }
        (!reasons.is_empty()).then_some(Refusal { reasons, resolvable: true })
    }

    /// Whether a node selector (`nodeSelectorTerms`) means this node.
    pub(crate) fn satisfies_selector(&self, name: &str, selector: &Value) -> bool {
        let mut terms = selector["nodeSelectorTerms"].as_array().into_iter().flatten();
        terms.any(|term| self.satisfies(name, term))
    }

    pub(crate) fn is_selected(&self, name: &str, spec: &Value) -> bool {
        let mut selector = spec["nodeSelector"].as_object().into_iter().flatten();
        let selected =
            selector.all(|(key, value)| self.labels.get(key.as_str()).map(SmolStr::as_str) == value.as_str());
        let required = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
        let required = spec.pointer(required).filter(|required| required["nodeSelectorTerms"].is_array());
        selected && required.is_none_or(|required| self.satisfies_selector(name, required))
    }

    fn satisfies(&self, name: &str, term: &Value) -> bool {
        let list = |key: &str| term[key].as_array().map(Vec::as_slice).unwrap_or_default();
        let (labels, fields) = (list("matchExpressions"), list("matchFields"));
        let label = |expression: &Value| {
            let key = expression["key"].as_str().unwrap_or_default();
            holds(expression, self.labels.get(key).map(SmolStr::as_str))
        };
        let field =
            |expression: &Value| expression["key"] == "metadata.name" && holds(expression, Some(name));
        // A term that says nothing selects nothing.
        !(labels.is_empty() && fields.is_empty()) && labels.iter().all(label) && fields.iter().all(field)
    }
}

fn holds(expression: &Value, value: Option<&str>) -> bool {
    let values = expression["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let listed = value.is_some_and(|value| values.iter().any(|listed| listed == value));
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let bound = number(values.first().and_then(Value::as_str));
    match expression["operator"].as_str() {
        Some("In") => listed,
        Some("NotIn") => !listed,
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        Some("Gt") => number(value).zip(bound).is_some_and(|(value, bound)| value > bound),
        Some("Lt") => number(value).zip(bound).is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}

/// The toleration by which a pod (its `spec`) puts up with a taint.
pub(crate) fn toleration<'v>(spec: &'v Value, taint: &Taint) -> Option<&'v Value> {
    spec["tolerations"].as_array()?.iter().find(|toleration| {
        let text = |key: &str| toleration[key].as_str().unwrap_or_default();
        let effect = text("effect").is_empty() || text("effect") == taint.effect;
        let key = text("key").is_empty() && text("operator") == "Exists" || text("key") == taint.key;
        let value = text("operator") == "Exists" || text("value") == taint.value;
        effect && key && value
    })
}

fn tolerates(spec: &Value, taint: &Taint) -> bool {
    toleration(spec, taint).is_some()
}

/// What the scheduler says when no node takes a pod.
pub(super) fn explain(refusals: &[Refusal]) -> String {
    if refusals.is_empty() {
        return "no nodes available to schedule pods".to_owned();
    }
    let count = |reasons: Vec<&str>| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        reasons.into_iter().for_each(|reason| *counts.entry(reason).or_default() += 1);
        let mut texts: Vec<String> =
            counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        texts.sort();
        texts.join(", ")
    };
    let total = refusals.len();
    let why = count(refusals.iter().flat_map(|refusal| refusal.reasons.iter().map(String::as_str)).collect());
    let preemption = count(
        refusals
            .iter()
            .map(|refusal| match refusal.resolvable {
                true => "No preemption victims found for incoming pod",
                false => "Preemption is not helpful for scheduling",
            })
            .collect(),
    );
    format!(
        "0/{total} nodes are available: {why}. no new claims to deallocate, preemption: 0/{total} nodes are available: {preemption}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node() -> NodeView {
        NodeView::read(&json!({"metadata": {"labels": {"zone": "a", "cores": "8"}},
            "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}}}))
    }

    fn request(cpu: &str) -> Resources {
        Resources::from_json(Some(&json!({"cpu": cpu})))
    }

    #[test]
    fn nodes_refuse_in_the_words_of_the_scheduler() {
        let affinity = |term: Value| {
            json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                {"nodeSelectorTerms": [term]}}}})
        };
        let expression = |key: &str, operator: &str, values: Value| {
            affinity(json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}))
        };
        let selector = "node(s) didn't match Pod's node affinity/selector";
        let full = NodeView { used: request("3500m"), pods: 10, ..node() };
        let cordoned = NodeView { unschedulable: true, ..node() };
        let taint = Taint { key: "gpu".into(), value: "yes".into(), effect: "NoSchedule".into() };
        let tainted = NodeView { taints: vec![taint], ..node() };
        let cases: Vec<(NodeView, Value, &str, Vec<&str>)> = vec![
            (node(), json!({}), "4", vec![]),
            (node(), json!({}), "4001m", vec!["Insufficient cpu"]),
            (full, json!({}), "1", vec!["Too many pods", "Insufficient cpu"]),
            (cordoned, json!({}), "1", vec!["node(s) were unschedulable"]),
            (tainted.clone(), json!({}), "1", vec!["node(s) had untolerated taint(s)"]),
            (tainted.clone(), json!({"tolerations": [{"key": "gpu", "value": "yes"}]}), "1", vec![]),
            (tainted, json!({"tolerations": [{"operator": "Exists"}]}), "1", vec![]),
            (node(), json!({"nodeSelector": {"zone": "b"}}), "1", vec![selector]),
            (node(), json!({"nodeSelector": {"zone": "a"}}), "1", vec![]),
            (node(), expression("zone", "In", json!(["a", "b"])), "1", vec![]),
            (node(), expression("zone", "NotIn", json!(["a"])), "1", vec![selector]),
            (node(), expression("disk", "DoesNotExist", json!([])), "1", vec![]),
            (node(), expression("cores", "Gt", json!(["4"])), "1", vec![]),
            (
                node(),
                affinity(
                    json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}),
                ),
                "1",
                vec![],
            ),
            (node(), affinity(json!({})), "1", vec![selector]),
        ];
        for (node, spec, cpu, expected) in cases {
            let refusal = node.refuses("n1", &json!({"spec": spec}), &request(cpu));
            assert_eq!(refusal.map(|r| r.reasons).unwrap_or_default(), expected, "{spec}");
        }
    }

    #[test]
    fn refusals_are_counted() {
        let refusal =
            |reason: &str, resolvable: bool| Refusal { reasons: vec![reason.to_owned()], resolvable };
        let refusals = [
            refusal("Insufficient cpu", true),
            refusal("Insufficient cpu", true),
            refusal("node(s) were unschedulable", false),
        ];
        assert_eq!(
            explain(&refusals),
            "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, \
             preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, \
             2 No preemption victims found for incoming pod."
        );
        assert_eq!(explain(&[]), "no nodes available to schedule pods");
    }

    #[test]
    fn emptier_nodes_are_better() {
        let busy = NodeView { used: request("2"), ..node() };
        assert!(node().free_share(&request("1")) > busy.free_share(&request("1")));
    }
}
