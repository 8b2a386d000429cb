use std::sync::Arc;

use super::stage::{Stage, contexts, fleet, host};
use crate::app::reads::{Read, Reply};
use crate::app::world::Session;
use crate::app::{Cmd, Msg};
use crate::fixture;

fn watched(stage: &Stage) -> Session {
    stage.asked(|cmd| if let Cmd::Watch(_, session) = cmd { Some(session.clone()) } else { None }).unwrap()
}

#[test]
fn the_contexts() {
    let mut stage = Stage::new();
    stage.keys(": c t x enter");
    insta::assert_snapshot!(stage.text_at(120, 24));
}

#[test]
fn enter_watches_the_selected_context() {
    let mut stage = Stage::new();
    stage.keys(": c t x enter / u s - e a s t enter enter");
    assert_eq!(watched(&stage).contexts, ["us-east-1"]);
    assert_eq!(stage.state.top().address().screen, "fleet");
    assert!(stage.text().contains("connecting"), "what belonged to the old context is gone");
}

#[test]
fn marked_contexts_are_watched_together() {
    let mut stage = Stage::new();
    stage.keys(": c t x enter space space enter");
    assert_eq!(watched(&stage).contexts.len(), 2);
}

#[test]
fn a_fleet_of_the_session_before_is_not_looked_at() {
    let mut stage = Stage::new();
    let before = stage.state.session();
    stage.keys(":").typing("ctx us-east-1").keys("enter");
    stage.tell(Msg::Fleet(before, Arc::new(fleet(fixture::fleet()))));
    assert!(!stage.text().contains("team-alpha"));
    stage.fleet(fleet(fixture::fleet()));
    assert!(stage.text().contains("team-alpha"));
}

#[test]
fn a_context_that_does_not_exist_is_not_switched_to() {
    let mut stage = Stage::new();
    stage.keys(":").typing("ctx nowhere").keys("enter");
    assert!(stage.says().contains("no context \"nowhere\""), "{}", stage.says());
    assert!(stage.text().contains("team-alpha"));
}

#[test]
fn the_namespaces_are_those_the_hosts_tell_and_those_that_are_known_anyway() {
    let mut stage = Stage::new();
    stage.keys(": n s enter");
    let asked = |cmd: &Cmd| match cmd {
        Cmd::Read(ticket, Read::Namespaces { .. }) => Some(*ticket),
        _ => None,
    };
    let ticket = stage.asked(asked).unwrap();
    stage.tell(Msg::Reply(ticket, Reply::Namespaces(Ok(vec!["kube-system".into(), "team-alpha".into()]))));
    insta::assert_snapshot!(stage.text_at(100, 24));
}

#[test]
fn forbidden_namespaces_are_said_and_the_known_ones_stay() {
    let mut stage = Stage::new();
    stage.keys(": n s enter");
    let asked = |cmd: &Cmd| match cmd {
        Cmd::Read(ticket, Read::Namespaces { .. }) => Some(*ticket),
        _ => None,
    };
    let ticket = stage.asked(asked).unwrap();
    stage.tell(Msg::Reply(ticket, Reply::Namespaces(Err("forbidden: needs list namespaces".into()))));
    let text = stage.text();
    assert!(text.contains("not all are shown: forbidden") && text.contains("team-alpha"), "{text}");
}

#[test]
fn enter_narrows_the_watches_to_a_namespace_and_star_widens_them() {
    let mut stage = Stage::new();
    stage.keys(": n s enter / t e a m - a l p h a enter enter");
    assert_eq!(watched(&stage).namespaces, ["team-alpha"]);
    stage.keys(":").typing("ns *").keys("enter");
    assert_eq!(watched(&stage).namespaces, Vec::<String>::new());
}

#[test]
fn hosts_that_are_not_live_are_named_when_there_are_several() {
    let mut stage = Stage::new();
    let mut two = fleet(fixture::fleet());
    let mut dead = host("us-east-1");
    let next_try = fixture::now() + chrono::TimeDelta::seconds(8);
    dead.link = v9s::fleet::model::Link::Unreachable { next_try, error: "timeout".into() };
    two.hosts.push(Arc::new(dead));
    stage.fleet(two);
    let header = stage.text_at(200, 24).lines().next().unwrap().to_owned();
    assert!(
        header.contains("2 hosts") && header.contains("us-east-1: unreachable, next try in 8s"),
        "{header}"
    );
}

#[test]
fn the_jump_list_leads_to_and_fro() {
    let mut stage = Stage::new();
    stage.tell(Msg::Contexts(contexts()));
    stage.keys(": c t x enter : j o b s enter");
    let mut at = |keys: &str| stage.keys(keys).state.top().address().screen;
    assert_eq!(at("["), "contexts");
    assert_eq!(at("["), "fleet");
    assert_eq!(at("]"), "contexts");
    assert_eq!(at("-"), "fleet");
    assert_eq!(at("-"), "contexts");
    assert_eq!(at("esc"), "fleet");
}
