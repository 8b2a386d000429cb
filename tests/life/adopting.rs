//! What an adoption says, what it does to a host before a store is in place, and what is there again when it is undone, on both hosts.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;

use crate::faults::Room;
use crate::seat::{object, until};

/// What the companion had put on the host for the tenant's objects.
async fn carried(host: &Host, room: &Room) -> Result<()> {
    let meta = |kind: &str, name: &str| {
        let on_host = format!("{name}-x-web-x-{}", room.name);
        json!({
            "name": on_host, "namespace": room.namespace,
            "labels": {"vcluster.loft.sh/managed-by": room.name, "vcluster.loft.sh/namespace": "web", "app": "front"},
            "annotations": {
                "vcluster.loft.sh/object-name": name, "vcluster.loft.sh/object-namespace": "web",
                "vcluster.loft.sh/object-uid": format!("uid-of-{name}"), "vcluster.loft.sh/object-kind": kind,
                "vcluster.loft.sh/object-host-name": on_host, "vcluster.loft.sh/object-host-namespace": room.namespace,
            },
        })
    };
    let mut pod = meta("/v1, Kind=Pod", "front-7d9-abcde");
    let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "front-7d9", "uid": "o", "controller": true}]);
    pod["annotations"]["vcluster.loft.sh/owner-references"] = json!(owner.to_string());
    let container = json!({"name": "c", "image": "front", "resources": {
        "requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1m", "memory": "1Mi"}}});
    let spec = json!({
        "serviceAccountName": format!("vc-workload-{}", room.name), "automountServiceAccountToken": false,
        "containers": [container],
    });
    let rule = json!({"defaultBackend": {"service": {"name": "front", "port": {"number": 80}}}});
    host.seed(&[
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": spec}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("/v1, Kind=ConfigMap", "settings"), "data": {"a": "b"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("/v1, Kind=Service", "by-hand"),
            "spec": {"ports": [{"port": 5432}]}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": meta("networking.k8s.io/v1, Kind=Ingress", "door"), "spec": rule}),
    ])
    .await?;
    Ok(())
}

fn read(told: &str) -> Result<Value> {
    serde_json::from_str(told).with_context(|| told.to_owned())
}

/// The plan, in one text.
fn plan(told: &Value) -> String {
    let lines = told["plan"].as_array().into_iter().flatten().filter_map(Value::as_str);
    lines.collect::<Vec<_>>().join("\n")
}

/// What nobody touches.
async fn pods(host: &Host, room: &Room) -> Result<Value> {
    let name = format!("front-7d9-abcde-x-web-x-{}", room.name);
    let pod = object(host, "", "Pod", &room.namespace, &name).await?.context("the pod is gone")?;
    Ok(json!([pod["metadata"]["uid"], pod["metadata"]["annotations"], pod["spec"]]))
}

async fn door(host: &Host, room: &Room) -> Result<Value> {
    let name = format!("door-x-web-x-{}", room.name);
    let door = object(host, "networking.k8s.io", "Ingress", &room.namespace, &name).await?;
    Ok(door.context("the ingress is gone")?["metadata"]["annotations"].clone())
}

both_hosts! {
    #![needs(controllers)]

    async fn what_would_be_adopted_is_told_and_nothing_is_touched(host: Host) -> Result<()> {
        let room = Room::make(&host, "adopt-told").await?;
        let (code, told) = room.said(&["restore", "NAME", "--adopt", "--confirm", "shop", "-o", "json"]).await?;
        ensure!(code == Some(4) && told.contains("carries nothing"), "what bears no name of its own is none: {told}");

        carried(&host, &room).await?;
        let stores = || object(&host, "apps", "StatefulSet", &room.namespace, "shop-etcd");
        let before = (stores().await?, pods(&host, &room).await?, door(&host, &room).await?);
        let (code, told) = room.said(&["restore", "NAME", "--adopt", "--dry-run", "-o", "json"]).await?;
        let told = read(&told)?;
        ensure!(code == Some(0) && told["outcome"] == "planned", "{told}");
        ensure!(plan(&told).contains("1 configmaps, 1 namespaces, 1 pods") && plan(&told).contains("1 services"), "{told}");
        ensure!(plan(&told).contains("EndpointSlices of web/by-hand on the host"), "{told}");
        ensure!(plan(&told).contains("run on, with the UIDs"), "{told}");
        let left = told["left"].to_string();
        ensure!(left.contains("pods web/front-7d9-abcde") && left.contains("ReplicaSet front-7d9"), "{left}");
        ensure!(left.contains("Deployments") && left.contains("roles and bindings"), "{left}");
        ensure!(left.contains("Endpoints and EndpointSlices of services web/by-hand"), "{left}");
        let (code, told) =
            room.said(&["restore", "NAME", "--adopt", "--confirm", "shap", "--no-safety-backup", "-o", "json"]).await?;
        ensure!(code == Some(4) && told.contains("its name was not given"), "{told}");
        let after = (stores().await?, pods(&host, &room).await?, door(&host, &room).await?);
        ensure!(before == after, "{after:?}\nand not\n{before:?}");
        Ok(())
    }

    /// Without kubelets no pod ever holds the volume: there it stands when it is killed. Without claims there is nothing to put back.
    async fn an_adoption_that_was_killed_is_undone_and_leaves_no_mark(host: Host) -> Result<()> {
        let room = Room::make(&host, "adopt-killed").await?;
        carried(&host, &room).await?;
        let (stood, before) = (pods(&host, &room).await?, door(&host, &room).await?);
        let mut program = room.program(
            &room.kubeconfig,
            &["restore", "NAME", "--adopt", "--confirm", "shop", "--no-safety-backup"],
        )?;
        until("a pod to hold the volume of the last member", || async {
            Ok(object(&host, "", "Pod", &room.namespace, "shop-etcd-2-restore").await?.is_some())
        })
        .await?;
        program.start_kill()?;
        program.wait().await?;

        ensure!(pods(&host, &room).await? == stood, "a pod was touched");
        let aside = door(&host, &room).await?;
        ensure!(aside["vcluster.loft.sh/skip-backsync"] == "true", "{aside}");
        ensure!(aside["vcluster.loft.sh/object-uid"].is_null(), "whoever makes it again takes it over: {aside}");
        let (code, told) = room.said(&["restore", "NAME", "--adopt", "--dry-run", "-o", "json"]).await?;
        let told = read(&told)?;
        ensure!(code == Some(0) && plan(&told).contains("undo the restore from what the host carries"), "{told}");

        let claims = Api::<PersistentVolumeClaim>::namespaced(host.client(), &room.namespace);
        for member in 0..3 {
            claims.delete(&format!("data-shop-etcd-{member}"), &DeleteParams::default()).await?;
        }
        until("the claims to be gone", || async {
            Ok(claims.list(&ListParams::default()).await?.items.is_empty())
        })
        .await?;
        let (code, told) = room.said(&["restore", "NAME", "--undo", "-o", "json"]).await?;
        ensure!(code == Some(0), "{told}");
        ensure!(door(&host, &room).await? == before, "it is as it was");
        let plane = object(&host, "apps", "Deployment", &room.namespace, "shop").await?.context("it is gone")?;
        ensure!(plane["spec"]["replicas"] == 2, "{plane}");
        ensure!(plane["metadata"]["annotations"]["v9s.io/restore"].is_null(), "{plane}");
        ensure!(pods(&host, &room).await? == stood, "a pod was touched");
        Ok(())
    }

    async fn a_store_that_does_not_say_what_is_wrong_is_not_replaced_without_a_word(host: Host) -> Result<()> {
        let room = Room::make(&host, "recover").await?;
        carried(&host, &room).await?;
        let (code, told) = room.said(&["recover", "NAME", "--confirm", "shop", "-o", "json"]).await?;
        let told = read(&told)?;
        ensure!(code == Some(4) && told["result"]["answers"] == false, "{told}");
        ensure!(told["message"].as_str().is_some_and(|it| it.contains("does not say why")), "{told}");
        ensure!(plan(&told).contains("no backup of it is noted"), "{told}");
        let (code, told) = room.said(&["recover", "NAME", "--anyway", "--dry-run", "-o", "json"]).await?;
        let told = read(&told)?;
        ensure!(code == Some(0) && plan(&told).contains("make a store of what the host carries"), "{told}");
        Ok(())
    }
}
