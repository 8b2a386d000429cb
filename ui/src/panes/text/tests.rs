use ratatui::style::Modifier;

use super::*;
use crate::panes::testing::{NOW, ascii, meanings, painted, plain, shown};

const YAML: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: script # by hand\n  labels: {app: web}\ndata:\n  replicas: 3\n  run.sh: |\n    key: not a key\n    echo \"done\"\n  long: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 end\n";

fn pane(text: &str) -> TextPane {
    let mut pane = TextPane::new(Highlight::Yaml);
    pane.set(text, NOW - chrono::TimeDelta::seconds(12));
    pane
}

fn draw(pane: &mut TextPane, columns: u16, rows: u16) -> String {
    shown(columns, rows, &plain(), |area, buf, theme| pane.render(area, buf, theme, NOW))
}

fn numbered(lines: usize) -> String {
    (1..=lines).map(|n| format!("item-{n}: {n}\n")).collect()
}

#[test]
fn yaml_at_80_columns() {
    let mut pane = pane(YAML);
    pane.toggle_numbers();
    insta::assert_snapshot!(shown(80, 24, &ascii(), |area, buf, theme| pane.render(area, buf, theme, NOW)));
}

#[test]
fn yaml_at_200_columns_with_search_and_broken_lines() {
    let mut pane = pane(&numbered(10_234));
    pane.toggle_wrap();
    pane.search("item-77").unwrap();
    pane.search_next();
    pane.search_next();
    insta::assert_snapshot!(draw(&mut pane, 200, 50));
}

#[test]
fn keys_numbers_and_what_was_found_stand_out() {
    let mut pane = pane(YAML);
    pane.search("name").unwrap();
    insta::assert_snapshot!(meanings(40, 14, |area, buf, theme| pane.render(area, buf, theme, NOW)));
}

#[test]
fn what_is_looked_for_comes_into_view() {
    let mut pane = pane(&numbered(1_000));
    draw(&mut pane, 40, 10);
    pane.search("item-500:").unwrap();
    let screen = draw(&mut pane, 40, 10);
    assert!(screen.contains("item-500: 500"), "{screen}");
    assert!(screen.contains("\"item-500:\" 1 of 1"), "{screen}");
}

#[test]
fn what_is_looked_for_to_the_right_comes_into_view() {
    let mut pane = pane(YAML);
    draw(&mut pane, 40, 12);
    pane.search("end").unwrap();
    assert!(draw(&mut pane, 40, 12).contains("end"));
    pane.go(Move::Left);
    assert!(draw(&mut pane, 70, 12).contains("from column"));
}

#[test]
fn broken_lines_show_everything() {
    let mut pane = pane(YAML);
    pane.toggle_wrap();
    assert!(draw(&mut pane, 40, 20).contains(" end"));
}

#[test]
fn the_place_stays_when_the_text_is_read_again() {
    let mut pane = pane(&numbered(100));
    draw(&mut pane, 40, 11);
    for _ in 0..3 {
        pane.go(Move::PageDown);
    }
    let before = draw(&mut pane, 40, 11);
    pane.set(&numbered(100), NOW - chrono::TimeDelta::seconds(12));
    assert_eq!(draw(&mut pane, 40, 11), before);
}

#[test]
fn a_text_that_cannot_be_read_says_why() {
    let mut pane = TextPane::new(Highlight::Yaml);
    pane.wait("reading YAML of Pod team-a/web-0");
    assert!(draw(&mut pane, 60, 5).contains("… reading YAML of Pod team-a/web-0"));
    pane.fail("forbidden: needs get pods in team-a\x1b[2J");
    assert!(draw(&mut pane, 60, 5).contains("? not known: forbidden: needs get pods in team-a"));
}

#[test]
fn a_text_stays_when_it_cannot_be_read_again() {
    let mut pane = pane("a: 1");
    pane.wait("reading YAML of Pod team-a/web-0");
    pane.fail("timed out after 10 s");
    let screen = draw(&mut pane, 60, 5);
    assert!(screen.contains("a: 1") && screen.contains("! not read again: timed out after 10 s"), "{screen}");
}

#[test]
fn a_wrong_expression_leaves_the_search_as_it_was() {
    let mut pane = pane("a: 1");
    pane.search("a").unwrap();
    assert!(pane.search("/(/").is_err());
    assert!(draw(&mut pane, 60, 5).contains("\"a\" 1 of 1"));
    pane.search("").unwrap();
    assert!(!pane.is_searching());
}

#[test]
fn copies_are_whole_and_harmless() {
    let pane = pane("a:\t1\r\n\x1b[31mb: 2\x1b[0m");
    assert_eq!(pane.text(), "a:      1\nb: 2\n");
}

#[test]
fn what_was_found_shows_without_colours_and_the_current_place_most() {
    let mut pane = pane("web one\nweb two\n");
    pane.search("web").unwrap();
    pane.search_next();
    let buf = painted(20, 3, &plain(), |area, buf, theme| pane.render(area, buf, theme, NOW));
    let modifiers = |x, y| buf[(x, y)].modifier;
    assert!(modifiers(0, 2).contains(Modifier::REVERSED), "the current place");
    assert!(!modifiers(0, 1).is_empty() && !modifiers(0, 1).contains(Modifier::REVERSED), "another place");
    assert!(modifiers(4, 1).is_empty(), "what was not looked for");
}
