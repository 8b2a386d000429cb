//! When it is tried again after a failure. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::workload::Phase;
use super::plan::{Member, Wish};
use super::policy::Consequence;
use super::tally::Tally;

/// First wait after a failure; it doubles each time.
const BACK_OFF: TimeDelta = TimeDelta::seconds(10);
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::minutes(10);

/// How long it waits after so many failures, at least one.
fn back_off(failures: u32) -> TimeDelta {
    (BACK_OFF * (1 << failures.saturating_sub(1).min(7))).min(LONGEST_BACK_OFF)
}

/// How often pods have failed in a row, and when last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Failures {
    pub(super) count: u32,
    pub(super) last: DateTime<Utc>,
}

impl Failures {
    /// Takes note of the pods that have just ended, in their order.
    pub(super) fn note(&mut self, wish: &Wish, members: &[Member]) {
        let mut ended: Vec<&Member> = members
            .iter()
            .filter(|member| member.tracked && (member.phase == Phase::Succeeded || member.failed(wish)))
            .collect();
        ended.sort_by_key(|member| member.ended);
        for member in ended {
            match member.phase {
                Phase::Succeeded => self.count = 0,
                _ => *self = Failures { count: self.count.saturating_add(1), last: member.ended },
            }
        }
    }

    /// When the next pod may be made.
    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        (self.count > 0).then(|| self.last + back_off(self.count))
    }
}

/// The failed pods whose index is to be tried again, by index. Each stays until its successor is there, which carries
/// on its count.
pub(super) fn held<'m>(wish: &Wish, tally: &Tally, members: &'m [Member]) -> BTreeMap<i64, &'m Member> {
    let mut held: BTreeMap<i64, &Member> = BTreeMap::new();
    if wish.per_index.is_none() {
        return held;
    }
    let active = |index: i64| members.iter().any(|member| member.active() && member.index == Some(index));
    for member in members.iter().filter(|member| member.tracked && member.failed(wish)) {
        let Some(index) = member.index.filter(|index| wish.has_index(*index)) else { continue };
        if tally.done.contains(index) || tally.lost.contains(index) || active(index) {
            continue;
        }
        let rank = |member: &Member| (member.before.0 + member.before.1, member.ended);
        let last = held.entry(index).or_insert(member);
        if rank(member) >= rank(last) {
            *last = member;
        }
    }
    held
}

/// How often an index has failed when its next pod starts: counted, and ignored.
pub(super) fn failures_after(held: Option<&&Member>) -> (i64, i64) {
    let Some(member) = held else { return (0, 0) };
    let (counted, ignored) = member.before;
    match member.consequence {
        Consequence::Ignored => (counted, ignored + 1),
        _ => (counted + 1, ignored),
    }
}

/// When the next pod of an index may start.
pub(super) fn due(held: Option<&&Member>) -> Option<DateTime<Utc>> {
    let (counted, ignored) = failures_after(held);
    let failures = u32::try_from(counted.saturating_add(ignored)).unwrap_or(u32::MAX);
    held.map(|member| member.ended + back_off(failures))
}

#[cfg(test)]
mod tests {
    use super::super::indexes::Indexes;
    use super::super::plan::examples::{at, member, wish, with_index};
    use super::*;
    use serde_json::json;

    #[test]
    fn failures_in_a_row_make_it_wait_longer() {
        let job = wish(json!({"completions": 9}));
        let mut failures = Failures::default();
        assert_eq!(failures.until(), None);
        for (time, phase, expected) in [
            (0, Phase::Failed, Some(10)),
            (20, Phase::Failed, Some(40)),
            (50, Phase::Succeeded, None),
            (60, Phase::Failed, Some(70)),
        ] {
            failures.note(&job, &[Member { ended: at(time), ..member("a", phase) }]);
            assert_eq!(failures.until(), expected.map(at), "{time}");
        }
        failures.count = 40;
        assert_eq!(failures.until(), Some(at(60 + 600)));
    }

    #[test]
    fn an_index_waits_for_itself_alone() {
        let per_index =
            wish(json!({"completions": 6, "completionMode": "Indexed", "backoffLimitPerIndex": 9}));
        let failed = |name: &str, index: i64, before: (i64, i64), ended: i64, consequence: Consequence| {
            Member { before, ended: at(ended), consequence, ..with_index(name, Phase::Failed, index) }
        };
        let members = [
            failed("first", 0, (0, 0), 5, Consequence::Counts),
            failed("second", 0, (1, 0), 50, Consequence::Counts),
            failed("ignored", 1, (0, 1), 7, Consequence::Ignored),
            failed("lost", 2, (9, 0), 7, Consequence::Counts),
            failed("replaced", 3, (0, 0), 7, Consequence::Counts),
            with_index("successor", Phase::Pending, 3),
        ];
        let tally = Tally { lost: Indexes::parse("2", 6), ..Tally::default() };
        let held = held(&per_index, &tally, &members);
        let names: Vec<(i64, &str)> =
            held.iter().map(|(index, member)| (*index, member.name.as_str())).collect();
        assert_eq!(names, [(0, "second"), (1, "ignored")]);
        assert_eq!((failures_after(held.get(&0)), due(held.get(&0))), ((2, 0), Some(at(50 + 20))));
        assert_eq!((failures_after(held.get(&1)), due(held.get(&1))), ((0, 2), Some(at(7 + 20))));
        assert_eq!((failures_after(held.get(&5)), due(held.get(&5))), ((0, 0), None));
    }
}
