//! How long a virtual cluster is to live, and who answers for it.

use std::sync::Arc;
use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};
use v9s::fleet::model::VclusterKey;
use v9s::lifecycle::term::{self, TermPlan};
use v9s::operation::{Operation, Progress};
use v9s::target::Target;

use super::{Ask, Looked, Plan, command, looked, target, titles};
use crate::app::jobs::{Ended, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};
use crate::cli::verbs::extend::{end, lines};

/// What is to be written down; what is None stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lifetime {
    /// When it ends.
    pub ends: Option<Ends>,
    /// Who answers for it; nobody when it is empty.
    pub owner: Option<SmolStr>,
}

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// So long from now, by the clock of its host.
    After(Duration),
    /// Not by itself.
    Never,
}

impl Lifetime {
    /// The same on the command line.
    fn flags(&self) -> String {
        let ends = match self.ends {
            None => String::new(),
            Some(Ends::Never) => " --forever".to_owned(),
            Some(Ends::After(time)) => format!(" --ttl {}s", time.as_secs()),
        };
        let owner = self.owner.as_ref().map(|owner| format!(" --owner '{owner}'"));
        ends + &owner.unwrap_or_default()
    }
}

/// What is to be written, of what was looked at.
#[derive(Debug, Clone)]
struct Extend {
    target: Target,
    plan: TermPlan,
}

/// Looks at it and at the clock of its host, and plans.
pub(super) async fn look(
    clusters: &Clusters,
    key: &VclusterKey,
    lifetime: &Lifetime,
) -> Result<Looked, String> {
    let cluster = clusters.open(&key.host).await?;
    let target = target(&cluster, key).await?;
    let ends = match lifetime.ends {
        None => None,
        Some(Ends::Never) => Some(term::Ends::Never),
        Some(Ends::After(time)) => {
            Some(term::Ends::At(end(&cluster, time).await.map_err(|error| format!("{error:#}"))?))
        }
    };
    let wish = term::Wish { ends, owner: lifetime.owner.clone() };
    Ok(looked(term::plan(&target, &wish, false), |plan| {
        let facts =
            vec![("then", lines(&plan)), ("as", command(&format!("extend{}", lifetime.flags()), &target))];
        let extend = Extend { target: target.clone(), plan };
        let title = extend.title().to_string();
        Plan { title, facts, ask: Ask::Yes, verb: Arc::new(extend), leaves: false }
    }))
}

impl Extend {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<(), Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        Ok(term::carry_out(&cluster, &self.target, &self.plan, &progress).await?)
    }
}

impl Verb for Extend {
    fn title(&self) -> SmolStr {
        format_smolstr!("extend {}", self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&term::STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (extend, clusters) = (self.clone(), hands.clusters.clone());
        let said = lines(&self.plan).join(", ");
        let operation =
            Operation::start(self.title(), self.steps(), |progress| extend.carry_out(clusters, progress));
        Begun::follow(operation, move |()| Outcome::new(Ended::Done, said))
    }

    /// The row shows it.
    fn is_watched(&self) -> bool {
        false
    }
}
