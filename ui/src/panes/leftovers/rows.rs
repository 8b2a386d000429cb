//! Rows: what a survey of a host has found, each with what proves it.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::ObjectRef;
use v9s::gc::{Evidence, Finding, Ghost, Holds, Kinds, Place, Reason, Stuck, Survey, Tenant, Verdict};

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Is {
    /// Proven to be a leftover.
    Proven,
    /// Going, and does not go.
    Stuck,
    /// It looks like a leftover, and that is not proven.
    Suspect,
    /// Objects of a virtual cluster of which nobody could say.
    Unknown,
    /// A kind that could not be listed.
    Unseen,
    /// Something inside that has nothing on the host.
    Inside,
}

/// Where in its survey a row comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// One of the findings.
    Finding(usize),
    /// One of the stuck.
    Stuck(usize),
    /// One of the virtual clusters.
    Tenant(Place),
    /// One of the kinds that were not seen.
    Unseen(usize),
    /// One of the ghosts.
    Ghost(usize),
}

/// One thing that is left, or that nobody could tell of.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Kube context of its host.
    pub host: SmolStr,
    /// What tells it from all others of that host: a UID where it has one.
    pub id: SmolStr,
    /// What it is.
    pub is: Is,
    /// Where it comes from.
    pub source: Source,
    /// The object on the host, where it is one.
    pub object: Option<ObjectRef>,
    /// Its name on the host, or what stands for it.
    pub name: SmolStr,
    /// Its kind.
    pub kind: SmolStr,
    /// The virtual cluster that it claims to belong to.
    pub vcluster: SmolStr,
    /// What it was inside.
    pub was: SmolStr,
    /// What proves it, or what is missing, or what holds it.
    pub proof: SmolStr,
    /// When the virtual API was asked, by its own clock.
    pub answered: Option<DateTime<Utc>>,
    /// When it was created, or since when it should be gone.
    pub created: Option<DateTime<Utc>>,
    /// What its labels say.
    pub label: SmolStr,
    /// The UID that it was made for.
    pub origin_uid: SmolStr,
    /// UIDs of what owns it.
    pub owners: SmolStr,
    /// What it holds, and its node.
    pub holds: Holds,
    /// Whether it goes only when somebody picks it: what is on it is lost.
    pub is_data: bool,
    /// Why it cannot be collected.
    pub kept: Option<SmolStr>,
}

impl Row {
    /// Its node, empty where it has none.
    pub fn node(&self) -> &str {
        self.holds.node.as_deref().unwrap_or_default()
    }

    fn new(host: &SmolStr, is: Is, source: Source) -> Row {
        Row {
            host: host.clone(),
            id: SmolStr::default(),
            is,
            source,
            object: None,
            name: SmolStr::default(),
            kind: SmolStr::default(),
            vcluster: SmolStr::default(),
            was: SmolStr::default(),
            proof: SmolStr::default(),
            answered: None,
            created: None,
            label: SmolStr::default(),
            origin_uid: SmolStr::default(),
            owners: SmolStr::default(),
            holds: Holds::default(),
            is_data: false,
            kept: Some("only what is proven is collected".into()),
        }
    }

    fn of_finding(host: &SmolStr, survey: &Survey, at: usize, finding: &Finding) -> Row {
        let claim = &finding.claim;
        let object = &claim.object;
        let marks = &claim.marks;
        let (proof, evidence) = proof(&finding.verdict);
        let owners: Vec<&str> = claim.owners.iter().map(|owner| owner.uid.as_str()).collect();
        Row {
            id: claim.uid.clone(),
            object: Some(object.clone()),
            name: object.name.clone(),
            kind: object.resource.kind.clone(),
            vcluster: finding.place().map(called).unwrap_or_default(),
            was: claim.origin().map(|origin| format_smolstr!("{origin}")).unwrap_or_default(),
            proof,
            answered: evidence.and_then(|evidence| evidence.answered),
            created: claim.created,
            label: marks.managed_by.clone().or_else(|| marks.made_for.clone()).unwrap_or_default(),
            origin_uid: marks.uid.clone().unwrap_or_default(),
            owners: owners.join(",").into(),
            holds: claim.holds.clone(),
            is_data: !Kinds::default().may_go(&object.resource),
            kept: kept(survey, finding),
            ..Row::new(host, if finding.is_proven() { Is::Proven } else { Is::Suspect }, Source::Finding(at))
        }
    }

    fn of_stuck(host: &SmolStr, at: usize, stuck: &Stuck) -> Row {
        Row {
            id: format_smolstr!("stuck {}", stuck.object),
            object: Some(stuck.object.clone()),
            name: stuck.object.name.clone(),
            kind: stuck.object.resource.kind.clone(),
            vcluster: stuck.place.as_ref().map(called).unwrap_or_default(),
            proof: stuck.because.join("; ").into(),
            created: Some(stuck.since),
            kept: Some("it is going already: enter shows what holds it, and what to do".into()),
            ..Row::new(host, Is::Stuck, Source::Stuck(at))
        }
    }

    fn of_unknown(host: &SmolStr, place: &Place, tenant: &Tenant) -> Option<Row> {
        let (objects, why) = tenant.unknown.as_ref()?;
        // Whose it is has a column of its own.
        let why = why.strip_prefix(format_smolstr!("{place} ").as_str()).unwrap_or(why);
        Some(Row {
            id: format_smolstr!("unknown {place}"),
            name: match objects {
                1 => "1 object".into(),
                objects => format_smolstr!("{objects} objects"),
            },
            vcluster: called(place),
            proof: why.into(),
            ..Row::new(host, Is::Unknown, Source::Tenant(place.clone()))
        })
    }

    fn of_ghost(host: &SmolStr, at: usize, ghost: &Ghost) -> Row {
        let on_host = match ghost.kind.as_str() {
            "Node" => "the host has no such node",
            _ => "nothing on the host came from it",
        };
        Row {
            id: format_smolstr!("inside {} {} {}", ghost.place, ghost.kind, ghost.name),
            kind: ghost.kind.clone(),
            vcluster: called(&ghost.place),
            was: format_smolstr!("{}", ghost.name),
            proof: on_host.into(),
            created: ghost.created,
            kept: Some("it is inside of its virtual cluster, where gc changes nothing".into()),
            ..Row::new(host, Is::Inside, Source::Ghost(at))
        }
    }
}

/// Why a finding cannot be collected.
fn kept(survey: &Survey, finding: &Finding) -> Option<SmolStr> {
    let object = &finding.claim.object;
    if !finding.is_proven() {
        return Some("only what is proven is collected".into());
    }
    if !Kinds::named([&object.resource.plural]).may_go(&object.resource) {
        let takes = "would take other objects along, and is never collected";
        return Some(format_smolstr!("a {} {takes}", object.resource.kind));
    }
    survey.forbids(object).map(|right| format_smolstr!("forbidden: needs {right}"))
}

/// A virtual cluster as people call it.
fn called(place: &Place) -> SmolStr {
    if place.namespace == place.name { place.name.clone() } else { format_smolstr!("{place}") }
}

/// What proves it in few words, and the whole.
fn proof(verdict: &Verdict) -> (SmolStr, Option<&Evidence>) {
    // The answer first: a cell that is too narrow loses the time.
    let asked = |says: &str, evidence: &Evidence| match evidence.answered {
        Some(at) => format_smolstr!("{says} (virtual API, {})", at.format("%H:%M:%S")),
        None => says.into(),
    };
    match verdict {
        Verdict::Orphan { reason, evidence } => {
            let says = match reason {
                Reason::VclusterGone => "vcluster gone",
                Reason::OriginGone => "not found",
                Reason::OriginReplaced => "another UID",
                Reason::Contradiction => "not found, and it bears another name",
            };
            (asked(says, evidence), Some(evidence))
        }
        Verdict::Suspect { doubt, evidence } => (asked(&doubt.to_string(), evidence), Some(evidence)),
        Verdict::Kept(kept) => (format_smolstr!("{kept}"), None),
        Verdict::Unknown(why) => (why.clone(), None),
    }
}

/// The rows of one host; with a place, those of one virtual cluster.
pub(super) fn rows(host: &SmolStr, survey: &Survey, only: Option<&Place>) -> Vec<Row> {
    let wanted = |place: Option<&Place>| only.is_none_or(|only| place == Some(only));
    let findings = survey.findings.iter().enumerate().filter(|(_, it)| wanted(it.place()));
    let mut rows: Vec<Row> =
        findings.map(|(at, finding)| Row::of_finding(host, survey, at, finding)).collect();
    let stuck = survey.stuck.iter().enumerate().filter(|(_, it)| wanted(it.place.as_ref()));
    rows.extend(stuck.map(|(at, stuck)| Row::of_stuck(host, at, stuck)));
    let tenants = survey.tenants.iter().filter(|(place, _)| wanted(Some(place)));
    rows.extend(tenants.filter_map(|(place, tenant)| Row::of_unknown(host, place, tenant)));
    rows.extend(survey.unseen.iter().enumerate().map(|(at, (kind, failure))| Row {
        id: format_smolstr!("unseen {kind}"),
        kind: kind.clone(),
        name: "all objects".into(),
        proof: format_smolstr!("cannot be listed: {failure}"),
        ..Row::new(host, Is::Unseen, Source::Unseen(at))
    }));
    let ghosts = survey.ghosts.iter().enumerate().filter(|(_, it)| wanted(Some(&it.place)));
    rows.extend(ghosts.map(|(at, ghost)| Row::of_ghost(host, at, ghost)));
    rows
}

/// The order of rows: what can be acted on first, then what holds most.
pub(super) fn order(row: &Row) -> impl Ord + '_ {
    let holds = Reverse((row.holds.cpu_millis, row.holds.memory));
    (row.is, &row.host, &row.vcluster, holds, &row.kind, &row.name, &row.id)
}
