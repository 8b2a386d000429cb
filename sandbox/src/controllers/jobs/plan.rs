//! What a Job does next: how many pods, whether it is over. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::super::workload::{Phase, condition, number};
use super::indexes::Indexes;
use super::policy::{self, Consequence};

pub(super) const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// First wait after a failure; it doubles each time.
const BACK_OFF: TimeDelta = TimeDelta::seconds(10);
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::minutes(10);

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
}

impl Wish {
    pub(super) fn read(job: &Value) -> Self {
        let spec = &job["spec"];
        Wish {
            parallelism: number(spec, "/parallelism", 1).max(0),
            completions: spec["completions"].as_i64(),
            back_off_limit: number(spec, "/backoffLimit", 6),
            deadline: spec["activeDeadlineSeconds"].as_i64().and_then(TimeDelta::try_seconds),
            suspended: spec["suspend"] == true,
            indexed: spec["completionMode"] == "Indexed",
            patient: spec["podReplacementPolicy"] == "Failed",
            restarts: spec["template"]["spec"]["restartPolicy"] == "OnFailure",
        }
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
    fn failed(&self, wish: &Wish) -> bool {
        self.phase == Phase::Failed || !wish.patient && self.terminating()
    }
}

/// How a Job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Succeeds { reason: &'static str, message: String },
    Fails { reason: &'static str, message: String },
}

/// What has been counted so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) succeeded: i64,
    pub(super) failed: i64,
    pub(super) done: Indexes,
}

impl Tally {
    pub(super) fn read(job: &Value) -> Self {
        let bound = number(job, "/spec/completions", 0);
        Tally {
            succeeded: number(job, "/status/succeeded", 0),
            failed: number(job, "/status/failed", 0),
            done: Indexes::parse(job["status"]["completedIndexes"].as_str().unwrap_or_default(), bound),
        }
    }

    /// Counts the pods that have ended since; answers their names: they are let go of once that is written.
    pub(super) fn count(&mut self, wish: &Wish, members: &[Member], everything: bool) -> Vec<String> {
        let mut counted = Vec::new();
        for member in members.iter().filter(|member| member.tracked) {
            if member.phase == Phase::Succeeded {
                match member.index.filter(|index| wish.indexed && *index < wish.completions.unwrap_or(0)) {
                    Some(index) => {
                        self.done.0.insert(index);
                    }
                    None if wish.indexed => {}
                    None => self.succeeded += 1,
                }
            } else if member.failed(wish) {
                self.failed += i64::from(member.consequence != Consequence::Ignored);
            } else if !everything {
                continue;
            }
            counted.push(member.name.clone());
        }
        if wish.indexed {
            self.succeeded = self.done.len();
        }
        counted
    }
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
        let doublings = self.count.checked_sub(1)?;
        Some(self.last + (BACK_OFF * (1 << doublings.min(7))).min(LONGEST_BACK_OFF))
    }
}

/// Whether it is over, by what has been counted and by the clock; `active` pods remain.
pub(super) fn verdict(
    job: &Value,
    wish: &Wish,
    tally: &Tally,
    members: &[Member],
    now: DateTime<Utc>,
) -> Option<Verdict> {
    if let Some(verdict) = standing(job) {
        return Some(verdict);
    }
    let fails = |reason, message: &str| Some(Verdict::Fails { reason, message: message.to_owned() });
    let policy = members.iter().find_map(|member| match &member.consequence {
        Consequence::FailsJob(why) if member.phase == Phase::Failed => Some(why),
        _ => None,
    });
    if let Some(why) = policy {
        return fails("PodFailurePolicy", why);
    }
    let restarts: i64 = members.iter().filter(|member| member.active()).map(|member| member.restarts).sum();
    let worn = wish.restarts && restarts > 0 && restarts >= wish.back_off_limit;
    if tally.failed > wish.back_off_limit || worn {
        return fails("BackoffLimitExceeded", "Job has reached the specified backoff limit");
    }
    let started = job["status"]["startTime"].as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok());
    let end = started.zip(wish.deadline).map(|(started, deadline)| started + deadline);
    if !wish.suspended && end.is_some_and(|end| end <= now) {
        return fails("DeadlineExceeded", "Job was active longer than specified deadline");
    }
    policy::succeeded(job, &tally.done)
        .filter(|_| wish.indexed)
        .map(|message| Verdict::Succeeds { reason: "SuccessPolicy", message })
}

/// A verdict that has been written down stands.
fn standing(job: &Value) -> Option<Verdict> {
    let said = |kind: &str| {
        let found = condition(&job["status"], kind).filter(|condition| condition["status"] == "True")?;
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        Some((text("reason"), text("message")))
    };
    if let Some((reason, message)) = said("SuccessCriteriaMet") {
        let reason = if reason == "SuccessPolicy" { "SuccessPolicy" } else { "CompletionsReached" };
        return Some(Verdict::Succeeds { reason, message });
    }
    let (reason, message) = said("FailureTarget")?;
    let known = ["PodFailurePolicy", "BackoffLimitExceeded", "DeadlineExceeded"];
    let reason = known.into_iter().find(|known| *known == reason).unwrap_or("BackoffLimitExceeded");
    Some(Verdict::Fails { reason, message })
}

/// Whether as much has been done as was asked for.
pub(super) fn complete(wish: &Wish, tally: &Tally, active: i64) -> Option<Verdict> {
    let reached = match wish.completions {
        None => tally.succeeded > 0,
        Some(completions) => tally.succeeded >= completions,
    };
    (reached && active == 0).then(|| Verdict::Succeeds {
        reason: "CompletionsReached",
        message: "Reached expected number of succeeded pods".to_owned(),
    })
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
    let free = |index: &i64| !tally.done.contains(*index) && !worked_on.contains(index);
    let all = 0..wish.completions.unwrap_or(0);
    all.filter(free).take(usize::try_from(count).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn wish(spec: Value) -> Wish {
        Wish::read(&json!({"spec": spec}))
    }

    fn member(name: &str, phase: Phase) -> Member {
        Member {
            name: name.to_owned(),
            phase,
            ready: false,
            deleting: false,
            tracked: true,
            restarts: 0,
            index: None,
            ended: at(0),
            consequence: Consequence::Counts,
        }
    }

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
        assert_eq!(tally.count(&wish(json!({"completions": 9})), &members, false), ["b", "d", "e"]);
        assert_eq!((tally.succeeded, tally.failed), (1, 1));
        let mut tally = Tally::default();
        let patient = wish(json!({"completions": 9, "podReplacementPolicy": "Failed"}));
        assert_eq!(tally.count(&patient, &members, false), ["b", "e"], "who goes is waited for");
    }

    #[test]
    fn indexes_are_done_once_and_given_out_again_after_a_failure() {
        let indexed = wish(json!({"completions": 4, "parallelism": 4, "completionMode": "Indexed"}));
        let with =
            |name: &str, phase: Phase, index: i64| Member { index: Some(index), ..member(name, phase) };
        let members = [
            with("a", Phase::Succeeded, 0),
            with("b", Phase::Succeeded, 0),
            with("c", Phase::Failed, 1),
            with("d", Phase::Running, 2),
            with("e", Phase::Succeeded, 9),
        ];
        let mut tally = Tally::default();
        tally.count(&indexed, &members, false);
        assert_eq!((tally.succeeded, tally.failed, tally.done.to_string().as_str()), (1, 1, "0"));
        assert_eq!(free_indexes(&indexed, &tally, &members, 9), [1, 3]);
    }

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
    fn a_job_fails_for_a_reason() {
        let job = json!({"status": {"startTime": "1970-01-01T00:00:00Z"}});
        let reason = |spec: Value, failed: i64, restarts: i64, now: i64| {
            let tally = Tally { failed, ..Tally::default() };
            let members = [Member { restarts, ..member("a", Phase::Running) }];
            match verdict(&job, &wish(spec), &tally, &members, at(now)) {
                Some(Verdict::Fails { reason, .. }) => reason,
                Some(Verdict::Succeeds { reason, .. }) => reason,
                None => "",
            }
        };
        let on_failure = json!({"backoffLimit": 2, "template": {"spec": {"restartPolicy": "OnFailure"}}});
        let cases = [
            (json!({"backoffLimit": 2}), 2, 0, 0, ""),
            (json!({"backoffLimit": 2}), 3, 0, 0, "BackoffLimitExceeded"),
            (json!({"backoffLimit": 2}), 0, 9, 0, ""),
            (on_failure.clone(), 0, 1, 0, ""),
            (on_failure, 0, 2, 0, "BackoffLimitExceeded"),
            (json!({"activeDeadlineSeconds": 30}), 0, 0, 29, ""),
            (json!({"activeDeadlineSeconds": 30}), 0, 0, 30, "DeadlineExceeded"),
            (json!({"activeDeadlineSeconds": 30, "suspend": true}), 0, 0, 30, ""),
        ];
        for (spec, failed, restarts, now, expected) in cases {
            assert_eq!(
                reason(spec.clone(), failed, restarts, now),
                expected,
                "{spec} {failed} {restarts} {now}"
            );
        }
    }
}
