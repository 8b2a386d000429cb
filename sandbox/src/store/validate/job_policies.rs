//! The policies of Jobs: what a failed pod means, and how much success is enough.

use super::jobs::not_negative;
use crate::status::FieldError;
use serde_json::{Value, json};

/// Most rules of a policy.
const MOST_RULES: usize = 20;
const MOST_CODES: usize = 255;

fn too_many(field: String, count: usize, most: usize) -> FieldError {
    let message = format!("Too many: {count}: must have at most {most} items");
    FieldError { reason: "FieldValueTooMany", field, message }
}

/// What is wrong with `podFailurePolicy`; `at` is the field that holds the spec of the Job.
pub(super) fn failure(spec: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let Some(policy) = spec.get("podFailurePolicy").filter(|policy| policy.is_object()) else { return };
    let rules = policy["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    let at = format!("{at}.podFailurePolicy.rules");
    if rules.len() > MOST_RULES {
        errors.push(too_many(at.clone(), rules.len(), MOST_RULES));
    }
    for (index, rule) in rules.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let actions = ["Count", "FailIndex", "FailJob", "Ignore"];
        let field = format!("{at}.action");
        match rule["action"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(field, &format!("valid values: {}", quoted(&actions)))),
            "FailIndex" if spec["backoffLimitPerIndex"].is_null() => {
                let why = "requires the backoffLimitPerIndex to be set";
                errors.push(FieldError::invalid(field, "\"FailIndex\"", why));
            }
            action if !actions.contains(&action) => {
                errors.push(FieldError::not_supported(field, action, &actions));
            }
            _ => {}
        }
        let codes = rule["onExitCodes"].is_object();
        let conditions = rule["onPodConditions"].as_array().is_some_and(|list| !list.is_empty());
        if codes {
            exit_codes(spec, &rule["onExitCodes"], &format!("{at}.onExitCodes"), errors);
        }
        pod_conditions(rule, &at, errors);
        let whole = |why: &str| FieldError {
            reason: "FieldValueInvalid",
            field: at.clone(),
            message: format!("Invalid value: {why}"),
        };
        match (codes, conditions) {
            (true, true) => {
                errors.push(whole("specifying both OnExitCodes and OnPodConditions is not supported"));
            }
            (false, false) => {
                errors.push(whole("specifying one of OnExitCodes and OnPodConditions is required"));
            }
            _ => {}
        }
    }
}

/// As Go prints a list of texts.
fn quoted(words: &[&str]) -> String {
    format!("[{}]", words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" "))
}

fn exit_codes(spec: &Value, wanted: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let operators = ["In", "NotIn"];
    let field = format!("{at}.operator");
    let operator = wanted["operator"].as_str().unwrap_or_default();
    if operator.is_empty() {
        errors.push(FieldError::required(field, &format!("valid values: {}", quoted(&operators))));
    } else if !operators.contains(&operator) {
        errors.push(FieldError::not_supported(field, operator, &operators));
    }
    let pod = &spec["template"]["spec"];
    let mut containers =
        ["containers", "initContainers"].iter().flat_map(|list| pod[list].as_array()).flatten();
    if let Some(name) = wanted["containerName"].as_str()
        && !containers.any(|container| container["name"] == name)
    {
        let why = "must be one of the container or initContainer names in the pod template";
        errors.push(FieldError::invalid(format!("{at}.containerName"), json!(name), why));
    }
    let at = format!("{at}.values");
    let values: Vec<i64> =
        wanted["values"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    if values.is_empty() {
        errors.push(FieldError::invalid(&at, &wanted["values"], "at least one value is required"));
    } else if values.len() > MOST_CODES {
        errors.push(too_many(at.clone(), values.len(), MOST_CODES));
    }
    for (index, code) in values.iter().enumerate() {
        let field = format!("{at}[{index}]");
        if operator == "In" && *code == 0 {
            errors.push(FieldError::invalid(&field, code, "must not be 0 for the In operator"));
        }
        if values.iter().take(index).any(|earlier| earlier == code) {
            let message = format!("Duplicate value: {code}");
            errors.push(FieldError { reason: "FieldValueDuplicate", field, message });
        }
    }
    if !values.is_sorted() {
        errors.push(FieldError::invalid(at, &wanted["values"], "must be ordered"));
    }
}

fn pod_conditions(rule: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let patterns = rule["onPodConditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if patterns.len() > MOST_RULES {
        errors.push(too_many(format!("{at}.onPodConditions"), patterns.len(), MOST_RULES));
    }
    for (index, pattern) in patterns.iter().enumerate() {
        let at = format!("{at}.onPodConditions[{index}]");
        let kind = pattern["type"].as_str().unwrap_or_default();
        for why in crate::names::qualified(kind) {
            errors.push(FieldError::invalid(format!("{at}.type"), json!(kind), &why));
        }
        let words = ["False", "True", "Unknown"];
        if let Some(word) = pattern["status"].as_str().filter(|word| !words.contains(word)) {
            errors.push(FieldError::not_supported(format!("{at}.status"), word, &words));
        }
    }
}

/// What is wrong with `successPolicy`.
pub(super) fn success(spec: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let Some(policy) = spec.get("successPolicy").filter(|policy| policy.is_object()) else { return };
    let at = format!("{at}.successPolicy");
    let rules = policy["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    if spec["completionMode"] != "Indexed" {
        // Shown under its Go names.
        let rules = rules.iter().map(|rule| {
            let (indexes, count) = (&rule["succeededIndexes"], &rule["succeededCount"]);
            format!("{{\"SucceededIndexes\":{indexes},\"SucceededCount\":{count}}}")
        });
        let shown = format!("{{\"Rules\":[{}]}}", rules.collect::<Vec<_>>().join(","));
        errors.push(FieldError::invalid(at, shown, "requires indexed completion mode"));
        return;
    }
    let at = format!("{at}.rules");
    if rules.is_empty() {
        let why = "at least one rules must be specified when the successPolicy is specified";
        errors.push(FieldError::required(&at, why));
    }
    if rules.len() > MOST_RULES {
        errors.push(too_many(at.clone(), rules.len(), MOST_RULES));
    }
    let completions = spec["completions"].as_i64().unwrap_or(0);
    for (index, rule) in rules.iter().enumerate() {
        success_rule(rule, completions, &format!("{at}[{index}]"), errors);
    }
}

fn success_rule(rule: &Value, completions: i64, at: &str, errors: &mut Vec<FieldError>) {
    let (indexes, count) = (rule["succeededIndexes"].as_str(), rule["succeededCount"].as_i64());
    if indexes.is_none() && count.is_none() {
        let why = "at least one of succeededCount or succeededIndexes must be specified";
        errors.push(FieldError::required(at, why));
    }
    let listed = indexes.map(|text| count_indexes(text, completions));
    if let (Some(text), Some(Err(why))) = (indexes, &listed) {
        let why = format!("error parsing succeededIndexes: {why}");
        errors.push(FieldError::invalid(format!("{at}.succeededIndexes"), json!(text), &why));
    }
    let field = format!("{at}.succeededCount");
    not_negative(&rule["succeededCount"], &field, errors);
    let Some(count) = count else { return };
    if count > completions {
        let why =
            format!("must be less than or equal to {completions} (the number of specified completions)");
        errors.push(FieldError::invalid(&field, count, &why));
    }
    let listed = listed.map(|listed| listed.unwrap_or(0));
    if let Some(listed) = listed.filter(|listed| count > *listed) {
        let why = format!(
            "must be less than or equal to {listed} (the number of indexes in the specified succeededIndexes field)"
        );
        errors.push(FieldError::invalid(field, count, &why));
    }
}

/// How many indexes a list such as `0,2-4` names, or what is wrong with it.
fn count_indexes(text: &str, completions: i64) -> Result<i64, String> {
    let (mut total, mut last) = (0, None);
    if text.is_empty() {
        return Ok(0);
    }
    for part in text.split(',') {
        let ends: Vec<&str> = part.split('-').collect();
        if ends.len() > 2 {
            return Err(format!(
                "the fragment {part:?} violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        }
        let number = |text: &str| {
            let number: i64 =
                text.parse().map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
            match number >= completions {
                true => Err(format!("too large index: {text:?}")),
                false => Ok(number),
            }
        };
        let from = number(ends.first().copied().unwrap_or_default())?;
        if let Some(last) = last.filter(|last| *last >= from) {
            return Err(format!("non-increasing order, previous: {last}, current: {from}"));
        }
        let to = match ends.get(1) {
            None => from,
            Some(to) => {
                let to = number(to)?;
                if from >= to {
                    return Err(format!("non-increasing order, previous: {from}, current: {to}"));
                }
                to
            }
        };
        total += to - from + 1;
        last = Some(to);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_come_in_order() {
        let cases = [
            ("", Ok(0)),
            ("0,2-4", Ok(4)),
            ("0-9", Err("too large index: \"9\"")),
            ("3,1", Err("non-increasing order, previous: 3, current: 1")),
            ("3-3", Err("non-increasing order, previous: 3, current: 3")),
            ("a", Err("cannot convert string to integer for index: \"a\"")),
        ];
        for (text, expected) in cases {
            assert_eq!(count_indexes(text, 9), expected.map_err(str::to_owned), "{text}");
        }
    }
}
