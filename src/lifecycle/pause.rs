//! Stops a virtual cluster and everything that runs in it; what it has stored stays.
//!
//! The control plane goes first: pods that go while it runs would be gone inside, too. Its etcd follows, then what it had running.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use smol_str::format_smolstr;

use super::exact::{change_part, delete_all};
use super::pods;
use super::refusal::{Decision, Refusal, kubectl_patch, unless_reconciled, unless_stopped_by_others};
use super::{LifeError, Memory};
use crate::cluster::{Cluster, Propagation};
use crate::operation::{Operation, Progress};
use crate::target::{Part, Target};
use crate::wire::{App, annotation};

/// The steps of pausing, in order.
pub const STEPS: [&str; 3] = ["stop the control plane", "stop its etcd", "end what it runs"];

/// What pausing takes.
#[derive(Debug, Clone, PartialEq)]
pub struct PausePlan {
    /// Workloads of the control plane that are not stopped yet.
    pub control_plane: Vec<Part>,
    /// Those of its etcd.
    pub etcd: Vec<Part>,
    /// How many pods came from inside.
    pub synced: usize,
    /// What is lost by it, and why.
    pub loses: Option<String>,
}

/// What is looked at before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How many pods of it came from inside.
    pub synced: usize,
    /// What becomes of what is stored.
    pub memory: Memory,
}

/// How to pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PauseOptions {
    /// Also when somebody who puts things back deploys it.
    pub anyway: bool,
    /// Also when everything in it is lost by that.
    pub lose: bool,
    /// How long pods may take to end, in each step.
    pub patience: Duration,
}

/// How long pods may take to end in each step, unless somebody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(180);

impl Default for PauseOptions {
    fn default() -> Self {
        PauseOptions { anyway: false, lose: false, patience: PATIENCE }
    }
}

/// What is to be done; what an earlier run has done is not done again.
pub fn plan(target: &Target, found: Found, options: &PauseOptions) -> Decision<PausePlan> {
    let Found { synced, memory } = found;
    let change = target.control_plane().and_then(|part| {
        let kind = part.kind.resource().plural;
        Some(kubectl_patch(target, &kind, &part.name, &patch(part, DateTime::UNIX_EPOCH)?))
    });
    let refused = unless_stopped_by_others(target)
        .or_else(|| unless_reconciled(target, options.anyway, &change.unwrap_or_default()));
    if let Some(refusal) = refused {
        return Decision::Refused(refusal);
    }
    let runs = |part: &&Part| !part.paused || part.replicas > 0 || part.running > 0;
    let of = |etcd: bool| {
        target.parts.iter().filter(|part| (part.app == App::Etcd) == etcd).filter(runs).cloned().collect()
    };
    let (control_plane, etcd): (Vec<Part>, Vec<Part>) = (of(false), of(true));
    let stops = control_plane.iter().chain(&etcd).filter(|part| part.replicas > 0 || part.running > 0);
    let loses = memory.lost_with(stops);
    let plan = PausePlan { control_plane, etcd, synced, loses };
    if plan.control_plane.is_empty() && plan.etcd.is_empty() && synced == 0 {
        return Decision::Nothing(format!("{target} is paused already"));
    }
    match &plan.loses {
        Some(lost) if !options.lose => Decision::Refused(Refusal::Forgets(lost.clone())),
        _ => Decision::Do(plan),
    }
}

/// Counts the pods to end, and looks whether it forgets.
///
/// # Errors
/// When the pods may not be listed.
pub async fn look(cluster: &Cluster, target: &Target) -> Result<Found, LifeError> {
    let synced = pods::synced(cluster, target).await?.len();
    Ok(Found { synced, memory: super::memory(cluster, target).await })
}

/// Marks a workload as paused and takes its replicas away, as the official CLI does. None when it is so already.
fn patch(part: &Part, now: DateTime<Utc>) -> Option<Value> {
    if part.paused && part.replicas == 0 {
        return None;
    }
    let mut annotations = json!({annotation::PAUSED: "true"});
    if !part.paused || part.replicas > 0 {
        // Of one that was scaled to nothing it is not known how many it should have.
        let replicas =
            if part.replicas > 0 { part.replicas } else { part.paused_replicas.unwrap_or(1).max(1) };
        annotations[annotation::PAUSED_REPLICAS] = replicas.to_string().into();
        annotations[annotation::PAUSED_DATE] = now.to_rfc3339_opts(SecondsFormat::Millis, true).into();
    }
    Some(json!({"metadata": {"annotations": annotations}, "spec": {"replicas": 0}}))
}

/// Carries it out on a task. The steps are [`STEPS`].
pub fn start(
    cluster: Cluster,
    target: Target,
    plan: PausePlan,
    options: PauseOptions,
) -> Operation<(), LifeError> {
    Operation::start(format!("pause {target}"), STEPS, move |progress| async move {
        carry_out(&cluster, &target, &plan, &options, &progress).await
    })
}

/// Carries it out. The steps are [`STEPS`].
///
/// # Errors
/// When something cannot be changed or does not end in time. A second run goes on from there.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    plan: &PausePlan,
    options: &PauseOptions,
    progress: &Progress,
) -> Result<(), LifeError> {
    stop(cluster, target, (0, &plan.control_plane), options, progress).await?;
    stop(cluster, target, (1, &plan.etcd), options, progress).await?;
    progress.step(2, drain(cluster, target, options, progress)).await
}

async fn stop(
    cluster: &Cluster,
    target: &Target,
    (step, parts): (usize, &[Part]),
    options: &PauseOptions,
    progress: &Progress,
) -> Result<(), LifeError> {
    if parts.is_empty() {
        progress.skip(step, if step == 1 { "it has none that runs" } else { "it is stopped" });
        return Ok(());
    }
    let work = async {
        for part in parts {
            change_part(cluster, target, part, "pause", |part| patch(part, Utc::now())).await?;
        }
        for part in parts {
            pods::until_stopped(cluster, target, part, options.patience, progress).await?;
        }
        Ok(())
    };
    progress.step(step, work).await
}

/// Ends the pods that came from inside, each in its own time.
async fn drain(
    cluster: &Cluster,
    target: &Target,
    options: &PauseOptions,
    progress: &Progress,
) -> Result<(), LifeError> {
    let synced = pods::synced(cluster, target).await?;
    let objects = synced.iter().map(|pod| (pod.object(), pod.uid.clone())).collect();
    delete_all(cluster, "pause", Propagation::Background, objects, progress).await?;
    let what = "the pods of the tenant to end";
    pods::until_gone(|| pods::synced(cluster, target), what, options.patience, progress).await?;
    progress.note(format_smolstr!("{} pods", synced.len()));
    Ok(())
}
