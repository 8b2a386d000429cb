//! What the host's side is no longer configured to show goes from the tenant again: once, when the process begins.
//!
//! Only what carries our mark is ever taken away. Nothing watches for it: a configuration does not change while a process
//! lives, and a watch over all of a tenant's ConfigMaps and Secrets would cost more than it tells.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;
use tokio_util::sync::CancellationToken;
use v9s::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use v9s::wire::annotation;

use super::custom::Direction;
use super::from_host::Mapping;
use super::settings::{Classes, Settings};
use crate::engine::Engine;
use crate::engine::gate::StoreIdentity;
use crate::requests;

/// Objects in one page of a list.
const PAGE: u32 = 500;
/// Wait between two tries.
const RETRY: Duration = Duration::from_secs(5);
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Takes away what is no longer shown, as soon as something may be written at all; tries until it is done.
pub async fn run(engine: Arc<Engine>, tenant: Cluster, settings: Settings, stop: CancellationToken) {
    loop {
        let report = engine.report();
        if report.store == StoreIdentity::Known && report.suspended.is_none() {
            match withdraw(&tenant, &settings).await {
                Ok(0) => return,
                Ok(count) => return tracing::info!(count, "what is no longer shown was taken away"),
                Err(failure) => tracing::warn!(%failure, "what is no longer shown cannot be taken away now"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Takes away what is no longer shown; answers how much it was.
///
/// # Errors
/// What the server said; what is left can be taken away by another try.
pub async fn withdraw(tenant: &Cluster, settings: &Settings) -> Result<usize, Failure> {
    let mut gone = 0;
    for (resource, mappings) in [
        (Resource::CONFIG_MAPS, &settings.config_maps_from_host),
        (Resource::SECRETS, &settings.secrets_from_host),
    ] {
        gone += withdraw_of(tenant, &resource, |meta| is_mapped(mappings, meta)).await?;
    }
    let shown = |classes: &Classes| matches!(classes, Classes::FromHost { .. });
    for (resource, is_shown) in [
        (Resource::STORAGE_CLASSES, shown(&settings.storage_classes)),
        (Resource::PRIORITY_CLASSES, shown(&settings.priority_classes)),
        (Resource::INGRESS_CLASSES, settings.ingress_classes.is_some()),
        (Resource::RUNTIME_CLASSES, settings.runtime_classes.is_some()),
    ] {
        if !is_shown {
            gone += withdraw_of(tenant, &resource, |_| false).await?;
        }
    }
    for resource in copied(tenant).await? {
        let how = settings.custom_resources.iter().find(|custom| {
            (&custom.resource.plural, &custom.resource.group) == (&resource.plural, &resource.group)
        });
        gone += withdraw_of(tenant, &resource, |meta| match how.map(|how| &how.direction) {
            Some(Direction::FromHost { .. }) => true,
            Some(Direction::FromNamespaces(mappings)) => is_mapped(mappings, meta),
            Some(Direction::ToHost(_)) | None => false,
        })
        .await?;
    }
    Ok(gone)
}

fn is_mapped(mappings: &[Mapping], meta: &Meta) -> bool {
    mappings.iter().any(|mapping| {
        let named = mapping.name.as_ref().is_none_or(|(_, name)| *name == meta.name);
        mapping.to_namespace == meta.namespace && named
    })
}

#[derive(Deserialize)]
struct List<T> {
    #[serde(default)]
    metadata: ListMeta,
    /// Null where there are none and metadata alone was asked for.
    items: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
struct ListMeta {
    #[serde(default, rename = "continue")]
    more: SmolStr,
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    namespace: SmolStr,
    name: SmolStr,
    uid: SmolStr,
    resource_version: SmolStr,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

/// Deletes what carries our mark and is not to stay.
async fn withdraw_of(
    tenant: &Cluster,
    resource: &Resource,
    stays: impl Fn(&Meta) -> bool,
) -> Result<usize, Failure> {
    let mut gone = 0;
    for Object { metadata } in all::<Object>(tenant, resource, METADATA).await? {
        if metadata.annotations.contains_key(annotation::APPLIED) && !stays(&metadata) {
            delete(tenant, resource, &metadata).await?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// Custom resources whose definition was copied from the host, now or by an earlier configuration.
async fn copied(tenant: &Cluster) -> Result<Vec<Resource>, Failure> {
    #[derive(Deserialize)]
    struct Definition {
        metadata: Meta,
        spec: Spec,
    }
    #[derive(Deserialize)]
    struct Spec {
        group: SmolStr,
        names: Names,
        scope: SmolStr,
        versions: Vec<Version>,
    }
    #[derive(Deserialize)]
    struct Names {
        plural: SmolStr,
        kind: SmolStr,
    }
    #[derive(Deserialize)]
    struct Version {
        name: SmolStr,
        served: bool,
    }
    let definitions =
        all::<Definition>(tenant, &Resource::CUSTOM_RESOURCE_DEFINITIONS, requests::JSON).await?;
    let ours = definitions.into_iter().filter(|of| of.metadata.annotations.contains_key(annotation::APPLIED));
    let resource = |Definition { spec, .. }: Definition| {
        let version = spec.versions.into_iter().find(|version| version.served)?.name;
        let Names { plural, kind } = spec.names;
        Some(Resource { group: spec.group, version, plural, kind, namespaced: spec.scope == "Namespaced" })
    };
    Ok(ours.filter_map(resource).collect())
}

/// All objects of a kind, page by page; none of a kind that is not served.
async fn all<T: serde::de::DeserializeOwned>(
    tenant: &Cluster,
    resource: &Resource,
    accept: &'static str,
) -> Result<Vec<T>, Failure> {
    let (mut found, mut more) = (Vec::new(), SmolStr::default());
    loop {
        let path = resource.path(None);
        let path = format!("{path}?limit={PAGE}&continue={more}");
        let mut request = requests::request(Method::GET, &path, requests::JSON, Vec::new())?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(accept));
        let answer = match tenant.fetch(request).await {
            Err(failure) if failure.kind == FailureKind::NotFound => return Ok(found),
            answer => answer?,
        };
        let List { metadata, items } = requests::read(&answer)?;
        found.extend(items.unwrap_or_default());
        if metadata.more.is_empty() {
            return Ok(found);
        }
        more = metadata.more;
    }
}

/// Deletes this very state of an object; that it is gone already is as good.
async fn delete(tenant: &Cluster, resource: &Resource, meta: &Meta) -> Result<(), Failure> {
    let namespace = Some(meta.namespace.clone()).filter(|namespace| !namespace.is_empty());
    let object = ObjectRef { resource: resource.clone(), namespace, name: meta.name.clone() };
    let options = json!({"apiVersion": "v1", "kind": "DeleteOptions",
        "preconditions": {"uid": meta.uid, "resourceVersion": meta.resource_version}});
    let path = object.path();
    match requests::send(tenant, Method::DELETE, &path, requests::JSON, &options).await {
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(()),
        answer => answer.map(drop),
    }
}
