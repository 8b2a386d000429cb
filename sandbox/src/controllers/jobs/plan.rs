//! What a Job wants, the pods it has, and which come and go next. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::super::workload::{Phase, number};
use super::policy::Consequence;
use super::tally::Tally;

pub(super) const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// How often pods of an index have failed and been counted.
pub(super) const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// How often pods of an index have failed without being counted.
pub(super) const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// What a Job wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) parallelism: i64,
    /// None: done when any pod has succeeded and the others have ended.
    pub(super) completions: Option<i64>,
    pub(super) back_off_limit: i64,
    pub(super) deadline: Option<TimeDelta>,
    pub(super) suspended: bool,
    pub(super) indexed: bool,
    /// A pod that is going away is replaced only when it is gone.
    pub(super) patient: bool,
    /// Containers are started anew in their pods; their restarts count as failures.
    pub(super) restarts: bool,
    /// Every index has failures of its own.
    pub(super) per_index: Option<PerIndex>,
}

/// `backoffLimitPerIndex` and `maxFailedIndexes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PerIndex {
    /// An index is lost with the failure after so many.
    pub(super) limit: i64,
    /// More lost indexes than this end the whole Job.
    pub(super) most: Option<i64>,
}

impl Wish {
    pub(super) fn read(job: &Value) -> Self {
        let spec = &job["spec"];
        let indexed = spec["completionMode"] == "Indexed";
        let limit = spec["backoffLimitPerIndex"].as_i64().filter(|_| indexed);
        Wish {
            parallelism: number(spec, "/parallelism", 1).max(0),
            completions: spec["completions"].as_i64(),
            back_off_limit: number(spec, "/backoffLimit", 6),
            deadline: spec["activeDeadlineSeconds"].as_i64().and_then(TimeDelta::try_seconds),
            suspended: spec["suspend"] == true,
            indexed,
            patient: spec["podReplacementPolicy"] == "Failed",
            restarts: spec["template"]["spec"]["restartPolicy"] == "OnFailure",
            per_index: limit.map(|limit| PerIndex { limit, most: spec["maxFailedIndexes"].as_i64() }),
        }
    }

    /// Whether an index is one of this Job's.
    pub(super) fn has_index(&self, index: i64) -> bool {
        (0..self.completions.unwrap_or(0)).contains(&index)
    }
}

/// A pod of a Job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) phase: Phase,
    pub(super) ready: bool,
    pub(super) deleting: bool,
    /// It has not been counted yet.
    pub(super) tracked: bool,
    pub(super) restarts: i64,
    pub(super) index: Option<i64>,
    /// How often those before it on its index have failed: counted, and ignored.
    pub(super) before: (i64, i64),
    /// When its last container ended.
    pub(super) ended: DateTime<Utc>,
    /// What its failure means, should it have failed.
    pub(super) consequence: Consequence,
}

impl Member {
    pub(super) fn terminal(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    pub(super) fn active(&self) -> bool {
        !self.terminal() && !self.deleting
    }

    pub(super) fn terminating(&self) -> bool {
        self.deleting && !self.terminal()
    }

    /// Failed, or on its way out without having succeeded.
    pub(super) fn failed(&self, wish: &Wish) -> bool {
        self.phase == Phase::Failed || !wish.patient && self.terminating()
    }
}

/// How many pods are to be active.
pub(super) fn wanted(wish: &Wish, tally: &Tally, active: i64) -> i64 {
    match wish.completions {
        _ if wish.suspended => 0,
        None if tally.succeeded > 0 => active,
        None => wish.parallelism,
        Some(completions) => (completions - tally.succeeded).clamp(0, wish.parallelism),
    }
}

/// The first indexes that nobody has done and nobody works on.
pub(super) fn free_indexes(wish: &Wish, tally: &Tally, members: &[Member], count: i64) -> Vec<i64> {
    let busy = |member: &Member| member.active() || wish.patient && member.terminating();
    let worked_on: Vec<i64> = members.iter().filter(|m| busy(m)).filter_map(|member| member.index).collect();
    let settled = |index: i64| tally.done.contains(index) || tally.lost.contains(index);
    let free = |index: &i64| !settled(*index) && !worked_on.contains(index);
    let all = 0..wish.completions.unwrap_or(0);
    all.filter(free).take(usize::try_from(count).unwrap_or(0)).collect()
}

/// The pods that go: those that share an index with another one or have none, and as many more as it takes to be
/// `at_least`, those first that have got least far.
pub(super) fn surplus<'m>(wish: &Wish, members: &'m [Member], at_least: i64) -> Vec<&'m Member> {
    let mut active: Vec<&Member> = members.iter().filter(|member| member.active()).collect();
    active.sort_by_key(|member| (member.phase == Phase::Running, member.ready, member.name.clone()));
    let mut kept = BTreeSet::new();
    let mut stay = |member: &Member| {
        let own = member.index.filter(|index| wish.has_index(*index));
        !wish.indexed || own.is_some_and(|index| kept.insert(index))
    };
    // Of several pods of an index the one stays that has got furthest.
    let (mut staying, mut going): (Vec<&Member>, Vec<&Member>) =
        active.into_iter().rev().partition(|member| stay(member));
    staying.reverse();
    let more = usize::try_from(at_least).unwrap_or(0).saturating_sub(going.len());
    going.extend(staying.into_iter().take(more));
    going
}

#[cfg(test)]
pub(super) mod examples {
    //! Jobs and pods for tests.

    use super::*;
    use serde_json::json;

    pub(in super::super) fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    pub(in super::super) fn wish(spec: Value) -> Wish {
        Wish::read(&json!({"spec": spec}))
    }

    pub(in super::super) fn member(name: &str, phase: Phase) -> Member {
        Member {
            name: name.to_owned(),
            phase,
            ready: false,
            deleting: false,
            tracked: true,
            restarts: 0,
            index: None,
            before: (0, 0),
            ended: at(0),
            consequence: Consequence::Counts,
        }
    }

    pub(in super::super) fn with_index(name: &str, phase: Phase, index: i64) -> Member {
        Member { index: Some(index), ..member(name, phase) }
    }
}

#[cfg(test)]
mod tests {
    use super::examples::{member, wish, with_index};
    use super::*;
    use serde_json::json;

    #[test]
    fn as_many_pods_as_are_still_needed() {
        let cases = [
            (json!({"parallelism": 2, "completions": 5}), 0, 0, 2),
            (json!({"parallelism": 2, "completions": 5}), 4, 0, 1),
            (json!({"parallelism": 2, "completions": 5}), 5, 0, 0),
            (json!({"parallelism": 3}), 0, 3, 3),
            (json!({"parallelism": 3}), 1, 2, 2),
            (json!({"parallelism": 0, "completions": 5}), 0, 0, 0),
            (json!({"parallelism": 2, "completions": 5, "suspend": true}), 0, 2, 0),
        ];
        for (spec, succeeded, active, expected) in cases {
            let tally = Tally { succeeded, ..Tally::default() };
            assert_eq!(wanted(&wish(spec.clone()), &tally, active), expected, "{spec} {succeeded}");
        }
    }

    #[test]
    fn every_index_is_worked_on_once() {
        let indexed = wish(json!({"completions": 3, "completionMode": "Indexed"}));
        let running = |name: &str, index: i64| with_index(name, Phase::Running, index);
        let members = [
            running("a", 0),
            with_index("b", Phase::Pending, 0),
            running("c", 1),
            running("too-high", 3),
            member("without", Phase::Running),
        ];
        let names = |at_least: i64| -> Vec<&str> {
            let mut names: Vec<&str> =
                surplus(&indexed, &members, at_least).iter().map(|member| member.name.as_str()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(0), ["b", "too-high", "without"]);
        assert_eq!(names(4), ["a", "b", "too-high", "without"]);
        let plain = wish(json!({"completions": 3}));
        let gone: Vec<&str> =
            surplus(&plain, &members, 2).iter().map(|member| member.name.as_str()).collect();
        assert_eq!(gone, ["b", "a"]);
    }
}
