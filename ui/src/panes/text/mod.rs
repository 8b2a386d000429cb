//! Text of any length: YAML of objects, configuration. Scrolls, breaks long lines, searches.

mod yaml;

use std::ops::Range;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Move;
use super::paint::{Fact, Found, Pen, counted, facts, notice};
use super::pattern::{Pattern, PatternError};
use super::scroll::{Lines, Scroll};
use super::search::{Hit, Search};
use super::wrap::{columns, skip};
use crate::format::{age, count};
use crate::text::{Align, clean, clean_lines, pad};
use crate::theme::{Slot, Theme};

/// What the parts of a line of YAML mean; text between them is plain.
pub use yaml::spans as yaml_spans;

/// Which parts of a text stand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Highlight {
    /// None.
    #[default]
    Plain,
    /// Keys, numbers and comments of YAML.
    Yaml,
}

/// What a text pane has to show.
#[derive(Debug, Clone, Default)]
enum Body {
    /// Nothing yet, and what is awaited.
    Waiting(String),
    /// Nothing, and why.
    Failed(String),
    /// A text as it was at a moment.
    Text(DateTime<Utc>),
    /// No text has been asked for.
    #[default]
    None,
}

/// Clean lines, and what is known of them once and for all.
#[derive(Debug, Clone, Default)]
struct Sheet {
    lines: Vec<Box<str>>,
    /// For YAML: which lines are inside block scalars.
    blocks: Vec<bool>,
    widest: usize,
}

impl Lines for Sheet {
    fn span(&self) -> Range<u64> {
        0..self.lines.len() as u64
    }

    fn line(&self, at: u64) -> &str {
        usize::try_from(at).ok().and_then(|at| self.lines.get(at)).map_or("", AsRef::as_ref)
    }

    fn widest(&self) -> usize {
        self.widest
    }
}

impl Sheet {
    fn all(&self) -> impl Iterator<Item = (u64, &str)> {
        (0..).zip(self.lines.iter().map(AsRef::as_ref))
    }
}

/// A text, and which part of it is seen.
#[derive(Debug, Clone, Default)]
pub struct TextPane {
    highlight: Highlight,
    numbers: bool,
    body: Body,
    /// Why the text could not be read again.
    stale: Option<String>,
    sheet: Sheet,
    scroll: Scroll,
    search: Option<Search>,
}

impl TextPane {
    /// A pane without text.
    pub fn new(highlight: Highlight) -> Self {
        TextPane { highlight, ..TextPane::default() }
    }

    /// A text has been asked for: what is going on, such as `reading the configuration`. A text that is there already
    /// stays.
    pub fn wait(&mut self, what: &str) {
        if !matches!(self.body, Body::Text(_)) {
            self.body = Body::Waiting(clean(what).into_owned());
        }
    }

    /// The text as it was at a moment. Place, search and the rest stay as they are: it may be the same text again.
    pub fn set(&mut self, text: &str, at: DateTime<Utc>) {
        let lines: Vec<Box<str>> = clean_lines(text).map(|line| line.into_owned().into_boxed_str()).collect();
        let blocks = match self.highlight {
            Highlight::Yaml => yaml::block_lines(lines.iter().map(AsRef::as_ref)),
            Highlight::Plain => Vec::new(),
        };
        let widest = lines.iter().map(|line| columns(line)).max().unwrap_or(0);
        self.sheet = Sheet { lines, blocks, widest };
        self.body = Body::Text(at);
        self.stale = None;
        if let Some(search) = self.search.take() {
            self.search = Some(Search::new(search.pattern().clone(), self.sheet.all()));
        }
    }

    /// The text could not be read, and why. A text that is there already stays, with the reason above it.
    pub fn fail(&mut self, why: &str) {
        let why = clean(why).into_owned();
        if matches!(self.body, Body::Text(_)) {
            self.stale = Some(why);
        } else {
            self.body = Body::Failed(why);
        }
    }

    /// The whole text, clean, for the clipboard or a file.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for line in &self.sheet.lines {
            out.push_str(line);
            out.push('\n');
        }
        out
    }

    /// Whether there is a text.
    pub fn has_text(&self) -> bool {
        matches!(self.body, Body::Text(_))
    }

    /// Moves through the text.
    pub fn go(&mut self, step: Move) {
        self.scroll.go(step, &self.sheet);
    }

    /// Breaks long lines, or no longer.
    pub fn toggle_wrap(&mut self) {
        self.scroll.toggle_wrap();
    }

    /// Shows or hides line numbers.
    pub fn toggle_numbers(&mut self) {
        self.numbers = !self.numbers;
    }

    /// Looks for what was typed and goes to the first place from here; nothing typed ends the search.
    ///
    /// # Errors
    /// If what was typed is no regular expression; the search before stays.
    pub fn search(&mut self, typed: &str) -> Result<(), PatternError> {
        self.search = Pattern::parse(typed)?.map(|pattern| Search::new(pattern, self.sheet.all()));
        let from = self.scroll.line();
        let hit = self.search.as_mut().and_then(|search| search.start(from));
        self.show(hit);
        Ok(())
    }

    /// Whether something is looked for.
    pub fn is_searching(&self) -> bool {
        self.search.is_some()
    }

    /// Goes to the next place.
    pub fn search_next(&mut self) {
        let from = self.scroll.line();
        let hit = self.search.as_mut().and_then(|search| search.next(from));
        self.show(hit);
    }

    /// Goes to the place before.
    pub fn search_previous(&mut self) {
        let from = self.scroll.line();
        let hit = self.search.as_mut().and_then(|search| search.previous(from));
        self.show(hit);
    }

    fn show(&mut self, hit: Option<Hit>) {
        let Some((hit, search)) = hit.zip(self.search.as_ref()) else { return };
        if let Some(place) = search.place(hit, self.sheet.line(hit.line)) {
            self.scroll.reveal(hit.line, place, &self.sheet);
        }
    }

    /// Paints a line of facts and as much of the text as fits.
    pub fn render(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme, now: DateTime<Utc>) {
        let area = area.intersection(buf.area);
        match &self.body {
            Body::None => {}
            Body::Waiting(what) => {
                notice(area, Slot::Pending, what, buf, theme);
            }
            Body::Failed(why) => {
                notice(area, Slot::Unknown, &format!("not known: {why}"), buf, theme);
            }
            Body::Text(at) if self.sheet.lines.is_empty() => {
                notice(area, Slot::Info, &format!("empty, as of {} ago", age(*at, now)), buf, theme);
            }
            Body::Text(at) => self.render_text(*at, area, buf, theme, now),
        }
    }

    fn render_text(
        &mut self,
        at: DateTime<Utc>,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        now: DateTime<Utc>,
    ) {
        // The line of facts gives way to the text where there is room for one of them only.
        let head = u16::from(area.height > 1);
        let body = Rect { y: area.y + head, height: area.height - head, ..area };
        let gutter = self.gutter(body);
        self.scroll.fit(usize::from(body.width).saturating_sub(gutter), usize::from(body.height));
        self.scroll.settle(&self.sheet);
        if head > 0 {
            facts(area, 0, &self.facts(at, usize::from(body.height), theme, now), buf, theme);
        }
        for (row, (line, nth, range)) in self.scroll.window(&self.sheet).enumerate() {
            let mut pen = Pen::at(body, row, buf, theme);
            if gutter > 0 {
                let number = if nth == 0 { (line + 1).to_string() } else { String::new() };
                pen.slot(&pad(&number, gutter - 1, Align::Right), Slot::Muted);
                pen.blank(1);
            }
            self.render_row(line, range, &mut pen);
        }
    }

    fn render_row(&self, at: u64, range: Range<usize>, pen: &mut Pen<'_>) {
        let line = self.sheet.line(at);
        let in_block = usize::try_from(at).ok().and_then(|at| self.sheet.blocks.get(at)).copied();
        let spans = if in_block == Some(false) { yaml::spans(line) } else { Vec::new() };
        let all: Vec<Range<usize>> =
            self.search.iter().flat_map(|search| search.pattern().places(line)).take(MOST_SHOWN).collect();
        let current = self.search.as_ref().and_then(|search| {
            search.current().filter(|hit| hit.line == at).and_then(|hit| search.place(hit, line))
        });
        let visible = line.get(range.clone()).unwrap_or_default();
        let (skipped, blank) = skip(visible, self.scroll.left());
        pen.blank(blank);
        pen.styled(line, range.start + skipped..range.end, &spans, &Found { all: &all, current });
    }

    fn gutter(&self, body: Rect) -> usize {
        let digits = self.sheet.lines.len().to_string().len() + 1;
        if self.numbers && usize::from(body.width) > digits + 10 { digits } else { 0 }
    }

    fn facts(&self, at: DateTime<Utc>, height: usize, theme: &Theme, now: DateTime<Utc>) -> Vec<Fact> {
        let total = self.sheet.lines.len() as u64;
        let first = self.scroll.line() + 1;
        let last = self.scroll.window(&self.sheet).last().map_or(first, |(line, _, _)| line + 1);
        let mut facts: Vec<Fact> = Vec::new();
        if let Some(why) = &self.stale {
            facts.push((format!("{} not read again: {why}", theme.symbols().warn).into(), Slot::Warn));
        }
        if let Some(search) = &self.search {
            let slot = if search.is_empty() { Slot::Warn } else { Slot::Accent };
            facts.push((search.label().into(), slot));
        }
        if total as usize > height {
            facts.push((
                format!("lines {} to {} of {}", count(first), count(last), count(total)).into(),
                Slot::Muted,
            ));
        } else {
            facts.push((counted(total, "line").into(), Slot::Muted));
        }
        if self.scroll.wraps() {
            facts.push(("long lines broken".into(), Slot::Muted));
        } else if self.scroll.left() > 0 {
            facts.push((format!("from column {}", self.scroll.left() + 1).into(), Slot::Muted));
        }
        facts.push((format!("as of {} ago", age(at, now)).into(), Slot::Muted));
        facts
    }
}

/// So many found places of one line are painted at most; more of them are on no screen.
const MOST_SHOWN: usize = 2_000;

#[cfg(test)]
mod tests;
