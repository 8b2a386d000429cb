//! Asks the host for all that is judged. Changes nothing.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;

use super::items::{Item, Meta, ServiceNow};
use super::policies::{self, DaemonSet, Enforcement};
use super::quota::Confines;
use super::{ControlPlaneFound, Found, NamespaceFound, PLATFORM, nodes};
use crate::cluster::access::Asked;
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use crate::known::Known;
use crate::provision::create::{CreateError, Request};
use crate::provision::objects::Object;
use crate::provision::service_range::{self, ServiceRange};
use crate::provision::values::settings::{NodeChoice, NodeSync};
use crate::provision::values::{self, Settings};
use crate::target::Term;
use crate::wire::{App, CONFIG_KEY, annotation, control_plane_selector, label, name};

/// Requests that are under way at a time.
const AT_ONCE: usize = 8;

/// Asks the host for all of it. Changes nothing.
///
/// # Errors
/// When the host cannot be reached or does not tell what cannot be done without.
pub async fn look(cluster: &Cluster, request: &Request) -> Result<Found, CreateError> {
    let home = request.namespace.as_str();
    let version = cluster.version().await?;
    let namespace = namespace(cluster, home).await?;
    let mut control_planes = Vec::new();
    for kind in [Resource::STATEFUL_SETS, Resource::DEPLOYMENTS] {
        let found: Vec<Item> = list(cluster, &kind, Some(home), Some(&control_plane_selector())).await?;
        control_planes.extend(found.into_iter().filter_map(|item| of_control_plane(&kind, item.metadata)));
    }
    let services: Vec<ServiceNow> = list(cluster, &Resource::SERVICES, Some(home), None).await?;
    let known: Vec<IpAddr> = services.iter().flat_map(ServiceNow::cluster_addresses).collect();
    let own = services.iter().find(|service| service.metadata.name == request.name);
    let service_range = range(cluster, request, namespace.is_some(), &known).await?;
    let objects: Vec<Object> = request.blueprint(&service_range).objects().all().cloned().collect();
    let there = there(cluster, request, &objects, namespace.is_some()).await;
    let waiting = nodes::waiting(&objects, &there.missing);
    let nodes = match waiting.is_empty() && !is_dedicated(&request.settings) {
        true => Known::NotApplicable,
        false => nodes::nodes(cluster, &waiting).await,
    };
    let forbidden = forbidden(cluster, request, &objects, namespace.is_some()).await?;
    Ok(Found {
        version,
        namespace,
        platform: services.iter().any(|service| service.metadata.name == PLATFORM),
        strangers: there.strangers,
        missing: there.missing,
        addresses: own.map(ServiceNow::addresses).unwrap_or_default(),
        service_uid: own.map(|service| service.metadata.uid.clone()),
        before: before(cluster, request, !control_planes.is_empty()).await,
        ungranted: ungranted(cluster, &objects, namespace.is_some(), &forbidden).await,
        control_planes,
        forbidden,
        storage_classes: storage_classes(cluster).await,
        service_range,
        enforcement: enforcement(cluster, &request.settings).await,
        confines: confines(cluster, home, namespace.is_some()).await,
        nodes,
    })
}

/// The same, for whoever goes on only when nothing stands in the way.
///
/// # Errors
/// What the host says, or what stands in the way.
pub(in crate::provision::create) async fn look_and_judge(
    cluster: &Cluster,
    request: &Request,
) -> Result<Found, CreateError> {
    let found = look(cluster, request).await?;
    match found.refusals(request) {
        refusals if refusals.is_empty() => Ok(found),
        refusals => Err(CreateError::Refused(refusals)),
    }
}

async fn namespace(cluster: &Cluster, namespace: &str) -> Result<Option<NamespaceFound>, CreateError> {
    let there = ObjectRef::cluster_scoped(Resource::NAMESPACES, namespace);
    match cluster.get::<Item>(&there).await {
        Ok(item) => Ok(Some(NamespaceFound { terminating: item.metadata.deletion_timestamp.is_some() })),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        // Who may not look at namespaces works in one that is there.
        Err(failure) if failure.kind == FailureKind::Forbidden => {
            Ok(Some(NamespaceFound { terminating: false }))
        }
        Err(failure) => Err(cluster.error(format!("look for namespace {namespace}"), failure).into()),
    }
}

fn of_control_plane(kind: &Resource, mut meta: Meta) -> Option<ControlPlaneFound> {
    if meta.labels.get(label::APP).is_none_or(|app| app != App::ControlPlane.value()) {
        return None;
    }
    Some(ControlPlaneFound {
        term: Term::of(&meta.annotations),
        kind: kind.kind.clone(),
        release: meta.labels.remove(label::RELEASE)?,
        heritage: meta.labels.remove(label::HERITAGE).unwrap_or_default(),
        paused: meta.annotations.get(annotation::PAUSED).is_some_and(|paused| paused == "true"),
    })
}

async fn range(
    cluster: &Cluster,
    request: &Request,
    there: bool,
    known: &[IpAddr],
) -> Result<ServiceRange, CreateError> {
    let configured = ServiceRange { blocks: request.settings.networking.service_cidr.clone() };
    if !configured.blocks.is_empty() {
        return Ok(configured);
    }
    // Older hosts are asked by dry runs, for which a namespace must be there.
    let namespace = if there { request.namespace.as_str() } else { "default" };
    let found = service_range::find(cluster, namespace, known, None).await;
    found.map_err(CreateError::NoServiceRange).and_then(|range| {
        if range.blocks.is_empty() {
            let failure = Failure::new(FailureKind::Protocol, "it names no addresses");
            return Err(CreateError::NoServiceRange(failure));
        }
        Ok(range)
    })
}

/// Objects under the names that it would have.
struct There {
    missing: Vec<ObjectRef>,
    strangers: Vec<ObjectRef>,
}

async fn there(cluster: &Cluster, request: &Request, objects: &[Object], namespace: bool) -> There {
    let secrets = [name::certificates_secret(&request.name), name::kubeconfig_secret(&request.name)];
    let keys = secrets.map(|name| ObjectRef::namespaced(Resource::SECRETS, request.namespace.as_str(), name));
    let all: Vec<ObjectRef> = objects.iter().map(|object| object.at.clone()).chain(keys).collect();
    let looked = stream::iter(all).map(|at| async move {
        // In a namespace that is not there is nothing.
        if !namespace && at.namespace.is_some() {
            return (at, Err(Failure::new(FailureKind::NotFound, "no namespace")));
        }
        let found = cluster.get_metadata::<Item>(&at).await;
        (at, found)
    });
    let looked: Vec<_> = looked.buffered(AT_ONCE).collect().await;
    let mut there = There { missing: Vec::new(), strangers: Vec::new() };
    for (at, found) in looked {
        match found {
            Ok(item) if is_own(&request.name, &item.metadata) => {}
            Ok(_) => there.strangers.push(at),
            Err(failure) if failure.kind == FailureKind::NotFound => there.missing.push(at),
            // What may not be looked at, or does not answer now, is found out when it is applied.
            Err(_) => {}
        }
    }
    there
}

/// Everything carries the name; Secrets with keys carry it under another label, and no word of who made them.
fn is_own(name: &str, meta: &Meta) -> bool {
    let is = |key: &str, value: &str| meta.labels.get(key).is_some_and(|it| it == value);
    (is(label::RELEASE, name) && is(label::HERITAGE, "v9s")) || is(label::VCLUSTER_NAME, name)
}

/// What it was made with.
async fn before(cluster: &Cluster, request: &Request, there: bool) -> Option<Box<Settings>> {
    #[derive(Deserialize)]
    struct Secret {
        data: std::collections::BTreeMap<String, String>,
    }
    if !there {
        return None;
    }
    let secret = name::config_secret(&request.name);
    let secret = ObjectRef::namespaced(Resource::SECRETS, request.namespace.as_str(), secret);
    let secret: Secret = cluster.get(&secret).await.ok()?;
    let text = String::from_utf8(STANDARD.decode(secret.data.get(CONFIG_KEY)?).ok()?).ok()?;
    values::read(&text).ok().map(Box::new)
}

async fn storage_classes(cluster: &Cluster) -> Option<Vec<(SmolStr, bool)>> {
    const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
    let found: Vec<Item> = list(cluster, &Resource::STORAGE_CLASSES, None, None).await.ok()?;
    let class = |item: Item| {
        let default = item.metadata.annotations.get(DEFAULT).is_some_and(|it| it == "true");
        (item.metadata.name, default)
    };
    Some(found.into_iter().map(class).collect())
}

/// Quotas and limits; who may not see them is told by the host when they are exceeded.
async fn confines(cluster: &Cluster, namespace: &str, there: bool) -> Confines {
    if !there {
        return Confines::default();
    }
    Confines {
        quotas: list(cluster, &Resource::RESOURCE_QUOTAS, Some(namespace), None).await.unwrap_or_default(),
        limits: list(cluster, &Resource::LIMIT_RANGES, Some(namespace), None).await.unwrap_or_default(),
    }
}

async fn enforcement(cluster: &Cluster, settings: &Settings) -> Enforcement {
    if settings.policies.network_policy.is_none() {
        return Enforcement::Unknown("it was not asked for".into());
    }
    match cluster.list::<DaemonSet>(&Resource::DAEMON_SETS, None, None).await {
        Ok(sets) => policies::enforcement(&sets),
        Err(failure) if failure.kind == FailureKind::Forbidden => {
            Enforcement::Unknown("you may not list DaemonSets, among which the network is".into())
        }
        Err(failure) => Enforcement::Unknown(format!("DaemonSets cannot be listed: {failure}").into()),
    }
}

/// Whether nodes are meant for the tenant's pods by their labels.
fn is_dedicated(settings: &Settings) -> bool {
    matches!(&settings.sync.nodes, NodeSync::Host(host) if matches!(host.choice, NodeChoice::Labels(_)))
}

/// Applying is patching, and creating what is not there.
async fn forbidden(
    cluster: &Cluster,
    request: &Request,
    objects: &[Object],
    namespace: bool,
) -> Result<Vec<(SmolStr, SmolStr)>, CreateError> {
    let mut kinds: Vec<Resource> = Vec::new();
    for object in objects {
        if !kinds.contains(&object.at.resource) {
            kinds.push(object.at.resource.clone());
        }
    }
    if !namespace {
        kinds.push(Resource::NAMESPACES);
    }
    let asked = kinds.into_iter().flat_map(|kind| {
        let namespace = kind.namespaced.then(|| request.namespace.as_str().into());
        ["create", "patch"].map(|verb| Asked { verb, resource: kind.clone(), namespace: namespace.clone() })
    });
    let answer = cluster.not_allowed(asked.collect()).await;
    let missing = answer.map_err(|failure| cluster.error("ask what may be done", failure))?;
    Ok(missing.into_iter().map(|asked| (asked.verb.into(), asked.resource.plural)).collect())
}

/// Nobody grants more than they have: the host is asked by a dry run.
async fn ungranted(
    cluster: &Cluster,
    objects: &[Object],
    namespace: bool,
    forbidden: &[(SmolStr, SmolStr)],
) -> Vec<(ObjectRef, SmolStr)> {
    let mut refused = Vec::new();
    let may = |at: &ObjectRef| !forbidden.iter().any(|(_, plural)| *plural == at.resource.plural);
    let can_be_asked = |at: &ObjectRef| namespace || at.namespace.is_none();
    let roles = objects.iter().filter(|object| object.at.resource.kind.ends_with("Role"));
    for role in roles.filter(|role| may(&role.at) && can_be_asked(&role.at)) {
        if let Err(failure) = cluster.try_apply(&role.at, &role.body).await
            && failure.kind == FailureKind::Forbidden
        {
            refused.push((role.at.clone(), failure.message));
        }
    }
    refused
}

async fn list<T: DeserializeOwned>(
    cluster: &Cluster,
    kind: &Resource,
    namespace: Option<&str>,
    labels: Option<&str>,
) -> Result<Vec<T>, CreateError> {
    let place = namespace.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let listed = cluster.list(kind, namespace, labels).await;
    Ok(listed.map_err(|failure| cluster.error(format!("list {}{place}", kind.plural), failure))?)
}
