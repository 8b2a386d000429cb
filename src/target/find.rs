//! Finds a virtual cluster by its name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use smol_str::SmolStr;
use thiserror::Error;

use super::Target;
use super::manager::Claims;
use super::part::{Kind, Part, Workload};
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, ReadError, Resource};
use crate::known::Known;
use crate::wire::{self, App, annotation, label};

/// Why there is no such virtual cluster.
#[derive(Debug, Error)]
pub enum FindError {
    /// None has this name there.
    #[error("no virtual cluster {name} {place} on {cluster}")]
    None {
        /// The name.
        name: SmolStr,
        /// Where it was looked for.
        place: String,
        /// The kube context.
        cluster: SmolStr,
    },
    /// Several have it.
    #[error("{} virtual clusters are called {name} on {cluster}: in {}", namespaces.len(), namespaces.join(", "))]
    Several {
        /// The name.
        name: SmolStr,
        /// Their namespaces.
        namespaces: Vec<SmolStr>,
        /// The kube context.
        cluster: SmolStr,
    },
    /// The host did not say.
    #[error(transparent)]
    Unread(#[from] ReadError),
}

impl FindError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            FindError::None { .. } => "`v9s list` shows those there are",
            FindError::Several { .. } => "say which one with -n NAMESPACE",
            FindError::Unread(error) => error.remedy(),
        }
    }
}

#[derive(Deserialize)]
struct Marked {
    metadata: Marks,
}

#[derive(Deserialize)]
struct Marks {
    #[serde(default)]
    labels: BTreeMap<SmolStr, SmolStr>,
    #[serde(default)]
    annotations: BTreeMap<SmolStr, SmolStr>,
}

/// Finds it, in a namespace or in all; where all of them may not be listed, in that of the context.
///
/// # Errors
/// When there is none or more than one of this name, or the host does not say.
pub async fn find(cluster: &Cluster, namespace: Option<&str>, name: &str) -> Result<Target, FindError> {
    let selector = format!("{},{}={name}", wire::control_plane_selector(), label::RELEASE);
    let what = |place: &str| format!("look for the virtual cluster {name} {place}");
    let (parts, place) = match parts(cluster, namespace, &selector).await {
        Err(Failure { kind: FailureKind::Forbidden, .. }) if namespace.is_none() => {
            let own = cluster.default_namespace.clone();
            let found = parts(cluster, Some(&own), &selector).await;
            let place = format!("in {own} (all namespaces may not be listed)");
            (found.map_err(|failure| cluster.error(what(&place), failure))?, place)
        }
        found => {
            let place =
                namespace.map_or("in any namespace".to_owned(), |namespace| format!("in {namespace}"));
            (found.map_err(|failure| cluster.error(what(&place), failure))?, place)
        }
    };
    let planes = parts.iter().filter(|part| part.app == App::ControlPlane);
    let namespaces: BTreeSet<SmolStr> = planes.map(|part| part.namespace.clone()).collect();
    let mut namespaces = namespaces.into_iter();
    match (namespaces.next(), namespaces.next()) {
        (None, _) => Err(FindError::None { name: name.into(), place, cluster: cluster.context.clone() }),
        (Some(namespace), None) => {
            let parts = parts.into_iter().filter(|part| part.namespace == namespace).collect();
            Ok(target(cluster, namespace, name.into(), parts).await)
        }
        (Some(first), Some(second)) => Err(FindError::Several {
            name: name.into(),
            namespaces: [first, second].into_iter().chain(namespaces).collect(),
            cluster: cluster.context.clone(),
        }),
    }
}

/// The same one as it is by now, whatever is left of it.
///
/// # Errors
/// When the host does not say.
pub async fn refresh(cluster: &Cluster, namespace: &str, name: &str) -> Result<Target, ReadError> {
    let selector = format!("{},{}={name}", wire::control_plane_selector(), label::RELEASE);
    let parts = parts(cluster, Some(namespace), &selector).await;
    let parts = parts
        .map_err(|failure| cluster.error(format!("read the workloads of {namespace}/{name}"), failure))?;
    Ok(target(cluster, namespace.into(), name.into(), parts).await)
}

/// The workloads of the control planes in a namespace, or in all of them.
///
/// # Errors
/// When they may not be listed.
pub async fn control_planes(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Part>, ReadError> {
    let selector = format!("{}={},{}", label::APP, App::ControlPlane.value(), label::RELEASE);
    let place = namespace.map_or("all namespaces".to_owned(), |namespace| format!("namespace {namespace}"));
    let found = parts(cluster, namespace, &selector).await;
    found.map_err(|failure| cluster.error(format!("list the control planes in {place}"), failure))
}

async fn parts(cluster: &Cluster, namespace: Option<&str>, selector: &str) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    for kind in [Kind::StatefulSet, Kind::Deployment] {
        let found: Vec<Workload> = cluster.list(&kind.resource(), namespace, Some(selector)).await?;
        parts.extend(found.into_iter().filter_map(|workload| Part::of(kind, workload)));
    }
    parts.sort_by(|a, b| (place(a.app), &a.name).cmp(&(place(b.app), &b.name)));
    Ok(parts)
}

/// The control plane goes first.
fn place(app: App) -> usize {
    App::ALL.iter().position(|other| *other == app).unwrap_or(usize::MAX)
}

async fn target(cluster: &Cluster, namespace: SmolStr, name: SmolStr, parts: Vec<Part>) -> Target {
    let config =
        ObjectRef::namespaced(Resource::SECRETS, namespace.clone(), wire::name::config_secret(&name));
    let config = match cluster.get_metadata::<Marked>(&config).await {
        Ok(config) => Ok(Some(config)),
        // Charts before 0.20 have none.
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    };
    let claims = config
        .as_ref()
        .map(|config| config.as_ref().map(|it| Claims::of(&it.metadata.labels, &it.metadata.annotations)));
    let seen = Claims::manager(
        parts.iter().map(|part| &part.claims).chain(claims.iter().filter_map(|it| it.as_ref())),
    );
    let unread =
        |failure: &Failure| smol_str::format_smolstr!("{}: {failure}", wire::name::config_secret(&name));
    let manager = match &claims {
        // What the workload says is enough; that it says nothing is not.
        Err(failure) if seen == super::Manager::Nobody => Known::No(unread(failure)),
        _ => Known::Yes(seen),
    };
    let sleep_type = match &config {
        Ok(config) => Known::Yes(
            config.as_ref().and_then(|it| it.metadata.annotations.get(annotation::SLEEP_TYPE)).cloned(),
        ),
        Err(failure) => Known::No(unread(failure)),
    };
    Target { host: cluster.context.clone(), namespace, name, parts, manager, sleep_type }
}
