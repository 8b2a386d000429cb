//! Pairs as an observer sees them: since when the two sides are apart, by whose change, and how long it took to come
//! together. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::Instant;
use v9s::names::VirtualName;

use super::faces::Face;
use crate::engine::key::Side;

/// In what the two sides of a pair can be apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// One is there and the other is not.
    Presence,
    /// What the tenant decides.
    Wanted,
    /// What the host reports.
    Reported,
}

const ASPECTS: [Aspect; 3] = [Aspect::Presence, Aspect::Wanted, Aspect::Reported];

/// Since when the two sides are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Apart {
    since: Instant,
    /// Whose change it was; none where both were found so.
    by: Option<Side>,
}

#[derive(Debug, Default)]
struct Pair {
    sides: [Option<Face>; 2],
    apart: [Option<Apart>; 3],
}

/// A change on one side that has arrived on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// The side on which it arrived.
    pub on: Side,
    /// How long that took.
    pub after: Duration,
}

/// Two sides that have been apart for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As the tenant names it.
    pub object: VirtualName,
    /// Since when.
    pub since: Instant,
    /// In words.
    pub why: &'static str,
    /// It is on the host alone.
    pub orphan: bool,
}

/// All pairs of a kind.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Every object of the tenant is on the host.
    all: bool,
    pairs: BTreeMap<VirtualName, Pair>,
    by_host: HashMap<SmolStr, VirtualName>,
    whole: [bool; 2],
}

impl Pairs {
    /// Pairs of a kind of which all of the tenant's objects are on the host, or not.
    pub fn new(all: bool) -> Self {
        Pairs { all, ..Pairs::default() }
    }

    /// An object is new or has changed; on the host it has another name.
    pub fn upsert(
        &mut self,
        side: Side,
        object: VirtualName,
        host_name: Option<SmolStr>,
        face: Face,
        now: Instant,
    ) -> Vec<Arrived> {
        if let Some(host_name) = host_name {
            self.by_host.insert(host_name, object.clone());
        }
        self.change(side, object, Some(face), now)
    }

    /// An object of the tenant is gone.
    pub fn gone(&mut self, object: VirtualName, now: Instant) -> Vec<Arrived> {
        self.change(Side::Virtual, object, None, now)
    }

    /// An object of the host is gone, or belongs to nobody any more.
    pub fn gone_on_host(&mut self, host_name: &str, now: Instant) -> Vec<Arrived> {
        match self.by_host.remove(host_name) {
            Some(object) => self.change(Side::Host, object, None, now),
            None => Vec::new(),
        }
    }

    /// A side has been told whole, or is about to be told anew.
    pub fn set_whole(&mut self, side: Side, whole: bool) {
        self.whole[side as usize] = whole;
    }

    /// Whether both sides have been told whole.
    pub fn is_whole(&self) -> bool {
        self.whole == [true, true]
    }

    /// Objects of a side.
    pub fn count(&self, side: Side) -> usize {
        self.pairs.values().filter(|pair| pair.sides[side as usize].is_some()).count()
    }

    /// Since when pairs are apart, the oldest aspect of each; nothing as long as not both sides are whole.
    pub fn apart(&self) -> impl Iterator<Item = Found> + '_ {
        let known = self.is_whole();
        let pairs = self.pairs.iter().filter(move |_| known);
        pairs.filter_map(|(object, pair)| {
            let apart = ASPECTS.into_iter().filter_map(|aspect| Some((aspect, pair.apart[aspect as usize]?)));
            let (aspect, Apart { since, .. }) = apart.min_by_key(|(_, apart)| apart.since)?;
            let [v, h] = &pair.sides;
            let orphan = v.is_none() && h.is_some();
            let why = match (aspect, orphan, v.is_some() && h.is_some()) {
                (Aspect::Presence, true, _) => "it is on the host alone",
                (Aspect::Presence, _, false) => "it is not on the host",
                (Aspect::Presence, _, true) => {
                    "the host has one that is going, or was made for another of its name"
                }
                (Aspect::Wanted, ..) => "the host has not got what the tenant wants",
                (Aspect::Reported, ..) => "the tenant does not see what the host reports",
            };
            Some(Found { object: object.clone(), since, why, orphan })
        })
    }

    fn change(&mut self, side: Side, object: VirtualName, face: Option<Face>, now: Instant) -> Vec<Arrived> {
        let (all, whole) = (self.all, self.is_whole());
        let pair = self.pairs.entry(object.clone()).or_default();
        pair.sides[side as usize] = face;
        let mut arrived = Vec::new();
        for aspect in ASPECTS {
            let apart = &mut pair.apart[aspect as usize];
            match agree(aspect, &pair.sides, all) {
                Some(false) => {
                    // While lists are told, nobody knows what came first.
                    apart.get_or_insert(Apart { since: now, by: whole.then_some(side) });
                }
                Some(true) => {
                    let both = pair.sides.iter().all(Option::is_some);
                    match apart.take() {
                        // The host's is always made after the tenant's: it took less than can be told apart.
                        Some(Apart { by: Some(Side::Host), .. })
                            if aspect == Aspect::Presence && both && side == Side::Virtual =>
                        {
                            arrived.push(Arrived { on: Side::Host, after: Duration::ZERO });
                        }
                        Some(Apart { since, by: Some(by) }) if by != side => {
                            arrived.push(Arrived { on: side, after: now.duration_since(since) });
                        }
                        _ => {}
                    }
                }
                None => *apart = None,
            }
        }
        if pair.sides == [None, None] {
            self.pairs.remove(&object);
        }
        arrived
    }
}

/// Whether the sides agree; none where that cannot be said.
fn agree(aspect: Aspect, [v, h]: &[Option<Face>; 2], all: bool) -> Option<bool> {
    let here = |face: &Option<Face>| face.as_ref().is_some_and(|face| !face.going);
    match (aspect, v, h) {
        (Aspect::Presence, _, _) => match (here(v), here(h)) {
            (false, false) => Some(true),
            (true, false) => all.then_some(false),
            (false, true) => Some(false),
            (true, true) => Some(v.as_ref().map(|v| &v.uid) == h.as_ref().map(|h| &h.uid)),
        },
        (_, Some(v), Some(h)) if v.uid != h.uid || v.going || h.going => None,
        (Aspect::Wanted, Some(v), Some(h)) => Some(v.wanted == h.wanted),
        (Aspect::Reported, Some(v), Some(h)) => Some(v.reported == h.reported),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(uid: &str, wanted: u64, reported: u64) -> Face {
        Face { uid: uid.into(), going: false, wanted, reported }
    }

    struct Case {
        pairs: Pairs,
        begin: Instant,
    }

    impl Case {
        fn of(all: bool) -> Self {
            let mut pairs = Pairs::new(all);
            pairs.set_whole(Side::Virtual, true);
            pairs.set_whole(Side::Host, true);
            Case { pairs, begin: Instant::now() }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.begin + Duration::from_secs(seconds)
        }

        fn tell(&mut self, seconds: u64, side: Side, face: Face) -> Vec<(Side, u64)> {
            let host_name = (side == Side::Host).then(|| SmolStr::new("web-x-default-x-t"));
            let now = self.at(seconds);
            seconds_of(self.pairs.upsert(side, web(), host_name, face, now))
        }

        fn apart(&self) -> Vec<(&'static str, bool)> {
            self.pairs.apart().map(|found| (found.why, found.orphan)).collect()
        }
    }

    fn seconds_of(arrived: Vec<Arrived>) -> Vec<(Side, u64)> {
        arrived.into_iter().map(|arrived| (arrived.on, arrived.after.as_secs())).collect()
    }

    fn web() -> VirtualName {
        VirtualName::namespaced("default", "web")
    }

    #[test]
    fn lag_is_the_time_from_a_change_on_one_side_to_its_arrival_on_the_other() {
        let mut case = Case::of(true);
        assert_eq!(case.tell(0, Side::Virtual, face("u", 1, 1)), []);
        assert_eq!(case.apart(), [("it is not on the host", false)]);
        assert_eq!(case.tell(2, Side::Host, face("u", 1, 1)), [(Side::Host, 2)], "created");
        assert_eq!(case.tell(10, Side::Host, face("u", 1, 2)), []);
        assert_eq!(case.tell(13, Side::Virtual, face("u", 1, 2)), [(Side::Virtual, 3)], "its status");
        assert_eq!(case.tell(20, Side::Virtual, face("u", 2, 2)), []);
        assert_eq!(case.tell(21, Side::Host, face("u", 1, 3)), []);
        assert_eq!(
            case.tell(24, Side::Host, face("u", 2, 3)),
            [(Side::Host, 4)],
            "while its status was on its way"
        );
        assert_eq!(case.tell(25, Side::Virtual, face("u", 2, 3)), [(Side::Virtual, 4)]);
        assert_eq!(case.apart(), []);
        let going = Face { going: true, ..face("u", 2, 3) };
        assert_eq!(case.tell(30, Side::Virtual, going), []);
        let now = case.at(31);
        assert_eq!(
            seconds_of(case.pairs.gone_on_host("web-x-default-x-t", now)),
            [(Side::Host, 1)],
            "deleted"
        );
    }

    #[test]
    fn an_object_that_the_hosts_watch_tells_of_first_has_no_lag_to_speak_of() {
        let mut case = Case::of(true);
        assert_eq!(case.tell(5, Side::Host, face("u", 1, 1)), []);
        assert_eq!(case.tell(6, Side::Virtual, face("u", 1, 1)), [(Side::Host, 0)]);
    }

    #[test]
    fn what_is_taken_back_on_the_same_side_is_no_lag() {
        let mut case = Case::of(true);
        case.tell(0, Side::Virtual, face("u", 1, 1));
        case.tell(1, Side::Host, face("u", 1, 1));
        assert_eq!(case.tell(2, Side::Virtual, face("u", 2, 1)), []);
        assert_eq!(case.tell(5, Side::Virtual, face("u", 1, 1)), []);
        assert_eq!(case.apart(), []);
    }

    #[test]
    fn what_was_found_apart_is_no_lag_and_what_need_not_be_there_is_not_missed() {
        let mut case = Case::of(true);
        case.pairs.set_whole(Side::Host, false);
        case.tell(0, Side::Virtual, face("u", 1, 1));
        assert_eq!(case.apart(), [], "nothing is known before all is listed");
        assert_eq!(case.tell(3, Side::Host, face("u", 1, 1)), []);
        let mut referenced = Case::of(false);
        referenced.tell(0, Side::Virtual, face("u", 1, 1));
        assert_eq!(referenced.apart(), []);
        assert_eq!(
            referenced.tell(90, Side::Host, face("u", 1, 1)),
            [],
            "when it was referred to, nobody knows"
        );
    }

    #[test]
    fn an_object_of_a_predecessor_and_one_without_a_partner_are_told_apart() {
        let mut case = Case::of(true);
        case.tell(0, Side::Host, face("old", 1, 1));
        assert_eq!(case.apart(), [("it is on the host alone", true)]);
        case.tell(1, Side::Virtual, face("new", 1, 1));
        assert_eq!(
            case.apart(),
            [("the host has one that is going, or was made for another of its name", false)]
        );
        case.tell(2, Side::Host, face("new", 1, 1));
        assert_eq!(case.apart(), []);
        let now = case.at(3);
        case.pairs.gone(web(), now);
        assert_eq!(case.apart(), [("it is on the host alone", true)]);
    }
}
