//! Jobs.

use super::{job_policies, pod_spec, unchanged};
use crate::status::FieldError;
use crate::store::Selector;
use serde_json::{Value, json};

/// Most pods at once of a Job with indexes, and most of its indexes that may fail.
const MOST_INDEXED: i64 = 100_000;
/// A Job with more indexes than this and failures counted by index is held shorter: the lists would grow too long.
const MANY_COMPLETIONS: i64 = 100_000;
const FEW: i64 = 10_000;

/// What is wrong with a new Job.
pub(super) fn job(new: &Value, errors: &mut Vec<FieldError>) {
    spec(&new["spec"], "spec", errors);
    selector(&new["spec"], errors);
    let spec = &new["spec"];
    let name = new["metadata"]["name"].as_str().unwrap_or_default();
    if spec["completionMode"] == "Indexed"
        && let Some(last) = spec["completions"].as_i64().filter(|count| *count > 0)
    {
        let hostname = format!("{name}-{}", last - 1);
        if crate::names::label(&hostname).is_some() {
            let why = format!("will not able to create pod with invalid DNS label: {hostname}");
            errors.push(FieldError::invalid("metadata.name", json!(name), &why));
        }
    }
}

/// What is wrong with a change of a Job.
pub(super) fn update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    spec(&new["spec"], "spec", errors);
    selector(&new["spec"], errors);
    let (now, before) = (&new["spec"], &old["spec"]);
    if now["completionMode"] != "Indexed" {
        unchanged(new, old, "/spec/completions", "spec.completions", errors);
    } else if now["completions"] != before["completions"]
        && now["completions"].is_i64()
        && now["completions"] != now["parallelism"]
    {
        let why = "can only be modified in tandem with spec.parallelism";
        errors.push(FieldError::invalid("spec.completions", &now["completions"], why));
    }
    unchanged(new, old, "/spec/selector", "spec.selector", errors);
    for field in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]
    {
        unchanged(new, old, &format!("/spec/{field}"), &format!("spec.{field}"), errors);
    }
    let (now, before) = (fixed_template(now, old), fixed_template(before, old));
    if now != before {
        // Where something may change, the real server compares the pods' spec alone.
        let (field, shown) = match may_move(old) {
            true => ("spec.template.spec", &new["spec"]["template"]["spec"]),
            false => ("spec.template", &new["spec"]["template"]),
        };
        errors.push(FieldError::invalid(field, shown, "field is immutable"));
    }
}

/// Whether a Job is suspended and has no pods: where and with what they run may change then.
fn may_move(job: &Value) -> bool {
    let mut conditions = job["status"]["conditions"].as_array().into_iter().flatten();
    let noted = conditions.any(|c| c["type"] == "Suspended" && c["status"] == "True");
    let idle = job["status"]["active"].as_i64().unwrap_or(0) == 0;
    job["spec"]["suspend"] == true && idle && (job["status"]["startTime"].is_null() || noted)
}

/// What of the template of a Job that was `old` stays.
fn fixed_template(spec: &Value, old: &Value) -> Value {
    let mut template = spec["template"].clone();
    if !may_move(old) {
        return template;
    }
    for key in ["nodeSelector", "tolerations", "schedulingGates"] {
        template["spec"][key] = Value::Null;
    }
    for key in ["labels", "annotations"] {
        template["metadata"][key] = Value::Null;
    }
    let affinity = &mut template["spec"]["affinity"];
    if let Some(kinds) = affinity.as_object_mut() {
        kinds.remove("nodeAffinity");
        if kinds.is_empty() {
            *affinity = Value::Null;
        }
    }
    for list in ["containers", "initContainers"] {
        for container in template["spec"][list].as_array_mut().into_iter().flatten() {
            container["resources"] = Value::Null;
        }
    }
    template
}

/// A Job selects its own pods.
fn selector(spec: &Value, errors: &mut Vec<FieldError>) {
    let (selector, labels) = (&spec["selector"], &spec["template"]["metadata"]["labels"]);
    if !selector.is_object() {
        errors.push(FieldError::required("spec.selector", ""));
    }
    if !Selector::of_label_selector(selector).is_some_and(|selector| selector.matches_tree(labels)) {
        let why = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid("spec.template.metadata.labels", labels, why));
    }
}

/// A Job runs pods that end. `at` is the field that holds its spec.
pub(super) fn spec(spec: &Value, at: &str, errors: &mut Vec<FieldError>) {
    for key in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        not_negative(&spec[key], &format!("{at}.{key}"), errors);
    }
    if !spec["maxFailedIndexes"].is_null() && spec["backoffLimitPerIndex"].is_null() {
        let field = format!("{at}.backoffLimitPerIndex");
        errors.push(FieldError::required(field, "when maxFailedIndexes is specified"));
    }
    completion(spec, at, errors);
    job_policies::failure(spec, at, errors);
    job_policies::success(spec, at, errors);
    replacement(spec, at, errors);
    let pod = &spec["template"]["spec"];
    pod_spec::check(pod, &format!("{at}.template.spec"), &[], errors);
    let field = format!("{at}.template.spec.restartPolicy");
    match pod["restartPolicy"].as_str().unwrap_or_default() {
        "" | "Always" => errors.push(FieldError::required(field, "valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" if !spec["podFailurePolicy"].is_null() => {
            let why = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.push(FieldError::invalid(field, "\"OnFailure\"", why));
        }
        "OnFailure" | "Never" => {}
        other => errors.push(FieldError::not_supported(field, other, &["OnFailure", "Never"])),
    }
}

/// A number that is not below zero.
pub(super) fn not_negative(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(number) = value.as_i64().filter(|number| *number < 0) {
        errors.push(FieldError::invalid(field, number, "must be greater than or equal to 0"));
    }
}

/// Indexes, and what is only to be had with them.
fn completion(spec: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let number = |key: &str| spec[key].as_i64();
    let mut too_many = |key: &str, most: i64, why: &str| {
        if let Some(number) = number(key).filter(|number| *number > most) {
            errors.push(FieldError::invalid(format!("{at}.{key}"), number, why));
        }
    };
    match spec["completionMode"].as_str().unwrap_or_default() {
        "Indexed" => {
            let why = format!("must be less than or equal to {MOST_INDEXED} when completion mode is Indexed");
            too_many("parallelism", MOST_INDEXED, &why);
            if let Some(completions) = number("completions") {
                too_many("maxFailedIndexes", completions, "must be less than or equal to completions");
            }
            too_many(
                "maxFailedIndexes",
                MOST_INDEXED,
                &format!("must be less than or equal to {MOST_INDEXED}"),
            );
            let many = number("completions").is_some_and(|completions| completions > MANY_COMPLETIONS);
            if many && number("backoffLimitPerIndex").is_some() {
                let why = format!(
                    "must be less than or equal to {FEW} when completions are above {MANY_COMPLETIONS} and used with backoff limit per index"
                );
                too_many("parallelism", FEW, &why);
                too_many("maxFailedIndexes", FEW, &why);
                if number("maxFailedIndexes").is_none() {
                    let why = format!("must be specified when completions is above {MANY_COMPLETIONS}");
                    errors.push(FieldError::required(format!("{at}.maxFailedIndexes"), &why));
                }
            }
            if number("completions").is_none() {
                let why = "when completion mode is Indexed";
                errors.push(FieldError::required(format!("{at}.completions"), why));
            }
        }
        "" | "NonIndexed" => {
            for key in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                if let Some(number) = number(key) {
                    let why = "requires indexed completion mode";
                    errors.push(FieldError::invalid(format!("{at}.{key}"), number, why));
                }
            }
        }
        other => {
            let field = format!("{at}.completionMode");
            errors.push(FieldError::not_supported(field, other, &["NonIndexed", "Indexed"]));
        }
    }
}

fn replacement(spec: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let supported: &[&str] = match spec["podFailurePolicy"].is_null() {
        true => &["Failed", "TerminatingOrFailed"],
        false => &["Failed"],
    };
    if let Some(policy) = spec["podReplacementPolicy"].as_str().filter(|policy| !supported.contains(policy)) {
        errors.push(FieldError::not_supported(format!("{at}.podReplacementPolicy"), policy, supported));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspended_job_without_pods_may_run_elsewhere() {
        let job = |suspend: bool, active: i64, memory: &str, zone: &str, image: &str| {
            json!({"spec": {"suspend": suspend, "completionMode": "NonIndexed", "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"restartPolicy": "Never",
                "nodeSelector": {"zone": zone}, "containers": [{"name": "c", "image": image, "resources": {"requests": {"memory": memory}}}]}}},
                "status": {"active": active}})
        };
        let cases = [
            (job(true, 0, "1", "a", "i"), job(true, 0, "2", "b", "i"), true),
            (job(true, 0, "1", "a", "i"), job(false, 0, "1", "b", "i"), true),
            (job(true, 0, "1", "a", "i"), job(true, 0, "1", "a", "j"), false),
            (job(true, 1, "1", "a", "i"), job(true, 1, "1", "b", "i"), false),
            (job(false, 0, "1", "a", "i"), job(false, 0, "1", "b", "i"), false),
        ];
        for (old, new, fine) in cases {
            let mut errors = Vec::new();
            update(&new, &old, &mut errors);
            assert_eq!(errors.is_empty(), fine, "{new} {errors:?}");
        }
    }
}
