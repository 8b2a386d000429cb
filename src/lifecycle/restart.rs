//! Replaces the pods of a virtual cluster, one after the other.
//!
//! Pods are deleted, and their workload makes new ones: nothing that somebody deploys is changed, so nobody has to put it back.

use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};

use super::exact::delete_exactly;
use super::pods::{self, PodRef};
use super::refusal::{Decision, Refusal};
use super::{LifeError, Memory};
use crate::cluster::{Cluster, Propagation};
use crate::operation::Progress;
use crate::target::{Part, Target};
use crate::wire::App;

/// What is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The control plane with its syncer.
    ControlPlane,
    /// Its deployed etcd.
    Etcd,
}

/// What restarting takes.
#[derive(Debug, Clone, PartialEq)]
pub struct RestartPlan {
    /// Pods in the order in which they are replaced, each with its workload.
    pub pods: Vec<(Part, PodRef)>,
    /// Whether nobody answers meanwhile.
    pub gap: bool,
    /// What is lost by it, and why.
    pub loses: Option<String>,
}

/// What is looked at before.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The pods of each workload that is meant.
    pub pods: Vec<(Part, Vec<PodRef>)>,
    /// What becomes of what is stored.
    pub memory: Memory,
}

impl RestartPlan {
    /// The steps, in order.
    pub fn steps(&self) -> Vec<SmolStr> {
        self.pods.iter().map(|(_, pod)| format_smolstr!("replace {}", pod.name)).collect()
    }
}

/// How long a pod may take to be replaced.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Looks at the pods of the parts that are meant, and whether what they store stays.
///
/// # Errors
/// When they may not be listed.
pub async fn look(cluster: &Cluster, target: &Target, what: What) -> Result<Found, LifeError> {
    let mut found = Vec::new();
    for part in target.parts.iter().filter(|part| (part.app == App::Etcd) == (what == What::Etcd)) {
        found.push((part.clone(), pods::of_part(cluster, part).await?));
    }
    Ok(Found { pods: found, memory: super::memory(cluster, target).await })
}

/// What is to be done; with `lose` also when everything in it is lost by that. Of a StatefulSet the last goes first, as in its own updates; one that is not ready goes before all.
pub fn plan(target: &Target, found: Found, lose: bool) -> Decision<RestartPlan> {
    let Found { pods: found, memory } = found;
    if target.rest().is_some() {
        let instead = format!("`v9s resume {} -n {}` starts it", target.name, target.namespace);
        return Decision::Refused(Refusal::Rests { how: "it does not run", instead });
    }
    let gap = found.iter().any(|(part, _)| part.replicas <= 1);
    let mut all: Vec<(Part, PodRef)> = Vec::new();
    for (part, pods) in found {
        let mut pods: Vec<PodRef> = pods.into_iter().filter(|pod| pod.going.is_none()).collect();
        pods.sort_by(|a, b| (a.unready.is_none(), &b.name).cmp(&(b.unready.is_none(), &a.name)));
        all.extend(pods.into_iter().map(|pod| (part.clone(), pod)));
    }
    if all.is_empty() {
        return Decision::Nothing(format!("{target} has no such pods"));
    }
    match memory.lost_with(all.iter().map(|(part, _)| part)) {
        Some(lost) if !lose => Decision::Refused(Refusal::Forgets(lost)),
        loses => Decision::Do(RestartPlan { pods: all, gap, loses }),
    }
}

/// Carries it out.
///
/// # Errors
/// When a pod may not be deleted, or the next one is not ready in time.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    plan: &RestartPlan,
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError> {
    for (step, (part, pod)) in plan.pods.iter().enumerate() {
        let work = async {
            delete_exactly(cluster, "restart", &pod.object(), &pod.uid, Propagation::Background).await?;
            let gone = || async {
                let all = pods::of_part(cluster, part).await?;
                Ok(all.into_iter().filter(|other| other.uid == pod.uid).collect())
            };
            pods::until_gone(gone, &format!("{} to end", pod.name), patience, progress).await?;
            pods::until_ready(cluster, target, part, patience, progress).await
        };
        progress.step(step, work).await?;
    }
    Ok(())
}
