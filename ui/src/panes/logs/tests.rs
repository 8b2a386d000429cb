use chrono::TimeDelta;

use super::*;
use crate::panes::testing::{NOW, ascii, meanings, plain, shown};

fn source() -> Source {
    Source {
        pod: "team-alpha-0".into(),
        container: "syncer".into(),
        place: (1, 2),
        previous: false,
        since: "last 15m".into(),
    }
}

fn pane(lines: usize, limits: Limits) -> LogsPane {
    let mut pane = LogsPane::new(limits);
    pane.open(source());
    for n in 0..lines {
        push(&mut pane, n);
    }
    pane
}

fn push(pane: &mut LogsPane, n: usize) {
    let level = if n.is_multiple_of(5) { "debug" } else { "info" };
    pane.push(
        Some(NOW - TimeDelta::seconds(600) + TimeDelta::milliseconds(n as i64 * 137)),
        &format!("{level} line {n}"),
    );
}

fn draw(pane: &mut LogsPane, columns: u16, rows: u16) -> String {
    shown(columns, rows, &plain(), |area, buf, theme| pane.render(area, buf, theme, NOW))
}

#[test]
fn a_log_at_80_columns() {
    let mut pane = pane(30, Limits { lines: 25, ..Limits::default() });
    pane.toggle_timestamps();
    pane.mark(Mark::Lost("reset by peer"), NOW - TimeDelta::seconds(9));
    pane.push(None, "\x1b[32mgreen\x1b[0m and 日本語 \u{202e}txt.exe");
    pane.mark(Mark::Ended, NOW - TimeDelta::seconds(2));
    insta::assert_snapshot!(shown(80, 24, &ascii(), |area, buf, theme| pane.render(area, buf, theme, NOW)));
}

#[test]
fn a_log_at_200_columns_with_search_and_choice() {
    let mut pane = pane(25_000, Limits::default());
    pane.only("!debug").unwrap();
    draw(&mut pane, 200, 50);
    pane.search("/line \\d+77$/").unwrap();
    pane.search_previous();
    pane.toggle_wrap();
    insta::assert_snapshot!(draw(&mut pane, 200, 50));
}

#[test]
fn remarks_and_places_found_stand_out() {
    let mut pane = pane(2, Limits::default());
    pane.mark(Mark::Lost("reset by peer"), NOW);
    pane.mark(Mark::Resumed, NOW);
    pane.mark(Mark::Failed("forbidden: needs get pods/log in team-a"), NOW);
    pane.search("line").unwrap();
    insta::assert_snapshot!(meanings(60, 8, |area, buf, theme| pane.render(area, buf, theme, NOW)));
}

#[test]
fn going_up_holds_the_log_still_and_the_end_follows_again() {
    let mut pane = pane(100, Limits::default());
    assert!(draw(&mut pane, 60, 11).contains("line 99"));
    pane.go(Move::Up);
    let held = draw(&mut pane, 60, 11);
    assert!(!pane.follows() && held.contains("‖ held, 1 below"), "{held}");
    push(&mut pane, 100);
    let later = draw(&mut pane, 60, 11);
    assert!(later.contains("held, 2 below"), "{later}");
    let body = |screen: &str| screen.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(body(&later), body(&held), "what is read stays where it is");
    pane.go(Move::Down);
    assert!(!pane.follows());
    pane.go(Move::Down);
    assert!(pane.follows());
    push(&mut pane, 101);
    assert!(draw(&mut pane, 60, 11).contains("line 101"));
}

#[test]
fn what_is_read_stays_while_old_lines_leave() {
    let mut pane = pane(50, Limits { lines: 50, ..Limits::default() });
    draw(&mut pane, 60, 6);
    pane.go(Move::Up);
    let held = draw(&mut pane, 60, 6);
    for n in 50..70 {
        push(&mut pane, n);
    }
    let later = draw(&mut pane, 100, 6);
    assert!(later.contains("! 20 older dropped"), "{later}");
    assert_eq!(later.lines().nth(1), held.lines().nth(1));
    for n in 70..200 {
        push(&mut pane, n);
    }
    assert!(draw(&mut pane, 60, 6).contains("line 150"), "the oldest there is, once what was read is gone");
}

#[test]
fn a_choice_can_be_turned_round_and_taken_back() {
    let mut pane = pane(20, Limits::default());
    pane.only("debug").unwrap();
    let screen = draw(&mut pane, 80, 30);
    assert!(screen.contains("only \"debug\": 4 of 20 lines") && !screen.contains("info"), "{screen}");
    pane.only("!debug").unwrap();
    assert!(!draw(&mut pane, 80, 30).contains("debug line"));
    assert!(pane.only("/(/").is_err());
    assert_eq!(pane.only_typed(), "!debug");
    pane.only("nowhere").unwrap();
    assert!(draw(&mut pane, 80, 30).contains("none of 20 lines is wanted by \"nowhere\""));
    pane.only("").unwrap();
    assert!(draw(&mut pane, 80, 30).contains("debug line 0"));
}

#[test]
fn a_search_goes_on_through_lines_that_come() {
    let mut pane = pane(10, Limits { lines: 10, ..Limits::default() });
    draw(&mut pane, 80, 6);
    pane.search("line 12").unwrap();
    assert!(draw(&mut pane, 80, 6).contains("\"line 12\" not found"));
    assert!(pane.follows());
    for n in 10..15 {
        push(&mut pane, n);
    }
    pane.search_next();
    assert!(draw(&mut pane, 80, 6).contains("\"line 12\" 1 of 1"));
    assert!(!pane.follows(), "a place that was gone to stays");
    for n in 15..30 {
        push(&mut pane, n);
    }
    assert!(draw(&mut pane, 80, 6).contains("\"line 12\" not found"));
}

#[test]
fn the_end_of_a_search_follows_again_unless_the_person_had_stopped() {
    let mut pane = pane(30, Limits::default());
    draw(&mut pane, 80, 6);
    pane.search("line 12").unwrap();
    assert!(!pane.follows());
    pane.search("").unwrap();
    assert!(pane.follows() && draw(&mut pane, 80, 6).contains("line 29"));
    pane.toggle_follow();
    pane.search("line 12").unwrap();
    pane.search("").unwrap();
    assert!(!pane.follows(), "who has stopped goes on reading");
    pane.toggle_follow();
    pane.search("line 12").unwrap();
    pane.go(Move::Up);
    pane.search("").unwrap();
    assert!(!pane.follows(), "who has moved goes on reading");
}

#[test]
fn a_copy_is_plain_and_names_the_gaps() {
    let mut pane = pane(0, Limits::default());
    pane.push(Some(NOW), "\x1b[31mred\x1b[0m\tcell\r\n");
    pane.mark(Mark::Ended, NOW);
    let end = "# 2026-11-20T14:06:11.000Z the log ends here\n";
    assert_eq!(pane.text(), format!("red    cell\n{end}"));
    pane.toggle_timestamps();
    assert_eq!(pane.text(), format!("2026-11-20T14:06:11.000Z red    cell\n{end}"));
}

#[test]
fn another_stream_starts_empty_and_keeps_what_is_looked_for() {
    let mut pane = pane(30, Limits::default());
    draw(&mut pane, 80, 10);
    pane.search("line").unwrap();
    pane.open(Source { previous: true, ..source() });
    let screen = draw(&mut pane, 110, 10);
    assert!(screen.contains("before the last restart") && screen.contains("no lines yet"), "{screen}");
    assert!(screen.contains("\"line\" not found") && pane.follows(), "{screen}");
}

#[test]
fn without_a_pod_there_is_no_log() {
    let screen = draw(&mut LogsPane::default(), 60, 4);
    assert_eq!(screen.trim(), "i no pod whose log could be read");
}

#[test]
fn a_container_that_is_not_known_yet_has_no_name() {
    let mut pane = LogsPane::default();
    pane.open(Source { pod: "team-alpha-0".into(), ..Source::default() });
    assert!(draw(&mut pane, 60, 4).starts_with(" team-alpha-0 · ● following"));
}

#[test]
fn times_name_the_day_when_it_is_not_today() {
    let mut pane = pane(0, Limits::default());
    pane.toggle_timestamps();
    pane.push(Some(NOW), "today");
    assert!(draw(&mut pane, 60, 4).contains("14:06:11.000Z today"));
    pane.clear();
    pane.push(Some(NOW - TimeDelta::days(1)), "yesterday");
    assert!(draw(&mut pane, 60, 4).contains("11-19 14:06:11Z yesterday"));
}
