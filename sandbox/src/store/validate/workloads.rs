//! Workloads and what scales them.

use super::pod_spec;
use crate::kinds::Kind;
use crate::status::FieldError;
use crate::store::Selector;
use serde_json::Value;

/// What all workload controllers have: a selector, and a template that it selects.
pub(super) fn workload(kind: &Kind, new: &Value, errors: &mut Vec<FieldError>) {
    let selector = &new["spec"]["selector"];
    let labels = &new["spec"]["template"]["metadata"]["labels"];
    match selector.as_object() {
        None => {
            // DaemonSets demand none, and then select nothing.
            if kind.plural != "daemonsets" {
                errors.push(FieldError::required("spec.selector", ""));
            }
            not_selected(labels, errors);
        }
        Some(terms) if terms.is_empty() => {
            let what = match kind.plural.as_str() {
                "statefulsets" => "statefulset",
                "daemonsets" => "daemonset",
                _ => "deployment",
            };
            errors.push(FieldError::invalid(
                "spec.selector",
                selector,
                &format!("empty selector is invalid for {what}"),
            ));
        }
        Some(_) => {
            let matches = Selector::of_label_selector(selector).is_some_and(|s| s.matches_tree(labels));
            if !matches {
                not_selected(labels, errors);
            }
        }
    }
    let spec = &new["spec"]["template"]["spec"];
    pod_spec(spec, "spec.template.spec", errors);
    if spec["restartPolicy"].as_str().is_some_and(|policy| policy != "Always") {
        let policy = spec["restartPolicy"].as_str().unwrap_or_default();
        errors.push(FieldError::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
}

fn not_selected(labels: &Value, errors: &mut Vec<FieldError>) {
    let detail = "`selector` does not match template `labels`";
    errors.push(FieldError::invalid("spec.template.metadata.labels", labels, detail));
}

/// A job runs pods that end. `at` is the field that holds its spec.
pub(super) fn job(spec: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let pod = &spec["template"]["spec"];
    pod_spec(pod, &format!("{at}.template.spec"), errors);
    if !matches!(pod["restartPolicy"].as_str(), Some("OnFailure" | "Never")) {
        let field = format!("{at}.template.spec.restartPolicy");
        errors.push(FieldError::required(field, "valid values: \"OnFailure\", \"Never\""));
    }
}

/// A cron job says when.
pub(super) fn cron_job(new: &Value, errors: &mut Vec<FieldError>) {
    if new["spec"]["schedule"].as_str().unwrap_or_default().is_empty() {
        errors.push(FieldError::required("spec.schedule", ""));
    }
    job(&new["spec"]["jobTemplate"]["spec"], "spec.jobTemplate.spec", errors);
}

/// An autoscaler has a target and bounds.
pub(super) fn autoscaler(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let number = |key: &str| spec[key].as_i64().unwrap_or(0);
    if number("minReplicas") < 1 {
        let detail = "must be greater than or equal to 1";
        errors.push(FieldError::invalid("spec.minReplicas", number("minReplicas"), detail));
    }
    if number("maxReplicas") < 1 {
        errors.push(FieldError::required("spec.maxReplicas", "must be set and greater than 0"));
    }
    if number("maxReplicas") < number("minReplicas") {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid("spec.maxReplicas", number("maxReplicas"), detail));
    }
    let target = |key: &str| spec["scaleTargetRef"][key].as_str().unwrap_or_default();
    for key in ["kind", "name"] {
        if target(key).is_empty() {
            errors.push(FieldError::required(format!("spec.scaleTargetRef.{key}"), ""));
        }
    }
    if !target("apiVersion").contains('/')
        && (target("apiVersion").is_empty() || target("kind") != "ReplicationController")
    {
        let shown = format!("{:?}", target("apiVersion"));
        let detail = "apiVersion must specify API group";
        errors.push(FieldError::invalid("spec.scaleTargetRef.apiVersion", shown, detail));
    }
}
