//! Workloads and what scales them.

use super::pods;
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
    pods::spec(spec, "spec.template.spec", errors);
    if spec["restartPolicy"].as_str().is_some_and(|policy| policy != "Always") {
        let policy = spec["restartPolicy"].as_str().unwrap_or_default();
        errors.push(FieldError::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
}

fn not_selected(labels: &Value, errors: &mut Vec<FieldError>) {
    let detail = "`selector` does not match template `labels`";
    errors.push(FieldError::invalid("spec.template.metadata.labels", labels, detail));
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

/// What may change of a StatefulSet.
pub(super) fn stateful_set_update(kind: &Kind, new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let fixed = |set: &Value| {
        let mut spec = set["spec"].as_object().cloned().unwrap_or_default();
        for key in [
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
        ] {
            spec.remove(key);
        }
        spec
    };
    if fixed(new) != fixed(old) {
        errors.push(FieldError::forbidden("spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"));
    } else {
        workload(kind, new, errors);
    }
}
