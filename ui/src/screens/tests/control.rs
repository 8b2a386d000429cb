//! The control plane of one virtual cluster: asked while it is seen; and its certificates, read where nothing tells of them.

use chrono::TimeDelta;
use v9s::health::control::Reading;
use v9s::known::Known;

use super::detail::{asked_for, stage_with};
use super::stage::{Stage, fleet};
use crate::app::reads::{Read, Reply};
use crate::app::world::Access;
use crate::app::{Cmd, Msg};
use crate::config::Config;
use crate::fixture;
use crate::panes::control::tests::{unwell, well};

/// As it was a moment ago, by the clock of the stage.
fn lately(reading: Reading) -> Reading {
    let taken = fixture::now() - TimeDelta::seconds(4);
    let later = taken - reading.taken;
    let mut reading = Reading { taken, ..reading };
    if let Known::Yes(containers) = &mut reading.containers {
        for end in containers.iter_mut().filter_map(|container| container.ended.as_mut()) {
            end.at = end.at.map(|at| at + later);
        }
    }
    reading
}

fn access(stage: &mut Stage, forbidden: &[&str]) {
    let forbidden = forbidden.iter().map(|right| (*right).into()).collect();
    let access = Access::Known { forbidden };
    stage.tell(Msg::Access { host: "eu-west-1".into(), namespace: "team-alpha".into(), access });
}

fn opened() -> Stage {
    let mut stage = stage_with(Config::default());
    stage.keys("enter i");
    access(&mut stage, &[]);
    stage
}

fn told(stage: &mut Stage, reading: Reading) {
    let key = fixture::fleet().remove(0).key;
    let ticket = asked_for(stage, |read| matches!(read, Read::Control(_)));
    stage.tell(Msg::Reply(ticket, Reply::Control(key, Ok(Box::new(lately(reading))))));
}

fn reads(stage: &Stage, wanted: fn(&Read) -> bool) -> usize {
    stage.cmds.iter().filter(|cmd| matches!(cmd, Cmd::Read(_, read) if wanted(read))).count()
}

fn is_control(read: &Read) -> bool {
    matches!(read, Read::Control(_))
}

fn is_certificates(read: &Read) -> bool {
    matches!(read, Read::Certificates(_))
}

#[test]
fn the_control_plane_at_80_columns() {
    let mut stage = opened();
    told(&mut stage, unwell());
    insta::assert_snapshot!(stage.text_at(80, 24));
}

#[test]
fn the_control_plane_at_200_columns() {
    let mut stage = opened();
    told(&mut stage, unwell());
    insta::assert_snapshot!(stage.text_at(200, 50));
}

#[test]
fn it_is_asked_again_as_long_as_it_is_seen_and_one_at_a_time() {
    let mut stage = opened();
    assert_eq!(reads(&stage, is_control), 1);
    assert!(stage.text().contains("looking at its control plane"), "{}", stage.text());
    stage.wait(30);
    assert_eq!(reads(&stage, is_control), 1, "it is still being asked");
    told(&mut stage, well());
    stage.wait(5);
    assert_eq!(reads(&stage, is_control), 1, "it is fresh");
    stage.wait(6);
    assert_eq!(reads(&stage, is_control), 2);
    stage.keys("1");
    stage.wait(60);
    assert_eq!(reads(&stage, is_control), 2, "nobody sees it");
}

#[test]
fn what_was_found_stands_in_the_findings_for_a_while_and_leads_back() {
    let mut stage = opened();
    told(&mut stage, unwell());
    stage.keys(":").typing("findings").keys("enter");
    stage.keys("/").typing("control-plane-not-ready").keys("enter");
    let text = stage.text_at(160, 30);
    assert!(text.contains("its API server is not ready: etcd"), "{text}");
    stage.keys("enter");
    assert_eq!(stage.state.top().place(), "control");
    stage.keys("esc");
    stage.wait(180);
    let text = stage.text_at(160, 30);
    assert!(!text.contains("its API server is not ready"), "it is too long ago: {text}");
}

#[test]
fn nothing_is_asked_of_one_that_rests() {
    let mut stage = stage_with(Config::default());
    let mut all = fixture::fleet();
    all[0].state = v9s::fleet::state::State::Paused;
    stage.fleet(fleet(all));
    stage.keys(":").typing("vc team-alpha control").keys("enter");
    stage.wait(60);
    assert_eq!(reads(&stage, is_control), 0);
    assert!(stage.text().contains("nothing is asked of it"), "{}", stage.text());
}

/// The overview of one whose workload tells nothing of its certificates.
fn silent(forbidden: &[&str]) -> Stage {
    let mut stage = stage_with(Config::default());
    let mut all = fixture::fleet();
    all[0].certificates = Known::unknown("its workload does not tell");
    stage.fleet(fleet(all));
    stage.keys(":").typing("vc team-alpha").keys("enter");
    assert_eq!(reads(&stage, is_certificates), 0, "what one may do is not known yet");
    access(&mut stage, forbidden);
    stage
}

#[test]
fn certificates_of_which_nothing_tells_are_read_while_their_virtual_cluster_is_seen() {
    let mut stage = silent(&[]);
    assert_eq!(reads(&stage, is_certificates), 1);
    let text = stage.text_at(120, 50);
    assert!(text.contains("not known: its workload does not tell"), "{text}");
    let key = fixture::fleet().remove(0).key;
    let ticket = asked_for(&stage, is_certificates);
    let end = fixture::now() + TimeDelta::days(3) + TimeDelta::hours(1);
    stage.tell(Msg::Reply(ticket, Reply::Certificates(key, Ok(end))));
    let text = stage.text_at(120, 50);
    assert!(text.contains("3 days left, until ") && text.contains("its syncer makes new ones"), "{text}");
    stage.wait(1_800);
    assert_eq!(reads(&stage, is_certificates), 1, "they do not end any sooner");
    stage.wait(1_900);
    assert_eq!(reads(&stage, is_certificates), 2, "an hour is over");
}

#[test]
fn certificates_that_one_may_not_read_or_that_are_told_are_not_read() {
    let stage = silent(&["get secrets"]);
    assert_eq!(reads(&stage, is_certificates), 0);
    let mut stage = stage_with(Config::default());
    stage.keys(":").typing("vc team-alpha").keys("enter");
    access(&mut stage, &[]);
    stage.wait(60);
    assert_eq!(reads(&stage, is_certificates), 0);
}
