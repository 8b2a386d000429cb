//! The status of a Deployment.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::super::workload::{
    Saying, condition, number, remove_condition, set_condition, set_counts, status_of,
};
use super::super::{DEPLOYMENTS, Key, World};
use super::Set;
use super::rolling::Wish;
use crate::clock::stamp;
use crate::store::Object;

/// Writes the status; answers when the progress deadline is over.
pub(super) fn write_status(
    world: &World,
    key: &Key,
    object: &Object,
    deployment: &Value,
    new: Option<&Set>,
    old: &[Set],
) -> Option<DateTime<Utc>> {
    let now = world.now();
    let wish = Wish::read(deployment);
    let all = || old.iter().chain(new);
    let sum = |of: fn(&Set) -> i64| all().map(of).sum::<i64>();
    let available = sum(|set| set.available);
    let mut status = status_of(deployment);
    set_counts(
        &mut status,
        &[
            ("observedGeneration", object.generation()),
            ("replicas", sum(|set| set.actual)),
            ("updatedReplicas", new.map_or(0, |set| set.actual)),
            ("readyReplicas", sum(|set| set.ready)),
            ("availableReplicas", available),
            ("unavailableReplicas", (sum(|set| set.wanted) - available).max(0)),
        ],
    );
    status["terminatingReplicas"] = json!(sum(|set| set.terminating));
    let enough = available >= wish.replicas - wish.unavailable;
    let (reason, message) = match enough {
        true => ("MinimumReplicasAvailable", "Deployment has minimum availability."),
        false => ("MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
    };
    say(&mut status, "Available", enough, reason, message.to_owned(), now);
    let deadline = if number(deployment, "/spec/progressDeadlineSeconds", 600) == i64::from(i32::MAX) {
        // So much time is none at all.
        remove_condition(&mut status, "Progressing");
        None
    } else {
        pause(deployment, &mut status, now);
        let paused = deployment["spec"]["paused"] == true;
        if paused { None } else { progress(deployment, &mut status, new, wish, now) }
    };
    failure(&mut status, all(), now);
    if status != deployment["status"] {
        let _ = world.update(&DEPLOYMENTS, key, "status", |deployment| deployment["status"] = status.clone());
    }
    deadline
}

/// Sets a condition; Deployments also note when one was last updated.
fn say(status: &mut Value, kind: &str, on: bool, reason: &str, message: String, now: DateTime<Utc>) {
    let word = if on { "True" } else { "False" };
    if condition(status, kind).is_some_and(|old| old["status"] == word && old["reason"] == reason) {
        return;
    }
    set_condition(status, &Saying { kind, status: on, reason, message }, &stamp(now), true);
}

/// Says that a Deployment is paused, or goes on: nobody is to take that for a lack of progress.
fn pause(deployment: &Value, status: &mut Value, now: DateTime<Utc>) {
    let paused = deployment["spec"]["paused"] == true;
    let reason = condition(status, "Progressing").map_or(&Value::Null, |condition| &condition["reason"]);
    let (reason, message) = match (paused, reason.as_str()) {
        (true, Some("ProgressDeadlineExceeded" | "DeploymentPaused")) => return,
        (true, _) => ("DeploymentPaused", "Deployment is paused"),
        (false, Some("DeploymentPaused")) => ("DeploymentResumed", "Deployment is resumed"),
        (false, _) => return,
    };
    let saying = Saying { kind: "Progressing", status: false, reason, message: message.to_owned() };
    set_condition(status, &saying, &stamp(now), true);
    let mut all = status["conditions"].as_array_mut().into_iter().flatten();
    if let Some(progressing) = all.find(|condition| condition["type"] == "Progressing") {
        // Nobody knows; and that is news whatever was known before.
        progressing["status"] = json!("Unknown");
        progressing["lastTransitionTime"] = json!(stamp(now));
    }
}

/// The `Progressing` condition; answers when the deadline is over, while there is one.
fn progress(
    deployment: &Value,
    status: &mut Value,
    new: Option<&Set>,
    wish: Wish,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let name = deployment["metadata"]["name"].as_str().unwrap_or_default();
    let what =
        new.map_or_else(|| format!("Deployment {name:?}"), |new| format!("ReplicaSet {:?}", new.key.name));
    let count = |key: &str, of: &Value| number(of, &format!("/{key}"), 0);
    let before = &deployment["status"];
    let old = condition(status, "Progressing").cloned();
    let reason =
        |of: &Option<Value>| of.as_ref().and_then(|c| c["reason"].as_str()).unwrap_or_default().to_owned();
    let stale = |of: &Value| count("replicas", of) - count("updatedReplicas", of);
    let settled = stale(status) == 0 && reason(&old) == "NewReplicaSetAvailable";
    let complete = ["updatedReplicas", "replicas", "availableReplicas"]
        .iter()
        .all(|key| count(key, status) == wish.replicas);
    let moved = ["updatedReplicas", "readyReplicas", "availableReplicas"]
        .iter()
        .any(|key| count(key, status) > count(key, before))
        || stale(status) < stale(before);
    if settled {
        return None;
    }
    if complete {
        say(
            status,
            "Progressing",
            true,
            "NewReplicaSetAvailable",
            format!("{what} has successfully progressed."),
            now,
        );
        return None;
    }
    if old.is_none() {
        let message = format!("Created new replica set {:?}", new.map_or("", |new| new.key.name.as_str()));
        say(status, "Progressing", true, "NewReplicaSetCreated", message, now);
    } else if moved || reason(&old) == "NewReplicaSetAvailable" {
        let message = format!("{what} is progressing.");
        let saying = Saying { kind: "Progressing", status: true, reason: "ReplicaSetUpdated", message };
        set_condition(status, &saying, &stamp(now), true);
    }
    let seconds = TimeDelta::try_seconds(number(deployment, "/spec/progressDeadlineSeconds", 600))?;
    let progressing = condition(status, "Progressing")?;
    if progressing["reason"] == "ProgressDeadlineExceeded" {
        return None;
    }
    let since: DateTime<Utc> = progressing["lastUpdateTime"].as_str()?.parse().ok()?;
    if since + seconds > now {
        return Some(since + seconds);
    }
    say(
        status,
        "Progressing",
        false,
        "ProgressDeadlineExceeded",
        format!("{what} has timed out progressing."),
        now,
    );
    None
}

/// Passes on why pods cannot be created.
fn failure<'s>(status: &mut Value, mut sets: impl Iterator<Item = &'s Set>, now: DateTime<Utc>) {
    let failing = sets.find_map(|set| condition(&set.value["status"], "ReplicaFailure").cloned());
    match failing {
        Some(condition) => {
            let text = |key: &str| condition[key].as_str().unwrap_or_default();
            say(status, "ReplicaFailure", true, text("reason"), text("message").to_owned(), now);
        }
        None => remove_condition(status, "ReplicaFailure"),
    }
}
