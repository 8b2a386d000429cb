use std::time::Duration;

use chrono::TimeDelta;
use v9s::health::store::{Figures, Process, Told, Volume};
use v9s::known::Known;
use v9s::store::{Alarm, AlarmKind, Engine, Kind, Member, MemberStatus};

use super::*;
use crate::panes::testing::{NOW, ascii, meanings, plain, shown};

/// Figures of a member whose disk is slow.
fn figures() -> Figures {
    Figures::read(
        "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.032\"} 900\n\
         etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.064\"} 1000\n\
         etcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 1000\n\
         etcd_disk_backend_commit_duration_seconds_bucket{le=\"0.032\"} 1000\n\
         etcd_disk_backend_commit_duration_seconds_bucket{le=\"+Inf\"} 1000\n\
         etcd_server_leader_changes_seen_total 2\n",
    )
}

/// Three members: one full, one silent.
pub(crate) fn etcd() -> Reading {
    let process = |id: u64, status: Known<MemberStatus>| Process {
        name: format!("team-alpha-etcd-{}", id - 1).into(),
        status,
        took: Duration::from_millis(3 + id),
        figures: Known::Yes(figures()),
    };
    let status = |id: u64, size: u64| {
        Known::Yes(MemberStatus {
            id,
            version: "3.6.5".into(),
            size: size << 20,
            in_use: Some(210 << 20),
            quota: Some(2 << 30),
            leader: 1,
            raft: (81_204, 81_204 - id),
            revision: 71_002,
            learner: false,
            errors: Vec::new(),
        })
    };
    let member = |id: u64| Member { id, name: format!("team-alpha-etcd-{}", id - 1).into(), learner: false };
    let volume = |at: u64, used: u64| Volume {
        pod: format!("team-alpha-etcd-{at}").into(),
        claim: format!("data-team-alpha-etcd-{at}").into(),
        used: used << 20,
        capacity: 5 << 30,
    };
    let why =
        "cannot read the status of team-alpha-etcd-2 (store of team-alpha/team-alpha): no answer within 30 s";
    Reading {
        taken: NOW - TimeDelta::seconds(4),
        kind: Known::Yes(Kind::DeployedEtcd),
        engine: Some(Engine::Etcd),
        processes: vec![
            process(1, status(1, 2048)),
            process(2, status(2, 900)),
            Process { figures: Known::unknown("it does not answer"), ..process(3, Known::unknown(why)) },
        ],
        absent: Vec::new(),
        members: Known::Yes((1..=3).map(member).collect()),
        alarms: Known::Yes(vec![Alarm { member: 1, kind: AlarmKind::NoSpace }]),
        volumes: Known::Yes(vec![volume(0, 4_000), volume(1, 1_100), volume(2, 1_050)]),
        told: Known::NotApplicable,
        closed: None,
    }
}

fn kine() -> Reading {
    let mut reading = etcd();
    reading.kind = Known::Yes(Kind::EmbeddedDatabase);
    reading.engine = Some(Engine::Kine);
    reading.processes.truncate(1);
    if let Known::Yes(status) = &mut reading.processes[0].status {
        (status.id, status.leader, status.in_use, status.quota, status.size) = (0, 0, None, None, 52 << 20);
    }
    reading.processes[0].name = "team-alpha-0".into();
    reading.processes[0].figures = Known::NotApplicable;
    (reading.members, reading.alarms) = (Known::NotApplicable, Known::NotApplicable);
    reading.volumes = Known::unknown(
        "cannot read the volumes of node n-1 (get nodes/proxy) on eu-west-1: forbidden: nodes \"n-1\" is forbidden",
    );
    reading
}

fn closed() -> Reading {
    let mut reading = kine();
    reading.engine = None;
    reading.processes.clear();
    reading.volumes = Known::NotApplicable;
    reading.told = Known::Yes(Told { ready: Ok(()), took: Duration::from_millis(41) });
    reading.closed = Some((
        "the store of team-alpha/team-alpha cannot be reached from outside: its kine listens on a socket inside the control plane's container".into(),
        "only virtual clusters made by v9s let their kine be asked; of this one its API server can tell".into(),
    ));
    reading
}

fn view<'a>(reading: &'a Reading, thresholds: &'a Thresholds) -> View<'a> {
    View { reading, before: None, first: None, thresholds }
}

fn drawn(reading: &Reading, columns: u16, rows: u16) -> String {
    let thresholds = Thresholds::default();
    shown(columns, rows, &plain(), |area, buf, theme| {
        StorePane::default().render(view(reading, &thresholds), area, buf, theme, NOW);
    })
}

#[test]
fn etcd_in_trouble() {
    insta::assert_snapshot!(drawn(&etcd(), 120, 24));
}

#[test]
fn etcd_in_80_columns() {
    insta::assert_snapshot!(drawn(&etcd(), 80, 24));
}

#[test]
fn etcd_in_ascii() {
    let (reading, thresholds) = (etcd(), Thresholds::default());
    insta::assert_snapshot!(shown(100, 24, &ascii(), |area, buf, theme| {
        StorePane::default().render(view(&reading, &thresholds), area, buf, theme, NOW);
    }));
}

#[test]
fn what_it_means_shows() {
    let (reading, thresholds) = (etcd(), Thresholds::default());
    insta::assert_snapshot!(meanings(120, 20, |area, buf, theme| {
        StorePane::default().render(view(&reading, &thresholds), area, buf, theme, NOW);
    }));
}

#[test]
fn kine_with_what_it_does_not_tell() {
    insta::assert_snapshot!(drawn(&kine(), 100, 16));
}

#[test]
fn a_store_that_cannot_be_asked() {
    insta::assert_snapshot!(drawn(&closed(), 100, 10));
}

#[test]
fn growth_and_the_day_it_is_full_are_told_after_a_while() {
    let thresholds = Thresholds::default();
    let mut first = etcd();
    first.taken = NOW - TimeDelta::minutes(30);
    if let Known::Yes(status) = &mut first.processes[0].status {
        status.size = 2000 << 20;
    }
    let newest = etcd();
    let view = View { reading: &newest, before: None, first: Some(&first), thresholds: &thresholds };
    let text = StorePane::text(view, NOW);
    assert!(
        text.contains("grows by 2.3 GiB a day as long as you look: its volume is full in 0 days"),
        "{text}"
    );
    first.taken = NOW - TimeDelta::minutes(3);
    let view = View { reading: &newest, before: None, first: Some(&first), thresholds: &thresholds };
    assert!(!StorePane::text(view, NOW).contains("grows"), "too early to tell");
}

/// Everything that a cluster sends as text is this text.
fn named(words: &str) -> Reading {
    let mut reading = etcd();
    for process in &mut reading.processes {
        process.name = words.into();
        if let Known::Yes(status) = &mut process.status {
            (status.version, status.errors) = (words.into(), vec![words.into()]);
        }
    }
    reading.processes[2].status = Known::unknown(words);
    reading.absent = vec![words.into()];
    reading.members = Known::unknown(words);
    reading.volumes = reading.volumes.map(|all| {
        let named = |volume: Volume| Volume { pod: words.into(), claim: words.into(), capacity: 0, ..volume };
        all.into_iter().map(named).collect()
    });
    reading.told = Known::Yes(Told { ready: Err(words.into()), took: Duration::MAX });
    reading.closed = Some((words.into(), words.into()));
    reading
}

#[test]
fn whatever_a_cluster_says_fits_any_size_and_commands_no_terminal() {
    let thresholds = Thresholds::default();
    let long = "x".repeat(3_000);
    for words in [
        "",
        "日本語クラスタ",
        "\x1b[2J\x1b]52;c;Y2F0\x07",
        "a\r\nb\tc\0",
        "\u{202e}txt",
        "e\u{301}\u{301}",
        &long,
    ] {
        let reading = named(words);
        for (columns, rows) in [(0, 0), (1, 1), (7, 3), (24, 8), (80, 24), (210, 55)] {
            let drawn = shown(columns, rows, &plain(), |area, buf, theme| {
                StorePane::default().render(view(&reading, &thresholds), area, buf, theme, NOW);
            });
            assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{words:?} {drawn:?}");
        }
        let text = StorePane::text(view(&reading, &thresholds), NOW);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{words:?} {text:?}");
        assert!(!text.contains('\u{202e}'), "{words:?} {text:?}");
    }
}
