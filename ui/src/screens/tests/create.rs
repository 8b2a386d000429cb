//! The form for a new virtual cluster and its text.

use v9s::provision::create::Preset;

use crate::app::Cmd;
use crate::app::Msg;
use crate::app::reads::{Read, Reply};
use crate::config::Config;
use crate::verbs::Errand;

use super::detail::asked_for;
use super::stage::Stage;

/// The fleet has one host, so the first line is the name.
fn form() -> Stage {
    let mut stage = Stage::new();
    stage.keys("n");
    stage
}

fn ordered(stage: &Stage) -> Option<Errand> {
    stage.asked(|cmd| match cmd {
        Cmd::Read(_, Read::Plan(errand @ Errand::Create(_))) => Some(errand.clone()),
        _ => None,
    })
}

#[test]
fn the_form_in_80_columns() {
    let mut stage = form();
    stage.typing("shop");
    insta::assert_snapshot!(stage.text_at(80, 24));
}

#[test]
fn the_form_in_200_columns() {
    let mut stage = form();
    stage.typing("shop");
    stage.keys("down down right right");
    insta::assert_snapshot!(stage.text_at(200, 50));
}

#[test]
fn choices_and_typed_values_are_written_into_the_text_beside_them() {
    let mut stage = form();
    stage.typing("shop");
    stage.keys("down down down").typing("v1.35.1");
    stage.keys("down right down").typing("0");
    let text = stage.text_at(160, 40);
    for line in ["version: v1.35.1", "deploy:", "enabled: true", "retentionPolicy: Delete"] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    stage.keys("ctrl-g");
    let Some(errand @ Errand::Create(_)) = ordered(&stage) else { panic!("{}", stage.says()) };
    assert_eq!(errand.title(), "create vcluster-shop/shop");
}

#[test]
fn a_problem_is_marked_at_its_line_and_nothing_is_looked_at() {
    let mut stage = form();
    stage.typing("shop");
    stage.keys("tab").typing("sync:");
    stage.keys("enter").typing("podz: 1");
    stage.keys("enter");
    let text = stage.text_at(120, 30);
    assert!(text.contains("✗  2"), "{text}");
    assert!(text.contains("podz"), "{text}");
    stage.keys("ctrl-g");
    assert!(ordered(&stage).is_none());
    assert!(stage.says().contains("line 2, column 3"), "{}", stage.says());
}

#[test]
fn without_a_name_nothing_is_looked_at() {
    let mut stage = form();
    stage.keys("ctrl-g");
    assert!(ordered(&stage).is_none());
    assert!(stage.says().contains("it is empty"), "{}", stage.says());
}

#[test]
fn another_preset_does_not_throw_away_what_was_written_at_once() {
    let mut stage = form();
    stage.keys("tab").typing("# mine");
    stage.keys("tab down down right");
    assert!(stage.says().contains("replaces what was changed"), "{}", stage.says());
    assert!(stage.text_at(120, 30).contains("# mine"));
    stage.keys("right");
    assert!(!stage.text_at(120, 30).contains("# mine"));
}

#[test]
fn a_persons_own_presets_are_among_them() {
    let mut stage = form();
    let ticket = asked_for(&stage, |read| matches!(read, Read::Presets));
    let own = vec![("team".into(), "# of the team\nsync: {}\n".to_owned())];
    stage.tell(Msg::Reply(ticket, Reply::Presets(own)));
    stage.keys("down down left");
    let text = stage.text_at(120, 30);
    assert!(text.contains("team") && text.contains("# of the team"), "{text}");
    assert_eq!(Preset::ALL.len(), 3);
}

#[test]
fn what_was_typed_is_there_again_after_looking_elsewhere() {
    let mut stage = form();
    stage.typing("shop");
    stage.keys("esc");
    assert!(!stage.text().contains("vcluster.yaml"));
    stage.keys("n");
    assert!(stage.text().contains("Create shop"), "{}", stage.text());
}

#[test]
fn in_read_only_mode_there_is_no_form() {
    let mut stage = Stage::with_fleet(Config { read_only: true, ..Config::default() }, Default::default());
    stage.keys("n");
    assert!(stage.says().contains("read-only"), "{}", stage.says());
    stage.keys(":").typing("create").keys("enter");
    assert!(!stage.text().contains("vcluster.yaml"));
}

#[test]
fn every_size_is_survived() {
    for (width, height) in [(60, 15), (61, 40), (80, 24), (200, 16), (300, 90)] {
        let mut stage = form();
        stage.resize(width, height);
        for keys in ["", "down down down down down down down down down down", "tab", "pgdn end"] {
            stage.keys(keys);
            stage.draw();
        }
    }
}
