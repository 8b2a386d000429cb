//! Other limits for the quota of a virtual cluster: looked at with what comes of them, and written.

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};
use v9s::fleet::model::VclusterKey;
use v9s::lifecycle::Decision;
use v9s::lifecycle::quota::{self, Owner, QuotaPlan};
use v9s::operation::{Operation, Progress};
use v9s::target::Target;

use super::edit::{PATIENCE, applying, first_refused};
use super::{Ask, Looked, Plan, command, refused, target, titles};
use crate::app::jobs::{Ended, Facts, Outcome, Then};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};

pub use v9s::lifecycle::quota::Wish;

/// Looks at the quotas and at what takes them, and plans. What is made of `vcluster.yaml` is changed there, too, once it is written.
pub(super) async fn look(clusters: &Clusters, key: &VclusterKey, wish: &Wish) -> Result<Looked, String> {
    let cluster = clusters.open(&key.host).await?;
    let target = target(&cluster, key).await?;
    let found = quota::look(&cluster, &target).await;
    let found = found.map_err(|error| format!("{error}; {}", error.remedy()))?;
    let plan = match quota::plan(&target, &found, wish, false) {
        Decision::Do(plan) => plan,
        Decision::Nothing(why) => return Ok(Looked::Nothing(why)),
        Decision::Refused(refusal) => return Ok(refused(&refusal)),
    };
    if plan.owner != Owner::Config {
        return Ok(Looked::Ask(Box::new(ask(&target, wish, plan, None))));
    }
    let through = quota::through(&cluster, &target, &plan, Some(PATIENCE), false).await;
    let through = through.map_err(|error| error.to_string())?;
    if let Some(why) = first_refused(&through) {
        return Ok(Looked::Refused { why, instead: Vec::new() });
    }
    match through {
        Decision::Do(edit) => {
            Ok(Looked::Ask(Box::new(ask(&target, wish, plan, Some(applying(&target, edit))))))
        }
        Decision::Nothing(_) if plan.is_held() => Ok(Looked::Nothing(quota::so_already(&plan.object))),
        Decision::Nothing(_) => Ok(Looked::Ask(Box::new(ask(&target, wish, plan, None)))),
        Decision::Refused(refusal) => Ok(refused(&refusal)),
    }
}

/// Other limits, and what follows.
#[derive(Debug, Clone)]
struct Write {
    target: Target,
    plan: QuotaPlan,
    /// The same in `vcluster.yaml`.
    next: Option<Arc<dyn Verb>>,
}

/// What keeps everything new out takes the name, as nothing else is as easily done by a slip.
fn ask(target: &Target, wish: &Wish, plan: QuotaPlan, next: Option<Arc<dyn Verb>>) -> Plan {
    let ask = if plan.is_below() { Ask::Name(target.name.to_string()) } else { Ask::Yes };
    let facts = facts(target, wish, &plan);
    let write = Write { target: target.clone(), plan, next };
    Plan { title: write.title().to_string(), facts, ask, verb: Arc::new(write), leaves: false }
}

fn facts(target: &Target, wish: &Wish, plan: &QuotaPlan) -> Facts {
    let pods = |all: &[v9s::health::quota::Blocked]| -> Vec<String> {
        all.iter().map(|pod| format!("{} ({})", pod.title(), pod.words())).collect()
    };
    let changes = plan.changes.iter().map(|change| change.line()).collect();
    let mut facts: Facts = vec![
        ("quota", vec![plan.object.name.to_string()]),
        ("limits", changes),
        ("starts", pods(&plan.admitted)),
        ("waits", pods(&plan.waiting)),
        ("mind", plan.notes.clone()),
        ("as", command(&flags(wish), target)),
    ];
    facts.retain(|(_, lines)| !lines.is_empty());
    facts
}

/// The same on the command line.
fn flags(wish: &Wish) -> String {
    let quota = wish.quota.iter().map(|name| format!(" --quota {name}"));
    let set =
        wish.set.iter().map(|(key, after)| format!(" --set {key}={}", after.as_deref().unwrap_or_default()));
    format!("quota{}", quota.chain(set).collect::<String>())
}

impl Write {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<(), Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        Ok(quota::carry_out(&cluster, &self.plan, &progress).await?)
    }
}

impl Verb for Write {
    fn title(&self) -> SmolStr {
        format_smolstr!("other limits for {}", self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&quota::STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (write, clusters, next) = (self.clone(), hands.clusters.clone(), self.next.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| write.carry_out(clusters, progress));
        Begun::follow(operation, move |()| match next {
            Some(next) => {
                Outcome::new(Ended::Done, "they hold; vcluster.yaml follows").then(Then::Begin(next))
            }
            None => Outcome::new(Ended::Done, "they hold"),
        })
    }

    /// The tab shows it, unless something follows that takes its time.
    fn is_watched(&self) -> bool {
        self.next.is_some()
    }
}
