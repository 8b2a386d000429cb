//! The companion is killed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams};
use serde_json::json;
use v9s::names::{Translator, VirtualName};
use v9s_testkit::kubeconfig;
use v9s_testkit::node::images::BUSYBOX;
use v9s_testkit::pods::{Room, condition};

use crate::tenancy::Tenancy;

/// How often it is killed.
const ROUNDS: usize = 6;
const REPLICAS: i32 = 3;

v9s_testkit::node_test! {
    fn killed_again_and_again_under_churn_it_loses_and_doubles_nothing() -> Result<()> {
        let tenancy = Tenancy::start("killed")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(under_churn(&tenancy))
    }
}

async fn under_churn(tenancy: &Tenancy) -> Result<()> {
    let room = Room::take(kubeconfig::client(&tenancy.kubeconfig()).await?, "churn").await?;
    room.create(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": REPLICAS, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": BUSYBOX,
                "command": ["sleep", "100000"],
                "envFrom": [{"configMapRef": {"name": "map-0", "optional": true}}]}]},
        }},
    }))
    .await?;
    for round in 0..ROUNDS {
        let churn = async {
            for step in 0..20 {
                churn(&room, round, step).await?;
            }
            anyhow::Ok(())
        };
        // Each time at another moment of what it does.
        let kill = async {
            tokio::time::sleep(Duration::from_millis(u64::try_from(round)? * 170)).await;
            tenancy.kill_companion().await
        };
        let (churned, killed) = tokio::join!(churn, kill);
        churned?;
        killed.with_context(|| format!("killing it for the {}th time", round + 1))?;
    }
    tenancy.companion().await?;
    let mut last = String::new();
    for _ in 0..1200 {
        last = match difference(tenancy, &room).await? {
            None => return Ok(()),
            Some(difference) => difference,
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the two sides never agree: {last}")
}

/// One change: a map is made, changed or deleted, now and then a pod is taken away from its controller.
async fn churn(room: &Room, round: usize, step: usize) -> Result<()> {
    let maps = room.api::<ConfigMap>();
    let name = format!("map-{}", step % 7);
    let there = maps.get_opt(&name).await?;
    match (there, (round + step) % 3) {
        (Some(_), 0) => drop(maps.delete(&name, &DeleteParams::default()).await?),
        (Some(_), _) => {
            let change = json!({"data": {"round": round.to_string(), "step": step.to_string()}});
            maps.patch(&name, &Default::default(), &kube::api::Patch::Merge(change)).await?;
        }
        (None, _) => {
            room.create(
                json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"round": round.to_string()},
                "metadata": {"name": name, "annotations": {"vcluster.loft.sh/force-sync": "true"}}}),
            )
            .await?;
        }
    }
    if step == 10 {
        let pods = room.api::<Pod>().list(&ListParams::default().labels("app=web")).await?.items;
        let running = pods.into_iter().find(|pod| pod.metadata.deletion_timestamp.is_none());
        if let Some(name) = running.and_then(|pod| pod.metadata.name) {
            room.api::<Pod>().delete(&name, &DeleteParams::default()).await?;
        }
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(())
}

/// What is not the same on both sides, in words.
async fn difference(tenancy: &Tenancy, room: &Room) -> Result<Option<String>> {
    let outside = tenancy.outside().await?;
    let ours = ListParams::default().labels(&format!("vcluster.loft.sh/managed-by={}", tenancy.name));
    let names = Translator::new(tenancy.name.as_str(), tenancy.namespace());
    let outside_name = |name: Option<String>| {
        let name = VirtualName::namespaced(room.namespace.as_str(), name.unwrap_or_default());
        names.host_name(&name).to_string()
    };

    let inside: BTreeMap<_, _> = room
        .api::<ConfigMap>()
        .list(&ListParams::default())
        .await?
        .items
        .into_iter()
        .filter(|map| map.metadata.name.as_deref().is_some_and(|name| name.starts_with("map-")))
        .map(|map| (outside_name(map.metadata.name), map.data))
        .collect();
    let there: BTreeMap<_, _> = outside
        .api::<ConfigMap>()
        .list(&ours)
        .await?
        .items
        .into_iter()
        .filter(|map| map.metadata.name.as_deref().is_some_and(|name| name.starts_with("map-")))
        .map(|map| (map.metadata.name.unwrap_or_default(), map.data))
        .collect();
    ensure!(!inside.is_empty(), "there is nothing left to compare");
    if inside != there {
        return Ok(Some(format!("maps inside {inside:?}, outside {there:?}")));
    }

    let pods = room.api::<Pod>().list(&ListParams::default()).await?.items;
    let ready = pods.iter().filter(|pod| condition(pod, "Ready")).count();
    let inside: BTreeMap<_, _> =
        pods.into_iter().map(|pod| (outside_name(pod.metadata.name), pod.metadata.uid)).collect();
    let of_uid = |pod: &Pod| {
        pod.metadata.annotations.as_ref().and_then(|all| all.get("vcluster.loft.sh/object-uid").cloned())
    };
    // The virtual cluster has pods of its own, those of its DNS.
    let of_churn = ListParams::default().labels(&format!(
        "vcluster.loft.sh/managed-by={},vcluster.loft.sh/namespace={}",
        tenancy.name, room.namespace
    ));
    let there: BTreeMap<_, _> = outside
        .api::<Pod>()
        .list(&of_churn)
        .await?
        .items
        .into_iter()
        .map(|pod| (pod.metadata.name.clone().unwrap_or_default(), of_uid(&pod)))
        .collect();
    if inside != there || inside.len() != usize::try_from(REPLICAS)? || ready != inside.len() {
        return Ok(Some(format!("pods inside {inside:?}, {ready} ready, outside {there:?}")));
    }
    Ok(None)
}
