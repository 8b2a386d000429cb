//! The state of a virtual cluster and why: the official order of marks (docs/vclusters.md, State), then the control plane's
//! pods, all of them, the worst deciding. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::model::{Phase, Workload};
use super::rows::{ConfigRow, ControlPod, WorkloadRow};
use super::state::State;
use crate::known::Known;
use crate::wire::App;

/// A pod whose `Ready` turned this long after it was initialized has been ready before.
const WAS_READY: TimeDelta = TimeDelta::seconds(2);

/// What is known about one virtual cluster.
pub(super) struct Evidence<'a> {
    pub(super) main: &'a WorkloadRow,
    /// Deployed etcd and what charts before 0.20 split off, as far as the virtual cluster depends on it.
    pub(super) parts: &'a [&'a WorkloadRow],
    pub(super) namespace_deleted: bool,
    pub(super) config: Option<&'a ConfigRow>,
    pub(super) pods: Known<&'a [&'a ControlPod]>,
    pub(super) now: DateTime<Utc>,
    /// How long a start may take before it counts as failed.
    pub(super) patience: TimeDelta,
}

/// State, reason, and when time alone may change them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: State,
    pub(super) reason: SmolStr,
    pub(super) revisit: Option<DateTime<Utc>>,
}

impl Verdict {
    fn new(state: State, reason: impl Into<SmolStr>) -> Self {
        Verdict { state, reason: reason.into(), revisit: None }
    }
}

/// The state of a virtual cluster.
pub(super) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(marked) = by_marks(evidence) {
        return marked;
    }
    match &evidence.pods {
        Known::Yes(pods) if evidence.main.desired == 0 => {
            Verdict::new(State::ScaledDown, still_stopping(pods))
        }
        _ if evidence.main.desired == 0 => Verdict::new(State::ScaledDown, ""),
        Known::Yes(pods) => by_pods(evidence, pods),
        Known::No(why) => Verdict::new(State::Unknown, why.clone()),
        Known::NotApplicable => Verdict::new(State::Unknown, ""),
    }
}

fn by_marks(evidence: &Evidence<'_>) -> Option<Verdict> {
    let main = evidence.main;
    if evidence.namespace_deleted {
        return Some(Verdict::new(State::Terminating, "its namespace is being deleted"));
    }
    if main.deleted.is_some() {
        return Some(Verdict::new(State::Terminating, "its control plane is being deleted"));
    }
    if main.restoring {
        return Some(Verdict::new(State::Restoring, "stopped for a restore or a certificate rotation"));
    }
    if main.paused || main.asleep {
        let mark = match (&main.paused_date, main.paused) {
            (Some(date), true) => format_smolstr!("paused since {}", shown(date)),
            (None, true) => "paused".into(),
            (_, false) => "put to sleep by the platform".into(),
        };
        let awake = main.desired > 0 && main.ready > 0;
        let reason = if awake {
            format_smolstr!("{mark}, but {} of {} replicas run", main.ready, main.desired)
        } else {
            mark
        };
        return Some(Verdict::new(State::Paused, reason));
    }
    let config = evidence.config?;
    let kind = config.sleep_type.as_ref()?;
    let reason = match config.sleeping_since {
        Some(since) => format_smolstr!("{kind} sleep since {}", since.format(MINUTES)),
        None => format_smolstr!("{kind} sleep"),
    };
    Some(Verdict::new(State::SleepingWorkloads, reason))
}

/// Times in reasons.
const MINUTES: &str = "%Y-%m-%d %H:%M UTC";

/// A time that somebody wrote into an annotation; as it is when it is none.
fn shown(date: &str) -> SmolStr {
    match DateTime::parse_from_rfc3339(date) {
        Ok(time) => format_smolstr!("{}", time.with_timezone(&Utc).format(MINUTES)),
        Err(_) => date.into(),
    }
}

fn still_stopping(pods: &[&ControlPod]) -> SmolStr {
    let left = pods.iter().filter(|pod| !is_over(pod)).count();
    match left {
        0 => SmolStr::default(),
        1 => "1 pod is still stopping".into(),
        many => format_smolstr!("{many} pods are still stopping"),
    }
}

/// How one part of the control plane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    Up,
    Starting,
    /// Some of it works.
    Limping,
    Dead,
}

struct Part {
    app: App,
    health: Health,
    ready: usize,
    reason: SmolStr,
    revisit: Option<DateTime<Utc>>,
}

fn by_pods(evidence: &Evidence<'_>, pods: &[&ControlPod]) -> Verdict {
    let main = examine(evidence, evidence.main, pods);
    let others = evidence.parts.iter().map(|part| examine(evidence, part, pods));
    let serves = main.ready > 0;
    let mut parts: Vec<Part> = std::iter::once(main).chain(others).collect();
    let revisit = parts.iter().filter_map(|part| part.revisit).min();
    // Of parts that are equally bad the store is the cause and the others follow.
    parts.sort_by_key(|part| (std::cmp::Reverse(part.health), part.app != App::Etcd));
    let Some(worst) = parts.first() else {
        return Verdict::new(State::Unknown, "");
    };
    let state = match worst.health {
        Health::Up => State::Running,
        Health::Starting => State::Pending,
        Health::Limping => State::Degraded,
        Health::Dead if serves => State::Degraded,
        Health::Dead => State::Down,
    };
    Verdict { state, reason: worst.reason.clone(), revisit }
}

/// How one pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Ready,
    Leaving,
    Starting,
    Broken,
}

fn examine(evidence: &Evidence<'_>, workload: &WorkloadRow, pods: &[&ControlPod]) -> Part {
    let own: Vec<&ControlPod> = pods.iter().copied().filter(|pod| pod.app == workload.app).collect();
    let desired = workload.desired as usize;
    let grades: Vec<(Grade, &ControlPod)> = own.iter().map(|pod| (grade(evidence, pod), *pod)).collect();
    let ready = grades.iter().filter(|(grade, _)| *grade == Grade::Ready).count();
    // A pod that was evicted or has ended stays as a record; it matters only while nothing has replaced it.
    let matters = |pod: &ControlPod| ready < desired || !is_over(pod);
    let worst = grades
        .iter()
        .filter(|(grade, pod)| *grade >= Grade::Starting && matters(pod))
        .max_by_key(|(g, _)| *g);
    let overdue = workload.created.is_none_or(|created| created + evidence.patience <= evidence.now);
    let health = match worst.map(|(grade, _)| *grade) {
        _ if desired == 0 => Health::Dead,
        Some(Grade::Broken) if ready >= needed(workload) => Health::Limping,
        Some(Grade::Broken) => Health::Dead,
        _ if ready >= desired => Health::Up,
        Some(_) => Health::Starting,
        None if grades.is_empty() && overdue && workload.observed => Health::Dead,
        None if grades.is_empty() && workload.trouble.is_some() => Health::Dead,
        None => Health::Starting,
    };
    let shown =
        worst.or_else(|| grades.iter().find(|(grade, _)| *grade == Grade::Leaving)).map(|(_, pod)| *pod);
    let reason = reason(workload, health, ready, desired, shown);
    let starting =
        grades.iter().filter(|(grade, _)| *grade == Grade::Starting).map(|(_, pod)| pod.row.created);
    let leaving = grades.iter().filter(|(grade, _)| *grade == Grade::Leaving).map(|(_, pod)| pod.deleted);
    let alone = grades.is_empty().then_some(workload.created);
    let deadlines = starting.chain(leaving).chain(alone).flatten().map(|since| since + evidence.patience);
    let revisit = deadlines.filter(|deadline| *deadline > evidence.now).min();
    Part { app: workload.app, health, ready, reason, revisit }
}

/// How many ready pods the part needs to do its work: etcd a majority, anything else one.
fn needed(workload: &WorkloadRow) -> usize {
    match workload.app {
        App::Etcd => workload.desired as usize / 2 + 1,
        App::ControlPlane | App::LegacyApi | App::LegacyController => 1,
    }
}

fn grade(evidence: &Evidence<'_>, pod: &ControlPod) -> Grade {
    if let Some(deleted) = pod.deleted {
        let stuck = deleted + evidence.patience <= evidence.now || pod.row.status == "Unknown";
        return if stuck { Grade::Broken } else { Grade::Leaving };
    }
    if pod.ready {
        return Grade::Ready;
    }
    let on_its_way = match pod.row.status.as_str() {
        "Pending" | "ContainerCreating" | "PodInitializing" | "SchedulingGated" => true,
        "Running" => pod.row.restarts == 0 && !was_ready(pod),
        word => word.strip_prefix("Init:").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
    };
    let overdue = pod.row.created.is_none_or(|created| created + evidence.patience <= evidence.now);
    if on_its_way && !overdue { Grade::Starting } else { Grade::Broken }
}

fn was_ready(pod: &ControlPod) -> bool {
    matches!((pod.ready_changed, pod.initialized), (Some(ready), Some(started)) if ready > started + WAS_READY)
}

/// Whether the pod has ended and only its record is left.
fn is_over(pod: &ControlPod) -> bool {
    matches!(pod.row.phase, Phase::Failed | Phase::Succeeded)
}

fn reason(
    workload: &WorkloadRow,
    health: Health,
    ready: usize,
    desired: usize,
    pod: Option<&ControlPod>,
) -> SmolStr {
    let part = match workload.app {
        App::ControlPlane => "",
        App::Etcd => "etcd ",
        App::LegacyApi => "API server ",
        App::LegacyController => "controller manager ",
    };
    if desired == 0 {
        return format_smolstr!("{part}is scaled to 0");
    }
    if health == Health::Up {
        let updating = !workload.observed || (workload.updated < workload.desired && on_rollout(workload));
        return match updating {
            true => format_smolstr!("{part}rolling out: {} of {desired} updated", workload.updated),
            false => SmolStr::default(),
        };
    }
    let count = format_smolstr!("{part}{ready} of {desired} ready");
    match (pod, &workload.trouble) {
        (Some(pod), _) => format_smolstr!("{count}: {}", describe(pod)),
        (None, Some(trouble)) => format_smolstr!("{count}: {trouble}"),
        (None, None) => format_smolstr!("{count}: no pod exists"),
    }
}

/// StatefulSets with `OnDelete` or a partition never update all; only a Deployment promises to.
fn on_rollout(workload: &WorkloadRow) -> bool {
    workload.kind == Workload::Deployment || workload.updated > 0
}

/// One pod's trouble in one phrase.
fn describe(pod: &ControlPod) -> SmolStr {
    let row = &pod.row;
    let word = match (&pod.unschedulable, row.status.as_str()) {
        (Some(why), _) => format_smolstr!("cannot be scheduled: {why}"),
        (None, "Running") if was_ready(pod) => "no longer ready".into(),
        (None, "Running") => "not ready yet".into(),
        (None, word) => word.to_smolstr(),
    };
    let mut details = Vec::new();
    if let Some(end) = pod.last_end.as_ref().filter(|end| !word.contains(end.reason.as_str())) {
        details.push(end.reason.to_string());
    }
    match row.restarts {
        0 => {}
        1 => details.push("1 restart".to_owned()),
        many => details.push(format!("{many} restarts")),
    }
    if details.is_empty() && word.contains("Back") | word.contains("Err") {
        details.extend(pod.waiting.as_ref().map(ToString::to_string));
    }
    match details.as_slice() {
        [] => format_smolstr!("{} {word}", row.name),
        details => format_smolstr!("{} {word} ({})", row.name, details.join(", ")),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
