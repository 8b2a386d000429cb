//! What a tenant deletes while nobody mirrors it stays on the host: it is found with proof, and nothing else goes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use v9s::cluster::Cluster;
use v9s::gc::{
    ByConnect, COLLECT_STEPS, Care, CollectOptions, Reason, SURVEY_STEPS, Scope, SurveyOptions, Verdict,
    Wish, collect, plan, survey,
};
use v9s::operation::Operation;
use v9s_testkit::kubeconfig;
use v9s_testkit::node::images::BUSYBOX;
use v9s_testkit::pods::{Room, condition};

use crate::tenancy::{Tenancy, gone};

v9s_testkit::node_test! {
    fn what_a_tenant_deleted_while_nobody_mirrored_is_found_and_only_that_goes() -> Result<()> {
        let tenancy = Tenancy::start("orphaned")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(left_behind(&tenancy))
    }
}

const CARE: Care = Care { older_than: Duration::ZERO, fresh: Duration::from_secs(120) };

async fn left_behind(tenancy: &Tenancy) -> Result<()> {
    let room = Room::take(kubeconfig::client(&tenancy.kubeconfig()).await?, "shop").await?;
    for name in ["stays", "goes"] {
        room.create(deployment(name)).await?;
    }
    let outside = tenancy.outside().await?;
    let running = async |app: &str| -> Result<Vec<String>> {
        let all =
            outside.api::<Pod>().list(&ListParams::default().labels(&format!("app={app}"))).await?.items;
        let ready = all
            .into_iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none() && condition(pod, "Ready"));
        Ok(ready.filter_map(|pod| pod.metadata.name).collect())
    };
    for app in ["stays", "goes"] {
        until(&format!("two pods of {app} run"), async || Ok(running(app).await?.len() == 2)).await?;
    }
    // Its control plane runs on this machine; on the host there is what says that it is meant to.
    let labels = json!({"app": "vcluster", "release": tenancy.name});
    outside
        .create(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": tenancy.name, "labels": labels},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"nodeSelector": {"is": "elsewhere"}, "containers": [{"name": "syncer", "image": BUSYBOX}]}}}}))
        .await?;

    silence(tenancy, &outside).await?;
    room.api::<Deployment>().delete("goes", &DeleteParams::default()).await?;
    // Nobody tells that they have ended, so somebody takes them away inside.
    let inside = room.api::<Pod>();
    until("no pod of goes is inside", async || {
        let all = inside.list(&ListParams::default().labels("app=goes")).await?.items;
        for name in all.iter().filter_map(|pod| pod.metadata.name.as_deref()) {
            let _ = inside.delete(name, &DeleteParams::default().grace_period(0)).await;
        }
        Ok(all.is_empty())
    })
    .await?;
    let mut left = running("goes").await?;
    ensure!(left.len() == 2, "they run on, on the host: {left:?}");
    left.sort();

    let host = Cluster::from_client("host", "https://host", "default", outside.client.clone());
    let scope = Scope { namespaces: vec![tenancy.namespace().into()], ..Scope::default() };
    let options = SurveyOptions { scope, care: CARE, at_once: 2, ..SurveyOptions::default() };
    let cluster = host.clone();
    let looking = Operation::start("look", SURVEY_STEPS, move |progress| async move {
        survey(&cluster, &ByConnect::default(), &options, &progress).await
    });
    let found = looking.result().await?;
    let planned = plan(&found, &Wish::default());
    let mut proven = Vec::new();
    for finding in &planned.goes {
        let Verdict::Orphan { reason, evidence } = &finding.verdict else { continue };
        ensure!(*reason == Reason::OriginGone && evidence.answered.is_some(), "{finding:?}");
        if finding.claim.object.resource.kind == "Pod" {
            ensure!(
                finding.claim.holds.node.is_some() && finding.claim.holds.cpu_millis > 0,
                "what it holds is known"
            );
            proven.push(finding.claim.object.name.to_string());
        }
    }
    proven.sort();
    ensure!(proven == left, "proven are {proven:?}, left were {left:?}: {:#?}", found.tenants);

    let options = CollectOptions { grace: Some(1), care: CARE, patience: Duration::from_secs(60) };
    let collecting = Operation::start("collect", COLLECT_STEPS, move |progress| async move {
        collect(&host, &ByConnect::default(), &planned, &options, &progress).await
    });
    let collected = collecting.result().await?;
    ensure!(collected.failed.is_empty() && collected.going.is_empty(), "{collected:?}");
    for name in &left {
        gone(outside.api::<Pod>(), name).await?;
    }
    ensure!(running("stays").await?.len() == 2, "what lives inside lives on");
    Ok(())
}

fn deployment(name: &str) -> serde_json::Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"terminationGracePeriodSeconds": 1,
                "containers": [{"name": "main", "image": BUSYBOX, "command": ["sleep", "100000"],
                    "resources": {"requests": {"cpu": "10m"}}}]}}}})
}

/// Kills the companion, and sees to it that none comes back.
async fn silence(tenancy: &Tenancy, outside: &Room) -> Result<()> {
    let pods = outside.api::<Pod>();
    let of_it = ListParams::default().labels("app=v9s-syncer");
    let deployments = outside.api::<Deployment>();
    let all = deployments.list(&ListParams::default()).await?.items;
    let is_its = |it: &&Deployment| {
        let labels = it.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref()?.labels.as_ref());
        labels.is_some_and(|labels| labels.get("app").is_some_and(|app| app == "v9s-syncer"))
    };
    let name =
        all.iter().find(is_its).and_then(|it| it.metadata.name.clone()).context("there is no companion")?;
    tenancy.kill_companion().await?;
    let none = Patch::Merge(json!({"spec": {"replicas": 0}}));
    deployments.patch(&name, &PatchParams::default(), &none).await?;
    until("no companion is left", async || Ok(pods.list(&of_it).await?.items.is_empty())).await
}

/// Waits until something holds.
async fn until(what: &str, holds: impl AsyncFn() -> Result<bool>) -> Result<()> {
    for _ in 0..1200 {
        if holds().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("it never came true that {what}")
}
