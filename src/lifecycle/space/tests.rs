//! When space is recovered, and in which order.

use chrono::Utc;
use smol_str::SmolStr;

use super::plan::{SpacePlan, plan};
use crate::health::store::{Figures, Process, Reading, Volume};
use crate::known::Known;
use crate::lifecycle::Decision;
use crate::store::{Alarm, AlarmKind, Engine, Kind, Member, MemberStatus};
use crate::target::{Manager, Target};

fn target() -> Target {
    Target {
        host: "eu".into(),
        namespace: "team-a".into(),
        name: "shop".into(),
        parts: Vec::new(),
        manager: Known::Yes(Manager::Nobody),
        sleep_type: Known::Yes(None),
    }
}

/// Three members, of which the first leads.
fn reading() -> Reading {
    let process = |id: u64| Process {
        name: format!("shop-etcd-{}", id - 1).into(),
        status: Known::Yes(MemberStatus {
            id,
            version: "3.6.0".into(),
            size: 100 << 20,
            in_use: Some(10 << 20),
            quota: Some(128 << 20),
            leader: 1,
            raft: (9, 9),
            revision: 7,
            learner: false,
            errors: Vec::new(),
        }),
        took: std::time::Duration::ZERO,
        figures: Known::Yes(Figures::default()),
    };
    let member = |id: u64| Member { id, name: format!("shop-etcd-{}", id - 1).into(), learner: false };
    Reading {
        taken: Utc::now(),
        kind: Known::Yes(Kind::DeployedEtcd),
        engine: Some(Engine::Etcd),
        processes: (1..=3).map(process).collect(),
        absent: Vec::new(),
        members: Known::Yes((1..=3).map(member).collect()),
        alarms: Known::Yes(vec![Alarm { member: 2, kind: AlarmKind::NoSpace }]),
        volumes: Known::unknown("forbidden"),
        told: Known::NotApplicable,
        closed: None,
    }
}

fn done(reading: &Reading) -> SpacePlan {
    match plan(&target(), reading) {
        Decision::Do(plan) => plan,
        other => panic!("{other:?}"),
    }
}

fn refused(change: impl FnOnce(&mut Reading)) -> String {
    let mut reading = reading();
    change(&mut reading);
    match plan(&target(), &reading) {
        Decision::Refused(refusal) => format!("{refusal} {:?}", refusal.instead()),
        other => panic!("{other:?}"),
    }
}

fn status(reading: &mut Reading, at: usize) -> &mut MemberStatus {
    match &mut reading.processes[at].status {
        Known::Yes(status) => status,
        _ => panic!("it is not known"),
    }
}

#[test]
fn followers_go_first_and_the_leader_last() {
    let names =
        |plan: &SpacePlan| plan.members.iter().map(|(name, ..)| name.clone()).collect::<Vec<SmolStr>>();
    let of_three = done(&reading());
    assert_eq!(names(&of_three), ["shop-etcd-1", "shop-etcd-2", "shop-etcd-0"]);
    assert_eq!(of_three.alarms, ["shop-etcd-1"]);
    assert_eq!(of_three.steps().len(), 7);
    assert!(!of_three.gap);
    insta::assert_snapshot!(of_three.lines().join("\n"));

    let mut one = reading();
    one.processes.truncate(1);
    one.members = one.members.map(|members| members.into_iter().take(1).collect());
    one.alarms = Known::Yes(Vec::new());
    let of_one = done(&one);
    assert!(of_one.gap && of_one.alarms.is_empty());
    assert!(of_one.lines().last().unwrap().contains("nobody answers"));
}

#[test]
fn nothing_is_begun_unless_every_member_is_there_and_well_enough() {
    for (case, why) in [
        (refused(|it| it.absent.push("shop-etcd-3".into())), "shop-etcd-3 has no pod that runs"),
        (refused(|it| it.processes[1].status = Known::unknown("cut")), "shop-etcd-1 does not answer (cut)"),
        (refused(|it| drop(it.processes.pop())), "member shop-etcd-2 (3) cannot be asked"),
        (refused(|it| it.members = Known::unknown("cut")), "members are not known"),
        (refused(|it| status(it, 2).leader = 0), "no leader"),
        (refused(|it| (0..3).for_each(|at| status(it, at).leader = 9)), "no leader"),
        (refused(|it| it.alarms = Known::unknown("cut")), "alarms are not known"),
        (
            refused(|it| it.alarms = Known::Yes(vec![Alarm { member: 1, kind: AlarmKind::Corrupt }])),
            "CORRUPT is raised: that is no want of space",
        ),
        (
            refused(|it| {
                let volume = Volume {
                    pod: "shop-etcd-1".into(),
                    claim: "data-1".into(),
                    used: 95 << 20,
                    capacity: 100 << 20,
                };
                it.volumes = Known::Yes(vec![volume]);
            }),
            "the volume data-1 has 5 MiB left, and the new file of shop-etcd-1 takes 10 MiB",
        ),
    ] {
        assert!(case.contains(why), "{case} / {why}");
    }
}

#[test]
fn what_is_no_etcd_of_its_own_is_left_to_who_runs_it() {
    let sqlite = refused(|it| it.kind = Known::Yes(Kind::EmbeddedDatabase));
    assert!(sqlite.contains("SQLite") && sqlite.contains("patch pvc data-shop-0"), "{sqlite}");
    assert!(refused(|it| it.kind = Known::Yes(Kind::ExternalEtcd)).contains("may serve others"));
    assert!(refused(|it| it.kind = Known::Yes(Kind::ExternalDatabase)).contains("somebody else runs"));
    let closed = refused(|it| {
        it.engine = None;
        it.closed = Some(("it is paused".into(), "resume it".into()));
    });
    assert!(closed.contains("it is paused") && closed.contains("resume it"), "{closed}");
}
