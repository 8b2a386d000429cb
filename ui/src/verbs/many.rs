//! One verb for several virtual clusters: each is looked at, the plan names each, and they are done one after the other, or a few at a time.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use smol_str::{SmolStr, format_smolstr};
use v9s::fleet::model::VclusterKey;
use v9s::operation::{Cancelled, Operation, Progress, StepState};

use super::{Ask, Looked, Plan, What, Wish, target};
use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};

/// Virtual clusters that are looked at at a time.
const AT_ONCE: usize = 4;
/// Between two looks whether the whole was stopped.
const LOOK: Duration = Duration::from_millis(200);

/// A verb, and the virtual clusters that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Several {
    /// What is to be done.
    pub what: What,
    /// To which.
    pub keys: Vec<VclusterKey>,
    /// How many of them are marked and do not show.
    pub hidden: usize,
}

/// What one of them comes to.
type Found = (VclusterKey, Result<Looked, String>);

impl Several {
    /// What it is called, such as `pause 3 virtual clusters`.
    pub fn title(&self) -> SmolStr {
        titled(self.what, self.keys.len())
    }

    /// Looks at each, and plans for those that it can be done to.
    pub(super) async fn look(&self, clusters: &Clusters) -> Result<Looked, String> {
        let what = self.settled(clusters).await;
        let each = stream::iter(self.keys.clone()).map(|key| async move {
            let looked = Wish { key: key.clone(), what }.look(clusters).await;
            (key, looked)
        });
        Ok(planned(what, each.buffered(AT_ONCE).collect().await, self.hidden))
    }

    /// The same for all of them: protection is taken away only where all of them have it.
    async fn settled(&self, clusters: &Clusters) -> What {
        if self.what != What::Protect {
            return self.what;
        }
        for key in &self.keys {
            // One that cannot be looked at is told of by its own look.
            let Ok(cluster) = clusters.open(&key.host).await else { continue };
            if target(&cluster, key).await.is_ok_and(|target| !target.is_protected()) {
                return What::ProtectSo(true);
            }
        }
        What::ProtectSo(false)
    }
}

fn titled(what: What, count: usize) -> SmolStr {
    format_smolstr!("{what} {count} virtual clusters")
}

/// A line for each of them: what becomes of it, or why nothing does.
fn planned(what: What, found: Vec<Found>, hidden: usize) -> Looked {
    let (mut done, mut already, mut not, mut verbs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let several_hosts = found.iter().any(|(key, _)| key.host != found[0].0.host);
    for (key, looked) in found {
        let name = match several_hosts {
            true => format!("{}/{}/{}", key.host, key.namespace, key.name),
            false => format!("{}/{}", key.namespace, key.name),
        };
        match looked {
            // What is lost for ever is said of each by its own name.
            Ok(Looked::Ask(plan)) if what != What::Delete && loses(&plan).is_some() => {
                not.push(format!("{name}: {}; do that to it alone", loses(&plan).unwrap_or_default()));
            }
            Ok(Looked::Ask(plan)) => {
                done.push(format!("{name}: {}", gist(what, &plan.facts)));
                verbs.push((SmolStr::from(&name), plan.verb));
            }
            Ok(Looked::Nothing(why)) => already.push(format!("{name}: {why}")),
            Ok(Looked::Refused { why, .. }) | Err(why) => {
                not.push(format!("{name}: {}", why.replace('\n', "; ")))
            }
            Ok(Looked::Begin(_) | Looked::Told { .. }) => {
                not.push(format!("{name}: this is done to one at a time"));
            }
        }
    }
    if verbs.is_empty() {
        return match not.is_empty() {
            true => Looked::Nothing(already.join("; ")),
            false => {
                not.extend(already);
                Looked::Refused { why: not.join("\n"), instead: Vec::new() }
            }
        };
    }
    let count = verbs.len();
    let verb = Many { title: titled(what, count), verbs, at_once: 1 };
    let mut facts: Facts = vec![(word(what), done), ("not", not), ("so already", already)];
    facts.retain(|(_, lines)| !lines.is_empty());
    if hidden > 0 {
        facts.push(("hidden", vec![format!("{hidden} of them are marked and not shown by the filter")]));
    }
    facts.push(("order", vec!["one after the other; one that fails does not keep the next ones".to_owned()]));
    Looked::Ask(Box::new(Plan {
        title: verb.title.to_string(),
        facts,
        // What cannot be undone takes more than a key.
        ask: if what == What::Delete { Ask::Count(count) } else { Ask::Yes },
        verb: Arc::new(verb),
        leaves: false,
    }))
}

/// What a plan says that is lost for ever.
fn loses(plan: &Plan) -> Option<String> {
    plan.facts.iter().find(|(word, _)| *word == "DATA").map(|(_, lines)| lines.join("; "))
}

/// What stands in front of those to which it is done.
fn word(what: What) -> &'static str {
    match what {
        What::Pause => "pauses",
        What::Resume => "resumes",
        What::Restart(_) => "restarts",
        What::Protect | What::ProtectSo(true) => "protects",
        What::ProtectSo(false) => "unprotects",
        What::Rotate => "rotates",
        What::RecoverSpace => "recovers space of",
        What::Certificates => "tells",
        What::Observe => "observes",
        What::Delete => "deletes",
    }
}

/// What counts of the plan for one, in a line.
fn gist(what: What, facts: &Facts) -> String {
    let wanted: &[&str] = match what {
        What::Delete => &["stops", "DATA", "namespace", "leaves", "inside"],
        What::Rotate => &["restarts", "beware"],
        _ => &["stops", "starts", "replaces", "marks", "beware"],
    };
    let told = |(word, lines): &(&str, Vec<String>)| match (what, *word) {
        (What::Delete, "DATA" | "leaves" | "inside") => format!("{word} {}", lines.join(", ")),
        _ => lines.join(", "),
    };
    let parts: Vec<String> = facts.iter().filter(|(word, _)| wanted.contains(word)).map(told).collect();
    parts.join("; ")
}

/// Verbs, each with the name of its virtual cluster.
type Verbs = Vec<(SmolStr, Arc<dyn Verb>)>;

/// The verbs of several.
#[derive(Debug)]
pub(super) struct Many {
    pub(super) title: SmolStr,
    pub(super) verbs: Verbs,
    /// How many are carried out at a time.
    pub(super) at_once: usize,
}

/// What came of one.
type Came = (SmolStr, Outcome);

async fn carry_out(
    (verbs, at_once): (Verbs, usize),
    hands: Hands,
    progress: Progress,
) -> Result<Vec<Came>, Trouble> {
    let all = verbs.into_iter().enumerate().map(|(at, (name, verb))| {
        let (hands, progress) = (hands.clone(), progress.of_step(at));
        let done = async move {
            match one(verb.as_ref(), at, &hands, &progress).await {
                Ok(outcome) => Ok((name, outcome)),
                Err(Trouble::Cancelled(cancelled)) => Err(cancelled),
                Err(error) => Ok((name, Outcome::new(Ended::Failed, error.to_string()))),
            }
        };
        done.boxed()
    });
    let all: Vec<BoxFuture<'static, Result<Came, Cancelled>>> = all.collect();
    // What is under way is never torn away: those that were stopped end by themselves, and no other begins.
    let all: Vec<Result<Came, Cancelled>> = stream::iter(all).buffered(at_once).collect().await;
    Ok(all.into_iter().collect::<Result<_, _>>()?)
}

/// Carries out one of them, as the step at its place.
async fn one(verb: &dyn Verb, at: usize, hands: &Hands, progress: &Progress) -> Result<Outcome, Trouble> {
    let work = async {
        let outcome = follow(verb.begin(hands), progress).await?;
        match outcome.ended {
            Ended::Done | Ended::Partly => {
                progress.note(outcome.said.clone());
                Ok(outcome)
            }
            Ended::Failed | Ended::Cancelled => Err(Trouble::Said(outcome.said.to_string())),
        }
    };
    progress.step(at, work).await
}

/// Tells what one of them waits for; a stop of the whole stops it, too, after what is under way.
async fn follow(mut begun: Begun, progress: &Progress) -> Result<Outcome, Trouble> {
    let mut stopped = false;
    let outcome = loop {
        if let Some((_, step)) = begun.states.borrow_and_update().running() {
            progress.waiting(match &step.state {
                StepState::Running { cause: Some(cause), .. } => format_smolstr!("{}: {cause}", step.title),
                _ => step.title.clone(),
            });
        }
        tokio::select! {
            outcome = &mut begun.outcome => break outcome,
            paused = progress.pause(LOOK), if !stopped => if paused.is_err() {
                begun.cancel.cancel();
                stopped = true;
            },
        }
    };
    if stopped && outcome.ended == Ended::Cancelled { Err(Cancelled.into()) } else { Ok(outcome) }
}

/// All in all.
fn told(all: &[Came]) -> Outcome {
    let with = |ended: Ended| all.iter().filter(move |(_, outcome)| outcome.ended == ended);
    let line = |(name, outcome): &Came| format!("{name}: {}", outcome.said);
    let failed: Vec<String> = with(Ended::Failed).map(line).collect();
    let mut left: Vec<String> = Vec::new();
    for (name, outcome) in with(Ended::Partly) {
        let lines = outcome.facts.iter().flat_map(|(_, lines)| lines);
        left.extend(lines.map(|line| format!("{name}: {line}")));
    }
    let done = all.len() - failed.len();
    let (ended, said) = match (failed.len(), left.len()) {
        (0, 0) => (Ended::Done, format_smolstr!("all {done} are done")),
        (0, _) => (Ended::Partly, format_smolstr!("all {done} are done, and something is left")),
        _ if done == 0 => (Ended::Failed, "none was done".into()),
        (count, _) => (Ended::Partly, format_smolstr!("{done} are done, {count} are not")),
    };
    Outcome::new(ended, said).with("not done", failed).with("left", left)
}

impl Verb for Many {
    fn title(&self) -> SmolStr {
        self.title.clone()
    }

    fn steps(&self) -> Vec<SmolStr> {
        self.verbs.iter().map(|(name, _)| name.clone()).collect()
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (verbs, hands) = ((self.verbs.clone(), self.at_once.max(1)), hands.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| carry_out(verbs, hands, progress));
        Begun::follow(operation, |all| told(&all))
    }
}

#[cfg(test)]
#[path = "many_tests.rs"]
mod tests;
