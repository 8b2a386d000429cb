//! The life of a pod on a node: its containers one after the other, and what they add up to. Pure.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::behaviour::{Behaviour, Container, Exit, Pull};
use super::container::{Restart, State, Status, Surroundings, live, seed_of, terminate};
use super::floor::Floor;
use super::note::Note;
use crate::clock::stamp;

/// What a pod's life depends on beside the pod.
pub(super) struct Surrounding<'a> {
    pub(super) now: DateTime<Utc>,
    pub(super) floor: &'a Floor,
    pub(super) pace: f64,
    /// Address of the node.
    pub(super) host: &'a str,
    /// Address that the pod gets when it has none.
    pub(super) address: &'a str,
    /// And one of the other family, where there is one.
    pub(super) second: Option<&'a str>,
    /// Whether an image is on the node.
    pub(super) present: &'a dyn Fn(&str) -> bool,
    /// A container that is made to end now.
    pub(super) exit: Option<(&'a str, &'a Exit)>,
    pub(super) labels: &'a [(SmolStr, SmolStr)],
}

/// What became of a pod.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) status: Value,
    pub(super) notes: Vec<Note>,
    /// When something happens next.
    pub(super) due: Option<DateTime<Utc>>,
}

/// A container with its status and what it does.
struct Member {
    name: String,
    image: String,
    status: Status,
    behaviour: Behaviour,
    sidecar: bool,
}

impl Member {
    fn ended_well(&self) -> bool {
        self.status.state.terminated.as_ref().is_some_and(|terminated| terminated.exit_code == 0)
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn restart_of(pod: &Value) -> Restart {
    match pod["spec"]["restartPolicy"].as_str() {
        Some("Never") => Restart::Never,
        Some("OnFailure") => Restart::OnFailure,
        _ => Restart::Always,
    }
}

/// The containers of a pod; None when its status is left alone, for which one of them is enough.
fn members(pod: &Value, init: bool, around: &Surrounding<'_>) -> Option<Vec<Member>> {
    let (specs, statuses) = match init {
        true => ("initContainers", "initContainerStatuses"),
        false => ("containers", "containerStatuses"),
    };
    let reason = match init || !pod["spec"]["initContainers"].as_array().is_none_or(Vec::is_empty) {
        true => "PodInitializing",
        false => "ContainerCreating",
    };
    let mut known: Vec<Status> = serde_json::from_value(pod["status"][statuses].clone()).unwrap_or_default();
    let specs = pod["spec"][specs].as_array().map(Vec::as_slice).unwrap_or_default();
    let members = specs.iter().map(|spec| {
        let (name, image) = (text(spec, "name"), text(spec, "image"));
        let status = match known.iter().position(|status| status.name == name) {
            Some(index) => known.swap_remove(index),
            None => Status {
                name: name.to_owned(),
                image: image.to_owned(),
                state: State::waiting(reason, ""),
                started: Some(false),
                ..Status::default()
            },
        };
        let behaviour = behaviour_of(pod, spec, init, status.restart_count, around.labels, around.floor)?;
        let sidecar = init && spec["restartPolicy"] == "Always";
        Some(Member { name: name.to_owned(), image: image.to_owned(), status, behaviour, sidecar })
    });
    members.collect()
}

/// What one container of a pod does; None when the pod's status is left alone.
pub(super) fn behaviour_of(
    pod: &Value,
    spec: &Value,
    init: bool,
    restarts: i64,
    labels: &[(SmolStr, SmolStr)],
    floor: &Floor,
) -> Option<Behaviour> {
    let metadata = &pod["metadata"];
    floor.behaviour(&Container {
        namespace: text(metadata, "namespace"),
        pod: text(metadata, "name"),
        uid: text(metadata, "uid"),
        labels,
        name: text(spec, "name"),
        image: text(spec, "image"),
        init: init && spec["restartPolicy"] != "Always",
        once: restart_of(pod) != Restart::Always,
        restarts,
    })
}

/// Lets a pod live until now. None when its status is left alone.
pub(super) fn advance(pod: &Value, around: &Surrounding<'_>) -> Option<Outcome> {
    let mut inits = members(pod, true, around)?;
    let mut mains = members(pod, false, around)?;
    let mut outcome = Outcome { status: pod["status"].clone(), ..Outcome::default() };
    let start = take_up(pod, around, &mut outcome.status);
    if text(&pod["status"], "startTime").is_empty() {
        inits.iter().chain(&mains).for_each(|member| announce(member, around, &mut outcome));
    }
    if let Some((name, exit)) = around.exit {
        let named =
            inits.iter_mut().chain(&mut mains).filter(|member| name.is_empty() || member.name == name);
        named.for_each(|member| terminate(&mut member.status, exit, around.now));
    }
    let since = run_inits(pod, around, &mut inits, start, &mut outcome);
    if let Some(since) = since {
        for member in &mut mains {
            step(pod, member, since, restart_of(pod), around, &mut outcome);
        }
    }
    conclude(pod, around, &inits, &mains, since.is_some(), &mut outcome);
    Some(outcome)
}

/// Ends what runs in a pod that is being deleted, as its node reports it last. What is meant to go on stops well when it is
/// asked to; what was to end by itself is interrupted; and what is not done within its grace is killed.
pub(super) fn stop(pod: &mut Value, killed: bool, now: DateTime<Utc>) {
    if matches!(text(&pod["status"], "phase"), "Succeeded" | "Failed") {
        return;
    }
    let exit = match (killed, restart_of(pod)) {
        (true, _) => Exit::killed(),
        (false, Restart::Always) => Exit::code(0),
        (false, _) => Exit::code(143),
    };
    let mut failed = false;
    for list in ["initContainerStatuses", "containerStatuses"] {
        let Some(statuses) = pod["status"][list].as_array_mut() else { continue };
        for value in statuses {
            let Ok(mut status) = serde_json::from_value::<Status>(value.clone()) else { continue };
            terminate(&mut status, &exit, now);
            failed |= status.state.terminated.as_ref().is_none_or(|terminated| terminated.exit_code != 0);
            *value = serde_json::to_value(status).unwrap_or_default();
        }
    }
    let phase = if failed { "Failed" } else { "Succeeded" };
    pod["status"]["phase"] = json!(phase);
    let generation = pod["metadata"]["generation"].as_i64();
    for kind in ["Ready", "ContainersReady"] {
        set_condition(&mut pod["status"], kind, not_ready(phase, ""), None, now, generation);
    }
}

/// The node takes the pod up: addresses and start time. Answers when that was.
fn take_up(pod: &Value, around: &Surrounding<'_>, status: &mut Value) -> DateTime<Utc> {
    if !status.is_object() {
        *status = json!({});
    }
    if text(status, "startTime").is_empty() {
        status["startTime"] = json!(stamp(around.now));
        status["hostIP"] = json!(around.host);
        status["hostIPs"] = json!([{"ip": around.host}]);
    }
    if text(status, "podIP").is_empty() {
        let (address, second) = match pod["spec"]["hostNetwork"] == true {
            true => (around.host, None),
            false => (around.address, around.second),
        };
        status["podIP"] = json!(address);
        status["podIPs"] =
            [Some(address), second].into_iter().flatten().map(|ip| json!({"ip": ip})).collect();
    }
    text(status, "startTime").parse().unwrap_or(around.now)
}

fn announce(member: &Member, around: &Surrounding<'_>, outcome: &mut Outcome) {
    if member.behaviour.pull != Pull::Cached && !(around.present)(&member.image) {
        outcome.notes.push(Note::normal(
            &member.name,
            "Pulling",
            format!("Pulling image \"{}\"", member.image),
        ));
    }
}

/// Runs the init containers one after the other; answers since when the others may start, None while they may not.
fn run_inits(
    pod: &Value,
    around: &Surrounding<'_>,
    inits: &mut [Member],
    start: DateTime<Utc>,
    outcome: &mut Outcome,
) -> Option<DateTime<Utc>> {
    let mut since = start;
    for member in inits {
        let restart = match (member.sidecar, restart_of(pod)) {
            (true, _) => Restart::Always,
            (false, Restart::Never) => Restart::Never,
            (false, _) => Restart::OnFailure,
        };
        step(pod, member, since, restart, around, outcome);
        let status = &mut member.status;
        if member.sidecar {
            match &status.state.running {
                Some(running) => since = since.max(running.started_at),
                // Once it has been up, a restart of it does not hold up the others.
                None if status.restart_count > 0 => {}
                None => return None,
            }
        } else {
            let terminated =
                status.state.terminated.as_ref().filter(|terminated| terminated.exit_code == 0)?;
            since = since.max(terminated.finished_at.unwrap_or(since));
            status.ready = true;
        }
    }
    Some(since)
}

fn step(
    pod: &Value,
    member: &mut Member,
    since: DateTime<Utc>,
    restart: Restart,
    around: &Surrounding<'_>,
    outcome: &mut Outcome,
) {
    let metadata = &pod["metadata"];
    let (name, namespace, uid) = (text(metadata, "name"), text(metadata, "namespace"), text(metadata, "uid"));
    let around = Surroundings {
        now: around.now,
        since,
        restart,
        behaviour: &member.behaviour,
        present: (around.present)(&member.image),
        pace: around.pace,
        pod: &format!("{name}_{namespace}({uid})"),
        seed: seed_of(&[uid, &member.name]),
    };
    let due = live(&mut member.status, &around, &mut outcome.notes);
    outcome.due = [outcome.due, due].into_iter().flatten().min();
}

/// Writes what the containers add up to: phase and conditions.
fn conclude(
    pod: &Value,
    around: &Surrounding<'_>,
    inits: &[Member],
    mains: &[Member],
    initialized: bool,
    outcome: &mut Outcome,
) {
    let failed =
        |member: &Member| !member.sidecar && !member.ended_well() && member.status.state.terminated.is_some();
    let failed = restart_of(pod) == Restart::Never && inits.iter().any(failed);
    let phase = if failed { "Failed" } else { phase(restart_of(pod), mains, initialized) };
    let names = |members: Vec<&Member>| members.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(" ");
    let unready =
        inits.iter().filter(|member| member.sidecar).chain(mains).filter(|member| !member.status.ready);
    let unready = names(unready.collect());
    let incomplete = inits.iter().filter(|member| match member.sidecar {
        true => member.status.started != Some(true) && member.status.restart_count == 0,
        false => !member.ended_well(),
    });
    let incomplete = names(incomplete.collect());

    let containers = not_ready(phase, &unready);
    let whole = containers.clone().or_else(|| closed_gates(pod, &outcome.status));
    let completed = (phase == "Succeeded").then_some("PodCompleted");
    let not_initialized = (!incomplete.is_empty())
        .then(|| ("ContainersNotInitialized", format!("containers with incomplete status: [{incomplete}]")));
    let generation = pod["metadata"]["generation"].as_i64();
    let mut write = |kind: &str, problem: Option<(&str, String)>, fine: Option<&str>| {
        set_condition(&mut outcome.status, kind, problem, fine, around.now, generation);
    };
    write("PodReadyToStartContainers", ended(phase), None);
    write("Initialized", not_initialized, completed);
    write("Ready", whole, None);
    write("ContainersReady", containers, None);
    outcome.status["phase"] = json!(phase);
    if let Some(generation) = generation {
        outcome.status["observedGeneration"] = json!(generation);
    }
    for (key, members) in [("initContainerStatuses", inits), ("containerStatuses", mains)] {
        if !members.is_empty() {
            let statuses: Vec<&Status> = members.iter().map(|member| &member.status).collect();
            outcome.status[key] = serde_json::to_value(statuses).unwrap_or_default();
        }
    }
}

fn closed_gates(pod: &Value, status: &Value) -> Option<(&'static str, String)> {
    let mut gates = pod["spec"]["readinessGates"].as_array().into_iter().flatten();
    let closed = gates
        .find(|gate| condition(status, text(gate, "conditionType")).is_none_or(|c| c["status"] != "True"))?;
    let message = format!(
        "corresponding condition of pod readiness gate \"{}\" does not exist.",
        text(closed, "conditionType")
    );
    Some(("ReadinessGatesNotReady", message))
}

/// A pod that is over has no sandbox.
fn ended(phase: &str) -> Option<(&'static str, String)> {
    matches!(phase, "Succeeded" | "Failed").then(|| ("", String::new()))
}

fn not_ready(phase: &str, unready: &str) -> Option<(&'static str, String)> {
    match phase {
        "Succeeded" => Some(("PodCompleted", String::new())),
        "Failed" => Some(("PodFailed", String::new())),
        _ if unready.is_empty() => None,
        _ => Some(("ContainersNotReady", format!("containers with unready status: [{unready}]"))),
    }
}

fn phase(restart: Restart, members: &[Member], initialized: bool) -> &'static str {
    let running = members.iter().filter(|member| member.status.state.running.is_some()).count();
    let has_run = |member: &&Member| {
        let status = &member.status;
        status.state.running.is_some()
            || status.state.terminated.is_some()
            || status.last_state.terminated.is_some()
    };
    if !initialized || members.iter().filter(has_run).count() < members.len() {
        return "Pending";
    }
    let over = |member: &&Member| member.status.state.terminated.as_ref().is_some_and(|t| !restart.wants(t));
    if running > 0 || members.iter().filter(over).count() < members.len() {
        "Running"
    } else if members.iter().all(Member::ended_well) {
        "Succeeded"
    } else {
        "Failed"
    }
}

pub(super) fn condition<'v>(status: &'v Value, kind: &str) -> Option<&'v Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// Sets a condition of a pod to what is wrong, or to true.
pub(super) fn set_condition(
    status: &mut Value,
    kind: &str,
    problem: Option<(&str, String)>,
    fine: Option<&str>,
    now: DateTime<Utc>,
    generation: Option<i64>,
) {
    let word = if problem.is_some() { "False" } else { "True" };
    let since = condition(status, kind).filter(|old| old["status"] == word);
    let since =
        since.and_then(|old| old["lastTransitionTime"].as_str()).map_or_else(|| stamp(now), str::to_owned);
    let mut new = json!({"type": kind, "status": word, "lastProbeTime": null, "lastTransitionTime": since});
    if let Some(generation) = generation {
        new["observedGeneration"] = json!(generation);
    }
    let (reason, message) = problem.unwrap_or((fine.unwrap_or_default(), String::new()));
    for (key, text) in [("reason", reason), ("message", message.as_str())] {
        if !text.is_empty() {
            new[key] = json!(text);
        }
    }
    match status["conditions"].as_array_mut() {
        Some(all) => match all.iter_mut().find(|condition| condition["type"] == kind) {
            Some(old) => *old = new,
            None => all.push(new),
        },
        None => status["conditions"] = json!([new]),
    }
}

#[cfg(test)]
mod tests;
