//! Containers that run and end, or run and are not ready.

use k8s_openapi::api::core::v1::ContainerStateTerminated;
use smol_str::{SmolStr, format_smolstr};

use super::Line;
use crate::explain::facts::Facts;
use crate::explain::pod::{self, Container, Role};
use crate::explain::verdict::Cause;

pub(super) const LINES: &[Line] = &[
    Line { code: "out-of-memory", why: out_of_memory },
    Line { code: "liveness-failing", why: liveness },
    Line { code: "startup-failing", why: startup },
    Line { code: "crash-loop", why: crash_loop },
    Line { code: "failed", why: failed },
    Line { code: "readiness-failing", why: readiness },
    Line { code: "readiness-gate", why: readiness_gate },
    Line { code: "init-running", why: init_running },
    Line { code: "not-ready-yet", why: not_ready_yet },
];

/// A container that does not run and has ended before, however badly: init containers first.
fn fallen(facts: &Facts) -> Option<(Container<'_>, &ContainerStateTerminated)> {
    let pod = facts.pod().filter(|pod| !pod::is_going(pod) && pod::phase(pod) != "Succeeded")?;
    let main_over = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) != Some("Always");
    pod::all(facts).find_map(|container| {
        if container.runs_since().is_some() {
            return None;
        }
        let ended = container.ended()?;
        // Done is done: an init container, or one that is not started again.
        let is_done = ended.exit_code == 0 && (container.role == Role::Init || main_over);
        let is_start = matches!(ended.reason.as_deref(), Some("StartError" | "ContainerCannotRun"));
        (!is_done && !is_start).then_some((container, ended))
    })
}

/// How often it was started again.
fn again(container: &Container<'_>) -> String {
    match container.status.restart_count {
        0 => String::new(),
        1 => ", started again once".to_owned(),
        count => format!(", started again {count} times"),
    }
}

fn is_out_of_memory(ended: &ContainerStateTerminated) -> bool {
    ended.reason.as_deref() == Some("OOMKilled")
}

fn out_of_memory(facts: &Facts) -> Option<Cause> {
    // One that runs again may be killed again: as long as the pod is not well, that is why.
    let killed = pod::all(facts).filter(|_| !pod::is_well(facts)).find_map(|container| {
        let ended = container.ended().filter(|ended| is_out_of_memory(ended))?;
        Some((container, ended))
    });
    let (container, _) = killed?;
    let limit = facts.pod()?.spec.as_ref().and_then(|spec| {
        let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        let of_it = all.into_iter().find(|it| it.name == container.status.name)?;
        of_it.resources.as_ref()?.limits.as_ref()?.get("memory").map(|limit| limit.0.clone())
    });
    let limit = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
    Some(
        Cause::certain(format_smolstr!(
            "{} uses more memory than its limit{limit} and is killed{}",
            container.words(),
            again(&container)
        ))
        .seen(container.evidence())
        .seen(container.end().filter(|_| container.waiting().is_some() || container.runs_since().is_some()))
        .fix("raise its limit of memory, or make the program use less")
        .fix("look at its logs before the last restart: `kubectl logs --previous`"),
    )
}

/// The newest failure of a probe, while the container is not better since.
fn probe<'a>(facts: &'a Facts, kind: &str) -> Option<crate::explain::facts::Told<'a>> {
    let pod = facts.pod().filter(|pod| !pod::is_going(pod))?;
    if pod::is_well(facts) || pod::phase(pod) == "Succeeded" {
        return None;
    }
    let start = format!("{kind} probe ");
    facts.told_that(&["Unhealthy", "ProbeError"], |says| says.starts_with(&start))
}

/// Whether a kubelet has killed it for a probe.
fn killed_for(facts: &Facts, kind: &str) -> bool {
    let words = format!("failed {kind} probe");
    facts.told_that(&["Killing"], |says| says.contains(&words)).is_some()
}

fn probe_cause(facts: &Facts, kind: &str, because: impl Into<SmolStr>) -> Option<Cause> {
    let told = probe(facts, kind)?;
    let container =
        pod::all(facts).find(|container| container.role == Role::Main && !container.status.ready)?;
    let words = format!("failed {} probe", kind.to_lowercase());
    let killing = facts.told_that(&["Killing"], |says| says.contains(&words));
    Some(
        Cause::certain(because)
            .seen(told.evidence())
            .seen(killing.map(|told| told.evidence()))
            .seen(container.evidence()),
    )
}

/// What the newest failure of a probe said.
fn probe_said(facts: &Facts, kind: &str) -> Option<String> {
    let told = probe(facts, kind)?;
    let said =
        told.event.message.split_once("failed: ").map_or(told.event.message.as_str(), |(_, said)| said);
    Some(said.trim().to_owned())
}

fn liveness(facts: &Facts) -> Option<Cause> {
    let said = probe_said(facts, "Liveness").filter(|_| killed_for(facts, "liveness"))?;
    let cause = probe_cause(
        facts,
        "Liveness",
        format_smolstr!("its liveness probe fails, and it is killed and started again: {said}"),
    )?;
    Some(
        cause
            .fix("correct the probe (path, port, timeoutSeconds), or look why the program does not answer")
            .fix("give it a startupProbe, if it only needs longer to begin"),
    )
}

fn startup(facts: &Facts) -> Option<Cause> {
    let said = probe_said(facts, "Startup")?;
    let cause = probe_cause(facts, "Startup", format_smolstr!("its startup probe fails: {said}"))?;
    Some(
        cause
            .fix("correct the probe, or give it more failureThreshold: the program may need longer to begin")
            .fix("look at its logs"),
    )
}

/// What an exit code tells.
fn exit(ended: &ContainerStateTerminated) -> String {
    let signal = ended
        .signal
        .filter(|signal| *signal != 0)
        .or_else(|| (ended.exit_code > 128).then_some(ended.exit_code - 128));
    let meaning = match (ended.exit_code, signal) {
        (126, _) => " (the command cannot be run)".to_owned(),
        (127, _) => " (the command is not found)".to_owned(),
        (_, Some(9)) => " (killed)".to_owned(),
        (_, Some(11)) => " (it touched memory that is not its own)".to_owned(),
        (_, Some(15)) => " (told to end)".to_owned(),
        (_, Some(signal)) => format!(" (signal {signal})"),
        (0, None) => " (as if it were done)".to_owned(),
        _ => String::new(),
    };
    format!("exit code {}{meaning}", ended.exit_code)
}

/// It ends again and again.
fn crash_loop(facts: &Facts) -> Option<Cause> {
    let (container, ended) = fallen(facts).filter(|(_, ended)| !is_out_of_memory(ended))?;
    if pod::phase(facts.pod()?) == "Failed" || killed_for(facts, "liveness") {
        return None;
    }
    let words = container.words();
    let message = ended.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
    let last = message
        .and_then(|message| message.lines().last())
        .map(|last| format!(": {last}"))
        .unwrap_or_default();
    let cause = Cause::certain(format_smolstr!(
        "{words} ends with {}{last}{}",
        exit(ended),
        again(&container)
    ))
    .seen(container.evidence())
    .seen(container.end().filter(|_| container.waiting().is_some()))
    .fix("look at its logs before the last restart (`p` in the list of pods, or `kubectl logs --previous`)");
    Some(match ended.exit_code {
        0 => cause.fix("its program must not end: let it run in the foreground, or make it a Job"),
        126 | 127 => cause.fix("correct command and args of the container"),
        _ => cause,
    })
}

fn failed(facts: &Facts) -> Option<Cause> {
    let pod = facts.pod().filter(|pod| pod::phase(pod) == "Failed" && pod::reason(pod).is_empty())?;
    let (container, ended) = fallen(facts).filter(|(_, ended)| !is_out_of_memory(ended))?;
    let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()).unwrap_or("Always");
    Some(
        Cause::certain(format_smolstr!(
            "{} has ended with {}, and its restartPolicy is {policy}",
            container.words(),
            exit(ended)
        ))
        .seen(container.evidence())
        .fix("look at its logs, and at the Job or whoever makes another one"),
    )
}

fn readiness(facts: &Facts) -> Option<Cause> {
    let said = probe_said(facts, "Readiness")?;
    let runs = pod::all(facts).any(|container| {
        container.role == Role::Main && container.runs_since().is_some() && !container.status.ready
    });
    let cause = probe_cause(facts, "Readiness", format_smolstr!("its readiness probe fails: {said}"))
        .filter(|_| runs)?;
    Some(
        cause
            .fix("look why the program does not answer, at its logs")
            .fix("correct the probe: path, port, timeoutSeconds"),
    )
}

fn readiness_gate(facts: &Facts) -> Option<Cause> {
    let pod = facts
        .pod()
        .filter(|pod| pod::phase(pod) == "Running" && !pod::is_going(pod) && !pod::is_well(facts))?;
    let ready = pod::condition(pod, "ContainersReady").is_some_and(|it| it.status == "True");
    let gates = pod.spec.as_ref()?.readiness_gates.as_ref().filter(|_| ready)?;
    let shut: Vec<&str> = gates
        .iter()
        .map(|gate| gate.condition_type.as_str())
        .filter(|gate| pod::condition(pod, gate).is_none_or(|it| it.status != "True"))
        .collect();
    let shut = (!shut.is_empty()).then(|| shut.join(", "))?;
    Some(
        Cause::certain(format_smolstr!("its containers are ready, and its readiness gate {shut} is not"))
            .seen(pod::condition(pod, "Ready").map(pod::condition_evidence))
            .fix(format_smolstr!(
                "look why whoever sets the condition {shut} (a load balancer's controller, mostly) has not"
            )),
    )
}

fn init_running(facts: &Facts) -> Option<Cause> {
    let pod = facts.pod().filter(|pod| pod::phase(pod) == "Pending" && !pod::is_going(pod))?;
    let declared = pod.spec.as_ref()?.init_containers.as_ref()?;
    let is_sidecar = |name: &str| {
        declared.iter().any(|it| it.name == name && it.restart_policy.as_deref() == Some("Always"))
    };
    let container = pod::containers(pod).find(|container| {
        container.role == Role::Init
            && container.runs_since().is_some()
            && (!is_sidecar(&container.status.name) || container.status.started != Some(true))
    })?;
    let since =
        container.runs_since().flatten().map(|since| facts.now.signed_duration_since(since).num_seconds());
    let since = since.map(|seconds| format!(", for {seconds} s by now")).unwrap_or_default();
    Some(
        Cause::certain(format_smolstr!(
            "its {} has not ended yet{since}: the others begin after it",
            container.words()
        ))
        .seen(container.evidence())
        .fix(format_smolstr!("look at the logs of {} for what it waits for", container.words())),
    )
}

fn not_ready_yet(facts: &Facts) -> Option<Cause> {
    let pod = facts
        .pod()
        .filter(|pod| pod::phase(pod) == "Running" && !pod::is_going(pod) && !pod::is_well(facts))?;
    let container = pod::containers(pod).find(|container| {
        container.role == Role::Main && container.runs_since().is_some() && !container.status.ready
    })?;
    if ["Readiness", "Startup", "Liveness"].iter().any(|kind| probe(facts, kind).is_some()) {
        return None;
    }
    let known = |kind: &str| kind == container.status.name;
    let spec = pod.spec.as_ref()?.containers.iter().find(|it| known(&it.name))?;
    let probed = spec.readiness_probe.is_some() || spec.startup_probe.is_some();
    probed.then(|| {
        Cause::likely(format_smolstr!("{} runs, and its probes have not succeeded yet", container.words()))
            .seen(container.evidence())
            .fix("wait for its initialDelaySeconds and periodSeconds")
    })
}
