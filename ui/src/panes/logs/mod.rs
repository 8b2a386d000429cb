//! The log of one container: follows, holds still while one reads, filters, searches, and says what is missing.

mod ring;

use std::ops::Range;

use chrono::{DateTime, SecondsFormat, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;

pub use self::ring::Limits;
use self::ring::{Ring, Row};
use super::Move;
use super::paint::{Fact, Found, Pen, counted, facts, notice};
use super::pattern::{Only, Pattern, PatternError};
use super::scroll::{Lines, Scroll};
use super::search::{Hit, Search};
use super::wrap::skip;
use crate::format::{bytes, count};
use crate::text::{clean, cut_middle};
use crate::theme::{Slot, Theme};

/// Where a log comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Name of the pod on the host.
    pub pod: SmolStr,
    /// Name of the container.
    pub container: SmolStr,
    /// Which of the pod's containers it is, counted from one, and how many there are.
    pub place: (usize, usize),
    /// Whether it is the log before the last restart.
    pub previous: bool,
    /// How far back it begins, such as `last 15m`; empty when nothing is left out.
    pub since: SmolStr,
}

/// What happened to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark<'a> {
    /// Nothing more will come.
    Ended,
    /// The connection broke, and why; it is tried again.
    Lost(&'a str),
    /// Connected again.
    Resumed,
    /// The log cannot be read, and why; it is not tried again.
    Failed(&'a str),
}

impl Mark<'_> {
    fn words(self) -> (Slot, String) {
        match self {
            Mark::Ended => (Slot::Info, "the log ends here".to_owned()),
            Mark::Lost(why) => (Slot::Warn, format!("connection lost: {}; trying again", clean(why))),
            Mark::Resumed => (Slot::Ok, "connected again".to_owned()),
            Mark::Failed(why) => (Slot::Unknown, format!("not known: {}", clean(why))),
        }
    }
}

/// Whether new lines come into view by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Hold {
    #[default]
    Follows,
    /// A place that was looked for is shown; the end of the search follows again.
    Search,
    /// The person reads.
    Person,
}

/// A log, and which part of it is seen.
#[derive(Debug, Clone, Default)]
pub struct LogsPane {
    source: Source,
    ring: Ring,
    scroll: Scroll,
    search: Option<Search>,
    hold: Hold,
    timestamps: bool,
}

impl LogsPane {
    /// An empty log that follows.
    pub fn new(limits: Limits) -> Self {
        LogsPane { ring: Ring::new(limits), ..LogsPane::default() }
    }

    /// Begins with another stream. What is looked for and how lines are shown stays.
    pub fn open(&mut self, source: Source) {
        self.source = source;
        self.clear();
        self.hold = Hold::Follows;
    }

    /// Where the log comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Adds a line, as the container wrote it, and when, if the stream says.
    pub fn push(&mut self, at: Option<DateTime<Utc>>, line: &str) {
        self.add(Row::line(at, line));
    }

    /// Notes what happened to the stream.
    pub fn mark(&mut self, mark: Mark<'_>, at: DateTime<Utc>) {
        let (slot, words) = mark.words();
        self.add(Row::mark(at, slot, &words));
    }

    fn add(&mut self, row: Row) {
        let at = self.ring.push(row);
        if let Some(search) = &mut self.search {
            if let Some(at) = at {
                search.push(at, self.ring.line(at));
            }
            search.forget_before(self.ring.span().start);
        }
    }

    /// Empties what is shown.
    pub fn clear(&mut self) {
        self.ring.clear();
        self.look_again();
    }

    /// Moves through the log. Going up holds it still; reaching the end follows again.
    pub fn go(&mut self, step: Move) {
        self.scroll.go(step, &self.ring);
        if !matches!(step, Move::Left | Move::Right) {
            self.hold = if self.scroll.at_bottom(&self.ring) { Hold::Follows } else { Hold::Person };
        }
    }

    /// Holds still, or follows again.
    pub fn toggle_follow(&mut self) {
        self.hold = if self.follows() { Hold::Person } else { Hold::Follows };
    }

    /// Whether new lines come into view by themselves.
    pub fn follows(&self) -> bool {
        self.hold == Hold::Follows
    }

    /// Breaks long lines, or no longer.
    pub fn toggle_wrap(&mut self) {
        self.scroll.toggle_wrap();
    }

    /// Shows or hides when lines were written.
    pub fn toggle_timestamps(&mut self) {
        self.timestamps = !self.timestamps;
    }

    /// Shows only lines that match, with `!` in front only those that do not; nothing typed shows all.
    ///
    /// # Errors
    /// If what was typed is no regular expression; the choice before stays.
    pub fn only(&mut self, typed: &str) -> Result<(), PatternError> {
        let only = Only::parse(typed)?;
        let top = self.ring.choose(only, self.scroll.line());
        self.scroll.set_line(top, &self.ring);
        self.look_again();
        Ok(())
    }

    /// What was typed to choose lines, empty when all show.
    pub fn only_typed(&self) -> String {
        self.ring.only().map(Only::typed).unwrap_or_default()
    }

    /// Looks for what was typed and goes to the first place from here; nothing typed ends the search, and
    /// a log that only the search held still follows again.
    ///
    /// # Errors
    /// If what was typed is no regular expression; the search before stays.
    pub fn search(&mut self, typed: &str) -> Result<(), PatternError> {
        self.search = Pattern::parse(typed)?.map(|pattern| self.look(pattern));
        if self.search.is_none() && self.hold == Hold::Search {
            self.hold = Hold::Follows;
        }
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

    fn look(&self, pattern: Pattern) -> Search {
        Search::new(pattern, self.ring.wanted().map(|(at, row)| (at, row.text.as_ref())))
    }

    fn look_again(&mut self) {
        if let Some(search) = self.search.take() {
            self.search = Some(self.look(search.pattern().clone()));
        }
    }

    /// Going to a place holds the log still: otherwise the next line would take it away.
    fn show(&mut self, hit: Option<Hit>) {
        let Some((hit, search)) = hit.zip(self.search.as_ref()) else { return };
        let Some(place) = search.place(hit, self.ring.line(hit.line)) else { return };
        if self.follows() {
            self.scroll.show_end(&self.ring);
            self.hold = Hold::Search;
        }
        self.scroll.reveal(hit.line, place, &self.ring);
    }

    /// What is shown, as plain text for the clipboard or a file: with times (ISO 8601) if they show, remarks after `#`.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (_, row) in self.ring.wanted() {
            if row.mark.is_some() {
                out.push_str("# ");
            }
            if let Some(at) = row.at.filter(|_| self.timestamps || row.mark.is_some()) {
                out.push_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true));
                out.push(' ');
            }
            out.push_str(if row.mark.is_some() { row.text.trim_start() } else { &row.text });
            out.push('\n');
        }
        out
    }

    /// Paints a line of facts and as much of the log as fits.
    pub fn render(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme, now: DateTime<Utc>) {
        let area = area.intersection(buf.area);
        let head = u16::from(area.height > 1);
        let body = Rect { y: area.y + head, height: area.height - head, ..area };
        let gutter = self.gutter(usize::from(body.width), now);
        self.scroll.fit(usize::from(body.width) - gutter.columns, usize::from(body.height));
        if !self.follows() {
            self.scroll.settle(&self.ring);
        } else {
            self.scroll.show_end(&self.ring);
        }
        if head > 0 {
            facts(area, 0, &self.facts(theme), buf, theme);
        }
        if self.ring.span().is_empty() {
            let slot = if self.source.pod.is_empty() { Slot::Info } else { Slot::Pending };
            notice(body, slot, &self.emptiness(), buf, theme);
            return;
        }
        for (line, (at, nth, range)) in self.scroll.window(&self.ring).enumerate() {
            let mut pen = Pen::at(body, line, buf, theme);
            let Some(row) = self.ring.row(at) else { continue };
            if gutter.columns > 0 {
                let stamp = row.at.filter(|_| nth == 0).map(|at| at.format(gutter.format).to_string());
                pen.field(stamp.as_deref().unwrap_or_default(), gutter.columns, Slot::Muted);
            }
            self.render_row(at, row, range, theme, &mut pen);
        }
    }

    fn render_row(&self, at: u64, row: &Row, range: Range<usize>, theme: &Theme, pen: &mut Pen<'_>) {
        let all: Vec<Range<usize>> = self
            .search
            .iter()
            .flat_map(|search| search.pattern().places(&row.text))
            .take(MOST_SHOWN)
            .collect();
        let current = self.search.as_ref().and_then(|search| {
            search.current().filter(|hit| hit.line == at).and_then(|hit| search.place(hit, &row.text))
        });
        let spans = row.mark.map(|slot| (0..row.text.len(), slot));
        let visible = row.text.get(range.clone()).unwrap_or_default();
        let (mut skipped, blank) = skip(visible, self.scroll.left());
        if let Some(slot) = row.mark.filter(|_| range.start + skipped == 0) {
            pen.slot(theme.symbols().of(slot), slot);
            skipped = 1;
        }
        pen.blank(blank);
        pen.styled(
            &row.text,
            range.start + skipped..range.end,
            spans.as_slice(),
            &Found { all: &all, current },
        );
    }

    fn emptiness(&self) -> String {
        match self.ring.only() {
            Some(only) if self.ring.len() > 0 => {
                format!(
                    "none of {} is wanted by \"{}\"",
                    counted(self.ring.len() as u64, "line"),
                    only.typed()
                )
            }
            _ if self.source.pod.is_empty() => "no pod whose log could be read".to_owned(),
            _ => "no lines yet".to_owned(),
        }
    }

    fn gutter(&self, columns: usize, now: DateTime<Utc>) -> Gutter {
        let today =
            self.ring.oldest().and_then(|row| row.at).is_none_or(|at| at.date_naive() == now.date_naive());
        match self.timestamps {
            true if columns < 30 => Gutter::default(),
            true if today => Gutter { columns: 14, format: "%H:%M:%S%.3fZ" },
            true => Gutter { columns: 16, format: "%m-%d %H:%M:%SZ" },
            false => Gutter::default(),
        }
    }

    fn facts(&self, theme: &Theme) -> Vec<Fact> {
        let symbols = theme.symbols();
        if self.source.pod.is_empty() {
            return Vec::new();
        }
        let mut facts: Vec<Fact> = vec![(self.origin(symbols.ellipsis).into(), Slot::Title)];
        if self.source.previous {
            facts.push(("before the last restart".into(), Slot::Warn));
        }
        if !self.follows() {
            let below = self.lines_below();
            let words = match below {
                0 => format!("{} held", symbols.paused),
                below => format!("{} held, {} below", symbols.paused, count(below)),
            };
            facts.push((words.into(), Slot::Paused));
        } else {
            facts.push((format!("{} following", symbols.live).into(), Slot::Ok));
        }
        if let Some(search) = &self.search {
            let slot = if search.is_empty() { Slot::Warn } else { Slot::Accent };
            facts.push((search.label().into(), slot));
        }
        let (all, wanted) = (self.ring.len() as u64, self.ring.span().count() as u64);
        match self.ring.only() {
            Some(only) => facts.push((
                format!("only \"{}\": {} of {}", only.typed(), count(wanted), counted(all, "line")).into(),
                Slot::Accent,
            )),
            None => facts.push((counted(all, "line").into(), Slot::Muted)),
        }
        if self.ring.dropped() > 0 {
            let limits = self.ring.limits();
            let kept = format!("keeps {} lines, {}", count(limits.lines as u64), bytes(limits.bytes as f64));
            facts.push((
                format!("{} {} older dropped", symbols.warn, count(self.ring.dropped())).into(),
                Slot::Warn,
            ));
            facts.push((kept.into(), Slot::Muted));
        }
        if self.scroll.wraps() {
            facts.push(("long lines broken".into(), Slot::Muted));
        } else if self.scroll.left() > 0 {
            facts.push((format!("from column {}", self.scroll.left() + 1).into(), Slot::Muted));
        }
        if !self.source.since.is_empty() {
            facts.push((clean(&self.source.since).into_owned().into(), Slot::Muted));
        }
        facts
    }

    fn origin(&self, ellipsis: &str) -> String {
        let (pod, container) = (clean(&self.source.pod), clean(&self.source.container));
        let pod = cut_middle(&pod, 24, ellipsis);
        match self.source.place {
            _ if container.is_empty() => pod.into_owned(),
            (nth, all) if all > 1 => format!("{pod}/{container} ({nth} of {all})"),
            _ => format!("{pod}/{container}"),
        }
    }

    fn lines_below(&self) -> u64 {
        let last = self.scroll.window(&self.ring).last().map_or(self.scroll.line(), |(at, _, _)| at + 1);
        self.ring.span().end.saturating_sub(last)
    }
}

/// Where times stand, if they show.
#[derive(Default)]
struct Gutter {
    columns: usize,
    format: &'static str,
}

/// So many found places of one line are painted at most; more of them are on no screen.
const MOST_SHOWN: usize = 2_000;

#[cfg(test)]
mod tests;
