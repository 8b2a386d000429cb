//! A virtual cluster of a test's own, as the official chart leaves it on a host with controllers and without kubelets.

use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::Utc;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;
use v9s::cluster::{Cluster, ConnectOptions, KubeconfigSource, open};
use v9s::target::{Target, find};
use v9s_testkit::host::Host;
use v9s_ui::demo::install::{Install, install};
use v9s_ui::demo::objects::Setting;
use v9s_ui::demo::seed::Seed;
use v9s_ui::demo::spec::Tenant;

/// How long something may take to become what a test expects. Only a failing test takes that long.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a verb waits in each step.
pub const STEP: Duration = Duration::from_secs(60);

/// A tenant with its DNS server, whose name and namespace no other test uses.
pub fn tenant(host: &Host, stem: &str) -> Tenant {
    let created = Utc::now() - chrono::Duration::days(3);
    Tenant::new(&host.named(stem), created, Seed::new(7))
}

/// Puts it on the host. Its pods are bound to no node: nobody would end them there.
pub async fn put(host: &Host, tenant: &Tenant) -> Result<()> {
    let setting = Setting { now: Utc::now(), nodes: Vec::new(), managed_fields: false };
    let how = Install { concurrency: 8, status: false, controlled: false };
    install(&host.client(), std::slice::from_ref(tenant), &setting, how).await?;
    Ok(())
}

/// The host as v9s talks to it.
pub async fn cluster(kubeconfig: &str) -> Result<Cluster> {
    let options = ConnectOptions { request_timeout: Duration::from_secs(10), ..ConnectOptions::default() };
    Ok(open(&KubeconfigSource::Text(kubeconfig.into()), None, &options).await?)
}

/// The tenant as its host has it now.
pub async fn look(cluster: &Cluster, tenant: &Tenant) -> Result<Target> {
    Ok(find(cluster, Some(&tenant.namespace), &tenant.name).await?)
}

/// Any kind.
pub fn api(host: &Host, group: &str, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(host.client(), namespace, &resource),
        None => Api::all_with(host.client(), &resource),
    }
}

/// Names of the pods in a namespace with these labels.
pub async fn pods(host: &Host, namespace: &str, labels: &str) -> Result<Vec<String>> {
    let pods: Api<Pod> = Api::namespaced(host.client(), namespace);
    let found = pods.list(&ListParams::default().labels(labels)).await?;
    Ok(found.items.into_iter().filter_map(|pod| pod.metadata.name).collect())
}

/// Waits until so many pods have these labels.
pub async fn until_pods(host: &Host, namespace: &str, labels: &str, count: usize) -> Result<()> {
    until(&format!("{count} pods with {labels} in {namespace}"), || async {
        Ok(pods(host, namespace, labels).await?.len() == count)
    })
    .await
}

/// Waits until something holds.
pub async fn until<Look>(what: &str, look: impl Fn() -> Look) -> Result<()>
where
    Look: Future<Output = Result<bool>>,
{
    let all = async {
        while !look().await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, all).await.with_context(|| format!("never came true: {what}"))?
}

/// Says of every pod with these labels that it runs and is ready, as its kubelet would, for as long as this is kept.
pub fn kubelet(host: &Host, namespace: &str, labels: &str) -> AbortOnDropHandle<()> {
    let pods: Api<Pod> = Api::namespaced(host.client(), namespace);
    let params = ListParams::default().labels(labels);
    let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let found = pods.list(&params).await.map(|list| list.items).unwrap_or_default();
            let runs = |pod: &Pod| pod.status.as_ref().and_then(|it| it.phase.as_deref()) == Some("Running");
            for name in found.into_iter().filter(|pod| !runs(pod)).filter_map(|pod| pod.metadata.name) {
                // It may be gone by now.
                let _ = pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(&ready)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }))
}

/// An object as the server has it; none when it is not there.
pub async fn object(
    host: &Host,
    group: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<Option<Value>> {
    let found = api(host, group, kind, Some(namespace)).get_opt(name).await?;
    found.map(serde_json::to_value).transpose().context("an object is JSON")
}

/// Changes an object by a merge patch.
pub async fn change(
    host: &Host,
    group: &str,
    kind: &str,
    place: (Option<&str>, &str),
    patch: Value,
) -> Result<()> {
    let (namespace, name) = place;
    api(host, group, kind, namespace).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Says of a namespace that it was made for its virtual cluster, as whoever makes one does.
pub async fn made_for_it(host: &Host, namespace: &str) -> Result<()> {
    let mark = json!({"metadata": {"annotations": {"vcluster.loft.sh/created": "true"}}});
    change(host, "", "Namespace", (None, namespace), mark).await
}
