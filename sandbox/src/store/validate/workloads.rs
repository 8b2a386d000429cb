//! Workloads and what scales them.

use super::jobs::not_negative;
use super::selectors::{self, Selection};
use super::{pod_spec, rollouts};
use crate::kinds::Kind;
use crate::status::FieldError;
use serde_json::Value;

/// What all workload controllers have: a selector, and a template that it selects.
pub(super) fn workload(kind: &Kind, new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    not_negative(&spec["replicas"], "spec.replicas", errors);
    let (selector, labels) = (&spec["selector"], &spec["template"]["metadata"]["labels"]);
    let empty = selector.as_object().is_some_and(serde_json::Map::is_empty);
    let (what, daemon) = match kind.plural.as_str() {
        "statefulsets" => ("statefulset", false),
        "daemonsets" => ("daemonset", true),
        _ => ("deployment", false),
    };
    // DaemonSets demand none, and then select nothing.
    if selector.is_null() && !daemon {
        errors.push(FieldError::required("spec.selector", ""));
    }
    selectors::check(selector, "spec.selector", errors);
    if empty {
        let detail = format!("empty selector is invalid for {what}");
        errors.push(FieldError::invalid("spec.selector", selector, &detail));
    }
    match selectors::selects(selector, labels) {
        Selection::Matches => {}
        Selection::Misses => {
            let detail = "`selector` does not match template `labels`";
            errors.push(FieldError::invalid("spec.template.metadata.labels", labels, detail));
        }
        // Only DaemonSets look further.
        Selection::Broken if daemon => {}
        Selection::Broken => {
            let detail = if what == "statefulset" { "" } else { "invalid label selector" };
            errors.push(FieldError::invalid("spec.selector", selector, detail));
            return;
        }
    }
    template(spec, errors);
    match kind.plural.as_str() {
        "deployments" => rollouts::deployment(spec, errors),
        "statefulsets" => rollouts::stateful_set(spec, errors),
        _ => {}
    }
}

/// Pods of a controller are restarted for ever; what is claimed for each of them it may mount.
fn template(spec: &Value, errors: &mut Vec<FieldError>) {
    let pod = &spec["template"]["spec"];
    let claims = spec["volumeClaimTemplates"].as_array().into_iter().flatten();
    let claims: Vec<&str> = claims.filter_map(|claim| claim["metadata"]["name"].as_str()).collect();
    pod_spec::check(pod, "spec.template.spec", &claims, errors);
    if let Some(policy) = pod["restartPolicy"].as_str().filter(|policy| *policy != "Always") {
        errors.push(FieldError::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
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
    workload(kind, new, errors);
    if fixed(new) != fixed(old) {
        errors.push(FieldError::forbidden("spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"));
    }
}
