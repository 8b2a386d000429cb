//! Pods on the host that a verb waits for.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use smol_str::{SmolStr, format_smolstr};

use super::{LOOK, LifeError, too_long};
use crate::cluster::{Cluster, ObjectRef, ReadError, Resource};
use crate::operation::Progress;
use crate::target::{Part, Target, refresh};
use crate::wire::{self, label};

/// Names in a message.
const NAMED: usize = 3;

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Pod")]
pub struct PodRef {
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Its UID.
    pub uid: SmolStr,
    /// Since when it is going.
    pub going: Option<SmolStr>,
    /// What must happen before it can go.
    pub finalizers: Vec<SmolStr>,
    /// Why it is not ready, none when it is.
    pub unready: Option<SmolStr>,
}

#[derive(Deserialize)]
struct Pod {
    metadata: Meta,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    namespace: SmolStr,
    name: SmolStr,
    uid: SmolStr,
    deletion_timestamp: Option<SmolStr>,
    #[serde(default)]
    finalizers: Vec<SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: SmolStr,
    conditions: Vec<Condition>,
    container_statuses: Vec<Container>,
    init_container_statuses: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: SmolStr,
    status: SmolStr,
    message: SmolStr,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    name: SmolStr,
    state: State,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct State {
    waiting: Option<Waiting>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Waiting {
    reason: SmolStr,
    message: SmolStr,
}

impl From<Pod> for PodRef {
    fn from(pod: Pod) -> PodRef {
        let Pod { metadata, status } = pod;
        let is = |kind: &str, value: &str| {
            status.conditions.iter().find(|it| it.kind == kind && it.status == value)
        };
        let waits =
            status.init_container_statuses.iter().chain(&status.container_statuses).find_map(|container| {
                let waiting = container.state.waiting.as_ref()?;
                let said = if waiting.message.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", waiting.message)
                };
                (!waiting.reason.is_empty())
                    .then(|| format_smolstr!("{}: {}{said}", container.name, waiting.reason))
            });
        let unscheduled =
            is("PodScheduled", "False").map(|it| it.message.clone()).filter(|it| !it.is_empty());
        let phase = Some(status.phase.clone()).filter(|it| !it.is_empty());
        let unready = match is("Ready", "True") {
            Some(_) => None,
            None => unscheduled.or(waits).or(phase).or(Some("Pending".into())),
        };
        PodRef {
            namespace: metadata.namespace,
            name: metadata.name,
            uid: metadata.uid,
            going: metadata.deletion_timestamp,
            finalizers: metadata.finalizers,
            unready,
        }
    }
}

impl PodRef {
    /// Which object it is.
    pub fn object(&self) -> ObjectRef {
        ObjectRef::namespaced(Resource::PODS, self.namespace.clone(), self.name.clone())
    }

    /// Why it is still there.
    fn lingers(&self) -> SmolStr {
        match (&self.going, self.finalizers.as_slice()) {
            (None, _) => format_smolstr!("{} runs", self.name),
            (Some(since), []) => format_smolstr!("{} is ending (asked at {since})", self.name),
            (Some(_), finalizers) => format_smolstr!("{} is held by {}", self.name, finalizers.join(", ")),
        }
    }
}

/// The pods of a part.
pub(super) async fn of_part(cluster: &Cluster, part: &Part) -> Result<Vec<PodRef>, LifeError> {
    let selector = format!("{}={},{}={}", label::APP, part.app.value(), label::RELEASE, part.release);
    let what = || format!("list the pods of {}", part.object());
    list(cluster, &part.namespace, &selector, what).await
}

/// The pods of all parts of a virtual cluster, whether their workloads are there or not.
pub(super) async fn of_control_plane(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Vec<PodRef>, LifeError> {
    let selector = format!("{},{}={name}", wire::control_plane_selector(), label::RELEASE);
    list(cluster, namespace, &selector, || format!("list the control-plane pods of {namespace}/{name}")).await
}

/// The pods that came from inside.
pub(super) async fn synced(cluster: &Cluster, target: &Target) -> Result<Vec<PodRef>, LifeError> {
    Ok(synced_as(cluster, target).await?)
}

/// The pods that came from inside, and of each what whoever asks reads of it.
pub(super) async fn synced_as<T: DeserializeOwned>(
    cluster: &Cluster,
    target: &Target,
) -> Result<Vec<T>, ReadError> {
    let listed =
        cluster.list(&Resource::PODS, Some(&target.namespace), Some(&came_from_inside(target))).await;
    listed.map_err(|failure| cluster.error(format!("list the synced pods of {target}"), failure))
}

/// The same, of which the server sends the metadata alone.
#[cfg(feature = "backup")]
pub(super) async fn metadata_of_synced<T: DeserializeOwned>(
    cluster: &Cluster,
    target: &Target,
) -> Result<Vec<T>, ReadError> {
    let selector = came_from_inside(target);
    let listed = cluster.list_metadata(&Resource::PODS, Some(&target.namespace), Some(&selector)).await;
    listed.map_err(|failure| cluster.error(format!("list the synced pods of {target}"), failure))
}

fn came_from_inside(target: &Target) -> String {
    format!("{}={}", label::MANAGED_BY, target.name)
}

pub(super) async fn list(
    cluster: &Cluster,
    namespace: &str,
    selector: &str,
    what: impl Fn() -> String,
) -> Result<Vec<PodRef>, LifeError> {
    let listed = cluster.list(&Resource::PODS, Some(namespace), Some(selector)).await;
    Ok(listed.map_err(|failure| cluster.error(what(), failure))?)
}

/// Waits until the pods that `look` finds are gone.
pub(super) async fn until_gone<Look>(
    look: impl Fn() -> Look,
    what: &str,
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError>
where
    Look: Future<Output = Result<Vec<PodRef>, LifeError>>,
{
    let late = |why| too_long(what.to_owned(), patience, why);
    let gone = || async {
        let left = look().await?;
        Ok(if left.is_empty() { Ok(()) } else { Err(some(&left, PodRef::lingers)) })
    };
    progress.until(LOOK, patience, late, gone).await
}

/// Waits until a part has no pods.
pub(super) async fn until_ended(
    cluster: &Cluster,
    part: &Part,
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError> {
    let what = format!("the pods of {} to end", part.object());
    until_gone(|| of_part(cluster, part), &what, patience, progress).await
}

/// Waits until a part has no pods, and its controller says so, too.
pub(super) async fn until_stopped(
    cluster: &Cluster,
    target: &Target,
    part: &Part,
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError> {
    until_ended(cluster, part, patience, progress).await?;
    let what = format!("the pods of {} to end", part.object());
    let stopped = || async {
        let now = refresh(cluster, &target.namespace, &target.name).await?.into_part(part);
        // One that is gone has no pods.
        let now = now.filter(|now| now.running > 0 || !now.observed);
        Ok(now.map_or(Ok(()), |now| {
            Err(format_smolstr!("{} says that it has {} pods", part.object(), now.running))
        }))
    };
    progress.until(LOOK, patience, |why| too_long(what, patience, why), stopped).await
}

/// A part as it is now.
///
/// # Errors
/// When it is gone, or cannot be looked at.
pub(super) async fn still_there(cluster: &Cluster, target: &Target, part: &Part) -> Result<Part, LifeError> {
    let now = refresh(cluster, &target.namespace, &target.name).await?.into_part(part);
    now.ok_or_else(|| LifeError::Changed(format!("{} is gone", part.object())))
}

/// Waits until a part has as many ready pods as it should.
pub(super) async fn until_ready(
    cluster: &Cluster,
    target: &Target,
    part: &Part,
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError> {
    let ready = || async {
        let now = still_there(cluster, target, part).await?;
        let (unready, ready): (Vec<PodRef>, Vec<PodRef>) = of_part(cluster, part)
            .await?
            .into_iter()
            .partition(|pod| pod.unready.is_some() || pod.going.is_some());
        // What the workload says of its pods may be older than they are: it is not taken at its word.
        let enough = now.ready >= now.replicas && ready.len() >= now.replicas as usize;
        if now.observed && enough && unready.is_empty() {
            return Ok(Ok(()));
        }
        Ok(Err(match unready.as_slice() {
            [] => format_smolstr!("{} of {} pods of {} are ready", ready.len(), now.replicas, part.name),
            _ => some(&unready, |pod| match (&pod.going, &pod.unready) {
                (None, Some(why)) => format_smolstr!("{}: {why}", pod.name),
                _ => pod.lingers(),
            }),
        }))
    };
    let late = |why| too_long(format!("{} to be ready", part.object()), patience, why);
    progress.until(LOOK, patience, late, ready).await
}

/// The first few, each in words.
fn some(pods: &[PodRef], words: impl Fn(&PodRef) -> SmolStr) -> SmolStr {
    let mut told: Vec<SmolStr> = pods.iter().take(NAMED).map(words).collect();
    if pods.len() > NAMED {
        told.push(format_smolstr!("{} more", pods.len() - NAMED));
    }
    told.join(", ").into()
}
