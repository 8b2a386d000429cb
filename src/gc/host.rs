//! What a host has: objects that claim to belong to virtual clusters, and the virtual clusters that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use chrono::Utc;
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::claim::{Claim, Raw, RawMeta};
use super::survey::Scope;
use super::world::{Place, Sight, Standing, World};
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use crate::companion;
use crate::target::Rest;
use crate::wire::{self, App, annotation, label, name};

/// Requests that are under way at a time.
const AT_ONCE: usize = 8;

/// What claims to belong to virtual clusters.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Each with the moment from which on it was known to be there.
    pub(super) all: Vec<(Claim, Instant)>,
    /// Kinds that could not be listed, and why.
    pub(super) unseen: Vec<(SmolStr, Failure)>,
}

/// Lists them: pods first, then every other kind. Of most kinds only the metadata is asked for.
pub(super) async fn claims(cluster: &Cluster, scope: &Scope, kinds: Vec<Resource>) -> Claims {
    let all_of_cluster = scope.namespaces.is_empty();
    let wanted = |resource: &Resource| scope.kinds.wants(resource) && (resource.namespaced || all_of_cluster);
    let (pods, others): (Vec<Resource>, Vec<Resource>) =
        kinds.into_iter().filter(wanted).partition(|resource| *resource == Resource::PODS);
    let mut lists = Vec::new();
    for resource in pods.iter().chain(&others) {
        for selector in selectors(resource, scope) {
            for namespace in places(scope, resource) {
                lists.push((resource.clone(), namespace, selector.clone()));
            }
        }
    }
    let mut found = Claims::default();
    let mut lists = stream::iter(lists)
        .map(|(resource, namespace, selector)| async move {
            (list(cluster, &resource, namespace.as_deref(), &selector).await, resource)
        })
        .buffered(AT_ONCE);
    while let Some((listed, resource)) = lists.next().await {
        match listed {
            Ok(more) => found.all.extend(more),
            // It was taken away in between.
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => found.unseen.push((resource.kind, failure)),
        }
    }
    let mut known = BTreeSet::new();
    found.all.retain(|(claim, _)| claimed_by(claim, scope) && known.insert(claim.uid.clone()));
    found.unseen.dedup_by(|a, b| a.0 == b.0);
    found
}

fn places(scope: &Scope, resource: &Resource) -> Vec<Option<SmolStr>> {
    match scope.namespaces.as_slice() {
        [] => vec![None],
        _ if !resource.namespaced => vec![None],
        named => named.iter().cloned().map(Some).collect(),
    }
}

/// What says that an object came from inside, or was made for a virtual cluster.
fn selectors(resource: &Resource, scope: &Scope) -> Vec<String> {
    let mut selectors = match &scope.name {
        Some(name) if resource.namespaced => vec![format!("{}={name}", label::MANAGED_BY)],
        _ => vec![wire::synced_selector().to_owned()],
    };
    // What makes a virtual cluster is no leftover of it.
    let makes = resource.group == "apps" || *resource == Resource::PODS;
    if !makes {
        selectors.push(wire::control_plane_selector());
    }
    let marked: &[&str] = match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Secret") => &[label::VCLUSTER_NAME],
        ("", "Service") => &[label::BELONGS_TO],
        ("", "ConfigMap") => &[companion::LABEL],
        _ => &[],
    };
    selectors.extend(marked.iter().map(|key| (*key).to_owned()));
    selectors
}

fn claimed_by(claim: &Claim, scope: &Scope) -> bool {
    let Some(wanted) = &scope.name else { return true };
    let said = claim.marks.managed_by.as_ref().or(claim.marks.made_for.as_ref());
    said.is_some_and(|said| match claim.object.namespace {
        Some(_) => said == wanted,
        None => said.strip_suffix(wanted.as_str()).is_some_and(|rest| rest.ends_with("-x-")),
    })
}

async fn list(
    cluster: &Cluster,
    resource: &Resource,
    namespace: Option<&str>,
    selector: &str,
) -> Result<Vec<(Claim, Instant)>, Failure> {
    let mut found = Vec::new();
    // Before the first page: what is asked inside afterwards is younger than all of it.
    let whole = has_holdings(resource);
    cluster
        .each_page(resource, namespace, Some(selector), !whole, |page: Vec<Raw>| {
            let seen = Instant::now();
            found.extend(page.into_iter().map(|raw| (raw.into_claim(resource), seen)));
        })
        .await?;
    Ok(found)
}

/// Kinds of which the spec says what they take of the host.
pub(super) fn has_holdings(resource: &Resource) -> bool {
    [Resource::PODS, Resource::PERSISTENT_VOLUME_CLAIMS, Resource::PERSISTENT_VOLUMES].contains(resource)
}

/// One object as the host has it by now.
pub(super) async fn look(cluster: &Cluster, object: &ObjectRef) -> Result<Claim, Failure> {
    let raw: Raw = match has_holdings(&object.resource) {
        true => cluster.get(object).await?,
        false => cluster.get_metadata(object).await?,
    };
    Ok(raw.into_claim(&object.resource))
}

#[derive(Deserialize)]
struct Marked {
    metadata: RawMeta,
}

#[derive(Deserialize)]
struct Workload {
    metadata: RawMeta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    replicas: Option<u32>,
}

/// Looks which virtual clusters there are, in these namespaces or in all. After the objects that claim to belong to them: one that
/// is made meanwhile is there before anything comes from inside it.
pub(super) async fn world(cluster: &Cluster, namespaces: &[SmolStr]) -> World {
    let mut world = World {
        now: Utc::now(),
        sight: if namespaces.is_empty() { Sight::All } else { Sight::Namespaces(namespaces.to_vec()) },
        vclusters: BTreeMap::new(),
        going: BTreeMap::new(),
        satellites: BTreeMap::new(),
    };
    let places: Vec<Option<SmolStr>> =
        if namespaces.is_empty() { vec![None] } else { namespaces.iter().cloned().map(Some).collect() };
    // Workloads first: one that is made now has its Secret and its Service already.
    for place in &places {
        if let Err((what, failure)) = look_at(cluster, place.as_deref(), &mut world).await {
            world.sight = Sight::Partial(format_smolstr!("{what} cannot be listed: {failure}"));
        }
    }
    spaces(cluster, namespaces, &mut world).await;
    if let Ok(Some(now)) = cluster.clock().await {
        world.now = now;
    }
    world
}

/// Looks by their names for what makes those of these that seem to be gone: labels may have been taken away or never given, and
/// what is there holds everything back. A name proves nothing else.
pub(super) async fn look_by_name(cluster: &Cluster, places: BTreeSet<Place>, world: &mut World) {
    let missing = places.into_iter().filter(|place| !world.vclusters.contains_key(place));
    let found: Vec<(Place, SmolStr)> = stream::iter(missing.collect::<Vec<_>>())
        .map(|place| async move { Some((place.clone(), left_by_name(cluster, &place).await?)) })
        .buffer_unordered(AT_ONCE)
        .filter_map(|found| async move { found })
        .collect()
        .await;
    for (place, left) in found {
        leave(world, place, left);
    }
}

async fn left_by_name(cluster: &Cluster, place: &Place) -> Option<SmolStr> {
    let Place { namespace, name } = place;
    for (resource, name) in [
        (Resource::SERVICES, name.clone()),
        (Resource::STATEFUL_SETS, name.clone()),
        (Resource::DEPLOYMENTS, name.clone()),
        (Resource::SECRETS, name::config_secret(name).into()),
    ] {
        let object = ObjectRef::namespaced(resource, namespace.clone(), name);
        match cluster.get_metadata::<Marked>(&object).await {
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Ok(_) => return Some(format_smolstr!("the {object}")),
            Err(failure) => return Some(format_smolstr!("perhaps the {object} ({failure})")),
        }
    }
    None
}

async fn look_at(
    cluster: &Cluster,
    namespace: Option<&str>,
    world: &mut World,
) -> Result<(), (&'static str, Failure)> {
    let selector = wire::control_plane_selector();
    let mut parts: BTreeMap<Place, Vec<Workload>> = BTreeMap::new();
    for resource in [Resource::STATEFUL_SETS, Resource::DEPLOYMENTS] {
        let listed: Vec<Workload> = cluster
            .list(&resource, namespace, Some(&selector))
            .await
            .map_err(|failure| ("workloads of control planes", failure))?;
        for workload in listed {
            if let Some(place) = released(&workload.metadata) {
                parts.entry(place).or_default().push(workload);
            }
        }
    }
    let services: Vec<Marked> = cluster
        .list_metadata(&Resource::SERVICES, namespace, Some(&selector))
        .await
        .map_err(|failure| ("Services of control planes", failure))?;
    let configs: Vec<Marked> = cluster
        .list_metadata(&Resource::SECRETS, namespace, Some(&wire::config_selector()))
        .await
        .map_err(|failure| ("configurations of virtual clusters", failure))?;
    let releases: Vec<Marked> = cluster
        .list_metadata(&Resource::SECRETS, namespace, Some(HELM))
        .await
        .map_err(|failure| ("records of Helm", failure))?;
    let main = |place: &Place, meta: &RawMeta| meta.name == place.name;
    let mut stores = BTreeMap::new();
    for Marked { metadata } in &services {
        let Some(place) = released(metadata).filter(|place| main(place, metadata)) else { continue };
        stores.insert(place.clone(), metadata.annotations.get(annotation::STORE).cloned());
        leave(world, place, format_smolstr!("the Service {}", metadata.name));
    }
    let mut asleep = BTreeSet::new();
    for Marked { metadata } in &configs {
        let Some(place) = released(metadata).filter(|it| metadata.name == name::config_secret(&it.name))
        else {
            continue;
        };
        if metadata.annotations.contains_key(annotation::SLEEP_TYPE) {
            asleep.insert(place.clone());
        }
        leave(world, place, format_smolstr!("the Secret {}", metadata.name));
    }
    for Marked { metadata } in &releases {
        if let Some(release) = metadata.labels.get("name") {
            let place = Place::new(metadata.namespace.clone(), release.clone());
            leave(world, place, format_smolstr!("the record {} of Helm", metadata.name));
        }
    }
    for (place, parts) in parts {
        let store = stores.get(&place).cloned().flatten();
        let sleeps = asleep.contains(&place);
        let standing = standing(&parts, store, sleeps);
        world.vclusters.insert(place, standing);
    }
    Ok(())
}

/// Records of releases that were not taken away.
const HELM: &str = "owner=helm,status notin (uninstalled,superseded,failed)";

fn leave(world: &mut World, place: Place, what: SmolStr) {
    world.vclusters.entry(place).or_insert(Standing::Half(what));
}

fn released(meta: &RawMeta) -> Option<Place> {
    let release = meta.labels.get(label::RELEASE).filter(|name| !name.is_empty())?;
    Some(Place::new(meta.namespace.clone(), release.clone()))
}

/// What the workloads of a virtual cluster say of it, in the order of docs/vclusters.md, State.
fn standing(parts: &[Workload], store: Option<SmolStr>, sleeps: bool) -> Standing {
    let app = |workload: &Workload| workload.metadata.labels.get(label::APP).and_then(|app| App::of(app));
    let Some(plane) = parts.iter().find(|workload| app(workload) == Some(App::ControlPlane)) else {
        let left = parts.first().map_or_else(SmolStr::default, |part| part.metadata.name.clone());
        return Standing::Half(format_smolstr!("the workload {left}"));
    };
    let says =
        |map: &BTreeMap<SmolStr, SmolStr>, key: &str| map.get(key).is_some_and(|value| value == "true");
    // Restoring may keep any part of it stopped.
    if parts.iter().any(|part| says(&part.metadata.annotations, annotation::RESTORING)) {
        return Standing::Rests(Rest::Restoring);
    }
    let meta = &plane.metadata;
    if meta.deletion_timestamp.is_some() {
        return Standing::Going;
    }
    let paused = says(&meta.annotations, annotation::PAUSED)
        .then(|| meta.annotations.get(annotation::PAUSED_DATE).cloned());
    let asleep = sleeps || says(&meta.labels, label::SLEEP_MODE);
    match Rest::of(paused, asleep, false, plane.spec.replicas.unwrap_or(1)) {
        Some(rest) => Standing::Rests(rest),
        None => Standing::Runs { store },
    }
}

/// Host namespaces that are going, and those that were made for namespaces of tenants. Where they may not be listed, objects say
/// enough by themselves: a name that single-namespace mode gives proves where it was made.
async fn spaces(cluster: &Cluster, namespaces: &[SmolStr], world: &mut World) {
    let listed: Vec<Marked> = match namespaces {
        [] => cluster.list_metadata(&Resource::NAMESPACES, None, None).await.unwrap_or_default(),
        named => {
            let reads = named.iter().map(|name| async move {
                let object = ObjectRef::cluster_scoped(Resource::NAMESPACES, name.clone());
                cluster.get_metadata::<Marked>(&object).await.ok()
            });
            futures::future::join_all(reads).await.into_iter().flatten().collect()
        }
    };
    for Marked { metadata } in listed {
        if let Some(since) = metadata.deletion_timestamp {
            world.going.insert(metadata.name.clone(), since);
        }
        let of = metadata.labels.get(label::NAMESPACE_OF_VCLUSTER_NAMESPACE);
        if let (Some(name), Some(of)) = (metadata.labels.get(label::NAMESPACE_OF_VCLUSTER), of) {
            world.satellites.insert(metadata.name.clone(), Place::new(of.clone(), name.clone()));
        }
    }
}
