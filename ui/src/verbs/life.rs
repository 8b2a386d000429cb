//! Pause, resume, restart and protect.

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Cluster;
use v9s::lifecycle::pause::{self, PauseOptions, PausePlan};
use v9s::lifecycle::restart::{self, RestartPlan, What as Part};
use v9s::lifecycle::resume::{self, ResumeOptions, ResumePlan};
use v9s::lifecycle::{LifeError, protect};
use v9s::operation::{Operation, Progress};
use v9s::target::{self, Target};

use super::{Looked, Plan, What, command, looked, loss, titles, unless_lossy};
use crate::app::jobs::{Ended, Facts, Outcome, Then};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};

/// What is done to a virtual cluster that was looked at.
#[derive(Debug, Clone)]
struct Deed {
    target: Target,
    act: Act,
    /// What follows.
    next: Option<Arc<dyn Verb>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Act {
    Pause(PausePlan),
    Resume(ResumePlan),
    Restart(Part, RestartPlan),
    Protect(Box<target::Part>, bool),
}

/// Looks and plans.
pub(super) async fn look(cluster: &Cluster, target: &Target, what: What) -> Result<Looked, String> {
    let said = |error: LifeError| error.to_string();
    Ok(match what {
        What::Pause => {
            let found = pause::look(cluster, target).await.map_err(said)?;
            let decision = pause::plan(target, found, &PAUSE);
            looked(decision, |plan| ask(target, Act::Pause(plan)))
        }
        What::Resume => {
            let decision = resume::plan(target, &ResumeOptions::default());
            looked(decision, |plan| ask(target, Act::Resume(plan)))
        }
        What::Restart(part) => {
            let found = restart::look(cluster, target, part).await.map_err(said)?;
            looked(restart::plan(target, found, true), |plan| ask(target, Act::Restart(part, plan)))
        }
        What::Protect | What::ProtectSo(_) => {
            let on = if let What::ProtectSo(on) = what { on } else { !target.is_protected() };
            let decision = protect::plan(target, on, false);
            looked(decision, |part| ask(target, Act::Protect(Box::new(part), on)))
        }
        // These look by themselves.
        What::Delete | What::Certificates | What::Rotate | What::RecoverSpace | What::Observe => {
            Looked::Nothing(format!("{what} {target}: not here"))
        }
    })
}

impl Act {
    fn what(&self) -> What {
        match self {
            Act::Pause(_) => What::Pause,
            Act::Resume(_) => What::Resume,
            Act::Restart(part, _) => What::Restart(*part),
            Act::Protect(_, on) => What::ProtectSo(*on),
        }
    }
}

/// What would be lost is in the plan, and asked for by name.
const PAUSE: PauseOptions = PauseOptions { anyway: false, lose: true, patience: pause::PATIENCE };

/// Most of these are undone by another of them: a `y` is enough.
fn ask(target: &Target, act: Act) -> Plan {
    followed(target, act, None)
}

/// Asks to resume it, for the sake of something else.
pub(super) fn wake(target: &Target, plan: ResumePlan, next: Arc<dyn Verb>) -> Plan {
    followed(target, Act::Resume(plan), Some(next))
}

fn followed(target: &Target, act: Act, next: Option<Arc<dyn Verb>>) -> Plan {
    let deed = Deed { target: target.clone(), act, next };
    let title = deed.title().to_string();
    let ask = unless_lossy(deed.loses(), target);
    Plan { title, facts: deed.facts(), ask, verb: Arc::new(deed), leaves: false }
}

impl Deed {
    /// What is lost by it.
    fn loses(&self) -> &Option<String> {
        match &self.act {
            Act::Pause(plan) => &plan.loses,
            Act::Restart(_, plan) => &plan.loses,
            Act::Resume(_) | Act::Protect(..) => &None,
        }
    }

    fn facts(&self) -> Facts {
        let one = |line: &str| vec![line.to_owned()];
        let mut facts: Facts = match &self.act {
            Act::Pause(plan) => {
                let parts = plan.control_plane.iter().chain(&plan.etcd);
                let mut stops: Vec<String> =
                    parts.map(|part| format!("{} ({} replicas)", part.object(), part.replicas)).collect();
                if plan.synced > 0 {
                    stops.push(format!("{} pods of the tenant, each in its own time", plan.synced));
                }
                let keeps = match &plan.loses {
                    Some(_) => "its workloads and their configuration",
                    None => "what is stored, and every object but these pods",
                };
                vec![
                    ("stops", stops),
                    ("keeps", one(keeps)),
                    ("undone", one("by resuming it, here or with the official CLI")),
                ]
            }
            Act::Resume(plan) => {
                let parts = plan.etcd.iter().chain(&plan.control_plane);
                let starts = parts.map(|(part, replicas)| format!("{} ({replicas} replicas)", part.object()));
                vec![("starts", starts.collect())]
            }
            Act::Restart(_, plan) => {
                let mut facts =
                    vec![("replaces", plan.pods.iter().map(|(_, pod)| pod.name.to_string()).collect())];
                if plan.gap {
                    facts.push(("beware", one("nobody answers meanwhile: it has one replica")));
                }
                if plan.loses.is_none() {
                    facts.push(("keeps", one("volumes, and everything that is stored")));
                }
                facts
            }
            Act::Protect(part, on) => {
                let then = if *on {
                    "neither v9s nor the official CLI deletes it until that is taken away"
                } else {
                    "it can be deleted again"
                };
                vec![("marks", vec![part.object().to_string()]), ("then", one(then))]
            }
        };
        let words = match &self.act {
            Act::Pause(_) => "pause",
            Act::Resume(_) => "resume",
            Act::Restart(Part::ControlPlane, _) => "restart",
            Act::Restart(Part::Etcd, _) => "restart --part etcd",
            Act::Protect(_, true) => "protect",
            Act::Protect(_, false) => "protect --off",
        };
        facts.extend(loss(self.loses()));
        let lossy = if self.loses().is_some() { " --lose-data" } else { "" };
        facts.push(("as", command(&format!("{words}{lossy}"), &self.target)));
        facts
    }

    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<(), Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        let (cluster, target, progress) = (&cluster, &self.target, &progress);
        match &self.act {
            Act::Pause(plan) => {
                pause::carry_out(cluster, target, plan, &PAUSE, progress).await?;
            }
            Act::Resume(plan) => {
                resume::carry_out(cluster, target, plan, &ResumeOptions::default(), progress).await?;
            }
            Act::Restart(_, plan) => {
                restart::carry_out(cluster, target, plan, restart::PATIENCE, progress).await?
            }
            Act::Protect(part, on) => protect::carry_out(cluster, target, part, *on, progress).await?,
        }
        Ok(())
    }

    fn done(&self) -> &'static str {
        match &self.act {
            Act::Pause(_) => "paused",
            Act::Resume(_) => "it runs",
            Act::Restart(..) => "restarted",
            Act::Protect(_, true) => "protected",
            Act::Protect(_, false) => "no longer protected",
        }
    }
}

impl Verb for Deed {
    fn title(&self) -> SmolStr {
        format_smolstr!("{} {}", self.act.what(), self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        let fixed: &[&'static str] = match &self.act {
            Act::Restart(_, plan) => return plan.steps(),
            Act::Pause(_) => &pause::STEPS,
            Act::Resume(_) => &resume::STEPS,
            Act::Protect(..) => &protect::STEPS,
        };
        titles(fixed)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (deed, clusters, done) = (self.clone(), hands.clusters.clone(), self.done());
        let next = self.next.clone();
        let operation =
            Operation::start(self.title(), self.steps(), |progress| deed.carry_out(clusters, progress));
        Begun::follow(operation, move |()| {
            let outcome = Outcome::new(Ended::Done, done);
            match next {
                Some(next) => outcome.then(Then::Begin(next)),
                None => outcome,
            }
        })
    }
}
