//! What readings come to: a table, a row for each finding and each way of not knowing.

use std::time::Duration;

use chrono::DateTime;

use super::*;
use crate::fleet::model::Severity;
use crate::health::Thresholds;
use crate::store::AlarmKind;

fn status(id: u64) -> MemberStatus {
    MemberStatus {
        id,
        version: "3.6.5".into(),
        size: 200 << 20,
        in_use: Some(190 << 20),
        quota: Some(2 << 30),
        leader: 1,
        raft: (5000, 5000),
        revision: 40,
        learner: false,
        errors: Vec::new(),
    }
}

fn good() -> Reading {
    let process = |id: u64| Process {
        name: format!("etcd-{}", id - 1).into(),
        status: Known::Yes(status(id)),
        took: Duration::from_millis(4),
        figures: Known::Yes(Figures::default()),
    };
    let member = |id: u64| Member { id, name: format!("etcd-{}", id - 1).into(), learner: false };
    let volume = |at: u64| Volume {
        pod: format!("etcd-{at}").into(),
        claim: format!("data-etcd-{at}").into(),
        used: 1 << 30,
        capacity: 5 << 30,
    };
    Reading {
        taken: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        kind: Known::Yes(Kind::DeployedEtcd),
        engine: Some(Engine::Etcd),
        processes: (1..=3).map(process).collect(),
        absent: Vec::new(),
        members: Known::Yes((1..=3).map(member).collect()),
        alarms: Known::Yes(Vec::new()),
        volumes: Known::Yes((0..3).map(volume).collect()),
        told: Known::NotApplicable,
        closed: None,
    }
}

fn kine() -> Reading {
    let mut reading = good();
    reading.kind = Known::Yes(Kind::EmbeddedDatabase);
    reading.engine = Some(Engine::Kine);
    reading.processes.truncate(1);
    reading.processes[0].figures = Known::NotApplicable;
    reading.processes[0].status =
        Known::Yes(MemberStatus { id: 0, in_use: None, quota: None, leader: 0, raft: (0, 0), ..status(1) });
    (reading.members, reading.alarms) = (Known::NotApplicable, Known::NotApplicable);
    reading.volumes = Known::NotApplicable;
    reading
}

fn closed() -> Reading {
    let mut reading = kine();
    reading.engine = None;
    reading.processes.clear();
    reading.volumes = Known::NotApplicable;
    reading.closed = Some(("its kine listens on a socket".into(), "ask its API server".into()));
    reading
}

fn of(process: &mut Process) -> &mut MemberStatus {
    match &mut process.status {
        Known::Yes(status) => status,
        _ => panic!("it is not known"),
    }
}

/// Each finding with its severity, and how well the whole is: none for unknown.
type Outcome = (Option<Severity>, Vec<(&'static str, Severity)>);

fn judged(reading: &Reading) -> Outcome {
    let (health, found) = judge(reading, None, &Thresholds::default());
    (health.get().map(|health| health.severity), found.iter().map(|one| (one.code, one.severity)).collect())
}

#[test]
fn each_trouble_of_etcd_is_found_and_graded() {
    use Severity::{Critical, Info, Warning};
    type Change = fn(&mut Reading);
    let cases: [(&str, Change, Outcome); 17] = [
        ("all is well", |_| {}, (Some(Severity::Ok), vec![])),
        (
            "one of three is away",
            |it| it.processes[2].status = Known::unknown("cut"),
            (Some(Warning), vec![(code::MEMBER, Warning)]),
        ),
        (
            "a pod is missing",
            |it| {
                it.processes.pop();
                it.absent.push("etcd-2".into());
            },
            (Some(Warning), vec![(code::MEMBER, Warning)]),
        ),
        (
            "two of three are away",
            |it| it.processes[1..].iter_mut().for_each(|it| it.status = Known::unknown("cut")),
            (Some(Critical), vec![(code::MEMBER, Critical), (code::MEMBER, Critical)]),
        ),
        (
            "a learner that is away costs no vote",
            |it| {
                it.processes.push(Process {
                    name: "etcd-3".into(),
                    status: Known::unknown("cut"),
                    ..it.processes[0].clone()
                });
                if let Known::Yes(members) = &mut it.members {
                    members.push(Member { id: 4, name: "etcd-3".into(), learner: true });
                }
            },
            (Some(Warning), vec![(code::MEMBER, Warning)]),
        ),
        (
            "nobody leads",
            |it| of(&mut it.processes[0]).leader = 0,
            (Some(Critical), vec![(code::LEADER, Critical)]),
        ),
        (
            "an alarm",
            |it| it.alarms = Known::Yes(vec![Alarm { member: 2, kind: AlarmKind::NoSpace }]),
            (Some(Critical), vec![(code::ALARM, Critical)]),
        ),
        ("near its quota", |it| of(&mut it.processes[1]).size = 1800 << 20, {
            (Some(Warning), vec![(code::QUOTA, Warning), (code::FRAGMENTED, Info)])
        }),
        ("at its quota", |it| of(&mut it.processes[1]).size = 2 << 30, {
            (Some(Critical), vec![(code::QUOTA, Critical), (code::FRAGMENTED, Info)])
        }),
        (
            "exactly at the threshold",
            |it| {
                let status = of(&mut it.processes[1]);
                (status.quota, status.size, status.in_use) = (Some(1000 << 20), 850 << 20, Some(850 << 20));
            },
            (Some(Severity::Ok), vec![]),
        ),
        (
            "a volume fills up",
            |it| {
                it.volumes = it
                    .volumes
                    .clone()
                    .map(|all| all.into_iter().map(|it| Volume { used: 4 << 30, ..it }).take(1).collect())
            },
            (Some(Warning), vec![(code::VOLUME, Warning)]),
        ),
        (
            "far behind",
            |it| of(&mut it.processes[2]).raft.1 = 3000,
            (Some(Warning), vec![(code::BEHIND, Warning)]),
        ),
        (
            "much free room",
            |it| of(&mut it.processes[0]).in_use = Some(60 << 20),
            (Some(Info), vec![(code::FRAGMENTED, Info)]),
        ),
        (
            "free room of a small file is no matter",
            |it| {
                let status = of(&mut it.processes[0]);
                (status.size, status.in_use) = (40 << 20, Some(1 << 20));
            },
            (Some(Severity::Ok), vec![]),
        ),
        (
            "another version",
            |it| of(&mut it.processes[2]).version = "3.5.9".into(),
            (Some(Info), vec![(code::UNEVEN, Info)]),
        ),
        ("alarms are not known", |it| it.alarms = Known::unknown("cut"), (None, vec![])),
        (
            "volumes are not known",
            |it| it.volumes = Known::unknown("forbidden"),
            (Some(Severity::Ok), vec![]),
        ),
    ];
    for (case, change, expected) in cases {
        let mut reading = good();
        change(&mut reading);
        assert_eq!(judged(&reading), expected, "{case}");
    }
}

#[test]
fn a_slow_disk_and_a_leader_that_changes_are_found_in_the_figures() {
    let slow = |seconds: &str| {
        Figures::read(&format!(
            "etcd_disk_wal_fsync_duration_seconds_bucket{{le=\"{seconds}\"}} 100\n\
             etcd_disk_wal_fsync_duration_seconds_bucket{{le=\"+Inf\"}} 100\n\
             process_start_time_seconds 1.799999e+09\netcd_server_leader_changes_seen_total 1\n"
        ))
    };
    let with = |figures: Figures| {
        let mut reading = good();
        reading.processes[1].figures = Known::Yes(figures);
        judged(&reading)
    };
    assert_eq!(with(slow("0.02")), (Some(Severity::Ok), vec![]));
    assert_eq!(with(slow("0.05")), (Some(Severity::Warning), vec![(code::SLOW, Severity::Warning)]));
    let mut restless = slow("0.001");
    restless.leader_changes = Some(9);
    assert_eq!(with(restless), (Some(Severity::Warning), vec![(code::CHANGES, Severity::Warning)]));
}

#[test]
fn kine_is_well_when_it_answers_and_what_cannot_be_asked_is_never_green() {
    assert_eq!(judged(&kine()), (Some(Severity::Ok), vec![]));
    let mut blind = kine();
    blind.volumes = Known::unknown("forbidden");
    assert_eq!(judged(&blind), (None, vec![]), "SQLite fills its volume");
    blind.kind = Known::Yes(Kind::ExternalDatabase);
    assert_eq!(judged(&blind), (Some(Severity::Ok), vec![]));
    let mut silent = kine();
    silent.processes[0].status = Known::unknown("cut");
    assert_eq!(judged(&silent), (None, vec![]));

    assert_eq!(judged(&closed()), (None, vec![]));
    let told = |ready: Result<(), SmolStr>| {
        let mut reading = closed();
        reading.told = Known::Yes(Told { ready, took: Duration::from_millis(3) });
        judged(&reading)
    };
    assert_eq!(told(Ok(())), (None, vec![]), "reached, and that is all that is known");
    let unreached = (Some(Severity::Critical), vec![(code::UNREACHED, Severity::Critical)]);
    assert_eq!(told(Err("etcd failed".into())), unreached);
    let mut doubt = closed();
    doubt.told = Known::unknown("no way in");
    assert_eq!(judged(&doubt), (None, vec![]));
}

#[test]
fn the_fullest_of_files_and_volumes_is_how_full_it_is() {
    let used =
        |reading: &Reading| judge(reading, None, &Thresholds::default()).0.get().and_then(|it| it.used);
    assert_eq!(used(&good()), Some(0.2));
    let mut fuller = good();
    of(&mut fuller.processes[1]).size = 1 << 30;
    assert_eq!(used(&fuller), Some(0.5));
    assert_eq!(used(&kine()), None, "nobody told of any limit");
}
