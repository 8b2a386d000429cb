//! Whether the tenant's store is the one we knew.
//!
//! A store that was lost and begins anew lists whole and healthy, and everything on the host would look like a leftover.
//! The UID of its `kube-system` namespace tells stores apart: it is remembered on the Service of the virtual cluster.

use http::Request;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;
use v9s::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use v9s::wire::annotation;

use crate::context::Context;
use crate::engine::gate::StoreIdentity;

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    uid: SmolStr,
    resource_version: SmolStr,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, SmolStr>,
}

/// Compares the store with the one that is remembered, and remembers it the first time.
///
/// # Errors
/// What one of the servers said; nothing is known then.
pub async fn check(ctx: &Context, tenant: &Cluster, host: &Cluster) -> Result<StoreIdentity, Failure> {
    let system = ObjectRef { resource: Resource::NAMESPACES, namespace: None, name: "kube-system".into() };
    let found = get(tenant, &system).await?.uid;
    let service = ObjectRef::namespaced(Resource::SERVICES, ctx.host_namespace.clone(), ctx.vcluster.clone());
    let Meta { resource_version, annotations, .. } = get(host, &service).await?;
    match annotations.get(annotation::STORE) {
        Some(remembered) if *remembered == found => Ok(StoreIdentity::Known),
        Some(remembered) => Ok(StoreIdentity::Replaced { remembered: remembered.clone(), found }),
        None => {
            let change = json!({"metadata": {"resourceVersion": resource_version,
                "annotations": {annotation::STORE: found}}});
            patch(host, &service, &change).await?;
            Ok(StoreIdentity::Known)
        }
    }
}

/// Takes the store as it is for the one that belongs to the objects on the host: a person's decision.
///
/// # Errors
/// What one of the servers said.
pub async fn adopt(ctx: &Context, tenant: &Cluster, host: &Cluster) -> Result<(), Failure> {
    let system = ObjectRef { resource: Resource::NAMESPACES, namespace: None, name: "kube-system".into() };
    let found = get(tenant, &system).await?.uid;
    let service = ObjectRef::namespaced(Resource::SERVICES, ctx.host_namespace.clone(), ctx.vcluster.clone());
    patch(host, &service, &json!({"metadata": {"annotations": {annotation::STORE: found}}})).await
}

async fn get(cluster: &Cluster, object: &ObjectRef) -> Result<Meta, Failure> {
    let request = Request::get(object.path()).body(Vec::new()).map_err(unbuildable)?;
    let answer = cluster.fetch(request).await?;
    let object: Object = serde_json::from_slice(&answer)
        .map_err(|_| Failure::new(FailureKind::Protocol, "the answer cannot be read"))?;
    Ok(object.metadata)
}

async fn patch(cluster: &Cluster, object: &ObjectRef, change: &serde_json::Value) -> Result<(), Failure> {
    let request = Request::patch(object.path())
        .header(http::header::CONTENT_TYPE, "application/merge-patch+json")
        .body(change.to_string().into_bytes())
        .map_err(unbuildable)?;
    cluster.fetch(request).await.map(drop)
}

fn unbuildable(error: http::Error) -> Failure {
    Failure::new(FailureKind::Rejected, format!("cannot be asked: {error}"))
}
