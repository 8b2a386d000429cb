//! What is looked at before a restore.

use serde_json::Value;

use super::RestoreError;
use super::mark::Mark;
use super::place::{Image, Place, image, keeps, place};
use crate::cluster::access::Asked;
use crate::cluster::{Cluster, Resource};
use crate::lifecycle::Refusal;
use crate::store;
use crate::target::{Part, Target};

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Where the store lies, or why that is no place for another.
    pub(super) place: Result<Place, Refusal>,
    /// The image of the companion, where the control plane has one.
    pub(super) image: Option<Image>,
    /// What an unfinished restore has left.
    pub(super) mark: Option<Mark>,
    /// What it takes and may not be done.
    pub(super) not_allowed: Vec<Asked>,
    /// Whether its store answers; only asked where that matters.
    pub(super) answers: bool,
}

impl Found {
    /// What an unfinished restore has left.
    pub fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }
}

/// Looks at the workloads, at what an unfinished restore has left, and at what may be done.
///
/// # Errors
/// When the host does not show them, or the mark of an unfinished restore cannot be read.
pub async fn look(cluster: &Cluster, target: &Target) -> Result<Found, RestoreError> {
    let none = |why: &str| Refusal::Elsewhere { why: why.to_owned(), instead: Vec::new() };
    let (Some(plane), Some(part)) = (target.control_plane(), keeps(target)) else {
        let place = Err(none("it has no control plane"));
        return Ok(Found { place, image: None, mark: None, not_allowed: Vec::new(), answers: false });
    };
    let control_plane = workload(cluster, plane).await?;
    let mark = Mark::read(&control_plane).transpose().map_err(RestoreError::OddMark)?;
    let image = image(&control_plane);
    let keeper = if part == plane { control_plane } else { workload(cluster, part).await? };
    let before = mark.as_ref().and_then(|mark| mark.replicas.get(&part.name).copied());
    let replicas = before.unwrap_or(part.replicas);
    let asked = [("create", Resource::PODS), ("delete", Resource::PODS), ("patch", part.kind.resource())];
    let asked =
        asked.map(|(verb, resource)| Asked { verb, resource, namespace: Some(target.namespace.clone()) });
    let not_allowed = cluster
        .not_allowed(asked.into())
        .await
        .map_err(|failure| cluster.error("ask what may be done", failure))?;
    Ok(Found { place: place(part, replicas, keeper), image, mark, not_allowed, answers: false })
}

/// The same before what is stored is given up: whether its store answers.
///
/// # Errors
/// As with [`look`].
pub async fn look_lost(cluster: &Cluster, target: &Target) -> Result<Found, RestoreError> {
    let found = look(cluster, target).await?;
    let answers = async { store::open(cluster, target).await?.revision().await }.await.is_ok();
    Ok(Found { answers, ..found })
}

/// A workload, whole.
pub(super) async fn workload(cluster: &Cluster, part: &Part) -> Result<Value, RestoreError> {
    let object = part.object();
    let read = cluster.get(&object).await;
    Ok(read.map_err(|failure| cluster.error(format!("read {object}"), failure))?)
}
