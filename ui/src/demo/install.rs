//! Puts a fleet on any API server through a kube client.

use std::fmt::Write as _;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::Client;
use kube::api::{PatchParams, PostParams, Request};
use serde_json::Value;

use super::address::Address;
use super::objects::{Maker, OwnerUid, Setting};
use super::spec::Tenant;

/// How to install.
#[derive(Debug, Clone, Copy)]
pub struct Install {
    /// Requests under way at the same time, at least one.
    pub concurrency: usize,
    /// Writes the status of workloads, pods and quotas too: for hosts without controllers and kubelets.
    pub status: bool,
    /// Creates what the host's own controllers would (control-plane pods, volumes): for hosts without them.
    pub controlled: bool,
}

/// What was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Installed {
    /// Objects of all kinds.
    pub objects: u64,
    /// The synced pods among them.
    pub synced_pods: u64,
}

/// An object could not be put on the host.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The API server refused or could not be reached.
    #[error("{verb} {address}: {source}")]
    Request {
        /// What was tried.
        verb: &'static str,
        /// The object.
        address: Address,
        /// What the client or the server said.
        source: Box<kube::Error>,
    },
    /// The object cannot be sent as it is.
    #[error("{address} is not a Kubernetes object: {why}")]
    Malformed {
        /// The object.
        address: Address,
        /// What is missing or wrong.
        why: String,
    },
}

/// Creates every object of these tenants. Namespaces that exist already are used as they are.
///
/// # Errors
/// The first object that the host did not take; what was created before stays.
pub async fn install(
    client: &Client,
    tenants: &[Tenant],
    setting: &Setting,
    how: Install,
) -> Result<Installed, InstallError> {
    let concurrency = how.concurrency.max(1);
    let owned: Vec<(Maker<'_>, OwnerUid, u64)> = futures::stream::iter(tenants)
        .map(|tenant| control_plane(client, Maker::new(tenant, setting), how))
        .buffered(concurrency)
        .try_collect()
        .await?;
    let objects: u64 = owned.iter().map(|(_, _, objects)| objects).sum();
    let synced_pods = futures::stream::iter(&owned)
        .flat_map(|(maker, owner, _)| futures::stream::iter(maker.pods(owner)))
        .map(|pod| async move { create(client, &pod, how.status).await.map(|_| 1_u64) })
        .buffer_unordered(concurrency)
        .try_fold(0, |sum, one| async move { Ok(sum + one) })
        .await?;
    let quotas: Vec<Value> = owned.iter().filter_map(|(maker, _, _)| maker.quota()).collect();
    futures::stream::iter(&quotas)
        .map(|quota| create(client, quota, how.status))
        .buffer_unordered(concurrency)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(Installed { objects: objects + synced_pods + quotas.len() as u64, synced_pods })
}

/// Creates all but the synced pods of one tenant, one after the other: later objects need earlier ones.
async fn control_plane<'a>(
    client: &Client,
    maker: Maker<'a>,
    how: Install,
) -> Result<(Maker<'a>, OwnerUid, u64), InstallError> {
    match create(client, &maker.namespace(), false).await {
        Err(InstallError::Request { source, .. }) if is_conflict(&source) => {}
        other => drop(other?),
    }
    let service = create(client, &maker.service(), false).await?;
    let owner = match service.pointer("/metadata/uid").and_then(Value::as_str) {
        Some(uid) => OwnerUid(uid.to_owned()),
        None => maker.planned_owner(),
    };
    let mut objects = maker.chart();
    objects.extend(maker.runtime(&owner));
    objects.extend(maker.companion());
    objects.extend(maker.synced(&owner));
    if how.controlled {
        objects.extend(maker.controlled());
    }
    for object in &objects {
        create(client, object, how.status).await?;
    }
    let created = 2 + objects.len() as u64;
    Ok((maker, owner, created))
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

fn refused(address: Address, verb: &'static str, source: kube::Error) -> InstallError {
    InstallError::Request { verb, address, source: Box::new(source) }
}

fn malformed(address: Address, why: &dyn std::error::Error) -> InstallError {
    let mut said = why.to_string();
    let mut cause = why.source();
    while let Some(deeper) = cause {
        // Writing to a String cannot fail.
        let _ = write!(said, ": {deeper}");
        cause = deeper.source();
    }
    InstallError::Malformed { address, why: said }
}

/// Creates one object, then writes its status if asked to and if it has one; the object as the server has it.
async fn create(client: &Client, object: &Value, status: bool) -> Result<Value, InstallError> {
    let address = Address::of(object);
    let request = match Request::new(address.collection())
        .create(&PostParams::default(), object.to_string().into_bytes())
    {
        Ok(request) => request,
        Err(error) => return Err(malformed(address, &error)),
    };
    let created: Value = match client.request(request).await {
        Ok(created) => created,
        Err(error) => return Err(refused(address, "create", error)),
    };
    let Some(of_object) = object.get("status").filter(|_| status && address.kind != "Namespace") else {
        return Ok(created);
    };
    let patch = kube::api::Patch::Merge(serde_json::json!({ "status": of_object }));
    let params = PatchParams::default();
    match Request::new(address.collection()).patch_subresource("status", &address.name, &params, &patch) {
        Ok(request) => match client.request::<Value>(request).await {
            Ok(_) => Ok(created),
            Err(error) => Err(refused(address, "patch the status of", error)),
        },
        Err(error) => Err(malformed(address, &error)),
    }
}
