//! Ways into a virtual cluster.

use std::path::PathBuf;

use v9s::connect::tunnel::{Health, TunnelState};
use v9s::fleet::model::VclusterKey;

use crate::app::connections::{Connection, ConnectionId, Way};
use crate::app::reads::{Read, Reply};
use crate::app::{Cmd, Msg};
use crate::fixture;
use crate::verbs::{Errand, Looked, Use};

use super::detail::asked_for;
use super::stage::Stage;

fn connection(health: Health) -> Msg {
    let key =
        VclusterKey { host: "eu-west-1".into(), namespace: "team-alpha".into(), name: "team-alpha".into() };
    let state = TunnelState { health, open: 2, carried: 7, last_failure: None };
    Msg::Connection(Box::new(Connection {
        id: ConnectionId(3),
        key,
        server: "https://127.0.0.1:40123".into(),
        way: Way::Tunnel(state),
        file: PathBuf::from("/tmp/v9s-x/kubeconfig"),
        merged: None,
        since: fixture::now(),
    }))
}

fn ready() -> Msg {
    connection(Health::Ready { pod: "team-alpha-0".into() })
}

#[test]
fn each_way_has_its_key_and_is_looked_at_first() {
    for (key, wanted) in [("s", Use::Shell), ("t", Use::Keep), ("m", Use::Merge)] {
        let mut stage = Stage::new();
        stage.keys("C");
        stage.keys(key);
        let asked = stage.asked(|cmd| match cmd {
            Cmd::Read(_, Read::Plan(Errand::Connect { purpose, may_wake, .. })) => {
                Some((*purpose, *may_wake))
            }
            _ => None,
        });
        assert_eq!(asked, Some((wanted, true)), "{key}");
    }
}

#[test]
fn the_command_can_be_copied() {
    let mut stage = Stage::new();
    stage.keys("C");
    insta::assert_snapshot!(stage.text_at(80, 24));
    stage.keys("c");
    let copied = stage.asked(|cmd| if let Cmd::Copy { text, .. } = cmd { Some(text.clone()) } else { None });
    assert_eq!(copied.as_deref(), Some("v9s connect team-alpha -n team-alpha --context eu-west-1"));
}

#[test]
fn a_way_that_is_open_is_used_again_and_its_state_is_in_the_header() {
    let mut stage = Stage::new();
    stage.tell(ready());
    assert!(stage.text_at(160, 24).lines().next().unwrap().contains("✓ 1 connection"));
    stage.keys("C s");
    let shell = stage.asked(|cmd| if let Cmd::Shell(id) = cmd { Some(*id) } else { None });
    assert_eq!(shell, Some(ConnectionId(3)));
    stage.tell(connection(Health::Waiting { why: "it has no pods".into() }));
    assert!(stage.text().lines().next().unwrap().contains("! 1 connection"), "{}", stage.text());
}

#[test]
fn connections_are_listed_used_and_closed() {
    let mut stage = Stage::new();
    stage.tell(ready());
    stage.keys("f");
    insta::assert_snapshot!(stage.text_at(120, 16));
    stage.keys("p");
    let copied = stage.asked(|cmd| if let Cmd::Copy { text, .. } = cmd { Some(text.clone()) } else { None });
    assert_eq!(copied.as_deref(), Some("export KUBECONFIG=/tmp/v9s-x/kubeconfig"));
    stage.keys("ctrl-d");
    assert!(stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Disconnect(ConnectionId(3)))));
    stage.tell(Msg::Disconnected(ConnectionId(3)));
    assert!(stage.text().contains("none is open"), "{}", stage.text());
}

#[test]
fn one_that_must_not_be_woken_is_told_so() {
    let mut stage = Stage::new();
    stage.keys("C t");
    let ticket = asked_for(&stage, |read| matches!(read, Read::Plan(_)));
    let why = "it is paused, and nothing is changed here: read-only".to_owned();
    stage.tell(Msg::Reply(ticket, Reply::Plan(Ok(Looked::Refused { why, instead: vec![] }))));
    assert!(stage.text().contains("it is paused"), "{}", stage.text());
}
