//! A companion beside a virtual cluster that somebody else's syncer runs: installed, or taken away again.

use std::sync::Arc;
use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Cluster;
use v9s::fleet::model::Vcluster;
use v9s::lifecycle::observe::{self, INSTALL_STEPS, InstallPlan, REMOVE_STEPS, RemovePlan, Wait, Wanted};
use v9s::operation::{Operation, Progress};
use v9s::target::Target;
use v9s::wire::{HERITAGE, label};

use super::{Ask, Looked, Plan, command, looked, titles};
use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};

/// How long its pods may take to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is done to a virtual cluster that was looked at.
#[derive(Debug, Clone)]
struct Deed {
    target: Target,
    act: Act,
}

#[derive(Debug, Clone)]
enum Act {
    Install(Box<InstallPlan>),
    Remove(RemovePlan),
}

/// Why a companion cannot be put beside one, as far as the fleet knows.
pub fn impossible(vcluster: &Vcluster) -> Option<&'static str> {
    let ours = vcluster.labels.get(label::HERITAGE).is_some_and(|heritage| heritage == HERITAGE);
    ours.then_some("its own syncer is v9s's and measures it already")
}

/// Looks whether there is one. What an interrupted run has left in part is gone on with; what is whole is taken away.
pub(super) async fn look(cluster: &Cluster, target: &Target) -> Result<Looked, String> {
    let made = observe::made(cluster, target).await.map_err(|error| error.to_string())?;
    if observe::is_whole(&made) {
        let decision = observe::removal(target, made);
        return Ok(looked(decision, |plan| ask(target, Act::Remove(plan))));
    }
    let found = observe::look(cluster, target).await.map_err(|error| error.to_string())?;
    let decision = observe::plan(target, &found, &Wanted::default());
    Ok(looked(decision, |plan| ask(target, Act::Install(Box::new(plan)))))
}

fn ask(target: &Target, act: Act) -> Plan {
    let deed = Deed { target: target.clone(), act };
    Plan {
        title: deed.title().to_string(),
        facts: deed.facts(),
        ask: Ask::Yes,
        verb: Arc::new(deed),
        leaves: false,
    }
}

impl Deed {
    fn facts(&self) -> Facts {
        let one = |line: &str| vec![line.to_owned()];
        match &self.act {
            Act::Install(plan) => {
                let word = if plan.again { "renews" } else { "makes" };
                let mut facts = vec![
                    (word, plan.objects().map(|object| object.at.to_string()).collect()),
                    ("image", one(&plan.image)),
                    ("may", one("read what is mirrored, and write its own status")),
                    ("keeps", one("everything of the virtual cluster and its tenant as it is")),
                ];
                if !plan.beware.is_empty() {
                    facts.push(("beware", plan.beware.clone()));
                }
                facts.push(("undone", one("by the same key")));
                facts.push(("as", command("observe", &self.target)));
                facts
            }
            Act::Remove(plan) => vec![
                ("deletes", plan.made.iter().map(|made| made.object.to_string()).collect()),
                ("keeps", one("everything of the virtual cluster and its tenant as it is")),
                ("then", one("how far its host lags behind is not known any more")),
                ("as", command("observe --remove", &self.target)),
            ],
        }
    }

    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<(), Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        match &self.act {
            Act::Install(plan) => {
                observe::install(&cluster, &self.target, plan, Wait::default(), &progress).await?;
            }
            Act::Remove(plan) => {
                observe::remove(&cluster, &self.target, plan, PATIENCE, &progress).await?;
            }
        }
        Ok(())
    }
}

impl Verb for Deed {
    fn title(&self) -> SmolStr {
        match &self.act {
            Act::Install(_) => format_smolstr!("observe {}", self.target),
            Act::Remove(_) => format_smolstr!("observe {} no longer", self.target),
        }
    }

    fn steps(&self) -> Vec<SmolStr> {
        match &self.act {
            Act::Install(_) => titles(&INSTALL_STEPS),
            Act::Remove(_) => titles(&REMOVE_STEPS),
        }
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (deed, clusters) = (self.clone(), hands.clusters.clone());
        let done = match &self.act {
            Act::Install(_) => "a companion stands beside it",
            Act::Remove(_) => "nothing of a companion is left",
        };
        let operation =
            Operation::start(self.title(), self.steps(), |progress| deed.carry_out(clusters, progress));
        Begun::follow(operation, move |()| Outcome::new(Ended::Done, done))
    }
}
