//! What is looked at before a companion is installed or removed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

use super::selector;
use crate::cluster::access::Asked;
use crate::cluster::{Cluster, FailureKind, ObjectRef, ReadError, Resource};
use crate::companion::{self, Mode};
use crate::lifecycle::LifeError;
use crate::provision::values::{self, Settings};
use crate::target::{Part, Placement, Target};
use crate::wire::{label, name};

/// The kinds of what is made, in the order in which it is taken away: what runs goes first.
const KINDS: [Resource; 5] = [
    Resource::DEPLOYMENTS,
    Resource::ROLE_BINDINGS,
    Resource::ROLES,
    Resource::SERVICE_ACCOUNTS,
    Resource::CONFIG_MAPS,
];

/// An object that was made for a companion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Which object.
    pub object: ObjectRef,
    /// Its UID.
    pub uid: SmolStr,
}

/// What was found before an install.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What an earlier install has made, whole or in part.
    pub made: Vec<Made>,
    /// Who else publishes for it: what its status says of itself, where that can be read.
    pub(super) other: Option<Option<Mode>>,
    /// Whether the Secret with its kubeconfig is there.
    pub(super) kubeconfig: bool,
    /// What its configuration says, or why that is not known: never in its own words, which may hold secrets.
    pub(super) settings: Result<Box<Settings>, String>,
    /// What pods of its control plane need to run where they do.
    pub(super) place: Placement,
    /// What it takes and may not be done.
    pub(super) not_allowed: Vec<Asked>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
    #[serde(default)]
    data: BTreeMap<SmolStr, String>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    name: SmolStr,
    #[serde(default)]
    uid: SmolStr,
    #[serde(default)]
    labels: BTreeMap<SmolStr, SmolStr>,
}

/// Looks at what there is of a companion, and at what it would need.
///
/// # Errors
/// When the host does not say.
pub async fn look(cluster: &Cluster, target: &Target) -> Result<Found, LifeError> {
    let not_allowed = cluster
        .not_allowed(needed(target))
        .await
        .map_err(|failure| cluster.error("ask what may be done", failure))?;
    let place = match target.control_plane() {
        Some(plane) => place(cluster, plane).await?,
        None => Placement::default(),
    };
    Ok(Found {
        made: made(cluster, target).await?,
        other: other(cluster, target).await?,
        kubeconfig: has_kubeconfig(cluster, target).await?,
        settings: settings(cluster, target).await,
        place,
        not_allowed,
    })
}

async fn place(cluster: &Cluster, plane: &Part) -> Result<Placement, ReadError> {
    let object = plane.object();
    let read = cluster.get::<Value>(&object).await;
    let workload = read.map_err(|failure| cluster.error(format!("read {object}"), failure))?;
    Ok(Placement::of(&workload))
}

/// What was made for its companion, in the order in which it is taken away.
///
/// # Errors
/// When a kind may not be listed.
pub async fn made(cluster: &Cluster, target: &Target) -> Result<Vec<Made>, LifeError> {
    let mut all = Vec::new();
    for resource in KINDS {
        let selector = selector(&target.name);
        let found: Vec<Object> = cluster
            .list_metadata(&resource, Some(&target.namespace), Some(&selector))
            .await
            .map_err(|failure| {
                cluster.error(format!("list {} of the companion of {target}", resource.plural), failure)
            })?;
        all.extend(found.into_iter().map(|Object { metadata, .. }| Made {
            object: ObjectRef::namespaced(resource.clone(), target.namespace.clone(), metadata.name),
            uid: metadata.uid,
        }));
    }
    Ok(all)
}

/// Whether this is all that an install makes.
pub fn is_whole(made: &[Made]) -> bool {
    KINDS.iter().all(|kind| made.iter().any(|made| made.object.resource == *kind))
}

/// What installing and removing takes.
fn needed(target: &Target) -> Vec<Asked> {
    let verbs = ["create", "patch", "delete"];
    let of = |resource: Resource| {
        let namespace = Some(target.namespace.clone());
        verbs.map(move |verb| Asked { verb, resource: resource.clone(), namespace: namespace.clone() })
    };
    KINDS.into_iter().flat_map(of).collect()
}

/// Whose word is published for it, where an install of ours did not make the place for it.
async fn other(cluster: &Cluster, target: &Target) -> Result<Option<Option<Mode>>, ReadError> {
    let map = ObjectRef::namespaced(
        Resource::CONFIG_MAPS,
        target.namespace.clone(),
        companion::config_map(&target.name),
    );
    match cluster.get::<Object>(&map).await {
        Ok(found) if found.metadata.labels.contains_key(label::OBSERVER_OF) => Ok(None),
        Ok(found) => {
            let told = found.data.get(companion::KEY).and_then(|text| companion::read(text).ok());
            Ok(Some(told.map(|status| status.mode)))
        }
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(cluster.error(format!("read {map}"), failure)),
    }
}

/// Only that it is there is asked: its content goes to the companion alone.
async fn has_kubeconfig(cluster: &Cluster, target: &Target) -> Result<bool, ReadError> {
    let secret = ObjectRef::namespaced(
        Resource::SECRETS,
        target.namespace.clone(),
        name::kubeconfig_secret(&target.name),
    );
    match cluster.get_metadata::<Object>(&secret).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
        Err(failure) => Err(cluster.error(format!("look for {secret}"), failure)),
    }
}

async fn settings(cluster: &Cluster, target: &Target) -> Result<Box<Settings>, String> {
    let text = cluster
        .vcluster_config_as_written(&target.namespace, &target.name)
        .await
        .map_err(|error| error.to_string())?;
    values::read(&text).map(Box::new).map_err(|_| "it has settings that v9s does not know".to_owned())
}
