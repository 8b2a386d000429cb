//! What makes pods, and what scales and guards it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pods::pod_spec;
use super::{always, and, fields, one};

fn labelled_template() -> BoxedStrategy<Value> {
    pod_spec().prop_map(|spec| json!({"metadata": {"labels": {"app": "a"}}, "spec": spec})).boxed()
}

fn workload(own: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let selector = one(
        json!([{"matchLabels": {"app": "a"}}, {"matchExpressions": [{"key": "app", "operator": "Exists"}]}]),
    );
    always(
        "spec",
        and(and(always("selector", selector), always("template", labelled_template())), fields(own)),
    )
}

fn replicas() -> BoxedStrategy<Value> {
    one(json!([0, 1, 3]))
}

pub fn deployment() -> BoxedStrategy<Value> {
    workload(vec![
        ("replicas", replicas()),
        ("strategy", one(json!([{"type": "Recreate"}, {}, {"rollingUpdate": {"maxSurge": 2}}]))),
        ("minReadySeconds", one(json!([5]))),
        ("paused", one(json!([true]))),
        ("revisionHistoryLimit", one(json!([0, 2]))),
    ])
}

pub fn stateful_set() -> BoxedStrategy<Value> {
    workload(vec![
        ("replicas", replicas()),
        ("serviceName", one(json!(["s"]))),
        ("podManagementPolicy", one(json!(["Parallel"]))),
        (
            "updateStrategy",
            one(json!([{"type": "OnDelete"}, {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}])),
        ),
        (
            "volumeClaimTemplates",
            one(json!([[{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}}]])),
        ),
    ])
}

pub fn replica_set() -> BoxedStrategy<Value> {
    workload(vec![("replicas", replicas()), ("minReadySeconds", one(json!([1])))])
}

pub fn daemon_set() -> BoxedStrategy<Value> {
    workload(vec![("updateStrategy", one(json!([{"type": "OnDelete"}, {"type": "RollingUpdate"}])))])
}

pub fn workload_status() -> BoxedStrategy<Value> {
    and(
        one(json!([{"replicas": 1}, {"replicas": 3, "readyReplicas": 2}])),
        fields(vec![("observedGeneration", one(json!([1, 2]))), ("availableReplicas", one(json!([1])))]),
    )
}

pub fn daemon_status() -> BoxedStrategy<Value> {
    one(
        json!([{"currentNumberScheduled": 1, "desiredNumberScheduled": 2, "numberMisscheduled": 0, "numberReady": 1}]),
    )
}

pub fn job() -> BoxedStrategy<Value> {
    let template = pod_spec().prop_map(|mut spec| {
        spec["restartPolicy"] = json!("Never");
        json!({"template": {"spec": spec}})
    });
    always(
        "spec",
        and(
            template.boxed(),
            fields(vec![
                ("parallelism", one(json!([1, 2]))),
                ("completions", one(json!([1, 3]))),
                ("backoffLimit", one(json!([0]))),
                ("suspend", one(json!([true, false]))),
                ("ttlSecondsAfterFinished", one(json!([100]))),
            ]),
        ),
    )
}

pub fn job_status() -> BoxedStrategy<Value> {
    one(json!([{"active": 1}, {"startTime": "2001-01-01T00:00:00Z"}]))
}

pub fn cron_job() -> BoxedStrategy<Value> {
    let always_there = job().prop_map(|job| json!({"schedule": "*/5 * * * *", "jobTemplate": job}));
    always(
        "spec",
        and(
            always_there.boxed(),
            fields(vec![
                ("suspend", one(json!([true]))),
                ("concurrencyPolicy", one(json!(["Forbid"]))),
                ("timeZone", one(json!(["Etc/UTC"]))),
            ]),
        ),
    )
}

pub fn cron_status() -> BoxedStrategy<Value> {
    one(json!([{}, {"lastScheduleTime": "2001-01-01T00:00:00Z"}]))
}

pub fn budget() -> BoxedStrategy<Value> {
    always(
        "spec",
        and(
            one(json!([{"minAvailable": 1}, {"maxUnavailable": "50%"}, {}])),
            always("selector", one(json!([{"matchLabels": {"app": "a"}}, {}]))),
        ),
    )
}

pub fn budget_status() -> BoxedStrategy<Value> {
    one(
        json!([{"disruptionsAllowed": 1, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1, "observedGeneration": 1}]),
    )
}

pub fn autoscaler() -> BoxedStrategy<Value> {
    always(
        "spec",
        and(
            one(
                json!([{"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}}]),
            ),
            fields(vec![
                ("minReplicas", one(json!([1, 2]))),
                (
                    "metrics",
                    one(
                        json!([[{"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1024Mi"}}}]]),
                    ),
                ),
                (
                    "behavior",
                    one(json!([{"scaleDown": {"stabilizationWindowSeconds": 60}}, {"scaleUp": {}}])),
                ),
            ]),
        ),
    )
}

pub fn priority_class() -> BoxedStrategy<Value> {
    and(
        one(json!([{"value": 10}, {"value": 0}])),
        fields(vec![
            ("description", one(json!(["d"]))),
            ("preemptionPolicy", one(json!(["Never"]))),
            ("globalDefault", one(json!([false]))),
        ]),
    )
}
