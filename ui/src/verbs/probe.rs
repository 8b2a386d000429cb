//! Whether the pods of one tenant reach those of another: tried.

use std::sync::Arc;

use smol_str::SmolStr;
use v9s::fleet::model::VclusterKey;
use v9s::operation::{Operation, Progress};
use v9s::probe::{self, ProbeError, Probed, STEPS, Verdict, Wanted};

use super::{Ask, Looked, Plan, target, titles};
use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};

/// A probe of what was looked at.
#[derive(Debug, Clone)]
struct Probe {
    plan: probe::Plan,
}

/// Looks at both, and plans.
pub(super) async fn look(
    clusters: &Clusters,
    from: &VclusterKey,
    to: &VclusterKey,
) -> Result<Looked, String> {
    let cluster = clusters.open(&from.host).await?;
    let (from, to) = (target(&cluster, from).await?, target(&cluster, to).await?);
    let found = probe::look(&cluster, from, to).await.map_err(|error| error.to_string())?;
    let plan = match probe::plan(found, Wanted::default()) {
        Ok(plan) => plan,
        Err(why) => return Ok(Looked::Refused { why: why.to_string(), instead: Vec::new() }),
    };
    let (from, to) = (&plan.from.target, &plan.to.target);
    let place = |target: &v9s::target::Target| format!("{}/{}", target.namespace, target.name);
    let facts: Facts = vec![
        ("makes", plan.lines()),
        ("then", vec!["takes all of it away; the host does that, too, when v9s ends before".to_owned()]),
        ("as", vec![format!("v9s probe {} {} --context {}", place(from), place(to), from.host)]),
    ];
    let probe = Probe { plan };
    Ok(Looked::Ask(Box::new(Plan {
        title: probe.title().to_string(),
        facts,
        ask: Ask::Yes,
        verb: Arc::new(probe),
        leaves: false,
    })))
}

impl Probe {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<Probed, Trouble> {
        let cluster = clusters.open(&self.plan.from.target.host).await?;
        probe::carry_out(&cluster, &self.plan, &progress).await.map_err(|error| match error {
            ProbeError::Cancelled(cancelled) => cancelled.into(),
            error => Trouble::Said(error.to_string()),
        })
    }
}

impl Verb for Probe {
    fn title(&self) -> SmolStr {
        self.plan.title()
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (probe, clusters) = (self.clone(), hands.clusters.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| probe.carry_out(clusters, progress));
        Begun::follow(operation, |probed: Probed| told(&probed))
    }
}

/// What came of it: that a way is open is worth a look.
fn told(probed: &Probed) -> Outcome {
    let ended = match probed.verdict {
        Verdict::Isolated { .. } => Ended::Done,
        Verdict::Open | Verdict::Unknown { .. } => Ended::Partly,
    };
    Outcome::new(ended, probed.verdict.to_string())
        .with("policies", probed.beside.map(str::to_owned).into_iter().collect())
        .with("left", probed.left.as_ref().map(ToString::to_string).into_iter().collect())
}
