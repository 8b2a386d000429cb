//! Asks tenants' own API servers what they have. Never wakes one that rests.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::claim::{Claim, RawMeta};
use super::world::{Answer, Asked, Place, Store, Twin};
use crate::cluster::{
    self, Cluster, ConnectOptions, Failure, FailureKind, KubeconfigSource, ObjectRef, Resource,
};
use crate::connect::{self, ConnectError, Connected};
use crate::names::VirtualName;
use crate::operation::Operation;
use crate::target::refresh;

/// The API server of a tenant, reached.
pub struct Inside {
    /// It.
    pub cluster: Cluster,
    /// What keeps the way open.
    pub way: Option<Box<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inside").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// How tenants are reached.
pub trait Ways: Send + Sync {
    /// Reaches one that is meant to run. Why not, in words, otherwise.
    fn open<'a>(&'a self, host: &'a Cluster, place: &'a Place) -> BoxFuture<'a, Result<Inside, SmolStr>>;
}

/// By the credentials that a virtual cluster keeps on its host, straight or through a tunnel.
#[derive(Debug, Clone)]
pub struct ByConnect {
    /// How long one may take to be reached.
    pub patience: Duration,
}

impl Default for ByConnect {
    fn default() -> Self {
        ByConnect { patience: Duration::from_secs(10) }
    }
}

impl Ways for ByConnect {
    fn open<'a>(&'a self, host: &'a Cluster, place: &'a Place) -> BoxFuture<'a, Result<Inside, SmolStr>> {
        Box::pin(async move {
            let target = refresh(host, &place.namespace, &place.name).await;
            let target = target.map_err(|error| format_smolstr!("{error}"))?;
            if target.rest().is_some() {
                return Err("it does not run by now".into());
            }
            let asked = connect::Asked { patience: self.patience, ..connect::Asked::default() };
            let host = host.clone();
            let way: Operation<Connected, ConnectError> = Operation::start(
                format_smolstr!("reach {place}"),
                connect::STEPS,
                move |progress| async move { connect::connect(&host, &target, &asked, &progress).await },
            );
            // Whoever does not wait for it any more stops it.
            let _stop = way.canceller().drop_guard();
            let connected = way.result().await.map_err(|error| format_smolstr!("{error}"))?;
            let source = KubeconfigSource::Text(connected.entry.to_yaml().into());
            let opened = cluster::open(&source, None, &ConnectOptions::default()).await;
            let cluster = opened.map_err(|error| format_smolstr!("{error}"))?;
            Ok(Inside { cluster, way: Some(Box::new(connected.reached)) })
        })
    }
}

/// What is inside and has nothing on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alone {
    pub(super) kind: SmolStr,
    pub(super) name: VirtualName,
    pub(super) created: Option<DateTime<Utc>>,
}

/// What a tenant has said, for all of its objects on the host.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// In the order of the claims.
    pub(super) answers: Vec<Asked>,
    /// UID of its `kube-system`.
    pub(super) store: Option<SmolStr>,
    /// By its own clock.
    pub(super) at: Option<DateTime<Utc>>,
    /// Pods that have nothing on the host, and nodes that the host has not.
    pub(super) alone: Vec<Alone>,
}

#[derive(Deserialize)]
pub(super) struct Object {
    pub(super) metadata: RawMeta,
}

/// Asks about all of its claims: one list for each kind. `nodes` are those of the host, where they are known.
pub(super) async fn ask(
    tenant: &Cluster,
    place: &Place,
    remembered: Option<&SmolStr>,
    claims: &[&Claim],
    nodes: Option<&BTreeSet<SmolStr>>,
) -> Result<Said, Failure> {
    let before = store(tenant).await?;
    let at = clock(tenant).await?;
    let mut said = Said { store: Some(before.clone()), at: Some(at), ..Said::default() };
    said.answers = vec![Asked::Not("it was not asked about".into()); claims.len()];
    let mut kinds: BTreeMap<String, (Resource, Vec<usize>)> = BTreeMap::new();
    kinds.insert(Resource::PODS.path(None), (Resource::PODS, Vec::new()));
    for (index, claim) in claims.iter().enumerate() {
        let resource = &claim.object.resource;
        let entry = kinds.entry(resource.path(None)).or_insert_with(|| (resource.clone(), Vec::new()));
        entry.1.push(index);
    }
    let compared = Store::compare(remembered, &before);
    for (resource, indices) in kinds.into_values() {
        let asked = Instant::now();
        let at = clock(tenant).await?;
        let of_kind: Vec<&Claim> = indices.iter().filter_map(|index| claims.get(*index).copied()).collect();
        let found = match list(tenant, place, &resource, &of_kind).await {
            Ok(found) => found,
            // That it is not found means nothing of its objects.
            Err(failure) if failure.kind == FailureKind::NotFound => {
                for index in indices {
                    said.answers[index] =
                        Asked::Not(format_smolstr!("{} are not served inside", resource.plural));
                }
                continue;
            }
            Err(failure) => {
                let why = format_smolstr!("{} cannot be listed inside: {failure}", resource.plural);
                for index in indices {
                    said.answers[index] = Asked::Not(why.clone());
                }
                continue;
            }
        };
        for ((index, twin), bears) in indices.into_iter().zip(found.twins).zip(found.bears) {
            said.answers[index] = Asked::Answered(Answer { asked, at, store: compared.clone(), twin, bears });
        }
        said.alone.extend(found.alone);
    }
    said.alone.extend(ghosts(tenant, nodes).await);
    // Another may stand at its address by now.
    if store(tenant).await? != before {
        return Err(Failure::new(FailureKind::Protocol, "its store was exchanged while it was asked"));
    }
    witness(claims, &mut said.answers);
    Ok(said)
}

/// Its own clock; ours where it does not tell.
async fn clock(tenant: &Cluster) -> Result<DateTime<Utc>, Failure> {
    let told = tenant.clock().await.map_err(|error| error.failure)?;
    Ok(told.unwrap_or_else(Utc::now))
}

/// UID of `kube-system`: which store it is.
pub(super) async fn store(tenant: &Cluster) -> Result<SmolStr, Failure> {
    let system = ObjectRef::cluster_scoped(Resource::NAMESPACES, "kube-system");
    Ok(tenant.get_metadata::<Object>(&system).await?.metadata.uid)
}

/// Objects of the host whose origin is inside by UID prove together that it is the store which they were made from.
fn witness(claims: &[&Claim], answers: &mut [Asked]) {
    let is_there = |(claim, asked): (&&Claim, &Asked)| {
        let Asked::Answered(Answer { twin: Some(twin), .. }) = asked else { return false };
        claim.marks.uid.as_ref() == Some(&twin.uid) && !claim.is_copy()
    };
    let witnesses = claims.iter().zip(answers.iter()).filter(|pair| is_there(*pair)).count();
    for asked in answers {
        if let Asked::Answered(Answer { store: Store::Witnessed(count), .. }) = asked {
            *count = witnesses;
        }
    }
}

/// What a list of a kind inside says of the claims, in their order.
struct Listed {
    twins: Vec<Option<Twin>>,
    bears: Vec<bool>,
    alone: Vec<Alone>,
}

/// How many of those that are alone are told.
const TOLD: usize = 200;

async fn list(
    tenant: &Cluster,
    place: &Place,
    resource: &Resource,
    claims: &[&Claim],
) -> Result<Listed, Failure> {
    let names = place.names();
    let mut wanted: HashMap<VirtualName, Vec<usize>> = HashMap::new();
    let mut borne: HashMap<SmolStr, Vec<usize>> = HashMap::new();
    for (index, claim) in claims.iter().enumerate() {
        let Some(origin) = claim.origin() else { continue };
        let is_itself = !claim.is_copy() && names.host_name(&origin).as_str() == claim.object.name;
        if !is_itself {
            borne.entry(claim.object.name.clone()).or_default().push(index);
        }
        wanted.entry(origin).or_default().push(index);
    }
    let mut found =
        Listed { twins: vec![None; claims.len()], bears: vec![false; claims.len()], alone: Vec::new() };
    let tells_alone = *resource == Resource::PODS;
    tenant
        .each_page(resource, None, None, true, |page: Vec<Object>| {
            for Object { metadata } in page {
                let name = VirtualName {
                    namespace: resource.namespaced.then(|| metadata.namespace.clone()),
                    name: metadata.name.clone(),
                };
                if !borne.is_empty()
                    && let Some(indices) = borne.get(names.host_name(&name).as_str())
                {
                    indices.iter().for_each(|index| found.bears[*index] = true);
                }
                match wanted.get(&name) {
                    Some(indices) => {
                        let twin = Twin { uid: metadata.uid, created: metadata.creation_timestamp };
                        indices.iter().for_each(|index| found.twins[*index] = Some(twin.clone()));
                    }
                    None if tells_alone
                        && metadata.deletion_timestamp.is_none()
                        && found.alone.len() < TOLD =>
                    {
                        let created = metadata.creation_timestamp;
                        found.alone.push(Alone { kind: resource.kind.clone(), name, created });
                    }
                    None => {}
                }
            }
        })
        .await?;
    Ok(found)
}

/// Nodes inside that the host has not.
async fn ghosts(tenant: &Cluster, nodes: Option<&BTreeSet<SmolStr>>) -> Vec<Alone> {
    let Some(nodes) = nodes else { return Vec::new() };
    let mut ghosts = Vec::new();
    let listed = tenant
        .each_page(&Resource::NODES, None, None, true, |page: Vec<Object>| {
            let gone = page.into_iter().filter(|node| !nodes.contains(&node.metadata.name));
            ghosts.extend(gone.map(|node| Alone {
                kind: Resource::NODES.kind,
                name: VirtualName::cluster_scoped(node.metadata.name),
                created: node.metadata.creation_timestamp,
            }));
        })
        .await;
    match listed {
        Ok(()) => ghosts,
        // What was seen is not all; they are only told.
        Err(_) => Vec::new(),
    }
}

/// Asks about one object, just before it goes. `before` is the store that was asked the last time.
pub(super) async fn ask_again(
    tenant: &Cluster,
    place: &Place,
    remembered: Option<&SmolStr>,
    witnessed: Option<(&SmolStr, usize)>,
    claim: &Claim,
) -> Result<Asked, Failure> {
    let Some(origin) = claim.origin() else {
        return Ok(Asked::Not("it says no more what it was made for".into()));
    };
    let at = clock(tenant).await?;
    let asked = Instant::now();
    let names = place.names();
    let is_itself = !claim.is_copy() && names.host_name(&origin).as_str() == claim.object.name;
    let (twin, bears) = if is_itself {
        let resource = claim.object.resource.clone();
        let object = ObjectRef { resource, namespace: origin.namespace, name: origin.name };
        match tenant.get_metadata::<Object>(&object).await {
            Ok(Object { metadata }) => {
                (Some(Twin { uid: metadata.uid, created: metadata.creation_timestamp }), false)
            }
            Err(failure) if failure.kind == FailureKind::NotFound => {
                // Of a kind that is not served, nothing is found either.
                tenant.serves(&object.resource, object.namespace.as_deref()).await?;
                (None, false)
            }
            Err(failure) => return Err(failure),
        }
    } else {
        let mut listed = list(tenant, place, &claim.object.resource, &[claim]).await?;
        (listed.twins.pop().flatten(), listed.bears.pop().unwrap_or(true))
    };
    let found = store(tenant).await?;
    let store = match (Store::compare(remembered, &found), witnessed) {
        (Store::Witnessed(_), Some((before, count))) if *before == found => Store::Witnessed(count),
        (Store::Witnessed(_), Some((before, _))) => Store::Replaced { remembered: before.clone(), found },
        (store, _) => store,
    };
    Ok(Asked::Answered(Answer { asked, at, store, twin, bears }))
}
