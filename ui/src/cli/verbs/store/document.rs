//! The store as a document for scripts. Fields may be added, but are neither renamed nor given another meaning.

use chrono::{DateTime, Utc};
use serde::Serialize;
use v9s::fleet::model::{Finding, StoreHealth};
use v9s::health::Thresholds;
use v9s::health::store::{Process, Reading, Told, Volume, judge};
use v9s::known::Known;
use v9s::store::{Engine, Kind};
use v9s::target::Target;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    taken_at: DateTime<Utc>,
    vcluster: Which<'a>,
    store: Option<Kind>,
    engine: Option<&'static str>,
    health: Option<StoreHealth>,
    findings: Vec<Finding>,
    members: Vec<Member<'a>>,
    absent: Vec<&'a str>,
    alarms: Vec<Alarm>,
    volumes: Vec<VolumeUse<'a>>,
    api_server: Option<ApiServer<'a>>,
    unknown: Vec<String>,
}

#[derive(Serialize)]
struct Which<'a> {
    context: &'a str,
    namespace: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Member<'a> {
    name: &'a str,
    answers: bool,
    answered_millis: u128,
    id: Option<String>,
    version: Option<&'a str>,
    leads: Option<bool>,
    learner: Option<bool>,
    size_bytes: Option<u64>,
    in_use_bytes: Option<u64>,
    quota_bytes: Option<u64>,
    raft_index: Option<u64>,
    raft_applied_index: Option<u64>,
    fsync_p99_seconds: Option<f64>,
    commit_p99_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Alarm {
    member: String,
    alarm: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VolumeUse<'a> {
    pod: &'a str,
    claim: &'a str,
    used_bytes: u64,
    capacity_bytes: u64,
}

/// Whether the virtual API server reaches it, where only that can be asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiServer<'a> {
    reaches_store: bool,
    said: Option<&'a str>,
    answered_millis: u128,
}

/// The document as text.
pub(super) fn text(target: &Target, reading: &Reading, thresholds: &Thresholds) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&document(target, reading, thresholds))? + "\n")
}

fn document<'a>(target: &'a Target, reading: &'a Reading, thresholds: &Thresholds) -> Document<'a> {
    let (health, findings) = judge(reading, None, thresholds);
    let alarm = |alarm: &v9s::store::Alarm| Alarm {
        member: format!("{:x}", alarm.member),
        alarm: alarm.kind.word().into(),
    };
    let mut unknown: Vec<String> = reading.closed.iter().map(|(why, _)| why.to_string()).collect();
    let named =
        [("kind", reading.kind.why()), ("members", reading.members.why()), ("alarms", reading.alarms.why())];
    let more = [("volumes", reading.volumes.why()), ("api-server", reading.told.why())];
    unknown.extend(named.into_iter().chain(more).filter_map(|(what, why)| Some(format!("{what}: {}", why?))));
    unknown.extend(reading.processes.iter().filter_map(|process| {
        let why = process.status.why().or(process.figures.why())?;
        Some(format!("{}: {why}", process.name))
    }));
    Document {
        api_version: "v9s/v1",
        kind: "Store",
        taken_at: reading.taken,
        vcluster: Which { context: &target.host, namespace: &target.namespace, name: &target.name },
        store: reading.kind.get().copied(),
        engine: reading.engine.map(|engine| match engine {
            Engine::Etcd => "etcd",
            Engine::Kine => "kine",
        }),
        health: match health {
            Known::Yes(health) => Some(health),
            Known::No(_) | Known::NotApplicable => None,
        },
        findings,
        members: reading.processes.iter().map(member).collect(),
        absent: reading.absent.iter().map(|name| name.as_str()).collect(),
        alarms: reading.alarms.get().into_iter().flatten().map(alarm).collect(),
        volumes: reading.volumes.get().into_iter().flatten().map(volume).collect(),
        api_server: reading.told.get().map(api_server),
        unknown,
    }
}

fn member(process: &Process) -> Member<'_> {
    let status = process.status.get();
    let etcd = status.filter(|status| status.id != 0);
    let [fsync, commit] = process.figures.get().map(|figures| figures.p99(None)).unwrap_or_default();
    Member {
        name: &process.name,
        answers: status.is_some(),
        answered_millis: process.took.as_millis(),
        id: etcd.map(|status| format!("{:x}", status.id)),
        version: status.map(|status| status.version.as_str()),
        leads: etcd.map(|status| status.leader == status.id),
        learner: etcd.map(|status| status.learner),
        size_bytes: status.map(|status| status.size),
        in_use_bytes: status.and_then(|status| status.in_use),
        quota_bytes: Reading::quota(process),
        raft_index: etcd.map(|status| status.raft.0),
        raft_applied_index: etcd.map(|status| status.raft.1),
        fsync_p99_seconds: fsync.map(|time| time.as_secs_f64()),
        commit_p99_seconds: commit.map(|time| time.as_secs_f64()),
    }
}

fn volume(volume: &Volume) -> VolumeUse<'_> {
    VolumeUse {
        pod: &volume.pod,
        claim: &volume.claim,
        used_bytes: volume.used,
        capacity_bytes: volume.capacity,
    }
}

fn api_server(told: &Told) -> ApiServer<'_> {
    ApiServer {
        reaches_store: told.ready.is_ok(),
        said: told.ready.as_ref().err().map(|why| why.as_str()),
        answered_millis: told.took.as_millis(),
    }
}

#[cfg(test)]
mod tests {
    use v9s::target::Manager;

    use super::*;
    use crate::panes::store::tests::etcd;

    #[test]
    fn what_is_not_known_is_null_and_named() {
        let target = Target {
            host: "eu-west-1".into(),
            namespace: "team-alpha".into(),
            name: "team-alpha".into(),
            parts: Vec::new(),
            manager: Known::Yes(Manager::Nobody),
            sleep_type: Known::Yes(None),
        };
        insta::assert_snapshot!(text(&target, &etcd(), &Thresholds::default()).unwrap());
    }
}
