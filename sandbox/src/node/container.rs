//! The life of one container, as its status tells it. Pure: the status holds all there is to know, so that a node
//! can take up any pod at any time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::behaviour::{Behaviour, Exit, Pull, Run};
use super::note::Note;
use crate::clock::stamp;

/// `containerStatuses[]`, as far as the node writes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    pub(super) name: String,
    pub(super) state: State,
    pub(super) last_state: State,
    pub(super) ready: bool,
    pub(super) restart_count: i64,
    pub(super) image: String,
    #[serde(rename = "imageID")]
    pub(super) image_id: String,
    #[serde(rename = "containerID", skip_serializing_if = "Option::is_none")]
    pub(super) container_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started: Option<bool>,
    /// What others have written.
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// One of three, or none before anything has happened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waiting: Option<Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) running: Option<Running>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) terminated: Option<Terminated>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Waiting {
    pub(super) reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Running {
    pub(super) started_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Terminated {
    pub(super) exit_code: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finished_at: Option<DateTime<Utc>>,
    #[serde(rename = "containerID", skip_serializing_if = "Option::is_none")]
    pub(super) container_id: Option<String>,
}

impl State {
    pub(super) fn waiting(reason: &str, message: impl Into<String>) -> Self {
        let waiting = Waiting { reason: reason.to_owned(), message: message.into() };
        State { waiting: Some(waiting), ..State::default() }
    }

    fn running(now: DateTime<Utc>) -> Self {
        // Statuses know whole seconds.
        let started_at = stamp(now).parse().unwrap_or(now);
        State { running: Some(Running { started_at }), ..State::default() }
    }
}

/// Whether a container that ended starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    Always,
    OnFailure,
    Never,
}

impl Restart {
    pub(super) fn wants(self, terminated: &Terminated) -> bool {
        match self {
            Restart::Always => true,
            Restart::OnFailure => terminated.exit_code != 0,
            Restart::Never => false,
        }
    }
}

/// What a step of a container's life depends on beside its status.
pub(super) struct Surroundings<'a> {
    pub(super) now: DateTime<Utc>,
    /// Since when it may start.
    pub(super) since: DateTime<Utc>,
    pub(super) restart: Restart,
    pub(super) behaviour: &'a Behaviour,
    /// The image is on the node.
    pub(super) present: bool,
    /// Factor on everything that takes its time.
    pub(super) pace: f64,
    /// `name_namespace(uid)`, as kubelets name pods.
    pub(super) pod: &'a str,
    /// A number that differs from container to container and run to run.
    pub(super) seed: u64,
}

/// First wait between two restarts; it doubles each time.
const BACK_OFF: TimeDelta = TimeDelta::seconds(10);
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::seconds(300);
/// After running this long a container starts without waiting again.
const FORGIVEN: TimeDelta = TimeDelta::seconds(600);
/// From the first failed pull to the words `ImagePullBackOff`.
const PULL_BACK_OFF: TimeDelta = TimeDelta::seconds(10);

/// How long a container waits before it starts for the `restarts`+1st time.
pub(super) fn back_off(restarts: i64, last: &Terminated) -> TimeDelta {
    let ran = match (last.started_at, last.finished_at) {
        (Some(from), Some(to)) => to - from,
        _ => TimeDelta::zero(),
    };
    if restarts <= 0 || ran >= FORGIVEN {
        return TimeDelta::zero();
    }
    let doubled = BACK_OFF * (1 << (restarts - 1).min(5));
    doubled.min(LONGEST_BACK_OFF)
}

impl Surroundings<'_> {
    /// A duration as it is on this host: scaled, and a little different for each container.
    fn takes(&self, duration: Duration) -> TimeDelta {
        let jitter = 0.8 + 0.4 * (self.seed % 1000) as f64 / 1000.0;
        let millis = duration.as_secs_f64() * 1000.0 * self.pace * jitter;
        TimeDelta::milliseconds(millis as i64)
    }

    /// From being allowed to start to having the image.
    fn pull(&self) -> TimeDelta {
        match &self.behaviour.pull {
            Pull::Takes(duration) if !self.present => self.takes(*duration),
            Pull::Fails(_) => self.takes(Duration::from_millis(1500)),
            _ => TimeDelta::zero(),
        }
    }
}

/// Lets a container live until now; answers when something happens next.
pub(super) fn live(
    status: &mut Status,
    around: &Surroundings<'_>,
    notes: &mut Vec<Note>,
) -> Option<DateTime<Utc>> {
    let restarts = status.restart_count;
    // Every turn brings it further; a container that ends at once waits for its back-off at the latest.
    for _ in 0..8 {
        match step(status, around, notes) {
            // What it does was asked of the run before; the next one may do something else.
            Step::Next if status.restart_count != restarts => return Some(around.now),
            Step::Next => {}
            Step::Due(time) => return time,
        }
    }
    Some(around.now + TimeDelta::seconds(1))
}

enum Step {
    /// Something has happened.
    Next,
    /// Nothing happens before this time, or at all.
    Due(Option<DateTime<Utc>>),
}

fn until(time: DateTime<Utc>) -> Step {
    Step::Due(Some(time))
}

fn step(status: &mut Status, around: &Surroundings<'_>, notes: &mut Vec<Note>) -> Step {
    if let Some(running) = status.state.running.clone() {
        return run(status, &running, around);
    }
    if let Some(terminated) = status.state.terminated.clone() {
        return end(status, &terminated, around, notes);
    }
    let reason = status.state.waiting.as_ref().map(|waiting| waiting.reason.as_str()).unwrap_or_default();
    match reason {
        "CrashLoopBackOff" => {
            let last = status.last_state.terminated.clone().unwrap_or_default();
            let again = last.finished_at.unwrap_or(around.now) + back_off(status.restart_count, &last);
            if again > around.now {
                return until(again);
            }
            start_again(status, around, notes)
        }
        _ => pull_and_start(status, around, notes),
    }
}

fn pull_and_start(status: &mut Status, around: &Surroundings<'_>, notes: &mut Vec<Note>) -> Step {
    let image = status.image.clone();
    let pulled = around.since + around.pull();
    let reason = status.state.waiting.as_ref().map(|waiting| waiting.reason.clone()).unwrap_or_default();
    if let Pull::Fails(why) = &around.behaviour.pull {
        return match reason.as_str() {
            "ImagePullBackOff" => Step::Due(None),
            "ErrImagePull" if pulled + PULL_BACK_OFF > around.now => until(pulled + PULL_BACK_OFF),
            "ErrImagePull" => {
                let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {why}");
                status.state = State::waiting("ImagePullBackOff", message);
                notes.push(Note::warning(
                    &status.name,
                    "BackOff",
                    format!("Back-off pulling image \"{image}\""),
                ));
                notes.push(Note::warning(&status.name, "Failed", "Error: ImagePullBackOff".to_owned()));
                Step::Due(None)
            }
            _ if pulled > around.now => until(pulled),
            _ => {
                status.state = State::waiting("ErrImagePull", why);
                let message = format!("Failed to pull image \"{image}\": {why}");
                notes.push(Note::warning(&status.name, "Failed", message));
                notes.push(Note::warning(&status.name, "Failed", "Error: ErrImagePull".to_owned()));
                Step::Next
            }
        };
    }
    let starts = pulled + around.takes(around.behaviour.start);
    if starts > around.now {
        return until(starts);
    }
    let message = match around.present || around.behaviour.pull == Pull::Cached {
        true => {
            format!("Container image \"{image}\" already present on machine and can be accessed by the pod")
        }
        false => {
            let took = format!("{}ms", around.pull().num_milliseconds());
            let size = 20_000_000 + around.seed % 180_000_000;
            format!(
                "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {size} bytes."
            )
        }
    };
    notes.push(Note::normal(&status.name, "Pulled", message));
    begin(status, around, notes);
    Step::Next
}

fn begin(status: &mut Status, around: &Surroundings<'_>, notes: &mut Vec<Note>) {
    notes.push(Note::normal(&status.name, "Created", "Container created".to_owned()));
    notes.push(Note::normal(&status.name, "Started", "Container started".to_owned()));
    let run = around.seed.wrapping_add(status.restart_count.unsigned_abs());
    status.state = State::running(around.now);
    status.container_id = Some(format!("containerd://{}", hex64(run)));
    status.image_id = image_id(&status.image);
    status.started = Some(true);
    status.ready = false;
}

fn start_again(status: &mut Status, around: &Surroundings<'_>, notes: &mut Vec<Note>) -> Step {
    status.restart_count += 1;
    let image = &status.image;
    let message =
        format!("Container image \"{image}\" already present on machine and can be accessed by the pod");
    notes.push(Note::normal(&status.name, "Pulled", message));
    begin(status, around, notes);
    Step::Next
}

fn run(status: &mut Status, running: &Running, around: &Surroundings<'_>) -> Step {
    let ends = match &around.behaviour.run {
        Run::Exits { after, exit } => {
            let time = TimeDelta::from_std(*after)
                .ok()
                .and_then(|after| running.started_at.checked_add_signed(after));
            time.map(|time| (time, exit))
        }
        Run::Forever => None,
    };
    if let Some((_, exit)) = ends.as_ref().filter(|(time, _)| *time <= around.now) {
        terminate(status, exit, around.now);
        return Step::Next;
    }
    let ready = around.behaviour.ready.map(|ready| running.started_at + around.takes(ready));
    status.ready = ready.is_some_and(|ready| ready <= around.now);
    let coming = ready.filter(|ready| *ready > around.now);
    let ends = ends.map(|(time, _)| time);
    Step::Due([coming, ends].into_iter().flatten().min())
}

/// Ends a container that runs; others stay as they are.
pub(super) fn terminate(status: &mut Status, exit: &Exit, now: DateTime<Utc>) {
    let Some(running) = status.state.running.take() else { return };
    status.state.terminated = Some(Terminated {
        exit_code: exit.code,
        reason: exit.reason.to_string(),
        message: exit.message.clone(),
        started_at: Some(running.started_at),
        finished_at: stamp(now).parse().ok(),
        container_id: status.container_id.clone(),
    });
    status.ready = false;
    status.started = Some(false);
}

fn end(
    status: &mut Status,
    terminated: &Terminated,
    around: &Surroundings<'_>,
    notes: &mut Vec<Note>,
) -> Step {
    if !around.restart.wants(terminated) {
        return Step::Due(None);
    }
    status.last_state = std::mem::take(&mut status.state);
    let wait = back_off(status.restart_count, terminated);
    if wait.is_zero() {
        return start_again(status, around, notes);
    }
    let (name, pod) = (&status.name, around.pod);
    let message = format!("back-off {} restarting failed container={name} pod={pod}", go_duration(wait));
    let note = format!("Back-off restarting failed container {name} in pod {pod}");
    notes.push(Note::warning(name, "BackOff", note));
    status.state = State::waiting("CrashLoopBackOff", message);
    status.started = Some(false);
    Step::Next
}

/// `10s`, `1m20s`, `5m0s`.
fn go_duration(duration: TimeDelta) -> String {
    match (duration.num_minutes(), duration.num_seconds() % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// Where an image comes from, with a digest.
fn image_id(image: &str) -> String {
    let name = image.split('@').next().unwrap_or_default();
    let last = name.rsplit('/').next().unwrap_or_default();
    let tag = last.find(':').map_or(name.len(), |at| name.len() - last.len() + at);
    let name = name.get(..tag).unwrap_or(name);
    let registry = match name.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => String::new(),
        Some(_) => "docker.io/".to_owned(),
        None => "docker.io/library/".to_owned(),
    };
    format!("{registry}{name}@sha256:{}", hex64(seed_of(&[image])))
}

/// A number from texts; the same texts always give the same one.
pub(super) fn seed_of(texts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in texts.iter().flat_map(|text| text.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(hash)
}

fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn hex64(seed: u64) -> String {
    (1..=4).map(|part: u64| format!("{:016x}", mix(seed.wrapping_mul(part).wrapping_add(part)))).collect()
}

#[cfg(test)]
mod tests;
