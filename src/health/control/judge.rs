//! What a reading of a control plane comes to.

use std::time::Duration;

use chrono::TimeDelta;
use smol_str::{SmolStr, format_smolstr};

use super::{Api, Container, Controller, DnsPod, Part, Reading, Traffic};
use crate::fleet::model::{Finding, Severity};
use crate::fleet::quantity;
use crate::health::Thresholds;
use crate::known::Known;

/// Codes of what is wrong with a control plane that was looked at.
pub mod code {
    /// Its API server says that it is not ready.
    pub const NOT_READY: &str = "control-plane-not-ready";
    /// Its API server takes long to answer.
    pub const SLOW: &str = "control-plane-slow";
    /// Requests to its API server take long.
    pub const SLOW_REQUESTS: &str = "control-plane-slow-requests";
    /// Its API server fails at requests, or puts them off.
    pub const REQUESTS: &str = "control-plane-requests";
    /// Nobody acts on what is stored.
    pub const CONTROLLERS: &str = "control-plane-controllers";
    /// Names are not resolved inside.
    pub const DNS: &str = "control-plane-dns";
    /// A container waits, or ended lately.
    pub const CONTAINER: &str = "control-plane-container";
    /// A container has nearly used up its memory.
    pub const MEMORY: &str = "control-plane-memory";
}

/// An end is told for so long.
const LATELY: TimeDelta = TimeDelta::hours(1);

/// How it is with a program that acts on what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    /// It renews its Lease.
    Renews(Duration),
    /// The only one, without a Lease; whether its container is ready.
    Alone(bool),
    /// There is none, as it should be.
    None,
    /// It should renew its Lease and has not done so for this time, where that is known.
    Silent(Option<Duration>),
    /// It should have a Lease, and never had one.
    Never,
    /// Nobody can tell, and why.
    Unknown(SmolStr),
}

/// How it is with one of them. `before` is an earlier reading of the same: a Lease that was renewed then and is not now was not left
/// by one who elects no leader any more.
pub fn duty(now: &Controller, before: Option<&Controller>) -> Duty {
    let lease = match &now.lease {
        Known::Yes(lease) => lease.as_ref(),
        Known::No(why) => return Duty::Unknown(why.clone()),
        Known::NotApplicable => return Duty::None,
    };
    let fresh = |controller: &Controller| {
        let lease = controller.lease.get()?.as_ref()?;
        lease.age.filter(|age| *age <= lease.term * 2)
    };
    if let Some(age) = fresh(now) {
        return Duty::Renews(age);
    }
    match (now.part, lease) {
        (Part::Alone { ready }, _) => Duty::Alone(ready),
        (Part::Elects, Some(lease)) => Duty::Silent(lease.age),
        (Part::Elects, None) => Duty::Never,
        (Part::Inside | Part::Absent, _) if before.is_some_and(|before| fresh(before).is_some()) => {
            Duty::Silent(lease.and_then(|lease| lease.age))
        }
        (Part::Absent, _) => Duty::None,
        (Part::Inside, Some(_)) => Duty::Unknown(SmolStr::new_static(
            "its Lease had run out before anybody looked: it elects no leader, or does not run",
        )),
        (Part::Inside, None) => {
            Duty::Unknown(SmolStr::new_static("it has no Lease: it elects no leader, or does not run"))
        }
    }
}

/// How bad the worst of it is, and what is wrong, worst first. `before` is an earlier reading, for what only shows between two. What
/// could not be looked at is not known: never well. Leave out what is measured only where the host does.
pub fn judge(
    reading: &Reading,
    before: Option<&Reading>,
    thresholds: &Thresholds,
) -> (Known<Severity>, Vec<Finding>) {
    let mut found = Vec::new();
    if let Known::Yes(api) = &reading.api {
        found.extend(not_ready(api));
        found.extend(slow(api, thresholds));
    }
    if let Some(traffic) = reading.traffic(before).filter(|traffic| traffic.lately) {
        found.extend(slow_requests(&traffic, thresholds));
        found.extend(failed_requests(&traffic, thresholds));
    }
    found.extend(duties(reading, before).filter_map(|(controller, duty)| idle(controller, &duty)));
    found.extend(reading.dns.get().and_then(|pods| nameless(pods)));
    for container in reading.containers.get().into_iter().flatten() {
        found.extend(unwell(container, reading));
        found.extend(full(container, reading, thresholds));
    }
    found.sort_by_key(|finding: &Finding| std::cmp::Reverse(finding.severity));
    let worst = found.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
    let state = match unknown(reading, before) {
        Some(why) if worst <= Severity::Info => Known::No(why),
        _ => Known::Yes(worst),
    };
    (state, found)
}

/// How it is with each of them.
fn duties<'a>(
    reading: &'a Reading,
    before: Option<&'a Reading>,
) -> impl Iterator<Item = (&'a Controller, Duty)> {
    reading.controllers.iter().map(move |now| {
        let before = before.and_then(|before| before.controllers.iter().find(|it| it.name == now.name));
        (now, duty(now, before))
    })
}

/// What must be known before anything is called well.
fn unknown(reading: &Reading, before: Option<&Reading>) -> Option<SmolStr> {
    let of = |what: &str, why: Option<&str>| why.map(|why| format_smolstr!("{what}: {why}"));
    of("its API server", reading.api.why())
        .or_else(|| of("its name server", reading.dns.why()))
        .or_else(|| of("its containers", reading.containers.why()))
        .or_else(|| {
            duties(reading, before).find_map(|(controller, duty)| match duty {
                Duty::Unknown(why) => of(controller.name, Some(why.as_str())),
                _ => None,
            })
        })
}

fn finding(severity: Severity, code: &'static str, message: SmolStr) -> Finding {
    Finding::new(severity, code, message, None)
}

fn not_ready(api: &Api) -> Option<Finding> {
    if api.ready {
        return None;
    }
    let failing: Vec<String> =
        api.checks.iter().filter(|check| !check.well).map(|it| format!("{} {}", it.name, it.says)).collect();
    let message = match failing.as_slice() {
        [] => SmolStr::new_static("its API server says that it is not ready, and not why"),
        all => format_smolstr!("its API server is not ready: {}", all.join(", ")),
    };
    Some(finding(Severity::Critical, code::NOT_READY, message))
}

fn slow(api: &Api, thresholds: &Thresholds) -> Option<Finding> {
    let took = api.took.as_secs_f64();
    let (severity, limit) = if took > thresholds.api_critical_seconds {
        (Severity::Critical, thresholds.api_critical_seconds)
    } else if took > thresholds.api_warning_seconds {
        (Severity::Warning, thresholds.api_warning_seconds)
    } else {
        return None;
    };
    let message =
        format_smolstr!("its API server took {took:.1} s to answer whether it is ready (goal {limit} s)");
    Some(finding(severity, code::SLOW, message))
}

/// Of what came between two looks: what was before is over.
fn slow_requests(traffic: &Traffic, thresholds: &Thresholds) -> Option<Finding> {
    let p99 = traffic.p99?.as_secs_f64();
    let (severity, limit) = if p99 > thresholds.api_critical_seconds {
        (Severity::Critical, thresholds.api_critical_seconds)
    } else if p99 > thresholds.api_warning_seconds {
        (Severity::Warning, thresholds.api_warning_seconds)
    } else {
        return None;
    };
    let message = format_smolstr!(
        "of {} requests to its API server one in a hundred took longer than {p99:.1} s (goal {limit} s)",
        traffic.answered
    );
    Some(finding(severity, code::SLOW_REQUESTS, message))
}

fn failed_requests(traffic: &Traffic, thresholds: &Thresholds) -> Option<Finding> {
    let Traffic { answered, failed, throttled, .. } = *traffic;
    let much = |count| traffic.share(count) > thresholds.throttled_share;
    let percent = |count| traffic.share(count) * 100.0;
    let message = match (much(failed), much(throttled)) {
        (true, _) => {
            format_smolstr!("its API server failed at {:.0} % of {answered} requests (5xx)", percent(failed))
        }
        (false, true) => {
            format_smolstr!("its API server put off {:.0} % of {answered} requests (429)", percent(throttled))
        }
        (false, false) => return None,
    };
    Some(finding(Severity::Warning, code::REQUESTS, message))
}

fn idle(controller: &Controller, duty: &Duty) -> Option<Finding> {
    let name = controller.name;
    let message = match duty {
        Duty::Renews(_) | Duty::None | Duty::Unknown(_) | Duty::Alone(true) => return None,
        Duty::Alone(false) => format_smolstr!("{name} is not ready: what is stored is not acted upon"),
        Duty::Silent(Some(age)) => format_smolstr!(
            "{name} has not renewed its Lease for {} s: what is stored is not acted upon",
            age.as_secs()
        ),
        Duty::Silent(None) => format_smolstr!("{name} does not renew its Lease any more"),
        Duty::Never => format_smolstr!("{name} has no Lease, although one of several has to be chosen by it"),
    };
    Some(finding(Severity::Critical, code::CONTROLLERS, message))
}

fn nameless(pods: &[DnsPod]) -> Option<Finding> {
    let ready = pods.iter().filter(|pod| pod.ready).count();
    let (severity, message) = match (ready, pods) {
        (0, []) => {
            let message = "there is no pod of CoreDNS inside: names are resolved only where the control plane does it itself";
            (Severity::Info, SmolStr::new_static(message))
        }
        (ready, pods) if ready == pods.len() => return None,
        (ready, pods) => {
            let severity = if ready == 0 { Severity::Critical } else { Severity::Warning };
            let why = pods.iter().find_map(|pod| Some((&pod.name, pod.why.as_ref()?)));
            let why = why.map(|(pod, why)| format!(": {pod}: {why}")).unwrap_or_default();
            (severity, format_smolstr!("{ready} of {} pods of CoreDNS are ready{why}", pods.len()))
        }
    };
    Some(finding(severity, code::DNS, message))
}

/// A container that waits for something else than its start, or has ended badly lately.
fn unwell(container: &Container, reading: &Reading) -> Option<Finding> {
    let Container { pod, name, restarts, .. } = container;
    let starts = ["ContainerCreating", "PodInitializing"];
    if let Some(waits) = container.waits.as_ref().filter(|waits| !starts.contains(&waits.as_str())) {
        let last = container.ended.as_ref();
        let last = last
            .map(|end| format!("; it ended with {} (exit code {})", end.reason, end.exit))
            .unwrap_or_default();
        let message = format_smolstr!("container {name} of {pod} does not run: {waits}{last}");
        return Some(finding(Severity::Critical, code::CONTAINER, message));
    }
    let end = container.ended.as_ref().filter(|end| end.exit != 0 || end.reason == "OOMKilled")?;
    let at = end.at.filter(|at| reading.taken - *at < LATELY)?;
    let message = format_smolstr!(
        "container {name} of {pod} ended with {} (exit code {}), started anew {restarts} times in all",
        end.reason,
        end.exit
    );
    Some(Finding::new(Severity::Warning, code::CONTAINER, message, Some(at)))
}

fn full(container: &Container, reading: &Reading, thresholds: &Thresholds) -> Option<Finding> {
    let (used, limit) = (reading.usage(container)?.memory, container.memory.filter(|limit| *limit > 0.0)?);
    (used / limit > thresholds.container_memory_share).then(|| {
        let message = format_smolstr!(
            "container {} of {} uses {} of {} memory: beyond that it is killed",
            container.name,
            container.pod,
            quantity::binary(used as u64),
            quantity::binary(limit as u64)
        );
        finding(Severity::Warning, code::MEMORY, message)
    })
}
