//! Kinds that are served in two shapes: one object, whatever version it is written and read in.

use crate::hosts::{Host, both, name};
use anyhow::Result;
use serde_json::{Value, json};

fn autoscalers(version: &str, namespace: &str) -> String {
    format!("/apis/autoscaling/{version}/namespaces/{namespace}/horizontalpodautoscalers")
}

fn target() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"})
}

/// The fields that a manager owns in a version.
fn owned(object: &Value, manager: &str, version: &str) -> Value {
    let entries = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = entries.iter().find(|entry| entry["manager"] == manager && entry["apiVersion"] == version);
    own.map(|entry| entry["fieldsV1"].clone()).unwrap_or_default()
}

fn note(object: &Value, name: &str) -> String {
    let note = &object["metadata"]["annotations"][format!("autoscaling.alpha.kubernetes.io/{name}")];
    note.as_str().unwrap_or_default().to_owned()
}

async fn make_v2(host: &Host, namespace: &str) -> Result<Value> {
    let body = json!({"metadata": {"name": "b"}, "spec": {"scaleTargetRef": target(), "maxReplicas": 3, "metrics": [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
        {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}}}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}});
    let path = format!("{}?fieldManager=two", autoscalers("v2", namespace));
    host.post(&path, &body).await?.expect_code(201)
}

both! {
    async fn an_autoscaler_of_the_old_version_has_the_new_shape_too(host: Host) -> Result<()> {
        let namespace = host.namespace("hpa").await?;
        let (v1, v2) = (autoscalers("v1", &namespace), autoscalers("v2", &namespace));
        let body = json!({"metadata": {"name": "a"}, "spec": {"scaleTargetRef": target(), "maxReplicas": 3}});
        let made = host.post(&format!("{v1}?fieldManager=one"), &body).await?.expect_code(201)?;
        assert_eq!(made["apiVersion"], "autoscaling/v1");
        assert_eq!(made["spec"], json!({"scaleTargetRef": target(), "minReplicas": 1, "maxReplicas": 3, "targetCPUUtilizationPercentage": 80}));
        assert_eq!(made["status"], json!({"currentReplicas": 0, "desiredReplicas": 0}));
        assert_eq!(owned(&made, "one", "autoscaling/v1"), json!({"f:spec": {"f:maxReplicas": {}, "f:minReplicas": {},
            "f:scaleTargetRef": {}, "f:targetCPUUtilizationPercentage": {}}}));
        let shown = host.get(&format!("{v2}/a")).await?.expect_code(200)?;
        assert_eq!(shown["spec"]["metrics"], json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]));
        assert_eq!(shown["spec"].get("targetCPUUtilizationPercentage"), None);
        assert_eq!(shown["status"], json!({"currentMetrics": null, "desiredReplicas": 0}));
        let listed = host.get(&v1).await?.json();
        assert_eq!(listed["items"][0]["spec"]["targetCPUUtilizationPercentage"], 80);
        Ok(())
    }

    async fn what_the_old_version_does_not_know_travels_in_annotations(host: Host) -> Result<()> {
        let namespace = host.namespace("hpanotes").await?;
        make_v2(&host, &namespace).await?;
        let one = format!("{}/b", autoscalers("v1", &namespace));
        let shown = host.get(&one).await?.expect_code(200)?;
        assert_eq!(shown["spec"]["targetCPUUtilizationPercentage"], 50);
        assert_eq!(note(&shown, "metrics"), "[{\"type\":\"Resource\",\"resource\":{\"name\":\"memory\",\"targetAverageValue\":\"100Mi\"}}]");
        assert_eq!(note(&shown, "behavior"), "{\"ScaleUp\":{\"StabilizationWindowSeconds\":0,\"SelectPolicy\":\"Max\",\"Policies\":\
            [{\"Type\":\"Pods\",\"Value\":4,\"PeriodSeconds\":15},{\"Type\":\"Percent\",\"Value\":100,\"PeriodSeconds\":15}],\"Tolerance\":null},\
            \"ScaleDown\":{\"StabilizationWindowSeconds\":60,\"SelectPolicy\":\"Max\",\"Policies\":[{\"Type\":\"Percent\",\"Value\":100,\
            \"PeriodSeconds\":15}],\"Tolerance\":null}}");
        let changed = json!({"spec": {"targetCPUUtilizationPercentage": 60}});
        let patch = format!("{one}?fieldManager=three");
        let patched = host.patch(&patch, "merge", &changed).await?.expect_code(200)?;
        assert_eq!(owned(&patched, "three", "autoscaling/v1"), json!({"f:spec": {"f:targetCPUUtilizationPercentage": {}}}));
        let now = host.get(&format!("{}/b", autoscalers("v2", &namespace))).await?.json();
        assert_eq!(now["spec"]["metrics"], json!([
            {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}}},
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}]));
        assert_eq!(now["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 60);
        assert!(now["metadata"].get("annotations").is_none(), "{}", now["metadata"]);
        let kept = owned(&now, "two", "autoscaling/v2");
        assert!(kept["f:spec"].get("f:behavior").is_some() && kept["f:spec"].get("f:metrics").is_none(), "{kept}");
        Ok(())
    }

    async fn watches_show_the_version_they_ask_for(host: Host) -> Result<()> {
        let namespace = host.namespace("hpawatch").await?;
        let mut watch = host.watch(&format!("{}?watch=true", autoscalers("v1", &namespace))).await?;
        make_v2(&host, &namespace).await?;
        let event = watch.event().await?;
        assert_eq!((&event["type"], &event["object"]["apiVersion"]), (&json!("ADDED"), &json!("autoscaling/v1")));
        assert_eq!(event["object"]["spec"]["targetCPUUtilizationPercentage"], 50);
        let table = host.get_as(&autoscalers("v1", &namespace), "application/json;as=Table;v=v1;g=meta.k8s.io").await?.expect_code(200)?;
        assert_eq!(table["rows"][0]["cells"][2], "cpu: <unknown>/50%, memory: <unknown>/100Mi");
        Ok(())
    }

    async fn an_autoscaler_is_applied_in_either_version(host: Host) -> Result<()> {
        let namespace = host.namespace("hpaapply").await?;
        let body = |version: &str, spec: Value| json!({"apiVersion": format!("autoscaling/{version}"),
            "kind": "HorizontalPodAutoscaler", "metadata": {"name": "c"}, "spec": spec});
        let path = |version: &str| format!("{}/c?fieldManager=me", autoscalers(version, &namespace));
        let old = body("v1", json!({"scaleTargetRef": target(), "maxReplicas": 3, "targetCPUUtilizationPercentage": 40}));
        host.patch(&path("v1"), "apply", &old).await?.expect_code(201)?;
        let again = body("v1", json!({"scaleTargetRef": target(), "maxReplicas": 5, "targetCPUUtilizationPercentage": 40}));
        let applied = host.patch(&path("v1"), "apply", &again).await?.expect_code(200)?;
        assert_eq!((&applied["spec"]["maxReplicas"], &applied["spec"]["targetCPUUtilizationPercentage"]), (&json!(5), &json!(40)));
        let stored = host.get(&format!("{}/c", autoscalers("v2", &namespace))).await?.json();
        assert_eq!(stored["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 40);
        Ok(())
    }

    async fn an_event_is_one_object_under_two_names(host: Host) -> Result<()> {
        let namespace = host.namespace("events").await?;
        let old = format!("/api/v1/namespaces/{namespace}/events");
        let new = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
        let about = json!({"kind": "Pod", "name": "p", "namespace": namespace});
        host.post(&old, &json!({"metadata": {"name": "e1"}, "involvedObject": about, "reason": "R", "message": "M", "type": "Normal",
            "source": {"component": "kubelet", "host": "n"}, "count": 2, "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": "2026-01-01T00:00:01Z"})).await?.expect_code(201)?;
        let mut shown = host.get(&format!("{new}/e1")).await?.expect_code(200)?;
        shown.as_object_mut().unwrap().remove("metadata");
        assert_eq!(shown, json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "eventTime": null, "reason": "R",
            "regarding": about, "note": "M", "type": "Normal", "deprecatedSource": {"component": "kubelet", "host": "n"},
            "deprecatedFirstTimestamp": "2026-01-01T00:00:00Z", "deprecatedLastTimestamp": "2026-01-01T00:00:01Z", "deprecatedCount": 2}));
        let event = json!({"metadata": {"name": "e2"}, "regarding": about, "reason": "R", "note": "M", "type": "Normal",
            "eventTime": "2026-01-01T00:00:00.000000Z", "action": "A", "reportingController": "x.y/c", "reportingInstance": "i"});
        let made = host.post(&format!("{new}?fieldManager=m"), &event).await?.expect_code(201)?;
        assert_eq!(owned(&made, "m", "events.k8s.io/v1")["f:note"], json!({}));
        let mut shown = host.get(&format!("{old}/e2")).await?.expect_code(200)?;
        shown.as_object_mut().unwrap().remove("metadata");
        assert_eq!(shown, json!({"kind": "Event", "apiVersion": "v1", "involvedObject": about, "reason": "R", "message": "M",
            "source": {}, "firstTimestamp": null, "lastTimestamp": null, "type": "Normal", "eventTime": "2026-01-01T00:00:00.000000Z",
            "action": "A", "reportingComponent": "x.y/c", "reportingInstance": "i"}));
        let found = host.get(&format!("{new}?fieldSelector=regarding.name=p,reportingController=x.y/c")).await?.names();
        assert_eq!(found, ["e2"]);
        assert_eq!(host.get(&format!("{new}?fieldSelector=involvedObject.name=p")).await?.code, 400);
        let patched = host.patch(&format!("{old}/e1"), "merge", &json!({"message": "N"})).await?.expect_code(200)?;
        assert_eq!((&patched["message"], name(&patched).as_str()), (&json!("N"), "e1"));
        assert_eq!(host.get(&format!("{new}/e1")).await?.json()["note"], "N");
        host.delete(&format!("{new}/e1")).await?.expect_code(200)?;
        assert_eq!(host.get(&old).await?.names(), ["e2"]);
        let (_, _, message) = host.get(&format!("{new}/e1")).await?.refusal();
        assert_eq!(message, "events.events.k8s.io \"e1\" not found");
        Ok(())
    }

    async fn events_are_refused_for_cause(host: Host) -> Result<()> {
        let namespace = host.namespace("badevents").await?;
        let about = |of: &str| json!({"kind": "Pod", "name": "p", "namespace": of});
        let new = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
        let (code, _, message) = host.post(&new, &json!({"metadata": {"name": "e"}, "regarding": about(&namespace), "type": "Normal"})).await?.refusal();
        assert_eq!((code, message.as_str()), (422, "Event \"e\" is invalid: eventTime: Required value"));
        let old = format!("/api/v1/namespaces/{namespace}/events");
        let (code, _, message) = host.post(&old, &json!({"metadata": {"name": "e"}, "involvedObject": about("other")})).await?.refusal();
        assert_eq!((code, message.as_str()), (422, "Event \"e\" is invalid: involvedObject.namespace: Invalid value: \"other\": does not match event.namespace"));
        Ok(())
    }
}
