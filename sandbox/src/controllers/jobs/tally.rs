//! What a Job has counted. Pure.

use serde_json::Value;

use super::super::workload::{Phase, number};
use super::indexes::Indexes;
use super::plan::{Member, Wish};
use super::policy::Consequence;

/// What becomes of pods that are not over when the others are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They go on.
    GoesOn,
    /// They are let go of, uncounted.
    IsLetGo,
    /// The Job has failed, and they with it.
    HasFailed,
}

/// What has been counted so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) succeeded: i64,
    pub(super) failed: i64,
    pub(super) done: Indexes,
    /// Indexes that have failed for good.
    pub(super) lost: Indexes,
}

impl Tally {
    pub(super) fn read(job: &Value) -> Self {
        let bound = number(job, "/spec/completions", 0);
        let indexes = |key: &str| Indexes::parse(job["status"][key].as_str().unwrap_or_default(), bound);
        Tally {
            succeeded: number(job, "/status/succeeded", 0),
            failed: number(job, "/status/failed", 0),
            done: indexes("completedIndexes"),
            lost: indexes("failedIndexes"),
        }
    }

    /// Counts the pods that have ended since; answers their names: they are let go of once that is written. Those that
    /// are `held` wait for their successor.
    pub(super) fn count(
        &mut self,
        wish: &Wish,
        members: &[Member],
        rest: Rest,
        held: impl Fn(&Member) -> bool,
    ) -> Vec<String> {
        let mut counted = Vec::new();
        for member in members.iter().filter(|member| member.tracked && !held(member)) {
            let own = member.index.filter(|index| wish.has_index(*index));
            let failed = member.failed(wish);
            match (member.phase, own) {
                (Phase::Succeeded, Some(index)) if wish.indexed => {
                    self.done.0.insert(index);
                }
                (Phase::Succeeded, _) => self.succeeded += i64::from(!wish.indexed),
                _ if failed || rest == Rest::HasFailed => {
                    let counts =
                        member.consequence != Consequence::Ignored && (!wish.indexed || own.is_some());
                    self.failed += i64::from(counts);
                }
                _ if rest == Rest::GoesOn => continue,
                _ => {}
            }
            counted.push(member.name.clone());
        }
        if wish.indexed {
            self.succeeded = self.done.len();
        }
        counted
    }

    /// Notes the indexes whose last chance is gone.
    pub(super) fn lose(&mut self, wish: &Wish, members: &[Member]) {
        let Some(per_index) = wish.per_index else { return };
        for member in members.iter().filter(|member| member.tracked && member.failed(wish)) {
            let last = match member.consequence {
                Consequence::FailsIndex => true,
                Consequence::Ignored => false,
                Consequence::Counts | Consequence::FailsJob(_) => member.before.0 >= per_index.limit,
            };
            self.lost.0.extend(member.index.filter(|index| last && wish.has_index(*index)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::examples::{member, wish, with_index};
    use super::super::plan::free_indexes;
    use super::*;
    use serde_json::json;

    #[test]
    fn every_pod_is_counted_once() {
        let mut counted_before = member("a", Phase::Failed);
        counted_before.tracked = false;
        let mut going = member("d", Phase::Running);
        going.deleting = true;
        let mut ignored = member("e", Phase::Failed);
        ignored.consequence = Consequence::Ignored;
        let members =
            [counted_before, member("b", Phase::Succeeded), member("c", Phase::Running), going, ignored];
        let mut tally = Tally::default();
        assert_eq!(
            tally.count(&wish(json!({"completions": 9})), &members, Rest::GoesOn, |_| false),
            ["b", "d", "e"]
        );
        assert_eq!((tally.succeeded, tally.failed), (1, 1));
        let mut tally = Tally::default();
        let patient = wish(json!({"completions": 9, "podReplacementPolicy": "Failed"}));
        assert_eq!(
            tally.count(&patient, &members, Rest::GoesOn, |_| false),
            ["b", "e"],
            "who goes is waited for"
        );
    }

    #[test]
    fn indexes_are_done_once_and_given_out_again_after_a_failure() {
        let indexed = wish(json!({"completions": 4, "parallelism": 4, "completionMode": "Indexed"}));
        let members = [
            with_index("a", Phase::Succeeded, 0),
            with_index("b", Phase::Succeeded, 0),
            with_index("c", Phase::Failed, 1),
            with_index("d", Phase::Running, 2),
            with_index("e", Phase::Succeeded, 9),
        ];
        let mut tally = Tally::default();
        tally.count(&indexed, &members, Rest::GoesOn, |_| false);
        assert_eq!((tally.succeeded, tally.failed, tally.done.to_string().as_str()), (1, 1, "0"));
        assert_eq!(free_indexes(&indexed, &tally, &members, 9), [1, 3]);
    }

    #[test]
    fn who_still_runs_fails_with_the_job_and_not_with_its_success() {
        let members = [member("a", Phase::Running), member("b", Phase::Failed)];
        let count = |rest: Rest| {
            let mut tally = Tally::default();
            let counted = tally.count(&wish(json!({"completions": 9})), &members, rest, |_| false);
            (counted.len(), tally.failed)
        };
        assert_eq!(count(Rest::GoesOn), (1, 1));
        assert_eq!(count(Rest::IsLetGo), (2, 1));
        assert_eq!(count(Rest::HasFailed), (2, 2));
    }

    #[test]
    fn an_index_is_lost_when_it_has_failed_once_too_often() {
        let per_index =
            wish(json!({"completions": 4, "completionMode": "Indexed", "backoffLimitPerIndex": 1}));
        let failed = |index: i64, before: i64, consequence: Consequence| Member {
            before: (before, 0),
            consequence,
            ..with_index("p", Phase::Failed, index)
        };
        let cases = [
            (failed(0, 0, Consequence::Counts), ""),
            (failed(0, 1, Consequence::Counts), "0"),
            (failed(1, 5, Consequence::Ignored), ""),
            (failed(2, 0, Consequence::FailsIndex), "2"),
            (failed(9, 1, Consequence::Counts), ""),
            (Member { phase: Phase::Running, ..failed(3, 1, Consequence::Counts) }, ""),
        ];
        for (member, expected) in cases {
            let mut tally = Tally::default();
            tally.lose(&per_index, std::slice::from_ref(&member));
            assert_eq!(tally.lost.to_string(), expected, "{member:?}");
        }
    }
}
