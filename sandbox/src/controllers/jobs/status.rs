//! The status of a Job, and what is said of it.

use serde_json::{Value, json};

use super::verdict::Verdict;
use super::{SOURCE, Sync, count};
use crate::clock::stamp;
use crate::controllers::workload::{condition, set_counts, status_of};
use crate::controllers::{JOBS, World};

/// Writes the status; false when the Job changed in between and has to be looked at again. With pods that are `held` until they are
/// counted, which this does, the end is not told yet: who sees it finds no pod with the finalizer.
pub(super) fn write(world: &mut World, sync: &Sync<'_>, held: bool) -> bool {
    let now = stamp(world.now());
    let mut status = status_of(sync.job);
    let mut news: Vec<(bool, &'static str, String)> = Vec::new();
    if status.get("startTime").is_none() && !sync.wish.suspended {
        status["startTime"] = json!(now);
    }
    if sync.verdict.is_none() && !sync.object.deleting() {
        suspension(&mut status, sync.wish.suspended, &now, &mut news);
    }
    let ready = count(&sync.members, |member| member.active() && member.ready).min(sync.active);
    status["ready"] = json!(ready);
    status["terminating"] = json!(sync.terminating);
    status["uncountedTerminatedPods"] = json!({});
    set_counts(
        &mut status,
        &[("active", sync.active), ("succeeded", sync.tally.succeeded), ("failed", sync.tally.failed)],
    );
    if sync.wish.indexed && !sync.tally.done.0.is_empty() {
        status["completedIndexes"] = json!(sync.tally.done.to_string());
    }
    if sync.wish.per_index.is_some() {
        status["failedIndexes"] = json!(sync.tally.lost.to_string());
    }
    if let Some(verdict) = &sync.verdict {
        conclude(&mut status, verdict, held || sync.terminating > 0, &now, &mut news);
    }
    if status == sync.job["status"] {
        return true;
    }
    let version = sync.object.revision().to_string();
    let mut current = true;
    let written = world.update(&JOBS, sync.key, "status", |job| {
        current = job["metadata"]["resourceVersion"] == version.as_str();
        if current {
            job["status"] = status.clone();
        }
    });
    // Gone meanwhile: its pods are orphans then.
    if written.is_err() || !current {
        return written.is_err();
    }
    if let Some(about) = world.about(&JOBS, sync.object) {
        for (normal, reason, message) in news {
            match normal {
                true => world.recorder.normal(&about, &SOURCE, reason, message),
                false => world.recorder.warning(&about, &SOURCE, reason, message),
            }
        }
    }
    true
}

type News = Vec<(bool, &'static str, String)>;

/// Sets a condition that has no other time than that of its last change.
fn set(status: &mut Value, kind: &str, word: &str, reason: &str, message: &str, now: &str) {
    let new = json!({"type": kind, "status": word, "reason": reason, "message": message,
        "lastProbeTime": now, "lastTransitionTime": now});
    match status["conditions"].as_array_mut() {
        None => status["conditions"] = json!([new]),
        Some(all) => match all.iter_mut().find(|condition| condition["type"] == kind) {
            Some(old) if old["status"] == word => {}
            Some(old) => *old = new,
            None => all.push(new),
        },
    }
}

fn suspension(status: &mut Value, suspended: bool, now: &str, news: &mut News) {
    let before = condition(status, "Suspended").map(|condition| condition["status"] == "True");
    if suspended && before != Some(true) {
        set(status, "Suspended", "True", "JobSuspended", "Job suspended", now);
        status.as_object_mut().map(|fields| fields.remove("startTime"));
        news.push((true, "Suspended", "Job suspended".to_owned()));
    } else if !suspended && before == Some(true) {
        set(status, "Suspended", "False", "JobResumed", "Job resumed", now);
        status["startTime"] = json!(now);
        news.push((true, "Resumed", "Job resumed".to_owned()));
    }
}

/// Says first what the end will be, and that it has come when nothing is `open` any more: no pod is left that is still on its way out or held.
fn conclude(status: &mut Value, verdict: &Verdict, open: bool, now: &str, news: &mut News) {
    let (target, end, reason, message) = match verdict {
        Verdict::Succeeds { reason, message } => ("SuccessCriteriaMet", "Complete", *reason, message),
        Verdict::Fails { reason, message } => ("FailureTarget", "Failed", *reason, message),
    };
    set(status, target, "True", reason, message, now);
    if open {
        return;
    }
    set(status, end, "True", reason, message, now);
    match verdict {
        Verdict::Succeeds { .. } => {
            status["completionTime"] = json!(now);
            news.push((true, "Completed", "Job completed".to_owned()));
        }
        Verdict::Fails { .. } => news.push((false, reason, message.clone())),
    }
}
