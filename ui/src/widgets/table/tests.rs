use std::cell::Cell as Counter;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use v9s::fleet::model::Vcluster;
use v9s::known::Known;

use super::*;
use crate::columns::fleet::COLUMNS;
use crate::fixture;
use crate::theme::{ASCII, Appearance, Depth, UNICODE};

fn look() -> Look {
    Look { now: fixture::now(), symbols: &UNICODE, plain: false }
}

struct Shot {
    width: u16,
    height: u16,
    appearance: Appearance,
    state: TableState,
}

impl Shot {
    fn new(width: u16, height: u16) -> Shot {
        Shot { width, height, appearance: Appearance::default(), state: TableState::default() }
    }

    fn draw(&mut self, change: impl FnOnce(&mut Table<'_, Vcluster>)) -> Buffer {
        let fleet = fixture::fleet();
        let theme = Theme::terminal(self.appearance);
        let row = |at: usize| fleet.get(at);
        let look = Look { symbols: if self.appearance.ascii { &ASCII } else { &UNICODE }, ..look() };
        let mut table = Table::new(COLUMNS, fleet.len(), &row, look, &theme);
        let not_wide = |column: &Column<Vcluster>| !column.wide;
        table.shown = &not_wide;
        table.sorted = Some(("state", Direction::Up));
        change(&mut table);
        let area = Rect::new(0, 0, self.width, self.height);
        let mut buffer = Buffer::empty(area);
        table.draw(area, &mut buffer, &mut self.state);
        buffer
    }

    fn text(&mut self) -> String {
        fixture::text_of(&self.draw(|_| {}))
    }
}

#[test]
fn a_wide_screen_shows_everything() {
    insta::assert_snapshot!(Shot::new(220, 7).text());
}

#[test]
fn at_160_columns_the_least_important_are_gone() {
    insta::assert_snapshot!(Shot::new(160, 7).text());
}

#[test]
fn at_80_columns_a_person_still_sees_what_is_wrong() {
    insta::assert_snapshot!(Shot::new(80, 7).text());
}

#[test]
fn scrolled_to_the_right_the_name_stays() {
    let mut shot = Shot::new(80, 7);
    shot.state.scroll = 99;
    insta::assert_snapshot!(shot.text());
}

#[test]
fn in_ascii_everything_is_ascii() {
    let mut shot = Shot::new(100, 4);
    shot.appearance.ascii = true;
    let text = shot.text();
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn without_colours_cursor_and_marks_show() {
    let mut shot = Shot::new(60, 5);
    shot.appearance.depth = Depth::None;
    shot.state.cursor = 1;
    let marked = |v: &Vcluster| v.key.name == "team-delta";
    let buffer = shot.draw(|table| table.marked = Box::leak(Box::new(marked)));
    insta::assert_snapshot!(format!("{}\n{}", fixture::text_of(&buffer), fixture::modifiers_of(&buffer)));
}

#[test]
fn columns_with_nothing_to_say_leave_first() {
    let silent: Vec<Vcluster> = fixture::fleet()
        .into_iter()
        .map(|v| Vcluster { lag: Known::unknown("not measured"), orphans: Known::NotApplicable, ..v })
        .collect();
    let row = |at: usize| silent.get(at);
    let theme = Theme::default();
    let table = Table::new(COLUMNS, silent.len(), &row, look(), &theme);
    let headings = |width: u16| {
        let area = Rect::new(0, 0, width, 7);
        let mut buffer = Buffer::empty(area);
        table.draw(area, &mut buffer, &mut TableState::default());
        fixture::text_of(&buffer).lines().next().unwrap().to_owned()
    };
    let narrow = headings(100);
    assert!(!narrow.contains("LAG") && !narrow.contains("ORPHANS") && narrow.contains("QUOTA"), "{narrow}");
    let wide = headings(300);
    assert!(wide.contains("LAG") && wide.contains("ORPHANS"), "{wide}");
}

#[test]
fn rows_of_a_host_that_does_not_answer_are_greyed() {
    let theme = Theme::default();
    let buffer = Shot::new(80, 6).draw(|table| table.stale = &|v| v.key.name == "team-gamma");
    let name_of = |y: u16| buffer.cell((GUTTER, y)).unwrap().style();
    let stale = theme.style(Slot::Stale).add_modifier;
    assert!(name_of(2).add_modifier.contains(stale));
    assert!(!name_of(3).add_modifier.contains(stale));
}

#[test]
fn what_a_filter_found_shows_on_the_cursors_row_too() {
    let mut shot = Shot::new(80, 4);
    let buffer = shot.draw(|table| {
        table.found = &|_, text| if text == "team-gamma" { vec![5..6, 6..8] } else { Vec::new() }
    });
    let theme = Theme::default();
    let of = |x: u16, y: u16| buffer.cell((x, y)).unwrap();
    let letters: Vec<_> = (0..80).filter(|x| of(*x, 2).fg == theme.style(Slot::Match).fg.unwrap()).collect();
    assert_eq!(letters, [GUTTER + 5, GUTTER + 6, GUTTER + 7]);
    shot.state.cursor = 1;
    let buffer = shot.draw(|table| {
        table.found = &|_, text| if text == "team-gamma" { vec![5..6, 6..8] } else { Vec::new() }
    });
    let of = |x: u16| buffer.cell((x, 2)).unwrap().modifier;
    assert!(of(GUTTER + 5).contains(ratatui::style::Modifier::UNDERLINED));
    assert!(!of(GUTTER + 4).contains(ratatui::style::Modifier::UNDERLINED));
}

#[test]
fn an_empty_table_says_why() {
    let text = fixture::text_of(&Shot::new(60, 4).draw(|table| {
        table.len = 0;
        table.empty = "no virtual clusters in 3 namespaces";
    }));
    assert!(text.contains("no virtual clusters in 3 namespaces"), "{text}");
}

#[test]
fn the_mouse_finds_headings_and_rows() {
    let mut shot = Shot::new(80, 4);
    shot.state.cursor = 4;
    let buffer = shot.draw(|_| {});
    let text = fixture::text_of(&buffer);
    let heading = text.lines().next().unwrap();
    let at = heading.find("STATE").unwrap() as u16;
    let state_column = COLUMNS.iter().position(|c| c.id == "state").unwrap();
    assert_eq!(shot.state.hit(Position::new(at, 0)), Some(Hit::Heading(state_column)));
    assert_eq!(shot.state.hit(Position::new(5, 3)), Some(Hit::Row(4)), "scrolled down by two");
    assert_eq!(shot.state.hit(Position::new(5, 1)), Some(Hit::Row(2)));
    assert_eq!(shot.state.hit(Position::new(5, 9)), None);
}

#[test]
fn while_rows_do_not_change_only_those_that_show_are_looked_at() {
    let asked = Counter::new(0);
    let v = fixture::vcluster("team", "one-of-many");
    let row = |_: usize| {
        asked.set(asked.get() + 1);
        Some(&v)
    };
    let theme = Theme::default();
    let table = Table::new(COLUMNS, 50_000, &row, look(), &theme);
    let area = Rect::new(0, 0, 200, 50);
    let mut state = TableState { cursor: 40_000, ..TableState::default() };
    table.draw(area, &mut Buffer::empty(area), &mut state);
    asked.set(0);
    table.draw(area, &mut Buffer::empty(area), &mut state);
    assert_eq!(asked.get(), 49, "one heading and 49 rows; all were measured once, when they were new");
    assert_eq!(state.cursor, 40_000);
}

#[test]
fn the_window_follows_the_cursor_and_wastes_no_space() {
    let mut state = TableState::default();
    let mut offset_at = |cursor: usize, rows: usize, height: usize| {
        state.cursor = cursor;
        state.settle(rows, height);
        (state.cursor, state.offset)
    };
    assert_eq!(offset_at(0, 100, 10), (0, 0));
    assert_eq!(offset_at(10, 100, 10), (10, 1), "one further than shows");
    assert_eq!(offset_at(5, 100, 10), (5, 1), "inside the window nothing moves");
    assert_eq!(offset_at(99, 100, 10), (99, 90));
    assert_eq!(offset_at(99, 50, 10), (49, 40), "rows went away");
    assert_eq!(offset_at(49, 50, 60), (49, 0), "the window grew");
    assert_eq!(offset_at(7, 0, 10), (0, 0));
    assert_eq!(offset_at(7, 20, 0), (7, 7));
}

proptest! {
    #[test]
    fn any_size_and_place_can_be_drawn(
        width in 0u16..200, height in 0u16..12, cursor in 0usize..9, scroll in 0usize..30, ascii in any::<bool>(),
    ) {
        let mut shot = Shot::new(width, height);
        shot.appearance.ascii = ascii;
        shot.state = TableState { cursor, scroll, ..TableState::default() };
        shot.draw(|_| {});
        prop_assert!(shot.state.cursor < 5);
    }
}
