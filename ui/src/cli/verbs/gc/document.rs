//! What came of it, for scripts. docs/gc.md documents the document.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use v9s::gc::{Collected, Finding, Left, Plan, Reclaims, Survey, Verdict};
use v9s::operation::OperationState;

use super::super::report::{StepReport, steps};
use super::super::{Outcome, ResultFormat};
use super::show;

/// What came of it on all hosts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    verb: &'static str,
    dry_run: bool,
    pub(super) outcome: Outcome,
    pub(super) hosts: Vec<HostReport>,
}

/// What came of it on one host.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HostReport {
    pub(super) context: String,
    pub(super) time: DateTime<Utc>,
    pub(super) outcome: Outcome,
    pub(super) message: String,
    pub(super) looked: usize,
    pub(super) orphans: Vec<ObjectReport>,
    pub(super) suspects: Vec<ObjectReport>,
    pub(super) unknown: Vec<UnknownReport>,
    pub(super) unseen: Vec<WhyReport>,
    pub(super) ghosts: Vec<GhostReport>,
    pub(super) stuck: Vec<StuckReport>,
    pub(super) forbidden: Vec<String>,
    pub(super) brakes: Vec<String>,
    pub(super) reclaims: ReclaimsReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) collected: Option<CollectedReport>,
    pub(super) steps: Vec<StepReport>,
}

/// One object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectReport {
    pub(super) kind: String,
    group: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    uid: String,
    pub(super) vcluster: Option<String>,
    #[serde(rename = "virtual")]
    pub(super) origin: Option<String>,
    virtual_uid: Option<String>,
    /// `goes`, `stays`, or `suspect`.
    pub(super) fate: &'static str,
    rule: Option<char>,
    code: String,
    pub(super) proof: String,
    pub(super) answered: Option<DateTime<Utc>>,
    pub(super) created: Option<DateTime<Utc>>,
    owner_uids: Vec<String>,
    pub(super) node: Option<String>,
    #[serde(flatten)]
    pub(super) holds: ReclaimsReport,
}

/// What is held, or becomes free.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReclaimsReport {
    pub(super) cpu_millis: u64,
    pub(super) memory_bytes: u64,
    pub(super) storage_bytes: u64,
}

/// Objects of which nobody could say.
#[derive(Debug, Serialize)]
pub(super) struct UnknownReport {
    pub(super) vcluster: String,
    pub(super) objects: usize,
    pub(super) why: String,
}

/// Something, and why.
#[derive(Debug, Serialize)]
pub(super) struct WhyReport {
    pub(super) what: String,
    pub(super) why: String,
}

/// Something inside that has nothing on the host.
#[derive(Debug, Serialize)]
pub(super) struct GhostReport {
    pub(super) vcluster: String,
    pub(super) kind: String,
    pub(super) name: String,
}

/// Something that is going and does not go.
#[derive(Debug, Serialize)]
pub(super) struct StuckReport {
    pub(super) object: String,
    pub(super) since: DateTime<Utc>,
    pub(super) because: Vec<String>,
    pub(super) fixes: Vec<FixReport>,
}

/// What may help.
#[derive(Debug, Serialize)]
pub(super) struct FixReport {
    pub(super) what: String,
    /// Null where no command does it or shows it.
    pub(super) command: Option<String>,
    pub(super) risk: String,
}

/// What was collected.
#[derive(Debug, Serialize)]
pub(super) struct CollectedReport {
    pub(super) deleted: usize,
    pub(super) gone: usize,
    pub(super) spared: Vec<WhyReport>,
    pub(super) failed: Vec<WhyReport>,
    pub(super) going: Vec<WhyReport>,
    pub(super) reclaimed: ReclaimsReport,
}

impl Document {
    pub(super) fn new(dry_run: bool) -> Self {
        Document { verb: "gc", dry_run, outcome: Outcome::Nothing, hosts: Vec::new() }
    }

    /// The worst of the hosts.
    pub(super) fn finish(&mut self) {
        let rank = |outcome: Outcome| match outcome {
            Outcome::Nothing => 0,
            Outcome::Planned => 1,
            Outcome::Done => 2,
            Outcome::Partial => 3,
            Outcome::Refused => 4,
            Outcome::Failed => 5,
        };
        let worst = self.hosts.iter().map(|host| host.outcome).max_by_key(|outcome| rank(*outcome));
        self.outcome = worst.unwrap_or(Outcome::Nothing);
    }

    pub(super) fn text(&self, format: ResultFormat) -> anyhow::Result<String> {
        Ok(match format {
            ResultFormat::Json => serde_json::to_string_pretty(self)? + "\n",
            ResultFormat::Text => self.hosts.iter().map(show::host).collect(),
        })
    }
}

impl HostReport {
    pub(super) fn new(context: &str, survey: &Survey, plan: &Plan) -> Self {
        let orphans = plan.goes.iter().map(|it| object(it, "goes"));
        let orphans = orphans.chain(plan.stays.iter().map(|it| object(it, "stays")));
        let unknown = survey.tenants.iter().filter_map(|(place, tenant)| {
            let (objects, why) = tenant.unknown.clone()?;
            Some(UnknownReport { vcluster: place.to_string(), objects, why: why.to_string() })
        });
        HostReport {
            context: context.to_owned(),
            time: survey.world.now,
            outcome: Outcome::Nothing,
            message: String::new(),
            looked: survey.looked,
            orphans: orphans.collect(),
            suspects: plan.suspects.iter().map(|it| object(it, "suspect")).collect(),
            unknown: unknown.collect(),
            unseen: survey.unseen.iter().map(|(kind, failure)| why(kind, failure)).collect(),
            ghosts: survey.ghosts.iter().map(ghost).collect(),
            stuck: survey.stuck.iter().map(|it| stuck(it, context)).collect(),
            forbidden: survey.forbidden.iter().map(ToString::to_string).collect(),
            brakes: plan.brakes.iter().map(ToString::to_string).collect(),
            reclaims: plan.reclaims.into(),
            collected: None,
            steps: Vec::new(),
        }
    }

    /// Whether everything that was to be looked at was.
    pub(super) fn is_whole(&self) -> bool {
        self.unknown.is_empty() && self.unseen.is_empty()
    }

    pub(super) fn ended(self, outcome: Outcome, message: impl Into<String>) -> Self {
        HostReport { outcome, message: message.into(), ..self }
    }

    pub(super) fn with_steps(self, state: &OperationState) -> Self {
        HostReport { steps: steps(state), ..self }
    }

    pub(super) fn with_collected(self, collected: &Collected) -> Self {
        let lefts = |all: &[Left]| all.iter().map(|left| why(&left.object, &left.why)).collect::<Vec<_>>();
        let is_left = !collected.failed.is_empty() || !collected.going.is_empty() || !self.is_whole();
        let outcome = if is_left { Outcome::Partial } else { Outcome::Done };
        let message =
            format!("{} deleted, {} spared at the second look", collected.deleted, collected.spared.len());
        let report = CollectedReport {
            deleted: collected.deleted,
            gone: collected.gone,
            spared: lefts(&collected.spared),
            failed: lefts(&collected.failed),
            going: lefts(&collected.going),
            reclaimed: collected.reclaims.into(),
        };
        HostReport { collected: Some(report), ..self }.ended(outcome, message)
    }

    /// What goes and what stays, for a person who is asked.
    pub(super) fn plan_lines(&self) -> Vec<String> {
        show::plan(self)
    }

    /// What goes, by virtual cluster and kind.
    pub(super) fn goes(&self) -> BTreeMap<(&str, &str), Vec<&ObjectReport>> {
        let mut goes: BTreeMap<(&str, &str), Vec<&ObjectReport>> = BTreeMap::new();
        for one in self.orphans.iter().filter(|one| one.fate == "goes") {
            goes.entry((one.vcluster.as_deref().unwrap_or("?"), &one.kind)).or_default().push(one);
        }
        goes
    }
}

impl From<Reclaims> for ReclaimsReport {
    fn from(reclaims: Reclaims) -> Self {
        let Reclaims { cpu_millis, memory, storage } = reclaims;
        ReclaimsReport { cpu_millis, memory_bytes: memory, storage_bytes: storage }
    }
}

fn why(what: &dyn std::fmt::Display, why: &dyn std::fmt::Display) -> WhyReport {
    WhyReport { what: what.to_string(), why: why.to_string() }
}

fn object(finding: &Finding, fate: &'static str) -> ObjectReport {
    let claim = &finding.claim;
    let (rule, code, proof, evidence) = match &finding.verdict {
        Verdict::Orphan { reason, evidence } => {
            (Some(reason.letter()), reason.code().to_owned(), evidence.says.to_string(), Some(evidence))
        }
        Verdict::Suspect { doubt, evidence } => {
            (None, doubt.code().to_owned(), doubt.to_string(), Some(evidence))
        }
        Verdict::Kept(kept) => (None, "kept".to_owned(), kept.to_string(), None),
        Verdict::Unknown(why) => (None, "unknown".to_owned(), why.to_string(), None),
    };
    ObjectReport {
        kind: claim.object.resource.kind.to_string(),
        group: claim.object.resource.group.to_string(),
        namespace: claim.object.namespace.as_ref().map(ToString::to_string),
        name: claim.object.name.to_string(),
        uid: claim.uid.to_string(),
        vcluster: evidence.and_then(|it| it.place.as_ref()).map(ToString::to_string),
        origin: claim.origin().map(|origin| origin.to_string()),
        virtual_uid: claim.marks.uid.as_ref().map(ToString::to_string),
        fate,
        rule,
        code,
        proof,
        answered: evidence.and_then(|it| it.answered),
        created: claim.created,
        owner_uids: claim.owners.iter().map(|owner| owner.uid.to_string()).collect(),
        node: claim.holds.node.as_ref().map(ToString::to_string),
        holds: Reclaims::default().and(&claim.holds).into(),
    }
}

fn ghost(ghost: &v9s::gc::Ghost) -> GhostReport {
    GhostReport {
        vcluster: ghost.place.to_string(),
        kind: ghost.kind.to_string(),
        name: ghost.name.to_string(),
    }
}

fn stuck(stuck: &v9s::gc::Stuck, context: &str) -> StuckReport {
    StuckReport {
        object: stuck.object.to_string(),
        since: stuck.since,
        because: stuck.because.iter().map(ToString::to_string).collect(),
        fixes: stuck
            .fixes
            .iter()
            .map(|fix| FixReport {
                what: fix.what.to_string(),
                command: fix.command_on(context),
                risk: fix.risk.to_owned(),
            })
            .collect(),
    }
}
