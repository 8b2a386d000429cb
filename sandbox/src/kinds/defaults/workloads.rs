//! Workload controllers.

use serde_json::{Value, json};

use super::{fill, fill_with, pod, section};
use crate::kinds::TEMPLATE_GENERATION;

/// The part of a controller's spec that all have.
fn template(spec: &mut Value) {
    if let Some(template) = section(spec, "template") {
        pod::template(template);
    }
}

pub(super) fn deployment(object: &mut Value) {
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "replicas", 1);
    fill(spec, "revisionHistoryLimit", 10);
    fill(spec, "progressDeadlineSeconds", 600);
    if let Some(strategy) = section(spec, "strategy") {
        fill(strategy, "type", "RollingUpdate");
        rolling(strategy, &[("maxUnavailable", json!("25%")), ("maxSurge", json!("25%"))]);
    }
    template(spec);
}

/// What a rolling update leaves out.
fn rolling(strategy: &mut Value, defaults: &[(&str, Value)]) {
    if strategy["type"] == "RollingUpdate"
        && let Some(rolling) = section(strategy, "rollingUpdate")
    {
        for (key, value) in defaults {
            fill(rolling, key, value.clone());
        }
    }
}

pub(super) fn replica_set(object: &mut Value) {
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "replicas", 1);
    template(spec);
}

pub(super) fn replication_controller(object: &mut Value) {
    let labels = object["spec"]["template"]["metadata"].get("labels").cloned();
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "replicas", 1);
    template(spec);
    if let Some(labels) = labels {
        fill(spec, "selector", labels.clone());
        fill(&mut object["metadata"], "labels", labels);
    }
}

pub(super) fn stateful_set(object: &mut Value) {
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "podManagementPolicy", "OrderedReady");
    fill(spec, "replicas", 1);
    fill(spec, "revisionHistoryLimit", 10);
    if spec.get("serviceName").is_none() {
        spec["serviceName"] = "".into();
    }
    if let Some(strategy) = section(spec, "updateStrategy") {
        if strategy["type"].as_str().unwrap_or_default().is_empty() {
            strategy["type"] = "RollingUpdate".into();
            section(strategy, "rollingUpdate");
        }
        if strategy["type"] == "RollingUpdate"
            && let Some(rolling) = strategy.get_mut("rollingUpdate")
        {
            fill(rolling, "partition", 0);
        }
    }
    if let Some(retention) = section(spec, "persistentVolumeClaimRetentionPolicy") {
        fill(retention, "whenDeleted", "Retain");
        fill(retention, "whenScaled", "Retain");
    }
    for claim in super::items(spec, "volumeClaimTemplates") {
        fill(claim, "kind", "PersistentVolumeClaim");
        fill(claim, "apiVersion", "v1");
        super::storage::claim(claim);
        if let Some(status) = section(claim, "status") {
            fill(status, "phase", "Pending");
        }
    }
    template(spec);
}

pub(super) fn daemon_set(object: &mut Value) {
    if let Some(annotations) = section(&mut object["metadata"], "annotations") {
        fill(annotations, TEMPLATE_GENERATION, "0");
    }
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "revisionHistoryLimit", 10);
    if let Some(strategy) = section(spec, "updateStrategy") {
        fill(strategy, "type", "RollingUpdate");
        rolling(strategy, &[("maxUnavailable", json!(1)), ("maxSurge", json!(0))]);
    }
    template(spec);
}

pub(super) fn job(object: &mut Value) {
    job_labels(object);
    let Some(spec) = section(object, "spec") else { return };
    if spec.get("completions").is_none() && spec.get("parallelism").is_none() {
        fill(spec, "completions", 1);
    }
    fill(spec, "parallelism", 1);
    let limit = if spec.get("backoffLimitPerIndex").is_some() { i32::MAX } else { 6 };
    fill(spec, "backoffLimit", limit);
    fill(spec, "completionMode", "NonIndexed");
    fill(spec, "suspend", false);
    fill(spec, "manualSelector", false);
    let policy = if spec.get("podFailurePolicy").is_some() { "Failed" } else { "TerminatingOrFailed" };
    fill(spec, "podReplacementPolicy", policy);
    failure_policy(spec);
    template(spec);
}

/// A condition that a rule names is true unless it says something else.
fn failure_policy(spec: &mut Value) {
    let Some(policy) = spec.get_mut("podFailurePolicy") else { return };
    for rule in super::items(policy, "rules") {
        for pattern in super::items(rule, "onPodConditions") {
            fill(pattern, "status", "True");
        }
    }
}

/// The selector and the labels of its pods that a new Job gets, unless its author selects; it needs the UID, so nothing
/// happens before there is one.
pub fn job_selector(object: &mut Value) {
    let metadata = |key: &str| object["metadata"][key].as_str().map(str::to_owned);
    let (Some(name), Some(uid)) = (metadata("name"), metadata("uid")) else { return };
    if object["spec"]["manualSelector"] == true {
        return;
    }
    let Some(spec) = section(object, "spec") else { return };
    let template = section(spec, "template").and_then(|template| section(template, "metadata"));
    if let Some(labels) = template.and_then(|metadata| section(metadata, "labels")) {
        for (key, value) in [
            ("job-name", &name),
            ("batch.kubernetes.io/job-name", &name),
            ("controller-uid", &uid),
            ("batch.kubernetes.io/controller-uid", &uid),
        ] {
            fill(labels, key, value.as_str());
        }
    }
    if let Some(labels) = section(spec, "selector").and_then(|selector| section(selector, "matchLabels")) {
        fill(labels, "batch.kubernetes.io/controller-uid", uid);
    }
}

/// A job without labels takes those of its pods.
fn job_labels(object: &mut Value) {
    let labels = object["spec"]["template"]["metadata"].get("labels").cloned();
    if let Some(labels) = labels.filter(|labels| labels.as_object().is_some_and(|map| !map.is_empty())) {
        fill(&mut object["metadata"], "labels", labels);
    }
}

pub(super) fn cron_job(object: &mut Value) {
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "concurrencyPolicy", "Allow");
    fill(spec, "suspend", false);
    fill(spec, "successfulJobsHistoryLimit", 3);
    fill(spec, "failedJobsHistoryLimit", 1);
    if let Some(job) = section(spec, "jobTemplate") {
        section(job, "metadata");
        if let Some(spec) = section(job, "spec") {
            failure_policy(spec);
            template(spec);
        }
    }
}

pub(super) fn autoscaler(object: &mut Value, version: &str) {
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut).filter(|_| version != "v1")
    {
        // Go writes it even when there is none.
        status.entry("currentMetrics").or_insert(Value::Null);
    }
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "minReplicas", 1);
    if version == "v1" {
        fill(spec, "targetCPUUtilizationPercentage", 80);
        return;
    }
    fill_with(spec, "metrics", || {
        json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}])
    });
    let Some(behavior) = spec.get_mut("behavior") else { return };
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    if let Some(up) = section(behavior, "scaleUp") {
        fill(up, "stabilizationWindowSeconds", 0);
        fill(up, "selectPolicy", "Max");
        fill(up, "policies", json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, percent]));
    }
    if let Some(down) = section(behavior, "scaleDown") {
        fill(down, "selectPolicy", "Max");
        fill(down, "policies", json!([percent]));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::created;
    use super::*;

    #[test]
    fn deployments_roll() {
        let deployment = created("deploy", json!({"spec": {"selector": {}, "template": {"spec": {}}}}));
        let strategy =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}});
        assert_eq!(deployment["spec"]["strategy"], strategy);
        assert_eq!(deployment["spec"]["replicas"], 1);
        assert_eq!(deployment["spec"]["template"]["spec"]["dnsPolicy"], "ClusterFirst");
        assert_eq!(deployment["status"], json!({}));
        let recreate = created("deploy", json!({"spec": {"replicas": 0, "strategy": {"type": "Recreate"}}}));
        assert_eq!(recreate["spec"]["strategy"], json!({"type": "Recreate"}));
        assert_eq!(recreate["spec"]["replicas"], 0);
    }

    #[test]
    fn stateful_sets_keep_order_and_claims() {
        let set = created(
            "sts",
            json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"},
            "spec": {"resources": {"requests": {"storage": "1024Mi"}}}}]}}),
        );
        let spec = &set["spec"];
        assert_eq!(spec["podManagementPolicy"], "OrderedReady");
        assert_eq!(
            spec["updateStrategy"],
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
        );
        let retain = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
        assert_eq!(spec["persistentVolumeClaimRetentionPolicy"], retain);
        let claim = &spec["volumeClaimTemplates"][0];
        assert_eq!(claim["spec"]["volumeMode"], "Filesystem");
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "1Gi");
        assert_eq!(
            (&claim["kind"], &claim["status"]["phase"]),
            (&json!("PersistentVolumeClaim"), &json!("Pending"))
        );
        let explicit = created("sts", json!({"spec": {"updateStrategy": {"type": "RollingUpdate"}}}));
        assert_eq!(explicit["spec"]["updateStrategy"], json!({"type": "RollingUpdate"}));
    }

    #[test]
    fn jobs_select_their_own_pods() {
        let mut job = json!({"metadata": {"name": "j", "uid": "u1"}, "spec": {"template": {"spec": {}}}});
        job_selector(&mut job);
        let job = created("jobs", job);
        assert_eq!(
            job["spec"]["selector"]["matchLabels"],
            json!({"batch.kubernetes.io/controller-uid": "u1"})
        );
        assert_eq!(job["spec"]["template"]["metadata"]["labels"]["job-name"], "j");
        assert_eq!((&job["spec"]["completions"], &job["spec"]["parallelism"]), (&json!(1), &json!(1)));
        let queue = created("jobs", json!({"metadata": {"name": "j"}, "spec": {"parallelism": 3}}));
        assert!(queue["spec"].get("completions").is_none());
        assert!(queue["spec"].get("selector").is_none());
    }
}
