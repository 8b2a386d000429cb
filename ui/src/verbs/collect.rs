//! Collecting leftovers: the plan of what is chosen, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};
use v9s::gc::{
    self, ByConnect, COLLECT_STEPS, CollectOptions, Collected, Finding, GcError, Kinds, Left, Reason, Survey,
    Verdict, Wish, collect,
};
use v9s::operation::{Operation, Progress};

use super::{Ask, Looked, Plan, titles};
use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};
use crate::panes::leftovers::held;

/// More than so many are confirmed by their number.
const FEW: usize = 20;
/// Lines of each sort that are told.
const TOLD: usize = 6;

/// Leftovers of one host that were chosen, and what was found with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathering {
    /// Kube context of the host.
    pub host: SmolStr,
    /// What was found there.
    pub survey: Arc<Survey>,
    /// UIDs of those that were chosen and can go.
    pub uids: BTreeSet<SmolStr>,
    /// What was chosen and cannot go, with the reason.
    pub stays: Vec<SmolStr>,
    /// How many of the chosen a filter hides.
    pub hidden: usize,
}

impl Gathering {
    /// What it is called.
    pub fn title(&self) -> SmolStr {
        title(self.uids.len(), &self.host)
    }

    /// What was chosen goes whatever its kind: it was picked by hand.
    fn plan(&self) -> gc::Plan {
        let chosen = self.survey.findings.iter().filter(|it| self.uids.contains(&it.claim.uid));
        let findings: Vec<Finding> = chosen.cloned().collect();
        let kinds = Kinds::named(findings.iter().map(|it| it.claim.object.resource.plural.clone()));
        gc::plan(&Survey { findings, ..self.survey.as_ref().clone() }, &Wish { kinds })
    }

    /// The same as a subcommand, if it is the same: it takes all that is proven of some kinds, not a choice.
    fn command(&self, plan: &gc::Plan) -> String {
        let kinds: BTreeSet<&str> =
            plan.goes.iter().map(|it| it.claim.object.resource.plural.as_str()).collect();
        let places: Vec<_> = plan.places().into_keys().collect();
        let whose = match places.as_slice() {
            [one] => format!("{} -n {}", one.name, one.namespace),
            _ => "-A".to_owned(),
        };
        let kinds: Vec<&str> = kinds.into_iter().collect();
        format!("v9s gc {whose} --context {} --kinds {}", self.host, kinds.join(","))
    }
}

fn title(count: usize, host: &str) -> SmolStr {
    match count {
        1 => format_smolstr!("collect 1 leftover on {host}"),
        count => format_smolstr!("collect {count} leftovers on {host}"),
    }
}

/// Deletes what is in its plan, each after a second look.
#[derive(Debug, Clone)]
struct Collect {
    host: SmolStr,
    plan: gc::Plan,
}

/// Plans. The host was looked at already, and each object is looked at again before it goes.
pub(crate) fn look(gathering: &Gathering) -> Looked {
    let plan = gathering.plan();
    if plan.goes.is_empty() {
        return Looked::Nothing("nothing of it is proven, or may go".to_owned());
    }
    let count = plan.goes.len();
    let heavy = count > FEW || plan.reclaims.storage > 0 || !plan.brakes.is_empty();
    let facts = facts(gathering, &plan);
    Looked::Ask(Box::new(Plan {
        title: title(count, &gathering.host).to_string(),
        facts,
        ask: if heavy { Ask::Count(count) } else { Ask::Yes },
        verb: Arc::new(Collect { host: gathering.host.clone(), plan }),
        leaves: false,
    }))
}

fn facts(gathering: &Gathering, plan: &gc::Plan) -> Facts {
    let mut facts: Facts = Vec::new();
    if !plan.brakes.is_empty() {
        let brakes = plan.brakes.iter().map(|brake| format!("{brake}: look whether that is right"));
        facts.push(("MANY", brakes.collect()));
    }
    facts.push(("deletes", kinds(&plan.goes)));
    let data: Vec<Finding> = plan.goes.iter().filter(|it| it.claim.holds.storage > 0).cloned().collect();
    if !data.is_empty() {
        let lost = kinds(&data).into_iter().map(|line| format!("{line}: what is on them is lost"));
        facts.push(("DATA", lost.collect()));
    }
    let frees = held(plan.reclaims);
    if !frees.is_empty() {
        facts.push(("frees", vec![frees]));
    }
    facts.push(("because", because(plan)));
    if !gathering.stays.is_empty() {
        facts.push(("keeps", some(&gathering.stays)));
    }
    if gathering.hidden > 0 {
        facts.push(("hidden", vec![format!("{} of the marked ones do not show now", gathering.hidden)]));
    }
    facts.push((
        "guard",
        vec![
            "each, its virtual cluster and its origin are looked at again just before; UID and resourceVersion".to_owned(),
            "the audit log keeps a record".to_owned(),
        ],
    ));
    facts.push(("all such", vec![gathering.command(plan)]));
    facts
}

/// How many of which kind, a line each, with some names.
fn kinds(findings: &[Finding]) -> Vec<String> {
    const NAMED: usize = 3;
    let mut kinds: BTreeMap<(bool, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let kind = finding.claim.object.resource.kind.as_str();
        kinds.entry((kind != "Pod", kind)).or_default().push(finding);
    }
    let line = |((_, kind), all): ((bool, &str), Vec<&Finding>)| {
        let spaces: BTreeSet<_> = all.iter().filter_map(|it| it.claim.object.namespace.as_ref()).collect();
        let of = match spaces.len() {
            0 => String::new(),
            1 => " in 1 namespace".to_owned(),
            count => format!(" in {count} namespaces"),
        };
        let names: Vec<&str> = all.iter().take(NAMED).map(|it| it.claim.object.name.as_str()).collect();
        let more = if all.len() > NAMED { ", …" } else { "" };
        format!("{} {kind}{of}: {}{more}", all.len(), names.join(", "))
    };
    kinds.into_iter().map(line).collect()
}

/// Why, by virtual cluster and rule.
fn because(plan: &gc::Plan) -> Vec<String> {
    let asked = |place: &gc::Place, reason: Reason| {
        plan.goes.iter().find_map(|it| match &it.verdict {
            Verdict::Orphan { reason: by, evidence }
                if *by == reason && evidence.place.as_ref() == Some(place) =>
            {
                evidence.answered
            }
            _ => None,
        })
    };
    let mut lines = Vec::new();
    for (place, reasons) in plan.places() {
        for (reason, count) in reasons {
            let asked = asked(&place, reason)
                .map(|at| format!(" (whole list, {}, store known)", at.format("%H:%M:%S")))
                .unwrap_or_default();
            lines.push(format_smolstr!("{place}: {count} {}{asked}", words(reason)));
        }
    }
    some(&lines)
}

fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::VclusterGone => "of a virtual cluster that is gone: nothing that makes it is on the host",
        Reason::OriginGone => "not in the virtual API",
        Reason::OriginReplaced => "replaced inside by another of the same name",
        Reason::Contradiction => "whose annotations contradict the name, of nothing inside",
    }
}

/// The first lines, and how many more there are.
fn some(all: &[SmolStr]) -> Vec<String> {
    let mut lines: Vec<String> = all.iter().take(TOLD).map(ToString::to_string).collect();
    if all.len() > TOLD {
        lines.push(format!("and {} more", all.len() - TOLD));
    }
    lines
}

/// What came of it.
fn told(collected: &Collected) -> Outcome {
    let lines = |all: &[Left]| {
        some(&all.iter().map(|left| format_smolstr!("{}: {}", left.object, left.why)).collect::<Vec<_>>())
    };
    let Collected { deleted, gone, spared, failed, going, reclaims } = collected;
    let mut said = format!("{deleted} deleted");
    for (count, word) in [
        (*gone, "were gone already"),
        (spared.len(), "spared at the second look"),
        (failed.len(), "could not be deleted"),
        (going.len(), "still going"),
    ] {
        if count > 0 {
            said += &format!(", {count} {word}");
        }
    }
    let whole = spared.is_empty() && failed.is_empty() && going.is_empty();
    let frees = Some(held(*reclaims)).filter(|frees| !frees.is_empty());
    Outcome::new(if whole { Ended::Done } else { Ended::Partly }, said)
        .with("freed", frees.into_iter().collect())
        .with("spared", lines(spared))
        .with("failed", lines(failed))
        .with("going", lines(going))
}

impl Collect {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<Collected, Trouble> {
        let cluster = clusters.open(&self.host).await?;
        let options = CollectOptions::default();
        let done = collect(&cluster, &ByConnect::default(), &self.plan, &options, &progress).await;
        done.map_err(|error| match error {
            GcError::Cancelled(cancelled) => cancelled.into(),
            other => Trouble::Said(other.to_string()),
        })
    }
}

impl Verb for Collect {
    fn title(&self) -> SmolStr {
        title(self.plan.goes.len(), &self.host)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&COLLECT_STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (collect, clusters) = (self.clone(), hands.clusters.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| collect.carry_out(clusters, progress));
        Begun::follow(operation, |collected| told(&collected))
    }
}
