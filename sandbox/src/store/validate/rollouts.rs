//! How many pods may be away while others come.

use super::jobs::not_negative;
use super::selectors;
use crate::status::FieldError;
use serde_json::{Value, json};

/// The strategy of a Deployment, and the times that go with it.
pub(super) fn deployment(spec: &Value, errors: &mut Vec<FieldError>) {
    let strategy = &spec["strategy"];
    let rolling = &strategy["rollingUpdate"];
    match strategy["type"].as_str().unwrap_or_default() {
        "Recreate" if !rolling.is_null() => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden("spec.strategy.rollingUpdate", why));
        }
        "Recreate" => {}
        "RollingUpdate" => rolling_update(rolling, "spec.strategy.rollingUpdate", errors),
        _ => {
            // The message shows the fields under their Go names.
            let shown = json!({"RollingUpdate": rolling, "Type": strategy["type"]});
            let known = ["Recreate", "RollingUpdate"];
            errors.push(FieldError::not_among("spec.strategy", shown, &known));
        }
    }
    for key in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        not_negative(&spec[key], &format!("spec.{key}"), errors);
    }
    let ready = spec["minReadySeconds"].as_i64().unwrap_or(0);
    if let Some(deadline) = spec["progressDeadlineSeconds"].as_i64().filter(|deadline| *deadline <= ready) {
        let why = "must be greater than minReadySeconds";
        errors.push(FieldError::invalid("spec.progressDeadlineSeconds", deadline, why));
    }
}

/// The strategy of a StatefulSet.
pub(super) fn stateful_set(spec: &Value, errors: &mut Vec<FieldError>) {
    let strategy = &spec["updateStrategy"];
    let rolling = &strategy["rollingUpdate"];
    // Messages show the fields under their Go names.
    let shown = match rolling {
        Value::Null => Value::Null,
        rolling => {
            json!({"MaxUnavailable": rolling["maxUnavailable"], "Partition": rolling["partition"].as_i64().unwrap_or(0)})
        }
    };
    match strategy["type"].as_str().unwrap_or_default() {
        "" => errors.push(FieldError::required("spec.updateStrategy", "")),
        "OnDelete" if !rolling.is_null() => {
            let why = "only allowed for updateStrategy 'RollingUpdate'";
            errors.push(FieldError::invalid("spec.updateStrategy.rollingUpdate", shown, why));
        }
        "OnDelete" => {}
        "RollingUpdate" => {
            not_negative(&rolling["partition"], "spec.updateStrategy.rollingUpdate.partition", errors)
        }
        _ => {
            let shown = json!({"RollingUpdate": shown, "Type": strategy["type"]});
            let why = "must be 'RollingUpdate' or 'OnDelete'";
            errors.push(FieldError::invalid("spec.updateStrategy", shown, why));
        }
    }
}

fn rolling_update(rolling: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let (away, more) = (&rolling["maxUnavailable"], &rolling["maxSurge"]);
    let field = format!("{at}.maxUnavailable");
    amount(away, &field, errors);
    amount(more, &format!("{at}.maxSurge"), errors);
    if is_nothing(away) && is_nothing(more) {
        errors.push(FieldError::invalid(&field, away, "may not be 0 when `maxSurge` is 0"));
    }
    not_more_than_all(away, &field, errors);
}

/// A budget says how many pods are needed, or how many are not.
pub(super) fn budget(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        // The message shows the fields under their Go names.
        let shown = json!({"MinAvailable": spec["minAvailable"], "Selector": spec["selector"],
            "MaxUnavailable": spec["maxUnavailable"], "UnhealthyPodEvictionPolicy": spec["unhealthyPodEvictionPolicy"]});
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid("spec", shown, detail));
    }
    for key in ["minAvailable", "maxUnavailable"] {
        amount(&spec[key], &format!("spec.{key}"), errors);
        not_more_than_all(&spec[key], &format!("spec.{key}"), errors);
    }
    selectors::check(&spec["selector"], "spec.selector", errors);
}

/// A number that is not below zero, or a percentage.
fn amount(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    not_negative(value, field, errors);
    if let Some(text) = value.as_str().filter(|text| percentage(text).is_none()) {
        let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
        errors.push(FieldError::invalid(field, format!("{text:?}"), why));
    }
}

fn percentage(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

fn is_nothing(value: &Value) -> bool {
    value.as_i64() == Some(0) || value.as_str().and_then(percentage) == Some(0)
}

fn not_more_than_all(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if value.as_str().and_then(percentage).is_some_and(|percentage| percentage > 100) {
        errors.push(FieldError::invalid(field, value, "must not be greater than 100%"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_leaves_room_for_progress() {
        let rolling = |away: Value, more: Value| json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": away, "maxSurge": more}}});
        let away = "spec.strategy.rollingUpdate.maxUnavailable";
        let cases: [(Value, &[&str]); 8] = [
            (rolling(json!(1), json!(0)), &[]),
            (rolling(json!("25%"), json!("150%")), &[]),
            (rolling(json!("0%"), json!(0)), &[away]),
            (rolling(json!("101%"), json!(0)), &[away]),
            (rolling(json!("text"), json!(1)), &[away]),
            (rolling(json!(-1), json!(1)), &[away]),
            (
                json!({"strategy": {"type": "Recreate", "rollingUpdate": {}}}),
                &["spec.strategy.rollingUpdate"],
            ),
            (
                json!({"strategy": {"type": "Recreate"}, "minReadySeconds": 5, "progressDeadlineSeconds": 5}),
                &["spec.progressDeadlineSeconds"],
            ),
        ];
        for (spec, expected) in cases {
            let mut errors = Vec::new();
            deployment(&spec, &mut errors);
            let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, expected, "{spec}");
        }
    }
}
