use std::sync::Arc;

use chrono::TimeDelta;
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use v9s::fleet::model::Link;

use super::stage::{Stage, ascii, fleet, no_colour};
use crate::app::{Cmd, Msg};
use crate::config::{Config, ContextRule, Tone};
use crate::fixture;
use crate::theme::Appearance;

#[test]
fn the_fleet_at_80_columns() {
    insta::assert_snapshot!(Stage::new().text_at(80, 24));
}

#[test]
fn the_fleet_at_120_columns() {
    insta::assert_snapshot!(Stage::new().text_at(120, 40));
}

#[test]
fn the_fleet_at_200_columns() {
    insta::assert_snapshot!(Stage::new().text_at(200, 50));
}

#[test]
fn the_fleet_in_ascii_is_ascii() {
    let text = Stage::with_fleet(Config::default(), ascii()).text_at(120, 24);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn without_colours_the_selection_shows() {
    let mut stage = Stage::with_fleet(Config::default(), no_colour());
    stage.keys("j");
    insta::assert_snapshot!(fixture::modifiers_of(&stage.draw()));
}

#[test]
fn the_first_frame_says_that_it_is_connecting() {
    insta::assert_snapshot!(Stage::empty(Config::default(), Appearance::default()).text());
}

#[test]
fn a_production_context_has_a_badge_and_a_word() {
    let rule = ContextRule {
        pattern: "eu-*".into(),
        badge: Some("PROD".into()),
        tone: Tone::Prod,
        read_only: true,
        namespaces: vec![],
    };
    let mut stage =
        Stage::with_fleet(Config { rules: vec![rule], ..Config::default() }, Appearance::default());
    let header = stage.text_at(160, 24).lines().next().unwrap().to_owned();
    assert!(header.starts_with(" PROD  eu-west-1 (v1.36.2)"), "{header}");
    assert!(header.contains(" read-only"), "{header}");
}

#[test]
fn a_dead_host_keeps_its_rows_and_says_since_when_and_when_the_next_try_is() {
    let mut stage = Stage::new();
    let mut dead = fleet(fixture::fleet());
    let since = fixture::now() - TimeDelta::seconds(42);
    let next_try = fixture::now() + TimeDelta::seconds(8);
    Arc::make_mut(&mut dead.hosts[0]).link = Link::Stale { since, next_try, error: "timeout".into() };
    for vcluster in &mut dead.vclusters {
        Arc::make_mut(vcluster).stale_since = Some(since);
    }
    stage.fleet(dead);
    let text = stage.text_at(120, 24);
    let header = text.lines().next().unwrap();
    assert!(header.contains("stale 42s, next try in 8s"), "{header}");
    assert!(text.contains("team-epsilon"), "{text}");
}

#[test]
fn what_is_forbidden_is_told_in_one_line() {
    let mut stage = Stage::new();
    let mut narrow = fleet(fixture::fleet());
    let note = "forbidden: cannot list pods in all namespaces; watching team-a, team-b";
    Arc::make_mut(&mut narrow.hosts[0]).notes = vec![note.into()];
    stage.fleet(narrow);
    assert!(stage.text().lines().any(|line| line.contains(note)));
}

#[test]
fn a_terminal_that_is_too_small_says_how_large_it_must_be_and_can_be_left() {
    let mut stage = Stage::new();
    stage.resize(59, 15);
    let text = stage.text();
    assert!(text.contains("needs 60x15, this is 59x15"), "{text}");
    stage.keys("q");
    assert!(matches!(stage.cmds.last(), Some(Cmd::Exit)));
}

#[test]
fn the_cursor_follows_the_object_and_not_the_place() {
    let mut stage = Stage::new();
    stage.keys("j j");
    let before = stage.selected();
    let name = before.split_whitespace().nth(1).unwrap().to_owned();
    // The worst one is mended: everything moves up.
    let mut rows = fixture::fleet();
    rows.remove(0);
    stage.fleet(fleet(rows));
    assert!(stage.selected().contains(&name), "{before:?} {:?}", stage.selected());
}

#[test]
fn before_the_person_moves_the_worst_one_is_selected_whatever_arrives() {
    let mut stage = Stage::new();
    stage.fleet(fleet(fixture::fleet()[2..4].to_vec()));
    stage.fleet(fleet(fixture::fleet()));
    assert!(stage.selected().contains("team-alpha"));
}

#[test]
fn a_filter_narrows_while_it_is_typed_and_esc_takes_it_away() {
    let mut stage = Stage::new();
    stage.keys("/").typing("gamma");
    assert!(stage.text().contains("1 of 5"), "{}", stage.text());
    stage.keys("enter");
    assert!(stage.text().contains("/gamma"));
    stage.keys("esc");
    assert!(!stage.text().contains("of 5"));
}

#[test]
fn a_filter_that_cannot_be_read_leaves_the_rows_and_says_why() {
    let mut stage = Stage::new();
    stage.resize(160, 24);
    stage.keys("/").typing("-l ==");
    let text = stage.text();
    assert!(text.contains("column ") && text.contains("team-alpha"), "{text}");
    stage.keys("enter");
    assert!(stage.text().contains("column "), "enter does not keep a mistake");
    stage.keys("esc");
    assert!(!stage.text().contains("column "));
}

#[test]
fn marks_survive_a_filter_and_name_objects() {
    let mut stage = Stage::new();
    stage.keys("space space / g a m m a enter c");
    let copied =
        stage.asked(|cmd| if let Cmd::Copy { text, .. } = cmd { Some(text.clone()) } else { None }).unwrap();
    assert_eq!(copied.lines().count(), 2, "{copied}");
    assert!(!copied.contains("gamma"), "the marked ones are meant, shown or not: {copied}");
    assert!(stage.text().contains("2 marked"));
    stage.keys("ctrl-\\");
    assert!(!stage.text().contains("marked"));
}

#[test]
fn a_range_is_marked_from_the_last_mark() {
    let mut stage = Stage::new();
    stage.keys("space j j ctrl-space");
    assert!(stage.text().contains("4 marked"), "{}", stage.text());
}

#[test]
fn sorting_by_keys_and_by_mouse() {
    let mut stage = Stage::new();
    stage.resize(120, 24);
    stage.keys("<");
    let by_host = stage.text();
    assert!(by_host.contains("by HOST"), "{by_host}");
    let heading = by_host.lines().nth(2).unwrap().find("NAME").unwrap();
    let column = u16::try_from(heading).unwrap();
    let press = |kind| MouseEvent { kind, column, row: 2, modifiers: KeyModifiers::NONE };
    stage.tell(Msg::Mouse(press(MouseEventKind::Down(MouseButton::Left))));
    assert!(stage.text().contains("by NAME ▲"), "{}", stage.text());
    stage.keys("O");
    assert!(stage.text().contains("by NAME ▼"));
}

#[test]
fn faults_only_hides_what_is_well() {
    let mut stage = Stage::new();
    stage.keys("!");
    let text = stage.text();
    assert!(
        text.contains("faults only") && !text.contains("team-epsilon") && text.contains("team-alpha"),
        "{text}"
    );
}

#[test]
fn the_name_stays_when_columns_are_scrolled() {
    let mut stage = Stage::new();
    for _ in 0..30 {
        stage.keys("right");
        assert!(stage.selected().contains("team-alpha"), "{}", stage.text());
    }
    assert!(stage.text().contains("AGE"), "{}", stage.text());
}

#[test]
fn copying_a_row_copies_every_column() {
    let mut stage = Stage::new();
    stage.keys("Y");
    let copied =
        stage.asked(|cmd| if let Cmd::Copy { text, .. } = cmd { Some(text.clone()) } else { None }).unwrap();
    assert!(copied.starts_with("team-alpha\tteam-alpha\teu-west-1\tDegraded"), "{copied}");
}

#[test]
fn names_with_escape_sequences_do_no_harm() {
    let mut stage = Stage::new();
    let mut evil = fixture::vcluster("evil", "evil\x1b[2J\u{202e}name");
    evil.reason = "a\nb\x07".into();
    stage.fleet(fleet(vec![evil]));
    let text = stage.text();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(!text.contains('\u{202e}'));
}
