//! Pausing and resuming from the dashboard.

use crate::app::world::Access;
use crate::app::{Cmd, Msg};
use crate::config::Config;

use super::stage::Stage;

fn operated(stage: &Stage) -> Option<String> {
    stage.asked(
        |cmd| if let Cmd::Operate(_, operation) = cmd { Some(operation.title().to_string()) } else { None },
    )
}

fn may(stage: &mut Stage, forbidden: &[&str]) {
    let access = Access::Known { forbidden: forbidden.iter().map(|right| (*right).into()).collect() };
    stage.tell(Msg::Access { host: "eu-west-1".into(), namespace: "team-alpha".into(), access });
}

#[test]
fn a_running_one_is_paused_after_a_plan_and_a_yes() {
    let mut stage = Stage::new();
    may(&mut stage, &[]);
    stage.keys("z");
    insta::assert_snapshot!(stage.text_at(120, 24));
    stage.keys("enter");
    assert_eq!(operated(&stage), None, "enter is no yes");
    stage.keys("z y");
    assert_eq!(operated(&stage).as_deref(), Some("pause team-alpha/team-alpha"));
}

#[test]
fn a_paused_one_is_resumed_by_the_same_key() {
    let mut stage = Stage::new();
    stage.keys("/ t e a m - d e l t a enter z");
    assert!(stage.text().contains("resume team-delta/team-delta"), "{}", stage.text());
    assert!(stage.text().contains("not asked yet, the server may refuse"), "{}", stage.text());
    stage.keys("y");
    assert_eq!(operated(&stage).as_deref(), Some("resume team-delta/team-delta"));
}

#[test]
fn every_tab_of_a_virtual_cluster_knows_the_key() {
    for tab in ["1", "2", "3", "4"] {
        let mut stage = Stage::new();
        stage.keys(&format!("enter {tab}"));
        may(&mut stage, &[]);
        stage.keys("z y");
        assert_eq!(operated(&stage).as_deref(), Some("pause team-alpha/team-alpha"), "tab {tab}");
    }
}

#[test]
fn without_the_right_or_in_read_only_mode_nothing_is_asked() {
    let mut stage = Stage::new();
    may(&mut stage, &["patch statefulsets.apps"]);
    stage.keys("z");
    assert!(
        stage.says().contains("forbidden: needs patch statefulsets.apps in team-alpha"),
        "{}",
        stage.says()
    );
    let mut stage = Stage::with_fleet(Config { read_only: true, ..Config::default() }, Default::default());
    stage.keys("z y");
    assert!(stage.says().contains("read-only"), "{}", stage.says());
    assert_eq!(operated(&stage), None);
}
