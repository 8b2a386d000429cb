//! How long a virtual cluster is to live and who answers for it: written down, moved, taken back.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::LifeError;
use super::exact::change_part;
use super::refusal::{Decision, Refusal, kubectl_patch, unless_reconciled};
use crate::cluster::Cluster;
use crate::operation::{Operation, Progress};
use crate::target::{Part, Target, Term};
use crate::wire::annotation;

/// Its one step.
pub const STEPS: [&str; 1] = ["write it down"];

/// What is to be written; what is None stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// When it ends.
    pub ends: Option<Ends>,
    /// Who answers for it; nobody when it is empty.
    pub owner: Option<SmolStr>,
}

/// When it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Then.
    At(DateTime<Utc>),
    /// Not by itself.
    Never,
}

/// What it would be.
#[derive(Debug, Clone, PartialEq)]
pub struct TermPlan {
    /// Where it is written.
    pub part: Part,
    /// What will stand there.
    pub then: Term,
}

/// What is to be done.
pub fn plan(target: &Target, wish: &Wish, anyway: bool) -> Decision<TermPlan> {
    let Some(part) = target.control_plane() else {
        return Decision::Nothing(format!("{target} has no control plane on which it could be written"));
    };
    let then = wish.on(&part.term);
    if then == part.term {
        return Decision::Nothing(format!("{target} has that already"));
    }
    let change = kubectl_patch(target, &part.kind.resource().plural, &part.name, &patch(&then));
    match unless_reconciled(target, anyway, &change) {
        // Where it is not known who deploys it, a note does no harm.
        Some(refusal @ Refusal::Managed { .. }) => Decision::Refused(refusal),
        _ => Decision::Do(TermPlan { part: part.clone(), then }),
    }
}

impl Wish {
    fn on(&self, now: &Term) -> Term {
        let expires = match self.ends {
            None => now.expires.clone(),
            Some(Ends::Never) => None,
            Some(Ends::At(time)) => Some(crate::target::written(time)),
        };
        let owner = match &self.owner {
            None => now.owner.clone(),
            Some(owner) => Some(owner.clone()).filter(|owner| !owner.trim().is_empty()),
        };
        Term { expires, owner }
    }
}

fn patch(then: &Term) -> Value {
    let annotations = json!({annotation::EXPIRES: then.expires, annotation::OWNER: then.owner});
    json!({"metadata": {"annotations": annotations}})
}

/// Carries it out on a task. The steps are [`STEPS`].
pub fn start(cluster: Cluster, target: Target, plan: TermPlan) -> Operation<(), LifeError> {
    let title = format!("write down the time to live of {target}");
    Operation::start(title, STEPS, move |progress| async move {
        carry_out(&cluster, &target, &plan, &progress).await
    })
}

/// Carries it out. The steps are [`STEPS`].
///
/// # Errors
/// When the workload cannot be changed.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    plan: &TermPlan,
    progress: &Progress,
) -> Result<(), LifeError> {
    let wanted = |now: &Part| (now.term != plan.then).then(|| patch(&plan.then));
    progress.step(0, change_part(cluster, target, &plan.part, "extend", wanted)).await
}
