//! Installs a companion, and takes one away.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::plan::{InstallPlan, RemovePlan};
use super::{ACTION, selector};
use crate::cluster::{Cluster, FailureKind, ObjectRef, Propagation, Resource};
use crate::companion;
use crate::lifecycle::exact::delete_exactly;
use crate::lifecycle::pods::{self, PodRef};
use crate::lifecycle::{LOOK, LifeError, too_long};
use crate::operation::Progress;
use crate::target::Target;

/// The steps of installing.
pub const INSTALL_STEPS: [&str; 3] =
    ["let it read, and give it a place to tell", "start it", "hear its first word"];
/// The steps of removing.
pub const REMOVE_STEPS: [&str; 2] = ["take it away", "wait until it has ended"];

/// Whether it is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until it tells something, but no longer than this.
    For(Duration),
    /// Not at all.
    No,
}

impl Default for Wait {
    fn default() -> Self {
        Wait::For(Duration::from_secs(300))
    }
}

/// Installs it. Run again, it goes on where an earlier run ended.
///
/// # Errors
/// When something cannot be made, or it tells nothing in time.
pub async fn install(
    cluster: &Cluster,
    target: &Target,
    plan: &InstallPlan,
    wait: Wait,
    progress: &Progress,
) -> Result<(), LifeError> {
    let rights = async {
        for object in &plan.rights {
            progress.check()?;
            cluster.apply::<Value>(ACTION, &object.at, &object.body).await?;
        }
        Ok::<(), LifeError>(())
    };
    progress.step(0, rights).await?;
    let start = async {
        cluster.apply::<Value>(ACTION, &plan.workload.at, &plan.workload.body).await?;
        Ok::<(), LifeError>(())
    };
    progress.step(1, start).await?;
    match wait {
        Wait::For(patience) => progress.step(2, first_word(cluster, target, plan, patience, progress)).await,
        Wait::No => {
            progress.skip(2, "not waited for");
            Ok(())
        }
    }
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    data: std::collections::BTreeMap<SmolStr, String>,
}

/// Waits until one of its pods has published something.
async fn first_word(
    cluster: &Cluster,
    target: &Target,
    plan: &InstallPlan,
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError> {
    let map = ObjectRef::namespaced(
        Resource::CONFIG_MAPS,
        target.namespace.clone(),
        companion::config_map(&target.name),
    );
    let what = || format!("list the pods of the companion of {target}");
    let look = || async {
        let all = pods::list(cluster, &target.namespace, &selector(&target.name), what).await?;
        let mut alive = all.iter().filter(|pod| pod.going.is_none());
        let Some(pod) = alive.find(|pod| pod.unready.is_none()) else {
            return Ok(Err(hindered(cluster, plan, &all).await?));
        };
        let told = match cluster.get::<Told>(&map).await {
            Ok(told) => told,
            Err(failure) if failure.kind == FailureKind::NotFound => {
                return Err(LifeError::Changed(format!("{map} was deleted meanwhile")));
            }
            Err(failure) => return Err(cluster.error(format!("read {map}"), failure).into()),
        };
        let status = told.data.get(companion::KEY).and_then(|text| companion::read(text).ok());
        // What is left of an earlier one is no word of this.
        Ok(match status.filter(|status| status.identity == pod.name) {
            Some(status) => {
                progress.note(first(&status));
                Ok(())
            }
            None => Err(format_smolstr!("{} runs, and has told nothing yet", pod.name)),
        })
    };
    let late = |why| too_long(format!("the first word of {}", plan.workload.at), patience, why);
    progress.until(LOOK, patience, late, look).await
}

fn first(status: &companion::SyncerStatus) -> SmolStr {
    match &status.trouble {
        Some(trouble) => trouble.clone(),
        None if status.synced => "it sees both sides".into(),
        None => "it is listing both sides".into(),
    }
}

/// Why none of its pods is ready.
async fn hindered(cluster: &Cluster, plan: &InstallPlan, pods: &[PodRef]) -> Result<SmolStr, LifeError> {
    if let Some(pod) = pods.first() {
        let why = pod.unready.as_deref().unwrap_or("it is ending");
        return Ok(format_smolstr!("{}: {why}", pod.name));
    }
    let object = &plan.workload.at;
    let read = cluster.get::<Value>(object).await;
    let workload = read.map_err(|failure| cluster.error(format!("read {object}"), failure))?;
    let conditions = workload["status"]["conditions"].as_array().into_iter().flatten();
    let failure = conditions.filter(|it| it["type"] == "ReplicaFailure" && it["status"] == "True");
    let said = failure.filter_map(|it| it["message"].as_str()).next();
    Ok(said.map_or_else(|| format_smolstr!("{object} has no pods yet"), SmolStr::from))
}

/// Takes it away, and waits until its pods are gone.
///
/// # Errors
/// When something cannot be deleted, or a pod does not end in time.
pub async fn remove(
    cluster: &Cluster,
    target: &Target,
    plan: &RemovePlan,
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError> {
    let away = async {
        for made in &plan.made {
            progress.check()?;
            delete_exactly(cluster, ACTION, &made.object, &made.uid, Propagation::Background).await?;
        }
        Ok::<(), LifeError>(())
    };
    progress.step(0, away).await?;
    let what = || format!("list the pods of the companion of {target}");
    let labels = selector(&target.name);
    let left = || pods::list(cluster, &target.namespace, &labels, what);
    progress.step(1, pods::until_gone(left, "its companion to end", patience, progress)).await
}
