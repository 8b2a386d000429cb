//! What collecting leftovers takes. Pure.

use std::collections::BTreeMap;
use std::fmt;

use smol_str::SmolStr;

use super::claim::Holds;
use super::kinds::Kinds;
use super::proof::{Reason, Verdict};
use super::survey::{Finding, Survey};
use super::world::Place;

/// So many are always let through.
const ALWAYS: usize = 5;
/// The share above which a person is asked.
const SHARE: f64 = 0.2;

/// What a person wants to go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Kinds; those that hold data go only when they are named.
    pub kinds: Kinds,
}

/// What becomes free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reclaims {
    /// CPU that was asked for, in millicores.
    pub cpu_millis: u64,
    /// Memory, in bytes.
    pub memory: u64,
    /// Space of volumes, in bytes.
    pub storage: u64,
}

impl Reclaims {
    /// With this, too.
    #[must_use]
    pub fn and(self, holds: &Holds) -> Self {
        Reclaims {
            cpu_millis: self.cpu_millis.saturating_add(holds.cpu_millis),
            memory: self.memory.saturating_add(holds.memory),
            storage: self.storage.saturating_add(holds.storage),
        }
    }
}

/// So many would go that somebody has to allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brake {
    /// Of what.
    pub of: SmolStr,
    /// How many would go.
    pub goes: usize,
    /// How many there are.
    pub all: usize,
}

impl fmt::Display for Brake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {} would go", self.goes, self.all, self.of)
    }
}

/// What goes, and what stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// What goes: pods first.
    pub goes: Vec<Finding>,
    /// Proven leftovers that stay because of their kind.
    pub stays: Vec<Finding>,
    /// Suspects, which stay.
    pub suspects: Vec<Finding>,
    /// What becomes free.
    pub reclaims: Reclaims,
    /// What somebody has to allow.
    pub brakes: Vec<Brake>,
    /// UIDs of stores that objects of the host have proven, and by how many.
    pub(super) witnesses: BTreeMap<Place, (SmolStr, usize)>,
}

impl Plan {
    /// The virtual clusters of what goes, with how many of each and by which rules.
    pub fn places(&self) -> BTreeMap<Place, BTreeMap<Reason, usize>> {
        let mut places: BTreeMap<Place, BTreeMap<Reason, usize>> = BTreeMap::new();
        for finding in &self.goes {
            if let (Some(place), Verdict::Orphan { reason, .. }) = (finding.place(), &finding.verdict) {
                *places.entry(place.clone()).or_default().entry(*reason).or_default() += 1;
            }
        }
        places
    }
}

/// Plans it.
pub fn plan(survey: &Survey, wish: &Wish) -> Plan {
    let mut plan = Plan::default();
    for finding in &survey.findings {
        if !finding.is_proven() {
            plan.suspects.push(finding.clone());
        } else if wish.kinds.may_go(&finding.claim.object.resource) {
            plan.reclaims = plan.reclaims.and(&finding.claim.holds);
            plan.goes.push(finding.clone());
        } else {
            plan.stays.push(finding.clone());
        }
    }
    plan.brakes = brakes(&plan.goes, survey);
    let witnesses =
        survey.tenants.iter().filter_map(|(place, it)| Some((place.clone(), it.witnesses.clone()?)));
    plan.witnesses = witnesses.collect();
    plan
}

/// Where so many would go that rather the proof is wrong. Of a virtual cluster that is there, a share of its objects of a kind; of
/// all others, a share of everything that came from inside of any.
fn brakes(goes: &[Finding], survey: &Survey) -> Vec<Brake> {
    let mut of: BTreeMap<(Option<&Place>, &str), usize> = BTreeMap::new();
    for finding in goes {
        let there = finding.place().filter(|place| survey.tenants.get(*place).is_some_and(|it| it.exists));
        let kind = if there.is_some() { finding.claim.object.resource.kind.as_str() } else { "" };
        *of.entry((there, kind)).or_default() += 1;
    }
    let everything: usize = survey.looked;
    let is_many = |goes: usize, all: usize| goes > ALWAYS && goes as f64 > SHARE * all as f64;
    let brakes = of.into_iter().filter_map(|((place, kind), goes)| match place {
        Some(place) => {
            let all = survey.tenants.get(place)?.objects.get(kind).copied().unwrap_or_default();
            let of = smol_str::format_smolstr!("objects of the kind {kind} of {place}");
            is_many(goes, all).then_some(Brake { of, goes, all })
        }
        None => {
            let of = "objects, as of virtual clusters that do not exist,".into();
            is_many(goes, everything).then_some(Brake { of, goes, all: everything })
        }
    });
    brakes.collect()
}
