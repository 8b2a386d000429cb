//! Label selectors in objects.

use crate::names;
use crate::status::FieldError;
use crate::store::Selector;
use serde_json::Value;

/// What is wrong with the label selector at `at`; nothing, when there is none.
pub(super) fn check(selector: &Value, at: &str, errors: &mut Vec<FieldError>) {
    labels(&selector["matchLabels"], &format!("{at}.matchLabels"), errors);
    for (index, term) in selector["matchExpressions"].as_array().into_iter().flatten().enumerate() {
        expression(term, &format!("{at}.matchExpressions[{index}]"), errors);
    }
}

/// What is wrong with the labels at `at`.
pub(super) fn labels(labels: &Value, at: &str, errors: &mut Vec<FieldError>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        for why in names::qualified(key) {
            errors.push(FieldError::invalid(at, format!("{key:?}"), &why));
        }
        let value = value.as_str().unwrap_or_default();
        if let Some(why) = names::label_value(value) {
            errors.push(FieldError::invalid(at, format!("{value:?}"), &why));
        }
    }
}

fn expression(term: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let values = term["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let field = |name: &str| format!("{at}.{name}");
    match term["operator"].as_str().unwrap_or_default() {
        "In" | "NotIn" if values.is_empty() => {
            let why = "must be specified when `operator` is 'In' or 'NotIn'";
            errors.push(FieldError::required(field("values"), why));
        }
        "In" | "NotIn" => {}
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(FieldError::forbidden(field("values"), why));
        }
        "Exists" | "DoesNotExist" => {}
        other => {
            let why = "not a valid selector operator";
            errors.push(FieldError::invalid(field("operator"), format!("{other:?}"), why));
        }
    }
    let key = term["key"].as_str().unwrap_or_default();
    for why in names::qualified(key) {
        errors.push(FieldError::invalid(field("key"), format!("{key:?}"), &why));
    }
    for (index, value) in values.iter().filter_map(Value::as_str).enumerate() {
        if let Some(why) = names::label_value(value) {
            errors.push(FieldError::invalid(format!("{at}.values[{index}]"), format!("{value:?}"), &why));
        }
    }
}

/// How the labels of a template stand to a selector.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Selection {
    Matches,
    Misses,
    /// It cannot be used at all.
    Broken,
}

/// Whether a selector selects labels; none selects nothing.
pub(super) fn selects(selector: &Value, labels: &Value) -> Selection {
    if !selector.is_object() {
        return Selection::Misses;
    }
    let mut errors = Vec::new();
    check(selector, "", &mut errors);
    match Selector::of_label_selector(selector) {
        Some(_) if !errors.is_empty() => Selection::Broken,
        Some(selector) if selector.matches_tree(labels) => Selection::Matches,
        Some(_) => Selection::Misses,
        None => Selection::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_part_of_a_selector_is_looked_at() {
        let cases: [(Value, &[&str]); 6] = [
            (json!({"matchLabels": {"a": "b"}}), &[]),
            (json!({"matchLabels": {"a b": "c d"}}), &["s.matchLabels", "s.matchLabels"]),
            (json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]}), &[]),
            (
                json!({"matchExpressions": [{"key": "a", "operator": "In"}]}),
                &["s.matchExpressions[0].values"],
            ),
            (
                json!({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["-"]}]}),
                &["s.matchExpressions[0].values", "s.matchExpressions[0].values[0]"],
            ),
            (
                json!({"matchExpressions": [{"key": "-", "operator": "Odd"}]}),
                &["s.matchExpressions[0].operator", "s.matchExpressions[0].key"],
            ),
        ];
        for (selector, expected) in cases {
            let mut errors = Vec::new();
            check(&selector, "s", &mut errors);
            let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, expected, "{selector}");
        }
    }
}
