use v9s::cluster::{EventKind, EventRow};

use super::detail::{asked_for, stage_with};
use crate::app::Msg;
use crate::app::reads::{Read, Reply};
use crate::config::Config;
use crate::fixture;

fn event(message: &str) -> EventRow {
    EventRow {
        uid: "u".into(),
        kind: EventKind::Warning,
        reason: "FailedCreate".into(),
        object: "ReplicaSet/web".into(),
        message: message.into(),
        count: 3,
        first: Some(fixture::now()),
        last: Some(fixture::now()),
        source: "replicaset-controller".into(),
    }
}

#[test]
fn events_are_read_when_looked_at_and_again_after_a_while() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter 4");
    let is_events = |read: &Read| matches!(read, Read::Events { namespace, .. } if namespace == "team-alpha");
    let first = asked_for(&stage, is_events);
    stage.tell(Msg::Reply(first, Reply::Events(Ok(vec![event("exceeded quota")]))));
    insta::assert_snapshot!(stage.text_at(120, 20));
    stage.wait(9);
    assert_eq!(asked_for(&stage, is_events), first, "too early");
    stage.wait(2);
    let second = asked_for(&stage, is_events);
    assert_ne!(second, first);
    stage.tell(Msg::Reply(second, Reply::Events(Err("timeout".into()))));
    let text = stage.text();
    assert!(text.contains("not read again: timeout") && text.contains("exceeded quota"), "{text}");
}

#[test]
fn an_event_opens_with_its_whole_message() {
    let mut stage = stage_with(Config::default());
    stage.resize(80, 24);
    stage.keys("enter 4");
    stage.keys("enter");
    assert!(stage.says().contains("there is no event"), "{}", stage.says());
    let asked = asked_for(&stage, |read| matches!(read, Read::Events { .. }));
    let message = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). preemption: \
                   0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
    stage.tell(Msg::Reply(asked, Reply::Events(Ok(vec![event(message)]))));
    stage.keys("enter");
    insta::assert_snapshot!(stage.text_at(80, 24));
    stage.keys("esc");
    assert_eq!(stage.state.top().place(), "events");
}
