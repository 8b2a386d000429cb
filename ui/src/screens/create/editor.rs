//! The editor of `vcluster.yaml`: a text, signs at the lines that have problems, and nothing that it does with files.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use tui_textarea::{CursorMove, TextArea, WrapMode};
use v9s::provision::values::{self, Problem};

use crate::app::World;
use crate::keymap::Key;
use crate::panes::text::yaml_spans;
use crate::text;
use crate::theme::Slot;

/// Columns before the text: sign and line number.
const GUTTER: u16 = 5;

/// The text, and what is wrong with it.
pub struct Editor {
    area: TextArea<'static>,
    problems: Vec<Problem>,
    /// Whether a person has typed into it since it was set.
    pub touched: bool,
}

impl Editor {
    /// With this text.
    pub fn new(text: &str) -> Self {
        let mut editor = Editor { area: area(text), problems: Vec::new(), touched: false };
        editor.check();
        editor
    }

    /// All of it.
    pub fn text(&self) -> String {
        let mut text = self.area.lines().join("\n");
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    /// What is wrong with it, in its order.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Another text; the first line that differs comes into view.
    pub fn set(&mut self, text: &str) {
        let before = self.text();
        if before == text {
            return;
        }
        let same = before.lines().zip(text.lines()).take_while(|(old, new)| old == new).count();
        self.area = area(text);
        let last = self.area.lines().len().saturating_sub(1);
        let line = u16::try_from(same.min(last)).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(line, 0));
        self.check();
    }

    fn check(&mut self) {
        self.problems = match values::read(&self.text()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.all().to_vec(),
        };
    }

    /// Types a key. False when it means nothing here.
    pub fn key(&mut self, key: Key) -> bool {
        use crossterm::event::KeyCode;
        let before = self.area.lines().to_vec();
        if key == Key::plain(KeyCode::Enter) {
            self.newline();
        } else if !self.area.input(key.to_event()) && !is_move(key) {
            return false;
        }
        if self.area.lines() != before.as_slice() {
            self.touched = true;
            self.check();
        }
        true
    }

    /// A new line as deep as this one, or deeper behind a key without value.
    fn newline(&mut self) {
        let column = self.area.cursor().1;
        let line = self.area.lines().get(self.line()).map(String::as_str).unwrap_or_default();
        let before: String = line.chars().take(column).collect();
        let indent = before.len() - before.trim_start_matches(' ').len();
        let deeper = if before.trim_end().ends_with(':') { 2 } else { 0 };
        self.area.insert_newline();
        self.area.insert_str(" ".repeat(indent + deeper));
    }

    /// Puts in what was pasted, without what is no text.
    pub fn paste(&mut self, pasted: &str) {
        let clean: Vec<String> = text::clean_lines(pasted).map(|line| line.into_owned()).collect();
        self.area.insert_str(clean.join("\n"));
        self.touched = true;
        self.check();
    }

    fn line(&self) -> usize {
        self.area.cursor().0
    }

    /// The problem to tell of: that of this line first.
    pub fn told(&self) -> Option<&Problem> {
        let here = |problem: &&Problem| problem.at.is_some_and(|at| at.line == self.line() + 1);
        self.problems.iter().find(here).or(self.problems.first())
    }

    /// Goes to the first problem.
    pub fn jump_to_problem(&mut self) {
        if let Some(at) = self.problems.first().and_then(|problem| problem.at) {
            let number = |n: usize| u16::try_from(n.saturating_sub(1)).unwrap_or(u16::MAX);
            self.area.move_cursor(CursorMove::Jump(number(at.line), number(at.column)));
        }
    }

    /// Draws it; the cursor only where keys go into it.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World, focused: bool) {
        let theme = &world.theme;
        let gutter = GUTTER.min(area.width);
        let body = Rect { x: area.x + gutter, width: area.width - gutter, ..area };
        let plain = theme.style(Slot::Text);
        self.area.set_style(plain);
        self.area.set_cursor_line_style(plain);
        let cursor = if focused { theme.style(Slot::Input).add_modifier(Modifier::REVERSED) } else { plain };
        self.area.set_cursor_style(cursor);
        (&self.area).render(body, buf);
        let (top, left) = self.area.scroll_offset();
        let lines = self.area.lines().iter().enumerate().skip(usize::from(top));
        for ((at, line), row) in lines.zip(body.rows()) {
            self.draw_gutter(at, Rect { x: area.x, width: gutter, ..row }, buf, world);
            colour(line, usize::from(left), row, buf, world);
        }
        if focused {
            let (line, column) = (self.area.cursor().0, self.area.screen_cursor().col);
            let x = column.checked_sub(usize::from(left)).and_then(|x| u16::try_from(x).ok());
            let y = line.checked_sub(usize::from(top)).and_then(|y| u16::try_from(y).ok());
            if let (Some(x), Some(y)) = (x, y)
                && x < body.width
                && y < body.height
                && let Some(cell) = buf.cell_mut((body.x + x, body.y + y))
            {
                cell.set_style(cursor);
            }
        }
    }

    fn draw_gutter(&self, at: usize, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let wrong = self.problems.iter().any(|problem| problem.at.is_some_and(|it| it.line == at + 1));
        let (sign, slot) = if wrong { (theme.symbols().err, Slot::Err) } else { (" ", Slot::Muted) };
        let said = format!("{sign}{:>3} ", at + 1);
        buf.set_span(area.x, area.y, &Span::styled(said, theme.style(slot)), area.width);
    }
}

/// Keys that only move are taken, whether or not they could move.
fn is_move(key: Key) -> bool {
    use crossterm::event::KeyCode as Code;
    let moves = [
        Code::Up,
        Code::Down,
        Code::Left,
        Code::Right,
        Code::Home,
        Code::End,
        Code::PageUp,
        Code::PageDown,
        Code::Backspace,
        Code::Delete,
    ];
    moves.contains(&key.code())
}

fn area(text: &str) -> TextArea<'static> {
    let lines: Vec<String> = text::clean_lines(text).map(|line| line.into_owned()).collect();
    let mut area = TextArea::new(if lines.is_empty() { vec![String::new()] } else { lines });
    area.set_tab_length(2);
    area.set_wrap_mode(WrapMode::None);
    area
}

/// Keys, numbers and comments stand out.
fn colour(line: &str, left: usize, row: Rect, buf: &mut Buffer, world: &World) {
    for (range, slot) in yaml_spans(line) {
        let from = text::width(line.get(..range.start).unwrap_or_default());
        let to = from + text::width(line.get(range).unwrap_or_default());
        let column = |at: usize| u16::try_from(at.saturating_sub(left)).unwrap_or(u16::MAX).min(row.width);
        let (from, to) = (column(from), column(to));
        buf.set_style(Rect { x: row.x + from, width: to - from, ..row }, world.theme.style(slot));
    }
}
