//! Space of a store recovered.

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Cluster;
use v9s::gc::ByConnect;
use v9s::health::store::Reading;
use v9s::lifecycle::space::{self, Recovered, SpaceOptions, SpacePlan};
use v9s::operation::{Operation, Progress};
use v9s::store;
use v9s::target::Target;

use super::{Ask, Looked, Plan, command, looked};
use crate::app::jobs::{Ended, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};

/// A recovery of what was looked at.
#[derive(Debug, Clone)]
struct Recovery {
    target: Target,
    plan: SpacePlan,
}

/// Looks at the store, and plans.
pub(super) async fn look(cluster: &Cluster, target: &Target) -> Result<Looked, String> {
    let reading = store::read(cluster, target, &ByConnect::default()).await;
    Ok(told(target, &reading))
}

/// What a reading comes to.
pub(crate) fn told(target: &Target, reading: &Reading) -> Looked {
    looked(space::plan(target, reading), |plan| {
        let recovery = Recovery { target: target.clone(), plan };
        Plan {
            title: recovery.title().to_string(),
            facts: vec![
                ("does", recovery.plan.lines()),
                ("stops", vec!["as soon as a member is away: no more than one is ever busy".to_owned()]),
                ("keeps", vec!["every object, as it is now".to_owned()]),
                ("as", command("store --recover-space", target)),
            ],
            ask: Ask::Yes,
            verb: Arc::new(recovery),
            leaves: false,
        }
    })
}

impl Recovery {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<Recovered, Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        let opened = store::open(&cluster, &self.target).await;
        let store = opened.map_err(|error| format!("{error}; {}", error.remedy()))?;
        let options = SpaceOptions::default();
        let done = space::carry_out(&cluster, &store, &self.plan, &options, &progress).await;
        done.map_err(|error| match error {
            space::SpaceError::Cancelled(cancelled) => Trouble::from(cancelled),
            error => Trouble::Said(error.to_string()),
        })
    }
}

impl Verb for Recovery {
    fn title(&self) -> SmolStr {
        format_smolstr!("recover space in the store of {}", self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        self.plan.steps()
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (recovery, clusters) = (self.clone(), hands.clusters.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| recovery.carry_out(clusters, progress));
        Begun::follow(operation, |recovered: Recovered| Outcome::new(Ended::Done, recovered.words()))
    }
}
