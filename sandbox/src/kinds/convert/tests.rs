use crate::kinds::{Kind, Kinds};
use serde_json::{Value, json};
use std::sync::Arc;

fn kind(group: &str, version: &str, plural: &str) -> Arc<Kind> {
    Kinds::builtin().by_path(group, version, plural).expect("built in").clone()
}

fn v2() -> Value {
    json!({
        "metadata": {"name": "a"},
        "spec": {"maxReplicas": 3, "metrics": [
            {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}}},
            {"type": "Pods", "pods": {"metric": {"name": "p"}, "target": {"type": "AverageValue", "averageValue": "1k"}}},
            {"type": "Object", "object": {"describedObject": {"kind": "Ingress", "name": "i", "apiVersion": "networking.k8s.io/v1"},
                "metric": {"name": "m", "selector": {"matchLabels": {"x": "y"}}}, "target": {"type": "Value", "value": "10"}}},
            {"type": "External", "external": {"metric": {"name": "e"}, "target": {"type": "Value", "value": "3"}}},
            {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c",
                "target": {"type": "Utilization", "averageUtilization": 70}}},
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max",
                "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}}},
        "status": {"currentReplicas": 1, "desiredReplicas": 2,
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu",
                "current": {"averageUtilization": 30, "averageValue": "10m"}}}],
            "conditions": [{"type": "AbleToScale", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z",
                "reason": "R", "message": "M"}]},
    })
}

#[test]
fn autoscalers_carry_what_v1_does_not_know_in_annotations() {
    let v1 = kind("autoscaling", "v1", "horizontalpodautoscalers");
    let shown = v1.show(v2());
    assert_eq!(shown["spec"], json!({"maxReplicas": 3, "targetCPUUtilizationPercentage": 50}));
    assert_eq!(
        shown["status"],
        json!({"currentReplicas": 1, "desiredReplicas": 2, "currentCPUUtilizationPercentage": 30})
    );
    let note = |name: &str| {
        shown["metadata"]["annotations"][format!("autoscaling.alpha.kubernetes.io/{name}")].clone()
    };
    assert_eq!(
        note("metrics"),
        "[{\"type\":\"Resource\",\"resource\":{\"name\":\"memory\",\"targetAverageValue\":\"100Mi\"}},\
        {\"type\":\"Pods\",\"pods\":{\"metricName\":\"p\",\"targetAverageValue\":\"1k\"}},\
        {\"type\":\"Object\",\"object\":{\"target\":{\"kind\":\"Ingress\",\"name\":\"i\",\"apiVersion\":\"networking.k8s.io/v1\"},\
        \"metricName\":\"m\",\"targetValue\":\"10\",\"selector\":{\"matchLabels\":{\"x\":\"y\"}}}},\
        {\"type\":\"External\",\"external\":{\"metricName\":\"e\",\"targetValue\":\"3\"}},\
        {\"type\":\"ContainerResource\",\"containerResource\":{\"name\":\"cpu\",\"targetAverageUtilization\":70,\"container\":\"c\"}}]"
    );
    assert_eq!(
        note("behavior"),
        "{\"ScaleUp\":null,\"ScaleDown\":{\"StabilizationWindowSeconds\":60,\"SelectPolicy\":\"Max\",\
        \"Policies\":[{\"Type\":\"Percent\",\"Value\":100,\"PeriodSeconds\":15}],\"Tolerance\":null}}"
    );
    assert_eq!(
        note("current-metrics"),
        "[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"currentAverageUtilization\":30,\
        \"currentAverageValue\":\"10m\"}}]"
    );
}

#[test]
fn autoscalers_come_back_as_they_were() {
    let v1 = kind("autoscaling", "v1", "horizontalpodautoscalers");
    assert_eq!(v1.to_stored(v1.show(v2())), v2());
}

#[test]
fn events_come_back_as_they_were_under_other_names() {
    let events = kind("events.k8s.io", "v1", "events");
    let stored = json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"}, "message": "M", "reason": "R",
        "source": {"component": "c"}, "count": 2, "type": "Normal", "firstTimestamp": null, "lastTimestamp": null, "action": "A",
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingComponent": "x", "reportingInstance": "i"});
    let shown = events.show(stored.clone());
    assert_eq!(
        (&shown["regarding"]["kind"], &shown["note"], &shown["deprecatedCount"]),
        (&json!("Pod"), &json!("M"), &json!(2))
    );
    assert!(shown.get("involvedObject").is_none() && shown.get("message").is_none());
    assert_eq!(events.to_stored(shown), stored);
    assert_eq!(events.stored_as(), kind("", "v1", "events").stored_as());
}

#[test]
fn no_other_built_in_kind_is_served_in_two_versions() {
    let mut twice: Vec<String> = Vec::new();
    let kinds: Vec<_> = Kinds::builtin().iter().collect();
    for (index, kind) in kinds.iter().enumerate() {
        if kinds.iter().skip(index + 1).any(|other| other.kind == kind.kind && other.plural == kind.plural) {
            twice.push(kind.plural.to_string());
        }
    }
    twice.sort();
    assert_eq!(twice, ["events", "horizontalpodautoscalers"], "a new one needs a conversion");
}
