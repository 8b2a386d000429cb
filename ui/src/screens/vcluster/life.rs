//! Pausing and resuming: the plan, the question, and the job, which does what the subcommands do.

use futures::FutureExt;
use futures::future::BoxFuture;
use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Cluster;
use v9s::fleet::model::{Vcluster, VclusterKey};
use v9s::fleet::state::State;
use v9s::lifecycle::pause::{self, PauseOptions};
use v9s::lifecycle::resume::{self, ResumeOptions};
use v9s::lifecycle::{Decision, LifeError};
use v9s::operation::{Operation as Verb, OperationState, StepState as Far};
use v9s::target::{Target, find};

use crate::app::jobs::{Outcome, StepState};
use crate::app::operation::{Operation, Progress};
use crate::app::runner::Clusters;
use crate::app::world::{Access, World};
use crate::screens::confirm::{Ask, Confirm, Plan};

/// Pauses a virtual cluster, or resumes a paused one.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    key: VclusterKey,
    resume: bool,
}

/// Asks before it is paused or resumed, by `y`: either is undone by the other.
pub fn dialog(vcluster: &Vcluster, world: &World) -> Confirm {
    let turn = Turn { key: vcluster.key.clone(), resume: vcluster.state == State::Paused };
    let mut facts = turn.facts(vcluster);
    match world.access(&turn.key.host, &turn.key.namespace) {
        Some(Access::Known { .. }) => {}
        Some(Access::Failed(why)) => {
            facts.push(("rights", vec![format!("not known, the server may refuse: {why}")]));
        }
        _ => facts.push(("rights", vec!["not asked yet, the server may refuse".to_owned()])),
    }
    Confirm::new(Plan { title: turn.title().to_string(), facts, ask: Ask::Yes, operation: Box::new(turn) })
}

impl Turn {
    fn word(&self) -> &'static str {
        if self.resume { "resume" } else { "pause" }
    }

    fn facts(&self, vcluster: &Vcluster) -> Vec<(&'static str, Vec<String>)> {
        let VclusterKey { host, namespace, name } = &self.key;
        let mut facts = Vec::new();
        if self.resume {
            facts.push(("starts", vec!["its etcd if it has one, then the control plane".to_owned()]));
        } else {
            let pods = vcluster.synced.get().map_or("all".to_owned(), |pods| pods.total.to_string());
            let replicas = vcluster.replicas.desired;
            facts.push((
                "stops",
                vec![
                    format!("the control plane ({replicas} replicas) and its etcd if it has one"),
                    format!("{pods} pods of the tenant, each in its own time"),
                ],
            ));
            facts.push(("keeps", vec!["what is stored, and every object but these pods".to_owned()]));
            facts.push(("undone", vec!["by resuming it, here or with the official CLI".to_owned()]));
        }
        facts.push(("as", vec![format!("v9s {} {name} -n {namespace} --context {host}", self.word())]));
        facts
    }

    async fn carry_out(&self, cluster: Cluster, progress: &Progress) -> Outcome {
        let target = match find(&cluster, Some(&self.key.namespace), &self.key.name).await {
            Ok(target) => target,
            Err(error) => return Outcome::Failed(format_smolstr!("{error}; {}", error.remedy())),
        };
        let started = if self.resume { resumed(cluster, target) } else { paused(cluster, target).await };
        match started {
            Ok(verb) => follow(verb, progress).await,
            Err(outcome) => outcome,
        }
    }
}

type Started = Result<Verb<(), LifeError>, Outcome>;

/// What a decision comes to, short of a plan.
fn decided<P>(decision: Decision<P>) -> Result<P, Outcome> {
    match decision {
        Decision::Do(plan) => Ok(plan),
        Decision::Nothing(why) => Err(Outcome::Done(why.into())),
        Decision::Refused(refusal) => {
            let instead: String = refusal.instead().iter().map(|line| format!("\n{line}")).collect();
            Err(Outcome::Failed(format_smolstr!("{refusal}{instead}")))
        }
    }
}

async fn paused(cluster: Cluster, target: Target) -> Started {
    let options = PauseOptions::default();
    let synced = pause::count_synced(&cluster, &target).await;
    let synced = synced.map_err(|error| Outcome::Failed(format_smolstr!("{error}")))?;
    let plan = decided(pause::plan(&target, synced, &options))?;
    Ok(Verb::start(format!("pause {target}"), pause::STEPS, move |progress| async move {
        pause::carry_out(&cluster, &target, &plan, &options, &progress).await
    }))
}

fn resumed(cluster: Cluster, target: Target) -> Started {
    let options = ResumeOptions::default();
    let plan = decided(resume::plan(&target, &options))?;
    Ok(Verb::start(format!("resume {target}"), resume::STEPS, move |progress| async move {
        resume::carry_out(&cluster, &target, &plan, &options, &progress).await
    }))
}

/// Tells the job pane what a verb of the library tells, and passes a stop on to it.
async fn follow(verb: Verb<(), LifeError>, progress: &Progress) -> Outcome {
    let mut states = verb.follow();
    let mut before: Option<std::sync::Arc<OperationState>> = None;
    let mut stopped = false;
    loop {
        let now = states.borrow_and_update().clone();
        for (at, step) in now.steps.iter().enumerate() {
            let known = before.as_ref().and_then(|before| before.steps.get(at));
            if known.is_none_or(|known| known.state != step.state) {
                progress.step(at, told(&step.state));
            }
        }
        before = Some(now);
        tokio::select! {
            changed = states.changed() => if changed.is_err() { break },
            () = progress.stopped(), if !stopped => {
                verb.cancel();
                stopped = true;
            }
        }
    }
    match verb.result().await {
        Ok(()) => Outcome::Done("done".into()),
        Err(LifeError::Cancelled(_)) => Outcome::Cancelled,
        Err(error) => Outcome::Failed(format_smolstr!("{error}")),
    }
}

fn told(far: &Far) -> StepState {
    match far {
        Far::Waiting => StepState::Waiting,
        Far::Running { cause, .. } => StepState::Running(cause.clone().unwrap_or_default()),
        Far::Done { note, .. } => StepState::Done(note.clone().unwrap_or_default()),
        Far::Skipped { why } => StepState::Done(why.clone()),
        Far::Failed { why, .. } => StepState::Failed(why.clone()),
    }
}

impl Operation for Turn {
    fn title(&self) -> SmolStr {
        format_smolstr!("{} {}/{}", self.word(), self.key.namespace, self.key.name)
    }

    fn steps(&self) -> Vec<SmolStr> {
        let steps: &[&str] = if self.resume { &resume::STEPS } else { &pause::STEPS };
        steps.iter().map(|step| SmolStr::new_static(step)).collect()
    }

    fn run(self: Box<Self>, clusters: Clusters, progress: Progress) -> BoxFuture<'static, Outcome> {
        async move {
            match clusters.open(&self.key.host).await {
                Ok(cluster) => self.carry_out(cluster, &progress).await,
                Err(why) => Outcome::Failed(why.into()),
            }
        }
        .boxed()
    }
}
