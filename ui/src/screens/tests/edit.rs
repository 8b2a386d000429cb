//! Another configuration, in the editor.

use crate::app::reads::{Read, Reply};
use crate::app::{Cmd, Msg};
use crate::config::Config;
use crate::verbs::Errand;

use super::detail::asked_for;
use super::stage::Stage;

const CONFIG: &str = "# ours\ncontrolPlane:\n  distro:\n    k8s:\n      version: v1.35.1\npolicies:\n  resourceQuota:\n    enabled: true\n";

/// The editor with the configuration in it.
fn open() -> Stage {
    let mut stage = Stage::new();
    stage.keys("E");
    let ticket = asked_for(&stage, |read| matches!(read, Read::Written(_)));
    stage.tell(Msg::Reply(ticket, Reply::Text(Ok(CONFIG.to_owned()))));
    stage
}

fn wished(stage: &Stage) -> Option<(String, String)> {
    stage.asked(|cmd| match cmd {
        Cmd::Read(_, Read::Plan(Errand::Edit { before, after, .. })) => Some((before.clone(), after.clone())),
        _ => None,
    })
}

#[test]
fn the_editor_shows_the_configuration_word_by_word() {
    let mut stage = open();
    insta::assert_snapshot!("edit_80", stage.text_at(80, 24));
    stage.keys("down down down down down down down end").typing("x");
    insta::assert_snapshot!("edit_wrong_200", stage.text_at(200, 50));
}

#[test]
fn what_was_typed_is_looked_at_once_it_can_be_read() {
    let mut stage = open();
    stage.keys("ctrl-g");
    assert!(stage.says().contains("nothing was changed"), "{}", stage.says());
    stage.keys("down down down down down down down end").typing("x");
    stage.keys("ctrl-g");
    assert_eq!(wished(&stage), None, "{}", stage.says());
    stage.keys("end backspace backspace backspace backspace backspace").typing("false");
    stage.keys("ctrl-g");
    let (before, after) = wished(&stage).unwrap_or_else(|| panic!("{}", stage.says()));
    assert_eq!(before, CONFIG);
    assert_eq!(after, CONFIG.replace("enabled: true", "enabled: false"));
}

#[test]
fn what_was_typed_is_not_thrown_away_by_one_key() {
    let mut stage = open();
    stage.typing("#");
    stage.keys("esc");
    assert!(stage.text().contains("vcluster.yaml of"), "{}", stage.text());
    stage.keys("esc");
    assert!(!stage.text().contains("vcluster.yaml of"), "{}", stage.text());
    let mut stage = open();
    stage.keys("esc");
    assert!(!stage.text().contains("vcluster.yaml of"), "{}", stage.text());
}

#[test]
fn one_that_is_not_to_be_changed_here_says_why() {
    let mut stage = Stage::new();
    stage.keys("E");
    let ticket = asked_for(&stage, |read| matches!(read, Read::Written(_)));
    let why = "team-alpha was not made by v9s: change it by what deploys it\nhelm upgrade shop".to_owned();
    stage.tell(Msg::Reply(ticket, Reply::Text(Err(why.clone()))));
    assert!(stage.text().contains("helm upgrade shop"), "{}", stage.text());
    stage.keys("c");
    let copied = stage.asked(|cmd| if let Cmd::Copy { text, .. } = cmd { Some(text.clone()) } else { None });
    assert_eq!(copied, Some(why));
    let mut stage = Stage::with_fleet(Config { read_only: true, ..Config::default() }, Default::default());
    stage.keys("E");
    assert!(stage.says().contains("read-only"), "{}", stage.says());
}
