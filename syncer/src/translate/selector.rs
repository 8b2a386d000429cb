//! Label selectors of the tenant, as selectors over what is on the host.
//!
//! On the host all virtual namespaces share one, perhaps with strangers: every selector is confined to this virtual
//! cluster, and to the virtual namespaces that were meant. A missing selector selects nothing and stays missing; an empty
//! one selects everything within its confines.

use serde_json::{Map, Value, json};
use smol_str::SmolStr;
use v9s::cluster::lean::Pairs;
use v9s::wire::label;

use crate::context::Context;

/// The virtual namespaces that a selector looks into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Within<'a> {
    /// This one.
    Namespace(&'a str),
    /// These; none of them selects nothing.
    Namespaces(&'a [SmolStr]),
    /// Those whose labels match this `LabelSelector`; an empty one means all of the virtual cluster. The keys become
    /// those under which pods carry the labels of their namespaces: only pods can be selected like this.
    Matching(&'a Value),
    /// All of the virtual cluster.
    Everywhere,
}

/// A `LabelSelector` over virtual objects as one over the host's. Null stays null.
pub fn confined(ctx: &Context, selector: &Value, within: Within<'_>) -> Value {
    if selector.is_null() {
        return Value::Null;
    }
    let mut labels = translated_labels(selector, |key| ctx.names.label_key(key).into());
    let mut expressions = translated_expressions(selector, |key| ctx.names.label_key(key).into());
    match within {
        Within::Everywhere => {}
        Within::Namespace(namespace) => drop(labels.insert(label::NAMESPACE.into(), json!(namespace))),
        Within::Namespaces([]) => {
            // The API server refuses `In` without values: nothing lacks and carries a label at once.
            expressions.push(json!({"key": label::MANAGED_BY, "operator": "DoesNotExist"}));
        }
        Within::Namespaces(namespaces) => {
            expressions.push(json!({"key": label::NAMESPACE, "operator": "In", "values": namespaces}));
        }
        Within::Matching(namespaces) => {
            let key_of = |key: &str| ctx.names.namespace_label_key(key);
            labels.extend(translated_labels(namespaces, key_of));
            expressions.extend(translated_expressions(namespaces, key_of));
        }
    }
    labels.insert(label::MANAGED_BY.into(), json!(ctx.names.marker()));
    let mut confined = json!({"matchLabels": labels});
    if !expressions.is_empty() {
        confined["matchExpressions"] = Value::Array(expressions);
    }
    confined
}

/// The same for a plain map of labels, such as the selector of a Service. Null and an empty map, which select nothing
/// there, become null.
pub fn confined_map(ctx: &Context, selector: &Value, namespace: &str) -> Value {
    let Some(wanted) = selector.as_object().filter(|wanted| !wanted.is_empty()) else { return Value::Null };
    let mut labels: Map<String, Value> =
        wanted.iter().map(|(key, value)| (ctx.names.label_key(key).into(), value.clone())).collect();
    labels.insert(label::NAMESPACE.into(), json!(namespace));
    labels.insert(label::MANAGED_BY.into(), json!(ctx.names.marker()));
    Value::Object(labels)
}

/// Whether labels match a `LabelSelector`, as they are. A null selector matches nothing, as does an operator that is not
/// known.
pub fn matches(selector: &Value, labels: &Pairs) -> bool {
    let value_of = |key: &str| labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let all_labels = translated_labels(selector, str::to_owned)
        .iter()
        .all(|(key, wanted)| value_of(key).is_some_and(|value| wanted == value));
    let matches = |expression: &Value| {
        let value = value_of(expression["key"].as_str().unwrap_or_default());
        let listed = || {
            let values = expression["values"].as_array();
            value.is_some_and(|value| values.into_iter().flatten().any(|wanted| wanted == value))
        };
        match expression["operator"].as_str() {
            Some("In") => listed(),
            Some("NotIn") => !listed(),
            Some("Exists") => value.is_some(),
            Some("DoesNotExist") => value.is_none(),
            _ => false,
        }
    };
    !selector.is_null()
        && all_labels
        && selector["matchExpressions"].as_array().into_iter().flatten().all(matches)
}

/// A `LabelSelector` in the words of a list request, `a=b,c in (d,e),!f`. None when it selects everything.
///
/// # Errors
/// What is not a selector in it.
pub fn to_query(selector: &Value) -> Result<Option<String>, String> {
    let mut terms: Vec<String> = Vec::new();
    for (key, value) in translated_labels(selector, str::to_owned) {
        let value = value.as_str().ok_or_else(|| format!("matchLabels.{key} is no text"))?;
        terms.push(format!("{key}={value}"));
    }
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().ok_or("an item of matchExpressions has no key")?;
        let values = expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let values = values.collect::<Vec<_>>().join(",");
        terms.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("Exists") => key.to_owned(),
            Some("DoesNotExist") => format!("!{key}"),
            other => return Err(format!("operator {} of {key} is none", other.unwrap_or("(missing)"))),
        });
    }
    Ok((!terms.is_empty()).then(|| terms.join(",")))
}

fn translated_labels(selector: &Value, key_of: impl Fn(&str) -> String) -> Map<String, Value> {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    labels.map(|(key, value)| (key_of(key), value.clone())).collect()
}

fn translated_expressions(selector: &Value, key_of: impl Fn(&str) -> String) -> Vec<Value> {
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    expressions
        .map(|expression| {
            let mut translated = expression.clone();
            if let Some(key) = expression["key"].as_str() {
                translated["key"] = json!(key_of(key));
            }
            translated
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ctx() -> Context {
        Context::new("my-vcluster", "tenants")
    }

    const OURS: (&str, &str) = ("vcluster.loft.sh/managed-by", "my-vcluster");

    #[test]
    fn a_missing_selector_stays_missing_and_an_empty_one_selects_all_within_its_confines() {
        let ctx = ctx();
        assert_eq!(confined(&ctx, &Value::Null, Within::Everywhere), Value::Null);
        assert_eq!(
            confined(&ctx, &json!({}), Within::Namespace("shop")),
            json!({"matchLabels": {OURS.0: OURS.1, "vcluster.loft.sh/namespace": "shop"}})
        );
        assert_eq!(confined(&ctx, &json!({}), Within::Everywhere), json!({"matchLabels": {OURS.0: OURS.1}}));
        assert_eq!(confined_map(&ctx, &Value::Null, "shop"), Value::Null);
        assert_eq!(
            confined_map(&ctx, &json!({}), "shop"),
            Value::Null,
            "a Service without selector has none"
        );
    }

    #[test]
    fn keys_are_translated_and_confines_cannot_be_forged() {
        let ctx = ctx();
        let forged = json!({
            "matchLabels": {"app": "web", "vcluster.loft.sh/managed-by": "other", "vcluster.loft.sh/namespace": "theirs"},
            "matchExpressions": [{"key": "release", "operator": "In", "values": ["a"]}],
        });
        let confined = confined(&ctx, &forged, Within::Namespace("shop"));
        let labels = &confined["matchLabels"];
        assert_eq!((&labels["app"], &labels[OURS.0]), (&json!("web"), &json!(OURS.1)));
        assert_eq!(labels["vcluster.loft.sh/namespace"], "shop");
        assert_eq!(labels[ctx.names.label_key("vcluster.loft.sh/managed-by").as_str()], "other");
        assert_eq!(confined["matchExpressions"][0]["key"], ctx.names.label_key("release").as_str());
        let map = confined_map(&ctx, &forged["matchLabels"], "shop");
        assert_eq!((&map[OURS.0], &map["vcluster.loft.sh/namespace"]), (&json!(OURS.1), &json!("shop")));
    }

    #[test]
    fn namespaces_are_selected_by_name_or_by_the_labels_that_pods_carry_of_them() {
        let ctx = ctx();
        let selector = json!({"matchLabels": {"app": "web"}});
        let names = ["a".into(), "b".into()];
        assert_eq!(
            confined(&ctx, &selector, Within::Namespaces(&names))["matchExpressions"],
            json!([{"key": "vcluster.loft.sh/namespace", "operator": "In", "values": ["a", "b"]}])
        );
        assert_eq!(
            confined(&ctx, &selector, Within::Namespaces(&[]))["matchExpressions"],
            json!([{"key": OURS.0, "operator": "DoesNotExist"}]),
            "nothing is selected"
        );
        let of_namespaces = json!({"matchLabels": {"team": "x"},
            "matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]});
        let matching = confined(&ctx, &selector, Within::Matching(&of_namespaces));
        assert_eq!(matching["matchLabels"][ctx.names.namespace_label_key("team")], "x");
        assert_eq!(matching["matchExpressions"][0]["key"], ctx.names.namespace_label_key("env"));
        assert_eq!(matching["matchLabels"]["vcluster.loft.sh/namespace"], Value::Null);
    }

    #[test]
    fn labels_match_and_requests_say_what_a_selector_says() {
        let labels = |pairs: &[(&str, &str)]| -> Pairs {
            pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
        };
        let term = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]});
        let cases = [
            (json!({}), true, true, None),
            (Value::Null, false, false, None),
            (json!({"matchLabels": {"a": "1"}}), true, false, Some("a=1")),
            (term("In", &["1", "2"]), true, false, Some("a in (1,2)")),
            (term("NotIn", &["1"]), false, true, Some("a notin (1)")),
            (term("Exists", &[]), true, false, Some("a")),
            (term("DoesNotExist", &[]), false, true, Some("!a")),
        ];
        for (selector, with_a, without, query) in cases {
            assert_eq!(matches(&selector, &labels(&[("a", "1"), ("b", "2")])), with_a, "{selector}");
            assert_eq!(matches(&selector, &labels(&[("b", "2")])), without, "{selector}");
            assert_eq!(to_query(&selector).unwrap().as_deref(), query);
        }
        assert!(to_query(&term("Like", &[])).is_err());
        assert!(!matches(&term("Like", &[]), &labels(&[("a", "1")])));
    }
}
