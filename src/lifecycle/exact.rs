//! Changes of exactly what was looked at, tried again when something else got ahead.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::LifeError;
use crate::cluster::{Cluster, Failure, FailureKind, Guard, ObjectRef, Propagation, WriteError};
use crate::operation::Progress;
use crate::target::{Part, Target, refresh};

/// How often a change is tried again that something else got ahead of.
const TRIES: usize = 5;
/// The same of deletions: a quota changes with every object that goes beside it.
const DELETE_TRIES: u32 = 10;
/// How much longer each of these waits than the one before.
const BREATH: Duration = Duration::from_millis(50);
/// Deletions that are under way at a time.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
struct Live {
    metadata: LiveMeta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LiveMeta {
    uid: SmolStr,
    resource_version: SmolStr,
    #[serde(default)]
    deletion_timestamp: Option<SmolStr>,
}

fn is(error: &WriteError, expected: FailureKind) -> bool {
    matches!(error, WriteError::Failed { failure: Failure { kind, .. }, .. } if *kind == expected)
}

pub(super) fn is_conflict(error: &WriteError) -> bool {
    is(error, FailureKind::Conflict)
}

pub(super) fn is_forbidden(error: &WriteError) -> bool {
    is(error, FailureKind::Forbidden)
}

/// Changes a workload by what `patch` makes of its present state; nothing where it makes nothing. UID and resourceVersion are
/// preconditions.
pub(super) async fn change_part(
    cluster: &Cluster,
    target: &Target,
    part: &Part,
    action: &'static str,
    patch: impl Fn(&Part) -> Option<Value>,
) -> Result<(), LifeError> {
    let mut now = part.clone();
    for _ in 0..TRIES {
        let Some(mut change) = patch(&now) else { return Ok(()) };
        let mut rejected = None;
        if let Some(metadata) = change.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("uid".to_owned(), now.uid.as_str().into());
            metadata.insert("resourceVersion".to_owned(), now.resource_version.as_str().into());
        }
        match cluster.merge::<Value>(action, &now.object(), &change).await {
            Err(error) if is_conflict(&error) => {}
            // A UID that is not the object's is answered as a change of what never changes.
            Err(error) if is(&error, FailureKind::Rejected) => rejected = Some(error),
            done => return Ok(done.map(drop)?),
        }
        let fresh = refresh(cluster, &target.namespace, &target.name).await?;
        match fresh.into_part(part) {
            Some(same) if same.uid == part.uid => match rejected {
                Some(error) => return Err(error.into()),
                None => now = same,
            },
            _ => return Err(LifeError::Changed(format!("{} was replaced meanwhile", part.object()))),
        }
    }
    Err(LifeError::Changed(format!("{} keeps changing", part.object())))
}

/// Deletes an object if it is still the one that was looked at, in whatever state. True when it is accepted, false when it is
/// going or gone already, or another has taken its name.
pub(super) async fn delete_exactly(
    cluster: &Cluster,
    action: &'static str,
    object: &ObjectRef,
    uid: &SmolStr,
    propagation: Propagation,
) -> Result<bool, LifeError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let live = match cluster.get_metadata::<Live>(object).await {
            Ok(live) => live.metadata,
            Err(failure) if failure.kind == FailureKind::NotFound => return Ok(false),
            Err(failure) => return Err(cluster.error(format!("look at {object}"), failure).into()),
        };
        if live.uid != *uid || live.deletion_timestamp.is_some() {
            return Ok(false);
        }
        let guard = Guard { uid: live.uid, resource_version: Some(live.resource_version) };
        match cluster.delete(action, object, &guard, propagation, None).await {
            Err(error) if is_conflict(&error) && tries < DELETE_TRIES => {
                tokio::time::sleep(BREATH * tries).await
            }
            done => return Ok(done.map(|()| true)?),
        }
    }
}

/// Deletes many, a few at a time; each is a decision of its own, and the first failure is told after all were tried.
pub(super) async fn delete_all(
    cluster: &Cluster,
    action: &'static str,
    propagation: Propagation,
    objects: Vec<(ObjectRef, SmolStr)>,
    progress: &Progress,
) -> Result<usize, LifeError> {
    let all = objects.len();
    let mut tries = stream::iter(objects)
        .map(|(object, uid)| async move { delete_exactly(cluster, action, &object, &uid, propagation).await })
        .buffer_unordered(AT_ONCE);
    let (mut done, mut failed) = (0, None);
    while let Some(deleted) = tries.next().await {
        match deleted {
            Ok(_) => done += 1,
            Err(error) => failed = failed.or(Some(error)),
        }
        progress.waiting(format_smolstr!("{done} of {all} deleted"));
        progress.check()?;
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(done),
    }
}

/// UIDs of the objects.
pub(super) fn uids<'a>(all: impl IntoIterator<Item = &'a SmolStr>) -> BTreeSet<SmolStr> {
    all.into_iter().cloned().collect()
}
