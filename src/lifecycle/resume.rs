//! Starts a paused virtual cluster again: its etcd, then its control plane.

use std::time::Duration;

use serde_json::{Value, json};

use super::LifeError;
use super::exact::change_part;
use super::pods;
use super::refusal::{Decision, Refusal, kubectl_patch, unless_reconciled, unless_stopped_by_others};
use crate::cluster::Cluster;
use crate::operation::{Operation, Progress};
use crate::target::{Part, Target};
use crate::wire::{App, annotation};

/// The steps of resuming, in order.
pub const STEPS: [&str; 2] = ["start its etcd", "start the control plane"];

/// What resuming takes.
#[derive(Debug, Clone, PartialEq)]
pub struct ResumePlan {
    /// Workloads of its etcd that are stopped, with how many replicas they get.
    pub etcd: Vec<(Part, u32)>,
    /// Those of the control plane.
    pub control_plane: Vec<(Part, u32)>,
}

/// How to resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumeOptions {
    /// Also when somebody who puts things back deploys it.
    pub anyway: bool,
    /// Replicas for one that does not say how many it had.
    pub replicas: Option<u32>,
    /// Whether to wait until the control plane is ready.
    pub wait: bool,
    /// How long it may take.
    pub patience: Duration,
}

impl Default for ResumeOptions {
    fn default() -> Self {
        ResumeOptions { anyway: false, replicas: None, wait: true, patience: Duration::from_secs(300) }
    }
}

/// What is to be done; what an earlier run has done is not done again.
pub fn plan(target: &Target, options: &ResumeOptions) -> Decision<ResumePlan> {
    let stopped = |part: &&Part| part.paused || part.replicas == 0;
    let change = target.control_plane().filter(stopped).map(|part| {
        let replicas = options.replicas.or(part.paused_replicas).unwrap_or(1);
        kubectl_patch(target, &part.kind.resource().plural, &part.name, &patch(replicas))
    });
    let refused = unless_stopped_by_others(target).or_else(|| {
        let change = change.as_deref()?;
        unless_reconciled(target, options.anyway, change)
    });
    if let Some(refusal) = refused {
        return Decision::Refused(refusal);
    }
    let mut plan = ResumePlan { etcd: Vec::new(), control_plane: Vec::new() };
    for part in target.parts.iter().filter(stopped) {
        let said = if part.replicas > 0 { Some(part.replicas) } else { part.paused_replicas };
        let Some(replicas) = options.replicas.filter(|_| part.app != App::Etcd).or(said).filter(|n| *n > 0)
        else {
            let instead = "say how many it should have: --replicas N".to_owned();
            let how = "it was scaled to nothing and does not say how many replicas it had";
            return Decision::Refused(Refusal::Rests { how, instead });
        };
        let list = if part.app == App::Etcd { &mut plan.etcd } else { &mut plan.control_plane };
        list.push((part.clone(), replicas));
    }
    if plan.etcd.is_empty() && plan.control_plane.is_empty() {
        return Decision::Nothing(format!("{target} is not paused"));
    }
    Decision::Do(plan)
}

/// Takes the marks away and gives the replicas back, as the official CLI does.
fn patch(replicas: u32) -> Value {
    let annotations = json!({
        annotation::PAUSED: null,
        annotation::PAUSED_REPLICAS: null,
        annotation::PAUSED_DATE: null,
    });
    json!({"metadata": {"annotations": annotations}, "spec": {"replicas": replicas}})
}

/// Carries it out on a task. The steps are [`STEPS`].
pub fn start(
    cluster: Cluster,
    target: Target,
    plan: ResumePlan,
    options: ResumeOptions,
) -> Operation<(), LifeError> {
    Operation::start(format!("resume {target}"), STEPS, move |progress| async move {
        carry_out(&cluster, &target, &plan, &options, &progress).await
    })
}

/// Carries it out. The steps are [`STEPS`].
///
/// # Errors
/// When something cannot be changed or does not start in time. A second run goes on from there.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    plan: &ResumePlan,
    options: &ResumeOptions,
    progress: &Progress,
) -> Result<(), LifeError> {
    // The API server ends without its store: that is waited for in any case.
    wake(cluster, target, (0, &plan.etcd), (true, options.patience), progress).await?;
    wake(cluster, target, (1, &plan.control_plane), (options.wait, options.patience), progress).await
}

async fn wake(
    cluster: &Cluster,
    target: &Target,
    (step, parts): (usize, &[(Part, u32)]),
    (wait, patience): (bool, Duration),
    progress: &Progress,
) -> Result<(), LifeError> {
    if parts.is_empty() {
        progress.skip(step, if step == 0 { "it has none that is stopped" } else { "it is not stopped" });
        return Ok(());
    }
    let work = async {
        for (part, replicas) in parts {
            let wanted = |part: &Part| (part.paused || part.replicas == 0).then(|| patch(*replicas));
            change_part(cluster, target, part, "resume", wanted).await?;
        }
        for (part, _) in parts.iter().filter(|_| wait) {
            pods::until_ready(cluster, target, part, patience, progress).await?;
        }
        Ok(())
    };
    progress.step(step, work).await
}
