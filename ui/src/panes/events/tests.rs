use chrono::TimeDelta;

use super::*;
use crate::filter::Filter;
use crate::panes::testing::{NOW, ascii, meanings, plain, shown, table};

fn event(n: i64, kind: Kind, reason: &str, object: &str, message: &str) -> Event {
    Event {
        uid: format!("uid-{n}").into(),
        kind,
        reason: reason.into(),
        object: object.into(),
        message: message.into(),
        count: 1,
        first: Some(NOW - TimeDelta::minutes(n + 30)),
        last: Some(NOW - TimeDelta::minutes(n)),
        source: "kubelet".into(),
    }
}

fn events() -> Events {
    let mut events = Events::default();
    let quota = "pods \"api-0\" is forbidden: exceeded quota: vc-quota, requested: requests.cpu=250m, used: requests.cpu=9900m, limited: requests.cpu=10";
    let mut often =
        event(4, Kind::Warning, "FailedCreate", "ReplicaSet/api-7d9c5b8d6f-x-shop-x-team-alpha", quota);
    often.count = 1_204;
    let mut timeless = event(9, Kind::Normal, "Odd", "Node/node-1", "");
    (timeless.last, timeless.first) = (None, None);
    let rows = vec![
        event(7, Kind::Normal, "Scheduled", "Pod/web-0", "Successfully assigned to node-1"),
        often,
        timeless,
        event(1, Kind::Normal, "Pulled", "Pod/日本語", "\x1b[31mred\x1b[0m\nand a second line"),
    ];
    events.set(rows, NOW - TimeDelta::seconds(12));
    events
}

fn draw(events: &Events, area: Rect, buf: &mut Buffer, theme: &Theme) {
    events.render_head(Rect { height: area.height.min(1), ..area }, buf, theme, NOW);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let rows: Vec<&Event> = events.rows().iter().collect();
    table(COLUMNS, &rows, "last", events.emptiness(), body, buf, theme);
}

#[test]
fn events_at_80_columns_newest_first() {
    insta::assert_snapshot!(shown(80, 24, &ascii(), |area, buf, theme| draw(&events(), area, buf, theme)));
}

#[test]
fn events_at_200_columns_newest_first() {
    insta::assert_snapshot!(shown(200, 50, &plain(), |area, buf, theme| draw(&events(), area, buf, theme)));
}

#[test]
fn warnings_are_more_than_colour() {
    insta::assert_snapshot!(meanings(100, 6, |area, buf, theme| draw(&events(), area, buf, theme)));
}

#[test]
fn events_that_may_not_be_read_say_so() {
    let mut events = Events::default();
    events.wait();
    let show = |events: &Events| shown(80, 4, &plain(), |area, buf, theme| draw(events, area, buf, theme));
    assert!(show(&events).contains("… reading events"));
    events.fail("forbidden: needs list events in team-a");
    assert!(show(&events).contains("? not known: forbidden: needs list events in team-a"));
    assert!(show(&events).contains("no events that are known"));
    events.set(Vec::new(), NOW);
    assert!(show(&events).contains("no events: the API server forgets them"));
}

#[test]
fn events_stay_when_they_cannot_be_read_again() {
    let mut events = events();
    let before = events.revision();
    events.wait();
    events.fail("timed out after 10 s");
    assert_eq!((events.rows().len(), events.revision()), (4, before));
    let screen = shown(80, 8, &plain(), |area, buf, theme| draw(&events, area, buf, theme));
    assert!(screen.contains("! not read again: timed out after 10 s"), "{screen}");
}

#[test]
fn the_same_events_in_another_order_are_the_same() {
    let mut events = events();
    let before = events.revision();
    let turned: Vec<Event> = events.rows().iter().rev().cloned().collect();
    events.set(turned, NOW);
    assert_eq!(events.revision(), before);
}

#[test]
fn events_are_found_by_what_their_columns_say() {
    let events = events();
    for (typed, expected) in [
        ("type:warning", &["FailedCreate"][..]),
        ("count>1000", &["FailedCreate"]),
        ("object:pod/ last<5m", &["Pulled"]),
        ("\"exceeded quota\"", &["FailedCreate"]),
        ("last:?", &["Odd"]),
    ] {
        let filter = Filter::parse(&LANGUAGE, typed).unwrap();
        let found: Vec<&str> = filter
            .select(events.rows(), NOW)
            .into_iter()
            .map(|found| events.rows()[found.index].reason.as_str())
            .collect();
        assert_eq!(found, expected, "{typed}");
    }
}

#[test]
fn the_text_of_an_event_is_whole_and_harmless() {
    let events = events();
    assert_eq!(
        text(&events.rows()[0]),
        "type:    Normal\nreason:  Pulled\nobject:  Pod/日本語\nfrom:    kubelet\n\
         first:   2026-11-20T13:35:11Z\nlast:    2026-11-20T14:05:11Z\ncount:   1\n\nred\nand a second line\n"
    );
}
