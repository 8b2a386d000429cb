//! Whether the tenant's store is the one we knew.
//!
//! A store that was lost and begins anew lists whole and healthy, and everything on the host would look like a leftover.
//! The UID of its `kube-system` namespace tells stores apart: it is remembered on the Service of the virtual cluster.

use http::Method;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;
use v9s::cluster::{Cluster, Failure, ObjectRef, Resource};
use v9s::wire::annotation;

use crate::context::Context;
use crate::engine::gate::StoreIdentity;
use crate::requests;

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
            requests::send(host, Method::PATCH, &service.path(), requests::MERGE_PATCH, &change).await?;
            Ok(StoreIdentity::Known)
        }
    }
}

async fn get(cluster: &Cluster, object: &ObjectRef) -> Result<Meta, Failure> {
    requests::get::<Object>(cluster, &object.path()).await.map(|object| object.metadata)
}
