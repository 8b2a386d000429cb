//! A steady stream of pod events.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::core::PartialObjectMeta;
use serde_json::json;
use v9s::wire;

/// Changes synced pods for a while, so many a second, each at its own moment; returns how many a second it were.
pub async fn stream(client: &Client, per_second: u32, over: Duration) -> Result<f64> {
    let pods: Api<PartialObjectMeta<Pod>> = Api::all(client.clone());
    let some = ListParams::default().labels(wire::synced_selector()).limit(2000);
    let names: Vec<(String, String)> = pods
        .list_metadata(&some)
        .await
        .context("listing pods to change")?
        .items
        .into_iter()
        .filter_map(|pod| Some((pod.metadata.namespace?, pod.metadata.name?)))
        .collect();
    let started = Instant::now();
    let total = (over.as_secs_f64() * f64::from(per_second)) as usize;
    let due = |n: usize| started + Duration::from_secs_f64(n as f64 / f64::from(per_second));
    futures::stream::iter(names.into_iter().cycle().take(total).enumerate())
        .map(|(n, (namespace, name))| async move {
            tokio::time::sleep_until(due(n).into()).await;
            change(client, &namespace, &name, n).await
        })
        .buffer_unordered(64)
        .try_collect::<()>()
        .await?;
    Ok(total as f64 / started.elapsed().as_secs_f64())
}

/// What a restart of a container writes.
async fn change(client: &Client, namespace: &str, name: &str, n: usize) -> Result<()> {
    let status = json!({"status": {"containerStatuses": [{
        "name": "app", "image": "registry.example/app:1", "imageID": "", "ready": n.is_multiple_of(2), "restartCount": n,
    }]}});
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let patched = pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await;
    patched.with_context(|| format!("patching the status of pod {namespace}/{name}"))?;
    Ok(())
}
