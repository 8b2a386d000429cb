//! Where pods may be in relation to other pods: only those of the same virtual cluster count, in the namespaces that the
//! tenant means.

use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::lean::Pairs;

use super::refs::{items, items_mut};
use crate::context::Context;
use crate::translate::selector::{Within, confined};

/// What terms are read against.
pub(super) struct Terms<'a> {
    pub(super) ctx: &'a Context,
    /// Virtual namespace of the pod.
    pub(super) namespace: &'a str,
    /// Labels of the virtual pod.
    pub(super) labels: &'a Pairs,
    /// Virtual namespaces whose labels match a selector, now.
    pub(super) matching: &'a dyn Fn(&Value) -> Vec<SmolStr>,
}

/// Rewrites affinities and spread constraints of a spec.
pub(super) fn rewrite(terms: &Terms<'_>, spec: &mut Value) {
    for constraint in items_mut(spec, "topologySpreadConstraints") {
        let selector = with_keys_of_pod(terms.labels, constraint);
        set_selector(constraint, confined(terms.ctx, &selector, Within::Namespace(terms.namespace)));
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(affinity) = spec.pointer_mut(&format!("/affinity/{kind}")) else { continue };
        for weighted in items_mut(affinity, "preferredDuringSchedulingIgnoredDuringExecution") {
            if let Some(term) = weighted.get_mut("podAffinityTerm") {
                *term = whole(terms, term);
            }
        }
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        let rewritten: Vec<Value> = items(affinity, required)
            .flat_map(|term| match kind {
                // None of these and none of those: two terms say it for good, also of namespaces that come later.
                "podAntiAffinity" => parts(term).iter().map(|part| whole(terms, part)).collect(),
                _ => vec![whole(terms, term)],
            })
            .collect();
        if !rewritten.is_empty() {
            affinity[required] = Value::Array(rewritten);
        }
    }
}

/// A term that names namespaces and selects others, as two terms.
fn parts(term: &Value) -> Vec<Value> {
    let named = term["namespaces"].as_array().is_some_and(|names| !names.is_empty());
    let selects = term["namespaceSelector"].as_object().is_some_and(|selector| !selector.is_empty());
    if !(named && selects) {
        return vec![term.clone()];
    }
    let (mut by_name, mut by_label) = (term.clone(), term.clone());
    by_name["namespaceSelector"] = Value::Null;
    by_label["namespaces"] = Value::Null;
    vec![by_name, by_label]
}

/// One term on the host.
fn whole(terms: &Terms<'_>, term: &Value) -> Value {
    let names: Vec<SmolStr> =
        items(term, "namespaces").filter_map(Value::as_str).map(SmolStr::from).collect();
    let selector = with_keys_of_pod(terms.labels, term);
    let of_namespaces = &term["namespaceSelector"];
    let chosen: Vec<SmolStr>;
    let within = match (of_namespaces.as_object(), names.is_empty()) {
        (None, true) => Within::Namespace(terms.namespace),
        (None, false) => Within::Namespaces(&names),
        (Some(all), _) if all.is_empty() => Within::Everywhere,
        (Some(_), true) => Within::Matching(of_namespaces),
        // One term cannot say "these or those": those that match now are named, too.
        (Some(_), false) => {
            let mut both = (terms.matching)(of_namespaces);
            both.extend(names);
            both.sort();
            both.dedup();
            chosen = both;
            Within::Namespaces(&chosen)
        }
    };
    let mut rewritten = json!({"topologyKey": term["topologyKey"]});
    set_selector(&mut rewritten, confined(terms.ctx, &selector, within));
    rewritten
}

/// The selector with what `matchLabelKeys` and `mismatchLabelKeys` make of the pod's own labels: servers of some versions
/// have merged it already and refuse to do so again.
fn with_keys_of_pod(labels: &Pairs, of: &Value) -> Value {
    let mut selector = of.get("labelSelector").cloned().unwrap_or(Value::Null);
    if selector.is_null() {
        return selector;
    }
    for (list, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        for key in items(of, list).filter_map(Value::as_str) {
            let Some((_, value)) = labels.iter().find(|(label, _)| label == key) else { continue };
            let requirement = json!({"key": key, "operator": operator, "values": [value]});
            let mut expressions: Vec<Value> = items(&selector, "matchExpressions").cloned().collect();
            if !expressions.contains(&requirement) {
                expressions.push(requirement);
                selector["matchExpressions"] = Value::Array(expressions);
            }
        }
    }
    selector
}

fn set_selector(of: &mut Value, selector: Value) {
    let Some(fields) = of.as_object_mut() else { return };
    fields.remove("matchLabelKeys");
    fields.remove("mismatchLabelKeys");
    match selector {
        Value::Null => drop(fields.remove("labelSelector")),
        selector => drop(fields.insert("labelSelector".into(), selector)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "vcluster.loft.sh/managed-by";
    const NAMESPACE: &str = "vcluster.loft.sh/namespace";

    fn rewritten(spec: Value) -> Value {
        let ctx = Context::new("t", "host");
        let labels = Pairs::from_iter([("app".into(), "web".into()), ("hash".into(), "7d9".into())]);
        let matching = |_: &Value| vec!["team-b".into(), "team-a".into()];
        let terms = Terms { ctx: &ctx, namespace: "shop", labels: &labels, matching: &matching };
        let mut spec = spec;
        rewrite(&terms, &mut spec);
        spec
    }

    fn required(kind: &str, term: Value) -> Value {
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        rewritten(json!({"affinity": {kind: {required: [term]}}}))["affinity"][kind][required].clone()
    }

    #[test]
    fn terms_are_confined_to_the_namespaces_that_are_meant() {
        let ctx = Context::new("t", "host");
        let team = ctx.names.namespace_label_key("team");
        let selector = json!({"matchLabels": {"app": "db"}});
        let cases = [
            (json!({}), json!({"matchLabels": {"app": "db", MARK: "t", NAMESPACE: "shop"}})),
            (
                json!({"namespaces": ["a", "b"]}),
                json!({"matchLabels": {"app": "db", MARK: "t"}, "matchExpressions": [
                    {"key": NAMESPACE, "operator": "In", "values": ["a", "b"]}]}),
            ),
            (json!({"namespaceSelector": {}}), json!({"matchLabels": {"app": "db", MARK: "t"}})),
            (
                json!({"namespaceSelector": {}, "namespaces": ["a"]}),
                json!({"matchLabels": {"app": "db", MARK: "t"}}),
            ),
            (
                json!({"namespaceSelector": {"matchLabels": {"team": "x"}}}),
                json!({"matchLabels": {"app": "db", MARK: "t", &team: "x"}}),
            ),
            (
                json!({"namespaceSelector": {"matchLabels": {"team": "x"}}, "namespaces": ["z", "team-a"]}),
                json!({"matchLabels": {"app": "db", MARK: "t"}, "matchExpressions": [
                    {"key": NAMESPACE, "operator": "In", "values": ["team-a", "team-b", "z"]}]}),
            ),
        ];
        for (mut term, expected) in cases {
            term["topologyKey"] = json!("zone");
            term["labelSelector"] = selector.clone();
            let on_host = required("podAffinity", term.clone());
            assert_eq!(on_host, json!([{"topologyKey": "zone", "labelSelector": expected}]), "{term}");
            let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
            let spec = json!({"affinity": {"podAntiAffinity": {preferred: [{"weight": 3, "podAffinityTerm": term}]}}});
            let weighted = &rewritten(spec)["affinity"]["podAntiAffinity"][preferred][0];
            assert_eq!(
                (&weighted["weight"], &weighted["podAffinityTerm"]["labelSelector"]),
                (&json!(3), &expected)
            );
        }
    }

    #[test]
    fn a_required_anti_affinity_to_named_and_selected_namespaces_becomes_two_terms() {
        let term = json!({"topologyKey": "zone", "labelSelector": {}, "namespaces": ["a"],
            "namespaceSelector": {"matchLabels": {"team": "x"}}});
        let terms = required("podAntiAffinity", term);
        let terms = terms.as_array().unwrap();
        assert_eq!(terms.len(), 2);
        assert_eq!(terms[0]["labelSelector"]["matchExpressions"][0]["values"], json!(["a"]));
        let team = Context::new("t", "host").names.namespace_label_key("team");
        assert_eq!(terms[1]["labelSelector"]["matchLabels"][team], "x");
    }

    #[test]
    fn a_term_without_selector_matches_no_pod_and_goes_on_doing_so() {
        assert_eq!(required("podAffinity", json!({"topologyKey": "zone"})), json!([{"topologyKey": "zone"}]));
        let spec = rewritten(json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}]}));
        assert_eq!(spec["topologySpreadConstraints"][0].get("labelSelector"), None);
    }

    #[test]
    fn label_keys_of_the_pod_are_merged_once() {
        let constraint = json!({"maxSkew": 1, "topologyKey": "zone", "matchLabelKeys": ["hash", "none"],
            "labelSelector": {"matchLabels": {"app": "web"}}});
        let spec = rewritten(json!({"topologySpreadConstraints": [constraint]}));
        let constraint = &spec["topologySpreadConstraints"][0];
        assert_eq!(constraint.get("matchLabelKeys"), None);
        assert_eq!(
            constraint["labelSelector"],
            json!({"matchLabels": {"app": "web", MARK: "t", NAMESPACE: "shop"},
                "matchExpressions": [{"key": "hash", "operator": "In", "values": ["7d9"]}]})
        );
        let merged = json!({"topologyKey": "zone", "mismatchLabelKeys": ["hash"], "labelSelector":
            {"matchExpressions": [{"key": "hash", "operator": "NotIn", "values": ["7d9"]}]}});
        let term = required("podAffinity", merged);
        assert_eq!(term[0]["labelSelector"]["matchExpressions"].as_array().unwrap().len(), 1);
    }
}
