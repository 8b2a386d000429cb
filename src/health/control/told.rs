//! Answers of API servers, as far as they tell of a control plane.

use std::time::Duration;

use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod, PodSpec};
use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

use super::{Check, Container, DnsPod, End, Lease, Part, Usage};
use crate::fleet::quantity::Quantity;
use crate::time;

/// Term of a Lease that names none: the default of Kubernetes' own programs.
const TERM: Duration = Duration::from_secs(15);
/// Flag that says whether a program goes by a Lease.
const ELECTS: &str = "--leader-elect=";
/// The same of one that does without.
const ALONE: &str = "--leader-elect=false";

/// The lines of `/readyz?verbose`: `[+]ping ok`, `[-]etcd failed: reason withheld`.
pub fn checks(text: &str) -> Vec<Check> {
    let check = |line: &str| {
        let well = line.starts_with("[+]");
        let rest = line.strip_prefix("[+]").or_else(|| line.strip_prefix("[-]"))?;
        let (name, says) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Check { name: name.into(), well, says: says.trim().into() })
    };
    text.lines().filter_map(|line| check(line.trim())).collect()
}

/// A Lease that was read at this moment by its server's clock. None when it is none.
pub fn lease(body: &[u8], at: Option<DateTime<Utc>>) -> Option<Lease> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        spec: Spec,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Spec {
        holder_identity: Option<SmolStr>,
        lease_duration_seconds: Option<u64>,
        renew_time: Option<SmolStr>,
    }
    let Body { spec } = serde_json::from_slice(body).ok()?;
    let renewed = spec.renew_time.as_deref().and_then(time::parse);
    Some(Lease {
        holder: spec.holder_identity.unwrap_or_default(),
        // A renewal in the future is as fresh as can be.
        age: renewed.zip(at).map(|(renewed, at)| (at - renewed).to_std().unwrap_or_default()),
        term: spec.lease_duration_seconds.map_or(TERM, Duration::from_secs).max(Duration::from_secs(1)),
    })
}

/// How a program is run in the pods of a control plane.
pub fn part(program: &str, pods: &[Pod]) -> Part {
    let specs = || pods.iter().filter_map(|pod| pod.spec.as_ref());
    let words = |spec: &PodSpec| -> Option<Vec<String>> {
        let container = spec.containers.iter().find(|container| container.name == program)?;
        Some(container.command.iter().chain(&container.args).flatten().cloned().collect())
    };
    let Some(words) = specs().find_map(words) else {
        let split = specs().any(|spec| spec.containers.iter().any(|one| one.name == "kube-apiserver"));
        return if split { Part::Absent } else { Part::Inside };
    };
    // The last one counts, and without any it elects.
    let mut flags =
        words.iter().flat_map(|word| word.split_whitespace()).filter(|word| word.starts_with(ELECTS));
    if flags.next_back() != Some(ALONE) {
        return Part::Elects;
    }
    let ready = pods.iter().any(|pod| statuses(pod).any(|status| status.name == program && status.ready));
    Part::Alone { ready }
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten())
}

/// Pods of the name server.
pub fn dns(pods: &[Pod]) -> Vec<DnsPod> {
    let told = |pod: &Pod| DnsPod {
        name: pod.metadata.name.as_deref().unwrap_or_default().into(),
        ready: condition(pod, "Ready").is_some_and(|(ready, _)| ready),
        restarts: statuses(pod).map(restarts).sum(),
        why: why(pod),
    };
    pods.iter().map(told).collect()
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<(bool, Option<&'a str>)> {
    let all = pod.status.as_ref()?.conditions.as_ref()?;
    let condition = all.iter().find(|condition| condition.type_ == kind)?;
    Some((condition.status == "True", condition.message.as_deref()))
}

/// Why a pod is not ready: what a container waits for, else the conditions.
fn why(pod: &Pod) -> Option<SmolStr> {
    if let Some(waits) = statuses(pod).find_map(waits) {
        return Some(waits);
    }
    let unwell = ["PodScheduled", "Ready"].into_iter().find_map(|kind| match condition(pod, kind)? {
        (false, Some(message)) if !message.is_empty() => Some(SmolStr::new(message)),
        _ => None,
    });
    unwell.filter(|_| !condition(pod, "Ready").is_some_and(|(ready, _)| ready))
}

fn waits(status: &ContainerStatus) -> Option<SmolStr> {
    status.state.as_ref()?.waiting.as_ref()?.reason.as_deref().map(SmolStr::new)
}

fn restarts(status: &ContainerStatus) -> u32 {
    u32::try_from(status.restart_count).unwrap_or(0)
}

/// The containers of a control plane's pods, by pod and name.
pub fn containers(pods: &[Pod]) -> Vec<Container> {
    let mut all = Vec::new();
    for pod in pods {
        let name = SmolStr::new(pod.metadata.name.as_deref().unwrap_or_default());
        for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
            let status = statuses(pod).find(|status| status.name == container.name);
            let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
            let limit = |key: &str| Some(Quantity::parse(&limits?.get(key)?.0)?.to_f64());
            all.push(Container {
                pod: name.clone(),
                name: container.name.as_str().into(),
                ready: status.is_some_and(|status| status.ready),
                waits: status.and_then(waits),
                restarts: status.map_or(0, restarts),
                ended: status.and_then(ended),
                cpu: limit("cpu"),
                memory: limit("memory"),
            });
        }
    }
    all.sort_by(|a, b| (&a.pod, &a.name).cmp(&(&b.pod, &b.name)));
    all
}

/// How a container ended last: now, or before its latest start.
fn ended(status: &ContainerStatus) -> Option<End> {
    let of = |state: Option<&ContainerState>| state?.terminated.clone();
    let ended = of(status.state.as_ref()).or_else(|| of(status.last_state.as_ref()))?;
    Some(End {
        reason: ended.reason.as_deref().unwrap_or("ended").into(),
        exit: ended.exit_code,
        at: ended.finished_at.and_then(|at| time::from_jiff(at.0)),
    })
}

/// What containers use, of a list of `PodMetrics`. None when it is no such list.
pub fn usage(body: &[u8]) -> Option<Vec<Usage>> {
    let list: Value = serde_json::from_slice(body).ok()?;
    let mut all = Vec::new();
    for pod in list.get("items")?.as_array()? {
        let name = SmolStr::new(pod.pointer("/metadata/name")?.as_str()?);
        for container in pod.get("containers").and_then(Value::as_array).into_iter().flatten() {
            let amount = |key: &str| {
                let text = container.get("usage")?.get(key)?.as_str()?;
                Some(Quantity::parse(text)?.to_f64())
            };
            let Some(cpu) = amount("cpu") else { continue };
            let Some(memory) = amount("memory") else { continue };
            let container = SmolStr::new(container.get("name")?.as_str()?);
            all.push(Usage { pod: name.clone(), container, cpu, memory });
        }
    }
    Some(all)
}
