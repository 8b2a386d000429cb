//! The newest lines of a log, as many as the limits allow, and which of them are wanted.

use std::collections::VecDeque;
use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::panes::pattern::Only;
use crate::panes::scroll::Lines;
use crate::panes::wrap::columns;
use crate::text::clean;
use crate::theme::Slot;

/// How much of a log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At most so many lines.
    pub lines: usize,
    /// At most so many bytes, what the lines' own keeping costs included.
    pub bytes: usize,
}

impl Default for Limits {
    /// 20,000 lines, 8 MiB.
    fn default() -> Self {
        Limits { lines: 20_000, bytes: 8 * 1024 * 1024 }
    }
}

/// Longer lines are cut: one line must not push all others out.
const LONGEST: usize = 32 * 1024;

/// One row of a log.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// When it was written, if the stream says.
    pub at: Option<DateTime<Utc>>,
    /// What it means if it is not a line of the log but a remark of ours.
    pub mark: Option<Slot>,
    /// Clean text; that of a remark leaves two columns for its sign.
    pub text: Box<str>,
}

impl Row {
    /// A line as the container wrote it.
    pub fn line(at: Option<DateTime<Utc>>, text: &str) -> Row {
        let text = text.trim_end_matches(['\r', '\n']);
        let kept = (0..=LONGEST.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default();
        let cut = text.len() - kept.len();
        let tabs = kept.replace('\t', "    ");
        let clean = clean(&tabs);
        let text = if cut == 0 { clean.into_owned() } else { format!("{clean} ({cut} more bytes cut)") };
        Row { at, mark: None, text: text.into_boxed_str() }
    }

    /// A remark between lines.
    pub fn mark(at: DateTime<Utc>, slot: Slot, words: &str) -> Row {
        Row { at: Some(at), mark: Some(slot), text: format!("  {words}").into_boxed_str() }
    }

    fn cost(&self) -> usize {
        self.text.len() + size_of::<Row>()
    }
}

/// The wanted rows among all, by number.
#[derive(Debug, Clone)]
struct Chosen {
    only: Only,
    /// Position of the first of them; grows as they leave.
    first: u64,
    numbers: VecDeque<u64>,
}

impl Chosen {
    fn wants(&self, row: &Row) -> bool {
        // Where the stream was cut shows whatever is wanted.
        row.mark.is_some() || self.only.wants(&row.text)
    }
}

/// Rows with growing numbers; the oldest leave when a limit is reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Ring {
    limits: Limits,
    rows: VecDeque<Row>,
    /// Number of the first row there is.
    first: u64,
    bytes: usize,
    dropped: u64,
    widest: usize,
    chosen: Option<Chosen>,
}

impl Ring {
    pub fn new(limits: Limits) -> Self {
        Ring { limits, ..Ring::default() }
    }

    /// Adds a row. Returns its position if it is wanted.
    pub fn push(&mut self, row: Row) -> Option<u64> {
        let number = self.first + self.rows.len() as u64;
        let wanted = match &mut self.chosen {
            None => true,
            Some(chosen) => {
                let wanted = chosen.wants(&row);
                if wanted {
                    chosen.numbers.push_back(number);
                }
                wanted
            }
        };
        self.widest = self.widest.max(columns(&row.text));
        self.bytes += row.cost();
        self.rows.push_back(row);
        while self.rows.len() > self.limits.lines.max(1)
            || (self.bytes > self.limits.bytes && self.rows.len() > 1)
        {
            self.drop_oldest();
        }
        wanted.then(|| self.span().end.saturating_sub(1))
    }

    fn drop_oldest(&mut self) {
        let Some(row) = self.rows.pop_front() else { return };
        self.bytes -= row.cost();
        if row.mark.is_none() {
            self.dropped += 1;
        }
        if let Some(chosen) =
            self.chosen.as_mut().filter(|chosen| chosen.numbers.front() == Some(&self.first))
        {
            chosen.numbers.pop_front();
            chosen.first += 1;
        }
        self.first += 1;
    }

    /// Forgets every row; they do not count as dropped.
    pub fn clear(&mut self) {
        self.first += self.rows.len() as u64;
        if let Some(chosen) = &mut self.chosen {
            chosen.first += chosen.numbers.len() as u64;
            chosen.numbers.clear();
        }
        self.rows.clear();
        (self.bytes, self.dropped, self.widest) = (0, 0, 0);
    }

    /// Wants only some rows, or all. Positions change; returns where the row at this position, or the next wanted
    /// one after it, is now.
    pub fn choose(&mut self, only: Option<Only>, top: u64) -> u64 {
        let number = self.number(top).unwrap_or(self.first + self.rows.len() as u64);
        self.chosen = only.map(|only| {
            let mut chosen = Chosen { only, first: 0, numbers: VecDeque::new() };
            chosen.numbers = (self.first..)
                .zip(&self.rows)
                .filter_map(|(n, row)| chosen.wants(row).then_some(n))
                .collect();
            chosen
        });
        match &self.chosen {
            Some(chosen) => chosen.first + chosen.numbers.partition_point(|n| *n < number) as u64,
            None => number,
        }
    }

    /// What is wanted, if not everything.
    pub fn only(&self) -> Option<&Only> {
        self.chosen.as_ref().map(|chosen| &chosen.only)
    }

    /// The row at a position.
    pub fn row(&self, at: u64) -> Option<&Row> {
        let index = self.number(at)?.checked_sub(self.first)?;
        self.rows.get(usize::try_from(index).ok()?)
    }

    /// The wanted rows with their positions.
    pub fn wanted(&self) -> impl Iterator<Item = (u64, &Row)> {
        self.span().filter_map(|at| Some((at, self.row(at)?)))
    }

    /// The oldest row there is.
    pub fn oldest(&self) -> Option<&Row> {
        self.rows.front()
    }

    /// How many rows there are, wanted or not.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many lines had to leave.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    fn number(&self, at: u64) -> Option<u64> {
        match &self.chosen {
            None => Some(at),
            Some(chosen) => chosen.numbers.get(usize::try_from(at.checked_sub(chosen.first)?).ok()?).copied(),
        }
    }
}

impl Lines for Ring {
    fn span(&self) -> Range<u64> {
        match &self.chosen {
            None => self.first..self.first + self.rows.len() as u64,
            Some(chosen) => chosen.first..chosen.first + chosen.numbers.len() as u64,
        }
    }

    fn line(&self, at: u64) -> &str {
        self.row(at).map_or("", |row| &row.text)
    }

    fn widest(&self) -> usize {
        self.widest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(lines: usize, bytes: usize) -> Ring {
        Ring::new(Limits { lines, bytes })
    }

    fn texts(ring: &Ring) -> Vec<&str> {
        ring.wanted().map(|(_, row)| row.text.as_ref()).collect()
    }

    fn only(typed: &str) -> Option<Only> {
        Only::parse(typed).unwrap()
    }

    #[test]
    fn the_oldest_lines_leave_and_are_counted() {
        let mut ring = ring(3, usize::MAX);
        for n in 0..5 {
            ring.push(Row::line(None, &format!("line {n}")));
        }
        assert_eq!(texts(&ring), ["line 2", "line 3", "line 4"]);
        assert_eq!((ring.dropped(), ring.span()), (2, 2..5));
    }

    #[test]
    fn bytes_are_a_limit_too() {
        let mut ring = ring(1_000, 10_000);
        for _ in 0..100 {
            ring.push(Row::line(None, &"x".repeat(1_000)));
        }
        assert!(ring.bytes <= 10_000 && ring.len() >= 9, "{} lines, {} bytes", ring.len(), ring.bytes);
        ring.push(Row::line(None, &"x".repeat(30_000)));
        assert_eq!(ring.len(), 1, "the newest line stays whatever it costs");
    }

    #[test]
    fn an_endless_line_is_cut_and_says_so() {
        let row = Row::line(None, &"é".repeat(LONGEST));
        assert!(row.text.len() < LONGEST + 40);
        assert!(row.text.ends_with("(32768 more bytes cut)"), "{}", &row.text[LONGEST - 10..]);
    }

    #[test]
    fn what_is_not_wanted_is_kept_for_later_and_marks_always_show() {
        let mut ring = ring(10, usize::MAX);
        ring.push(Row::line(None, "debug a"));
        ring.push(Row::line(None, "info b"));
        ring.push(Row::mark(DateTime::UNIX_EPOCH, Slot::Info, "cut"));
        ring.choose(only("!debug"), 0);
        assert_eq!(ring.push(Row::line(None, "debug c")), None);
        assert!(ring.push(Row::line(None, "info d")).is_some());
        assert_eq!(texts(&ring), ["info b", "  cut", "info d"]);
        ring.choose(None, 0);
        assert_eq!(texts(&ring), ["debug a", "info b", "  cut", "debug c", "info d"]);
    }

    #[test]
    fn the_place_is_kept_when_the_choice_changes() {
        let mut ring = ring(10, usize::MAX);
        for text in ["a", "b", "a", "b", "a"] {
            ring.push(Row::line(None, text));
        }
        let at = ring.choose(only("a"), 3);
        assert_eq!(ring.span().start + 2, at, "the next wanted line is the last one");
        assert_eq!(ring.choose(None, at), 4);
    }

    proptest! {
        #[test]
        fn the_choice_is_the_same_whether_made_before_or_after(
            lines in prop::collection::vec("[ab]{0,3}", 0..30),
            keep in 1usize..20,
            at in 0usize..30,
        ) {
            let mut early = ring(keep, usize::MAX);
            let mut late = ring(keep, usize::MAX);
            for (n, line) in lines.iter().enumerate() {
                if n == at {
                    early.choose(only("a"), 0);
                }
                early.push(Row::line(None, line));
                late.push(Row::line(None, line));
            }
            early.choose(only("a"), 0);
            late.choose(only("a"), 0);
            prop_assert_eq!(texts(&early), texts(&late));
            prop_assert_eq!(early.dropped() as usize + early.len(), lines.len());
            let span = early.span();
            prop_assert!(span.clone().all(|at| early.row(at).is_some()));
            prop_assert!(early.row(span.end).is_none());
        }
    }
}
