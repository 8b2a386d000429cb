use chrono::TimeDelta;

use super::*;
use crate::cluster::watch::{Event, Phase};
use crate::cluster::{Failure, FailureKind};
use crate::companion::{LagStatus, SyncerStatus};
use crate::fleet::model::{Severity, Workload};
use crate::fleet::state::State;
use crate::fleet::table::Rows;
use crate::fleet::table::tests::{control_pod, now, workload};
use crate::health::Thresholds;
use crate::health::isolation::{Policy, Way};
use crate::wire::App;
use std::sync::Arc;

fn key(name: &str) -> Key {
    Key { namespace: "team-a".into(), name: name.into() }
}

fn source(kind: Kind) -> Source {
    Source { kind, namespace: None }
}

fn at(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

/// One virtual cluster that runs, of which everything is listed.
fn table() -> Table {
    let mut table = Table::new("eu".into(), Thresholds::default());
    for kind in Kind::ALL {
        let synced = match kind {
            Kind::StatefulSets | Kind::Deployments => Rows::Workloads(vec![Event::Synced]),
            Kind::ControlPods => Rows::ControlPods(vec![Event::Synced]),
            Kind::Configs => Rows::Configs(vec![Event::Synced]),
            Kind::Quotas => Rows::Quotas(vec![Event::Synced]),
            Kind::Policies => Rows::Policies(vec![Event::Synced]),
            Kind::Statuses => Rows::Statuses(vec![Event::Synced]),
            Kind::Namespaces => Rows::Namespaces(vec![Event::Synced]),
            Kind::SyncedPods => Rows::SyncedPods(vec![Event::Synced]),
        };
        table.apply(&source(kind), synced, now());
    }
    place(&mut table, false);
    let pod = Event::Upsert(key("team-a-0"), control_pod("team-a-0", 0));
    table.apply(&source(Kind::ControlPods), Rows::ControlPods(vec![pod]), now());
    table.rebuild(now());
    table
}

fn place(table: &mut Table, paused: bool) {
    let mut row = workload(Workload::StatefulSet, App::ControlPlane, "team-a", "team-a");
    row.paused = paused;
    let event = Event::Upsert(key("team-a"), row);
    table.apply(&source(Kind::StatefulSets), Rows::Workloads(vec![event]), now());
}

fn tell(table: &mut Table, p99: u64, seconds: i64) {
    let status = SyncerStatus {
        version: 1,
        synced: true,
        time: Some(at(seconds)),
        to_host: LagStatus { count: 1, p99_millis: Some(p99), ..LagStatus::default() },
        ..SyncerStatus::default()
    };
    let row = StatusRow { vcluster: "team-a".into(), told: Ok(Arc::new(status)), written: None };
    let event = Event::Upsert(key("vc-status-team-a"), row);
    table.apply(&source(Kind::Statuses), Rows::Statuses(vec![event]), at(seconds));
}

fn live(table: &mut Table, seconds: i64) {
    table.on_phase(&source(Kind::Statuses), Phase::Live, at(seconds));
}

fn row(table: &mut Table, seconds: i64) -> Arc<Vcluster> {
    table.pass_time(at(seconds));
    table.rebuild(at(seconds));
    Arc::clone(&table.rows()[0])
}

fn codes(row: &Vcluster) -> Vec<&'static str> {
    row.findings.iter().filter(|one| one.severity >= Severity::Warning).map(|one| one.code).collect()
}

#[test]
fn silence_is_raised_by_time_alone_and_cleared_by_a_word() {
    let mut table = table();
    assert!(row(&mut table, 0).lag.why().is_some_and(|why| why.contains("no companion")));
    tell(&mut table, 61, 0);
    let seen = row(&mut table, 0);
    assert_eq!((seen.state, seen.lag.get().map(|lag| lag.p99.as_millis())), (State::Running, Some(61)));
    let due = table.pass_time(at(0)).unwrap();
    assert!(due > at(90) && due < at(91), "{due}");
    live(&mut table, 60);
    assert_eq!(codes(&row(&mut table, 90)), [""; 0]);
    let seen = row(&mut table, 91);
    assert_eq!((seen.state, codes(&seen)), (State::Degraded, vec![code::SILENT]));
    assert_eq!(seen.findings[0].since, Some(at(0)));
    assert!(matches!(seen.lag, Known::No(_)), "what it told is history");
    tell(&mut table, 80, 200);
    let seen = row(&mut table, 200);
    assert_eq!((seen.state, codes(&seen)), (State::Running, vec![]));
    assert_eq!(seen.lag.get().map(|lag| lag.history.clone()), Some(vec![61, 80]));
}

#[test]
fn nobody_is_silent_while_we_could_not_have_heard() {
    let mut asleep = table();
    tell(&mut asleep, 61, 0);
    live(&mut asleep, 30);
    assert_eq!(codes(&row(&mut asleep, 30_000)), [""; 0], "our own machine was asleep");
    live(&mut asleep, 30_001);
    asleep.touch_where(None);
    assert_eq!(codes(&row(&mut asleep, 30_001)), [code::SILENT], "the watch lives, and nothing came");

    let mut cut = table();
    tell(&mut cut, 61, 0);
    let failure = Failure::new(FailureKind::Forbidden, "cut");
    cut.on_phase(&source(Kind::Statuses), Phase::Broken { failure, next_try: at(40) }, at(20));
    cut.touch_where(None);
    assert_eq!(codes(&row(&mut cut, 95)), [""; 0], "the watch is broken");
}

#[test]
fn who_lies_down_has_no_lag_and_is_not_silent() {
    let mut table = table();
    tell(&mut table, 61, 0);
    place(&mut table, true);
    live(&mut table, 500);
    let seen = row(&mut table, 501);
    assert_eq!(seen.state, State::Paused);
    assert_eq!((&seen.lag, &seen.orphans), (&Known::NotApplicable, &Known::NotApplicable));
    assert_eq!(codes(&seen), [""; 0]);
}

#[test]
fn a_measured_finding_stands_since_it_was_seen_to_begin() {
    let mut table = table();
    tell(&mut table, 61, 0);
    row(&mut table, 0);
    tell(&mut table, 12_000, 10);
    let seen = row(&mut table, 10);
    assert_eq!((seen.state, codes(&seen)), (State::Lagging, vec![code::LAG]));
    assert_eq!(
        (seen.findings[0].since, seen.reason.as_str()),
        (Some(at(10)), "sync lag p99 is 12.0 s (goal 10 s)")
    );
    tell(&mut table, 40_000, 20);
    let seen = row(&mut table, 20);
    assert_eq!((seen.findings[0].severity, seen.findings[0].since), (Severity::Critical, Some(at(10))));
    tell(&mut table, 61, 30);
    assert_eq!(codes(&row(&mut table, 30)), [""; 0]);
}

#[test]
fn a_word_that_cannot_be_read_says_why() {
    let mut table = table();
    let row_of =
        StatusRow { vcluster: "team-a".into(), told: Err("it speaks version 9".into()), written: None };
    let event = Event::Upsert(key("vc-status-team-a"), row_of);
    table.apply(&source(Kind::Statuses), Rows::Statuses(vec![event]), now());
    let seen = row(&mut table, 0);
    assert_eq!(codes(&seen), [code::UNREADABLE]);
    assert_eq!(seen.lag.why(), Some("it speaks version 9"));
    let gone = Event::Gone(key("vc-status-team-a"), None);
    table.apply(&source(Kind::Statuses), Rows::Statuses(vec![gone]), now());
    assert_eq!(codes(&row(&mut table, 0)), [""; 0]);
}

#[test]
fn a_namespace_without_a_policy_is_told_and_one_clears_it() {
    let mut table = table();
    let open = |row: &Vcluster| row.findings.iter().any(|one| one.code == "no-network-policy");
    assert!(open(&row(&mut table, 0)));
    let deny = serde_json::from_value(serde_json::json!({"policyTypes": ["Ingress"]})).unwrap();
    let event = Event::Upsert(key("isolation"), Policy::of("isolation", &deny));
    table.apply(&source(Kind::Policies), Rows::Policies(vec![event]), now());
    let seen = row(&mut table, 0);
    let told = seen.policies.get().map(|told| (told.policies, told.ingress, told.egress));
    assert_eq!((open(&seen), told), (false, Some((1, Way::Nothing, Way::Unconfined))));
    assert!(seen.findings.iter().any(|one| one.code == "network-policy-open"));
    let gone = Event::Gone(key("isolation"), None);
    table.apply(&source(Kind::Policies), Rows::Policies(vec![gone]), now());
    assert!(open(&row(&mut table, 0)));
}
