//! Whether an object of a host is a leftover. Pure.
//!
//! Every way in which a proof may lie ends in something else than [`Verdict::Orphan`]: docs/gc.md has them all.

use std::fmt;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};

use super::claim::Claim;
use super::world::{Answer, Asked, Place, Standing, Store, Twin, Whose, World, may_be_called};
use crate::target::Rest;

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Proven to be a leftover.
    Orphan {
        /// By which rule.
        reason: Reason,
        /// What proves it.
        evidence: Evidence,
    },
    /// It looks like one, and that is not proven.
    Suspect {
        /// What is not proven.
        doubt: Doubt,
        /// What there is of a proof.
        evidence: Evidence,
    },
    /// It is none, or not for us to judge.
    Kept(Kept),
    /// Nobody could say: it is neither.
    Unknown(SmolStr),
}

/// By which rule an object is a leftover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// (a) The virtual cluster does not exist.
    VclusterGone,
    /// (b) The object inside does not exist.
    OriginGone,
    /// (b) The object inside is another of the same name.
    OriginReplaced,
    /// (c) Its annotations contradict its name, and nothing inside is what they say.
    Contradiction,
}

/// Why a proof is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// It carries the label and no annotation says what it was made for: anybody can write a label.
    NoOrigin,
    /// By its annotations it is a copy, or it does not bear the name that its origin would have.
    Copy(SmolStr),
    /// The control plane is gone, and not all that made it.
    HalfDeleted(SmolStr),
    /// The answer from inside was given before the object was seen, or long ago.
    Stale,
    /// The object inside was made anew a short while ago.
    Recreated,
    /// Nothing proves that the store inside is the one that this object was made from.
    StoreUnproved,
}

/// Why an object is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// Its origin is there, by UID.
    Alive,
    /// An object of the same name inside has taken it over, as this kind does.
    Adopted,
    /// It is part of what makes a virtual cluster that is there.
    Own,
    /// It is too young to judge.
    Young,
    /// It is going already.
    Going,
    /// An annotation says that it is to stay.
    Spared,
    /// Something else on the host owns it, and takes it along.
    Derived(SmolStr),
    /// A controller of its own looks after it.
    Controlled(SmolStr),
    /// It was made before the object inside, which may come yet.
    Reserved,
    /// Its virtual cluster does not run, and that is meant so.
    Rests(SmolStr),
    /// Its namespace is going, and takes it along.
    NamespaceGoing,
    /// The store inside is another than the one that is remembered: its objects can be adopted back.
    Quarantined,
    /// It claims to belong to no virtual cluster.
    Unclaimed,
}

/// What a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The virtual cluster that it claims to belong to.
    pub place: Option<Place>,
    /// One sentence.
    pub says: SmolStr,
    /// When the tenant's API server was asked, by its own clock; none when it was not.
    pub answered: Option<DateTime<Utc>>,
}

/// How careful a proof is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Care {
    /// What is younger is not judged.
    pub older_than: Duration,
    /// An answer from inside counts for so long.
    pub fresh: Duration,
}

impl Default for Care {
    fn default() -> Self {
        Care { older_than: Duration::from_secs(600), fresh: Duration::from_secs(120) }
    }
}

impl Reason {
    /// The rule's letter: `a`, `b` or `c`.
    pub fn letter(self) -> char {
        match self {
            Reason::VclusterGone => 'a',
            Reason::OriginGone | Reason::OriginReplaced => 'b',
            Reason::Contradiction => 'c',
        }
    }

    /// For scripts.
    pub fn code(self) -> &'static str {
        match self {
            Reason::VclusterGone => "vcluster-gone",
            Reason::OriginGone => "origin-gone",
            Reason::OriginReplaced => "origin-replaced",
            Reason::Contradiction => "contradiction",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::NoOrigin => {
                f.write_str("only its labels claim it: no annotation says what it was made for")
            }
            Doubt::Copy(how) => f.write_str(how),
            Doubt::HalfDeleted(left) => {
                write!(
                    f,
                    "its control plane is gone, and {left} is left: deleted halfway, or about to return"
                )
            }
            Doubt::Stale => f.write_str("the answer from inside is older than what was seen on the host"),
            Doubt::Recreated => f.write_str("the object inside was made anew just now"),
            Doubt::StoreUnproved => {
                f.write_str("nothing proves that the store inside is the one that it was made from")
            }
        }
    }
}

impl Doubt {
    /// For scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Doubt::NoOrigin => "no-origin",
            Doubt::Copy(_) => "copy",
            Doubt::HalfDeleted(_) => "half-deleted",
            Doubt::Stale => "stale",
            Doubt::Recreated => "recreated",
            Doubt::StoreUnproved => "store-unproved",
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::Alive => f.write_str("its origin is there"),
            Kept::Adopted => f.write_str("an object of the same name has taken it over"),
            Kept::Own => f.write_str("it is part of the virtual cluster"),
            Kept::Young => f.write_str("it is too young to judge"),
            Kept::Going => f.write_str("it is going already"),
            Kept::Spared => f.write_str("an annotation says that it stays"),
            Kept::Derived(owner) => write!(f, "it goes with {owner}"),
            Kept::Controlled(by) => write!(f, "{by} looks after it"),
            Kept::Reserved => f.write_str("it waits for its object inside"),
            Kept::Rests(how) => f.write_str(how),
            Kept::NamespaceGoing => f.write_str("its namespace is going, and takes it along"),
            Kept::Quarantined => f.write_str(
                "the store inside is another than the one that is remembered: it can be adopted back",
            ),
            Kept::Unclaimed => f.write_str("it claims to belong to no virtual cluster"),
        }
    }
}

/// Judges one object. `seen` is when it was read from the host, `now` is now, both by a clock that nobody sets; ages are counted by
/// the clock of the server that wrote them.
pub fn proof(
    claim: &Claim,
    seen: Instant,
    now: Instant,
    world: &World,
    asked: &Asked,
    care: Care,
) -> Verdict {
    if let Some(kept) = apart(claim, world) {
        return Verdict::Kept(kept);
    }
    match world.whose(claim) {
        Whose::Nobody => Verdict::Kept(Kept::Unclaimed),
        Whose::Unclear(why) => Verdict::Unknown(why),
        Whose::Gone(places) => of_gone(claim, places, world, care),
        Whose::Of(place, Standing::Half(left)) => {
            suspect(&place, Doubt::HalfDeleted(left.clone()), "its control plane is not there")
        }
        Whose::Of(_, Standing::Going) => {
            Verdict::Kept(Kept::Rests("its virtual cluster is being deleted, which takes it along".into()))
        }
        Whose::Of(_, Standing::Rests(how)) => Verdict::Kept(Kept::Rests(rest(how))),
        Whose::Of(place, Standing::Runs { .. }) => {
            if let Some(kept) = beside(claim) {
                return Verdict::Kept(kept);
            }
            if is_young(claim.created, world.now, care) {
                return Verdict::Kept(if claim.marks.reserved { Kept::Reserved } else { Kept::Young });
            }
            if claim.origin().is_none() {
                return suspect(&place, Doubt::NoOrigin, "it has the label of a virtual cluster that runs");
            }
            match asked {
                Asked::Not(why) => Verdict::Unknown(why.clone()),
                Asked::Answered(answer) => answered(claim, &place, answer, Moments { seen, now }, care),
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Moments {
    seen: Instant,
    now: Instant,
}

/// What is not judged whoever it belongs to.
fn apart(claim: &Claim, world: &World) -> Option<Kept> {
    let said = claim.marks.managed_by.as_ref().or(claim.marks.made_for.as_ref());
    if said.is_none() {
        return Some(Kept::Unclaimed);
    }
    if claim.marks.spared {
        return Some(Kept::Spared);
    }
    if claim.going.is_some() {
        return Some(Kept::Going);
    }
    if claim.object.namespace.as_ref().is_some_and(|namespace| world.going.contains_key(namespace)) {
        return Some(Kept::NamespaceGoing);
    }
    // The syncer makes its objects belong to the Service of the virtual cluster, and to nothing else.
    let foreign = claim.owners.iter().find(|owner| owner.kind != "Service" || Some(&owner.name) != said);
    foreign.map(|owner| Kept::Derived(format_smolstr!("{} {}", owner.kind, owner.name)))
}

/// What is not judged while its virtual cluster is there.
fn beside(claim: &Claim) -> Option<Kept> {
    if claim.marks.managed_by.is_none() {
        return Some(Kept::Own);
    }
    claim.marks.controlled_by.clone().map(Kept::Controlled)
}

/// A time that has not come yet was written by another clock, and says nothing.
fn is_young(created: Option<DateTime<Utc>>, now: DateTime<Utc>, care: Care) -> bool {
    let limit = TimeDelta::from_std(care.older_than).unwrap_or(TimeDelta::MAX);
    created.is_none_or(|created| created > now || now.signed_duration_since(created) < limit)
}

fn rest(how: &Rest) -> SmolStr {
    SmolStr::new_static(match how {
        Rest::Paused(_) => "its virtual cluster is paused",
        Rest::Asleep => "its virtual cluster sleeps",
        Rest::Restoring => "its virtual cluster is being restored",
        Rest::ScaledDown => "its virtual cluster is scaled to nothing",
    })
}

/// The virtual cluster is not there.
fn of_gone(claim: &Claim, places: Vec<Place>, world: &World, care: Care) -> Verdict {
    let Some(first) = places.first().cloned() else {
        return Verdict::Unknown("it is not clear which virtual cluster it claims to belong to".into());
    };
    if is_young(claim.created, world.now, care) {
        return Verdict::Kept(Kept::Young);
    }
    let place = if claim.marks.managed_by.is_none() {
        // It was made for one: the labels of the chart are all that such objects have.
        first
    } else {
        let Some(origin) = claim.origin() else {
            return suspect(&first, Doubt::NoOrigin, "there is no such virtual cluster");
        };
        if claim.is_copy() {
            return suspect(&first, copy(), "there is no such virtual cluster");
        }
        let bears = |place: &&Place| may_be_called(place, &origin, &claim.object.name);
        match places.iter().find(bears) {
            Some(place) => place.clone(),
            None => return suspect(&first, misnamed(), "there is no such virtual cluster"),
        }
    };
    let says =
        format_smolstr!("no control plane, Service, configuration or Helm release of {place} is on the host");
    Verdict::Orphan {
        reason: Reason::VclusterGone,
        evidence: Evidence { place: Some(place), says, answered: None },
    }
}

fn copy() -> Doubt {
    Doubt::Copy("by its annotations it is a copy of another object".into())
}

fn misnamed() -> Doubt {
    Doubt::Copy("it does not bear the name that its origin would have".into())
}

fn suspect(place: &Place, doubt: Doubt, says: &str) -> Verdict {
    let evidence = Evidence { place: Some(place.clone()), says: says.into(), answered: None };
    Verdict::Suspect { doubt, evidence }
}

/// The tenant has said what it has.
fn answered(claim: &Claim, place: &Place, answer: &Answer, moments: Moments, care: Care) -> Verdict {
    let Some(origin) = claim.origin() else { return Verdict::Kept(Kept::Unclaimed) };
    if matches!(answer.store, Store::Replaced { .. }) {
        return Verdict::Kept(Kept::Quarantined);
    }
    let says = match (&answer.twin, &claim.marks.uid) {
        (None, _) => format_smolstr!("{origin} is not found inside"),
        (Some(twin), Some(uid)) if twin.uid != *uid => {
            format_smolstr!("{origin} inside is another: UID {}, this was made for {uid}", twin.uid)
        }
        (Some(_), _) => format_smolstr!("{origin} is there"),
    };
    let evidence = Evidence { place: Some(place.clone()), says, answered: Some(answer.at) };
    let doubt = |doubt| Verdict::Suspect { doubt, evidence: evidence.clone() };
    let same = |twin: &Twin| claim.marks.uid.as_ref().is_none_or(|uid| *uid == twin.uid);
    let contradiction = match (claim.is_copy(), may_be_called(place, &origin, &claim.object.name)) {
        (true, _) => Some(copy()),
        (false, false) => Some(misnamed()),
        (false, true) => None,
    };
    let is_stale =
        answer.asked < moments.seen || moments.now.saturating_duration_since(answer.asked) > care.fresh;
    let is_unproved = answer.store == Store::Witnessed(0);
    let reason = match (contradiction, &answer.twin) {
        // Whatever it is, what it names lives.
        (Some(contradiction), Some(_)) => return doubt(contradiction),
        (Some(contradiction), None) if answer.bears => return doubt(contradiction),
        (Some(_), None) => Reason::Contradiction,
        (None, Some(twin)) if same(twin) => return Verdict::Kept(Kept::Alive),
        (None, Some(_)) if is_adopted(claim) => return Verdict::Kept(Kept::Adopted),
        (None, Some(twin)) if is_young(twin.created, answer.at, care) => return doubt(Doubt::Recreated),
        (None, Some(_)) => Reason::OriginReplaced,
        (None, None) => Reason::OriginGone,
    };
    if is_stale {
        doubt(Doubt::Stale)
    } else if is_unproved {
        doubt(Doubt::StoreUnproved)
    } else {
        Verdict::Orphan { reason, evidence }
    }
}

/// Kinds of which an object inside takes over what its predecessor had on the host.
fn is_adopted(claim: &Claim) -> bool {
    matches!(
        claim.object.resource.kind.as_str(),
        "Service" | "PersistentVolumeClaim" | "PersistentVolume" | "Namespace"
    ) && claim.object.resource.group.is_empty()
}
