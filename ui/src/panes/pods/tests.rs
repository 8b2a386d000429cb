use chrono::TimeDelta;
use v9s::fleet::model::Phase;

use super::columns::COLUMNS;
use super::*;
use crate::filter::Filter;
use crate::fixture::{fleet, vcluster};
use crate::panes::testing::{NOW, ascii, control_pod, meanings, plain, pod, shown, table};

fn pods() -> Vcluster {
    let mut waits = pod("batch-job-with-a-name-that-is-much-too-long-for-any-screen-of-this-world");
    (waits.status, waits.phase, waits.ready, waits.node) = ("Pending".into(), Phase::Pending, 0, None);
    let mut crashes = pod("api-0");
    (crashes.status, crashes.ready, crashes.restarts) = ("CrashLoopBackOff".into(), 0, 1_204);
    let mut half = pod("web-2");
    (half.ready, half.containers) = (1, 2);
    let mut evil = pod("日本語\x1b[2J\u{202e}");
    (evil.created, evil.virtual_namespace) = (None, Some("\x1b]0;x\x07ns".into()));
    let mut done = pod("job-1");
    (done.status, done.phase, done.ready) = ("Completed".into(), Phase::Succeeded, 0);
    Vcluster {
        synced: Known::Yes(PodCounts {
            total: 5,
            running: 3,
            pending: 1,
            succeeded: 1,
            ..PodCounts::default()
        }),
        control_plane: Arc::from([control_pod("team-alpha-0")]),
        pods: Arc::from([waits, crashes, half, evil, done]),
        ..vcluster("team-alpha", "team-alpha")
    }
}

fn draw(v: &Vcluster, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let mut all = Pods::default();
    all.update(v);
    render_head(v, Rect { height: area.height.min(1), ..area }, buf, theme, NOW);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    table(COLUMNS, &all.rows(), "status", emptiness(v), body, buf, theme);
}

#[test]
fn pods_at_80_columns_worst_first() {
    insta::assert_snapshot!(shown(80, 24, &ascii(), |area, buf, theme| draw(&pods(), area, buf, theme)));
}

#[test]
fn pods_at_200_columns_worst_first() {
    insta::assert_snapshot!(shown(200, 50, &plain(), |area, buf, theme| draw(&pods(), area, buf, theme)));
}

#[test]
fn status_is_sign_word_and_colour_and_the_cursor_shows() {
    insta::assert_snapshot!(meanings(100, 9, |area, buf, theme| draw(&pods(), area, buf, theme)));
}

#[test]
fn pods_that_may_not_be_listed_say_so() {
    let fleet = fleet();
    let edge = fleet.iter().find(|v| v.key.name == "edge-03").unwrap();
    let screen = shown(80, 5, &plain(), |area, buf, theme| draw(edge, area, buf, theme));
    assert!(screen.contains("? synced pods not known: forbidden: needs list pods in edge-03"), "{screen}");
    assert!(screen.contains("no pods that are known"), "{screen}");
}

#[test]
fn the_number_changes_only_with_the_pods() {
    let mut all = Pods::default();
    let first = pods();
    all.update(&first);
    let before = all.revision();
    all.update(&Vcluster { reason: "something else".into(), ..first.clone() });
    assert_eq!(all.revision(), before);
    all.update(&Vcluster { pods: Arc::from([pod("new")]), ..first });
    assert_ne!(all.revision(), before);
    assert_eq!(all.rows().len(), 2);
}

#[test]
fn faults_are_what_needs_a_look() {
    let v = pods();
    let mut all = Pods::default();
    all.update(&v);
    let faults: Vec<&str> = all.rows().into_iter().filter(|pod| is_fault(pod)).map(columns::name).collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn pods_are_found_by_what_their_columns_say() {
    let mut old = pod("db-0");
    (old.created, old.restarts, old.node) = (Some(NOW - TimeDelta::days(9)), 3, Some("node-7".into()));
    let rows = [pod("web-0"), old, control_pod("team-alpha-0")];
    for (typed, expected) in [
        ("web", &["web-0"][..]),
        ("restarts>2", &["db-0"]),
        ("age>1d", &["db-0"]),
        ("node:node-7", &["db-0"]),
        ("ns:shop", &["web-0", "db-0"]),
        ("ns:-", &["team-alpha-0"]),
        ("!ns:shop", &["team-alpha-0"]),
        ("status:running ready=1", &["web-0", "db-0", "team-alpha-0"]),
    ] {
        let filter = Filter::parse(&LANGUAGE, typed).unwrap();
        let found: Vec<&str> =
            filter.select(&rows, NOW).into_iter().map(|found| columns::name(&rows[found.index])).collect();
        assert_eq!(found, expected, "{typed}");
    }
}
