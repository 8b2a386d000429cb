//! The store of one virtual cluster: read while it is seen, and its space recovered after a plan.

use chrono::TimeDelta;
use v9s::health::store::Reading;
use v9s::known::Known;
use v9s::store::Alarm;
use v9s::target::{Manager, Target};

use super::detail::{asked_for, stage_with};
use super::stage::Stage;
use crate::app::reads::{Read, Reply};
use crate::app::world::Access;
use crate::app::{Cmd, Msg};
use crate::config::Config;
use crate::fixture;
use crate::panes::store::tests::etcd;
use crate::verbs::{Errand, What, space_of};

/// As it was a moment ago.
fn reading() -> Reading {
    Reading { taken: fixture::now() - TimeDelta::seconds(4), ..etcd() }
}

/// The same with all of its members there.
fn whole() -> Reading {
    let mut reading = reading();
    let (first, second) = (reading.processes[0].clone(), reading.processes[1].status.clone());
    reading.processes[2].status = second.map(|status| v9s::store::MemberStatus { id: 3, ..status });
    reading.processes[2].figures = first.figures;
    reading.alarms = Known::Yes(vec![Alarm { member: 1, kind: v9s::store::AlarmKind::NoSpace }]);
    reading
}

fn opened(config: Config) -> Stage {
    let mut stage = stage_with(config);
    stage.keys("enter 0");
    let access = Access::Known { forbidden: Vec::new() };
    stage.tell(Msg::Access { host: "eu-west-1".into(), namespace: "team-alpha".into(), access });
    stage
}

fn told(stage: &mut Stage, reading: Reading) {
    let key = fixture::fleet().remove(0).key;
    let ticket = asked_for(stage, |read| matches!(read, Read::Store(_)));
    stage.tell(Msg::Reply(ticket, Reply::Store(key, Ok(Box::new(reading)))));
}

fn reads(stage: &Stage) -> usize {
    stage.cmds.iter().filter(|cmd| matches!(cmd, Cmd::Read(_, Read::Store(_)))).count()
}

#[test]
fn the_store_at_80_columns() {
    let mut stage = opened(Config::default());
    told(&mut stage, reading());
    insta::assert_snapshot!(stage.text_at(80, 24));
}

#[test]
fn the_store_at_200_columns() {
    let mut stage = opened(Config::default());
    told(&mut stage, reading());
    insta::assert_snapshot!(stage.text_at(200, 50));
}

#[test]
fn it_is_read_again_as_long_as_it_is_seen_and_one_at_a_time() {
    let mut stage = opened(Config::default());
    assert_eq!(reads(&stage), 1);
    assert!(stage.text().contains("looking at its store"), "{}", stage.text());
    stage.wait(30);
    assert_eq!(reads(&stage), 1, "it is still being read");
    told(&mut stage, reading());
    stage.wait(5);
    assert_eq!(reads(&stage), 1, "it is fresh");
    stage.wait(6);
    assert_eq!(reads(&stage), 2);
    stage.keys("1");
    stage.wait(60);
    assert_eq!(reads(&stage), 2, "nobody sees it");
}

#[test]
fn what_was_found_stands_in_the_findings_for_a_while() {
    let mut stage = opened(Config::default());
    told(&mut stage, reading());
    stage.keys(":").typing("findings").keys("enter");
    stage.keys("/").typing("store-alarm").keys("enter");
    let text = stage.text_at(160, 30);
    assert!(text.contains("team-alpha-etcd-0 raises NOSPACE"), "{text}");
    stage.keys("enter");
    assert_eq!(stage.state.top().place(), "store");
    stage.keys("esc");
    stage.wait(180);
    let text = stage.text_at(160, 30);
    assert!(!text.contains("team-alpha-etcd-0 raises"), "it is too long ago: {text}");
}

#[test]
fn nothing_is_asked_of_one_that_rests() {
    let mut stage = stage_with(Config::default());
    let mut all = fixture::fleet();
    all[0].state = v9s::fleet::state::State::Paused;
    stage.fleet(super::stage::fleet(all));
    stage.keys(":").typing("vc team-alpha store").keys("enter");
    stage.wait(60);
    assert_eq!(reads(&stage), 0);
    assert!(stage.text().contains("nothing is asked of it"), "{}", stage.text());
}

#[test]
fn space_is_recovered_after_a_plan_and_a_yes() {
    let mut stage = opened(Config::default());
    told(&mut stage, whole());
    stage.keys("x");
    let wished = |cmd: &Cmd| match cmd {
        Cmd::Read(_, Read::Plan(Errand::Verb(wish))) => Some(wish.what),
        _ => None,
    };
    assert_eq!(stage.asked(wished), Some(What::RecoverSpace));
    let target = Target {
        host: "eu-west-1".into(),
        namespace: "team-alpha".into(),
        name: "team-alpha".into(),
        parts: Vec::new(),
        manager: Known::Yes(Manager::Nobody),
        sleep_type: Known::Yes(None),
    };
    let ticket = asked_for(&stage, |read| matches!(read, Read::Plan(_)));
    stage.tell(Msg::Reply(ticket, Reply::Plan(Ok(space_of(&target, &whole())))));
    insta::assert_snapshot!(stage.text_at(120, 30));
    stage.keys("y");
    let operated =
        |cmd: &Cmd| if let Cmd::Operate(_, verb) = cmd { Some(verb.title().to_string()) } else { None };
    let title = stage.asked(operated);
    assert_eq!(title.as_deref(), Some("recover space in the store of team-alpha/team-alpha"));
}

#[test]
fn with_a_member_away_it_is_said_why_it_is_not_done() {
    let mut stage = opened(Config::default());
    told(&mut stage, reading());
    stage.keys("x");
    let target = Target {
        host: "eu-west-1".into(),
        namespace: "team-alpha".into(),
        name: "team-alpha".into(),
        parts: Vec::new(),
        manager: Known::Yes(Manager::Nobody),
        sleep_type: Known::Yes(None),
    };
    let ticket = asked_for(&stage, |read| matches!(read, Read::Plan(_)));
    stage.tell(Msg::Reply(ticket, Reply::Plan(Ok(space_of(&target, &reading())))));
    let text = stage.text_at(120, 30);
    assert!(text.contains("does not answer") && text.contains("space is only recovered while"), "{text}");
}

#[test]
fn read_only_there_is_no_such_action() {
    let mut stage = opened(Config { read_only: true, ..Config::default() });
    told(&mut stage, whole());
    stage.keys("x");
    assert!(stage.says().contains("read-only"), "{}", stage.says());
    assert!(!stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Read(_, Read::Plan(_)))));
}
