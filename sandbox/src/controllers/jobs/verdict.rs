//! Whether and how a Job ends. Pure.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::workload::condition;
use super::plan::{Member, Wish};
use super::policy::{self, Consequence};
use super::tally::Tally;

/// How a Job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Succeeds { reason: &'static str, message: String },
    Fails { reason: &'static str, message: String },
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
        Consequence::FailsJob(why) if member.failed(wish) => Some(why),
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
    if let Some(verdict) = lost(wish, tally) {
        return Some(verdict);
    }
    policy::succeeded(job, &tally.done)
        .filter(|_| wish.indexed)
        .map(|message| Verdict::Succeeds { reason: "SuccessPolicy", message })
}

/// Whether too many indexes have failed for good, or all others are done.
fn lost(wish: &Wish, tally: &Tally) -> Option<Verdict> {
    let per_index = wish.per_index?;
    let (lost, all) = (tally.lost.len(), wish.completions.unwrap_or(0));
    let fails = |reason, message: &str| Some(Verdict::Fails { reason, message: message.to_owned() });
    if per_index.most.is_some_and(|most| lost > most) {
        let message = "Job has exceeded the specified maximal number of failed indexes";
        return fails("MaxFailedIndexesExceeded", message);
    }
    if lost > 0 && lost + tally.done.len() >= all {
        return fails("FailedIndexes", "Job has failed indexes");
    }
    None
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
    let known = [
        "PodFailurePolicy",
        "BackoffLimitExceeded",
        "DeadlineExceeded",
        "MaxFailedIndexesExceeded",
        "FailedIndexes",
    ];
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

#[cfg(test)]
mod tests {
    use super::super::super::workload::Phase;
    use super::super::indexes::Indexes;
    use super::super::plan::examples::{at, member, wish};
    use super::*;
    use serde_json::json;

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

    #[test]
    fn a_job_fails_with_its_indexes() {
        let spec = |most: Value| json!({"completions": 4, "completionMode": "Indexed", "backoffLimitPerIndex": 0, "maxFailedIndexes": most});
        let cases = [
            (Value::Null, "", "0-3", None),
            (Value::Null, "0-2", "", None),
            (Value::Null, "0-2", "3", Some("FailedIndexes")),
            (json!(1), "0", "", None),
            (json!(1), "0,1", "", Some("MaxFailedIndexesExceeded")),
        ];
        for (most, failed, done, expected) in cases {
            let tally =
                Tally { lost: Indexes::parse(failed, 4), done: Indexes::parse(done, 4), ..Tally::default() };
            let found = verdict(&json!({}), &wish(spec(most.clone())), &tally, &[], at(0));
            let reason = found.map(|verdict| match verdict {
                Verdict::Fails { reason, .. } | Verdict::Succeeds { reason, .. } => reason,
            });
            assert_eq!(reason, expected, "{most} {failed} {done}");
        }
    }
}
