//! Claims that pods bring along.

use crate::hosts::{Host, gone, until};
use anyhow::Result;
use serde_json::{Value, json};

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i:1"}], "volumes": [
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}}}}]}})
}

/// Paths of the pods, claims and events of a new namespace.
async fn paths(host: &Host, stem: &str) -> Result<[String; 3]> {
    let namespace = host.furnished(stem).await?;
    Ok(["pods", "persistentvolumeclaims", "events"]
        .map(|plural| format!("/api/v1/namespaces/{namespace}/{plural}")))
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn a_pod_brings_its_claim_along(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let [pods, claims, _] = paths(&host, "brings").await?;
        let made = host.post(&pods, &pod("p")).await?.expect_code(201)?;
        let template = &made["spec"]["volumes"][0]["ephemeral"]["volumeClaimTemplate"];
        assert_eq!(template["spec"]["volumeMode"], "Filesystem");
        let path = format!("{claims}/p-scratch");
        let claim = until(&host, &path, |_| true).await?;
        let owner = json!([{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": made["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true}]);
        assert_eq!(claim["metadata"]["ownerReferences"], owner);
        assert_eq!((&claim["metadata"]["labels"], &claim["metadata"]["annotations"]["c"]), (&json!({"a": "b"}), &json!("d")));
        assert_eq!(claim["spec"], template["spec"]);
        // It comes back while its pod is there, and goes with it.
        host.delete(&path).await?.expect_code(200)?;
        until(&host, &path, |again| again["metadata"]["uid"] != claim["metadata"]["uid"]).await?;
        host.delete(&format!("{pods}/p?gracePeriodSeconds=0")).await?.expect_code(200)?;
        gone(&host, &path).await?;
        Ok(())
    }

    async fn a_claim_of_somebody_else_is_not_taken(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let [pods, claims, events] = paths(&host, "foreign").await?;
        let claim = json!({"metadata": {"name": "p-scratch"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none",
            "resources": {"requests": {"storage": "1Gi"}}}});
        host.post(&claims, &claim).await?.expect_code(201)?;
        host.post(&pods, &pod("p")).await?.expect_code(201)?;
        let said = |event: &&Value| event["reason"] == "FailedBinding" && event["involvedObject"]["kind"] == "Pod";
        let list = until(&host, &events, |list| list["items"].as_array().into_iter().flatten().any(|event| said(&event))).await?;
        let event = list["items"].as_array().into_iter().flatten().find(said).cloned().unwrap_or_default();
        let namespace = host.named("foreign");
        let message = format!("ephemeral volume scratch: PVC {namespace}/p-scratch was not created for pod {namespace}/p (pod is not owner)");
        assert_eq!((&event["message"], &event["type"]), (&json!(message), &json!("Warning")));
        assert_eq!(event["source"]["component"], "ephemeral_volume");
        // Out of the way it makes room.
        host.delete(&format!("{claims}/p-scratch")).await?.expect_code(200)?;
        until(&host, &format!("{claims}/p-scratch"), |claim| claim["metadata"]["ownerReferences"][0]["name"] == "p").await?;
        Ok(())
    }

    async fn a_claim_without_a_size_is_no_template(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let [pods, _, _] = paths(&host, "sizeless").await?;
        let mut none = pod("p");
        none["spec"]["volumes"][0]["ephemeral"] = json!({});
        let (code, _, message) = host.post(&pods, &none).await?.refusal();
        let at = "spec.volumes[0].ephemeral.volumeClaimTemplate";
        assert_eq!((code, message), (422, format!("Pod \"p\" is invalid: {at}: Required value")));
        let mut empty = pod("p");
        empty["spec"]["volumes"][0]["ephemeral"]["volumeClaimTemplate"]["spec"] = json!({});
        let (code, _, message) = host.post(&pods, &empty).await?.refusal();
        let expected = format!("Pod \"p\" is invalid: [{at}.spec.accessModes: Required value: at least 1 access mode is required, {at}.spec.resources[storage]: Required value]");
        assert_eq!((code, message), (422, expected));
        Ok(())
    }
}

v9s_testkit::both_hosts! {
    #![needs(scheduler)]

    async fn a_pod_waits_for_the_claim_it_brings(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let [pods, claims, _] = paths(&host, "waits").await?;
        let claim = json!({"metadata": {"name": "p-scratch"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none",
            "resources": {"requests": {"storage": "1Gi"}}}});
        host.post(&claims, &claim).await?.expect_code(201)?;
        // Without a node nobody looks at claims.
        let node = host.named("roomy");
        let room = json!({"cpu": "1", "memory": "1Gi", "pods": "9"});
        host.post("/api/v1/nodes", &json!({"metadata": {"name": node}})).await?.expect_code(201)?;
        let status = json!({"status": {"capacity": room, "allocatable": room}});
        host.patch(&format!("/api/v1/nodes/{node}/status"), "merge", &status).await?.expect_code(200)?;
        let mut waiting = pod("p");
        waiting["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
        host.post(&pods, &waiting).await?.expect_code(201)?;
        let why = |pod: &Value| pod["status"]["conditions"][0]["message"].as_str().unwrap_or_default().to_owned();
        let foreign = format!("PVC {0}/p-scratch was not created for pod {0}/p (pod is not owner)", host.named("waits"));
        until(&host, &format!("{pods}/p"), |pod| why(pod).contains(&foreign)).await?;
        host.delete(&format!("{claims}/p-scratch")).await?.expect_code(200)?;
        until(&host, &format!("{pods}/p"), |pod| why(pod).contains("pod has unbound immediate PersistentVolumeClaims")).await?;
        host.delete(&format!("/api/v1/nodes/{node}")).await?.expect_code(200)?;
        Ok(())
    }
}
