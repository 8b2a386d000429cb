//! A search through lines that may come and go: where the hits are, and which one is current.

use std::collections::VecDeque;
use std::ops::Range;

use super::pattern::Pattern;
use crate::format::count;

/// One line with hits.
#[derive(Debug, Clone, Copy)]
struct Hits {
    line: u64,
    count: usize,
}

/// One of the hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    /// Position of the line.
    pub line: u64,
    /// Which of the hits in that line.
    pub nth: usize,
    /// How many hits there are before it.
    before: usize,
}

/// Hits in lines with growing positions. Memory grows with the lines that have hits, not with the hits.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pattern: Pattern,
    lines: VecDeque<Hits>,
    total: usize,
    current: Option<Hit>,
}

impl Search {
    /// Looks through the lines there are.
    pub fn new<'a>(pattern: Pattern, lines: impl Iterator<Item = (u64, &'a str)>) -> Self {
        let mut search = Search { pattern, lines: VecDeque::new(), total: 0, current: None };
        for (at, line) in lines {
            search.push(at, line);
        }
        search
    }

    /// Looks through one more line, after all others.
    pub fn push(&mut self, at: u64, line: &str) {
        let count = self.pattern.places(line).count();
        if count > 0 {
            self.lines.push_back(Hits { line: at, count });
            self.total += count;
        }
    }

    /// The lines before this one are gone.
    pub fn forget_before(&mut self, first: u64) {
        while let Some(hits) = self.lines.front().filter(|hits| hits.line < first).copied() {
            self.lines.pop_front();
            self.total -= hits.count;
            self.current = self.current.filter(|current| current.line >= first).map(|mut current| {
                current.before = current.before.saturating_sub(hits.count);
                current
            });
        }
    }

    /// What is looked for.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The hit one stands on.
    pub fn current(&self) -> Option<Hit> {
        self.current
    }

    /// Where the current hit is in its line.
    pub fn place(&self, hit: Hit, line: &str) -> Option<Range<usize>> {
        self.pattern.places(line).nth(hit.nth)
    }

    /// Goes to the first hit at or after a line, or to the first of all.
    pub fn start(&mut self, from: u64) -> Option<Hit> {
        let index = self.lines.partition_point(|hits| hits.line < from);
        self.go(if index < self.lines.len() { index } else { 0 }, 0)
    }

    /// Goes to the next hit; after the last comes the first. Starts at a line if there is no current one.
    pub fn next(&mut self, from: u64) -> Option<Hit> {
        let Some((current, index)) = self.here() else { return self.start(from) };
        match self.lines.get(index) {
            Some(hits) if current.nth + 1 < hits.count => self.go(index, current.nth + 1),
            _ if index + 1 < self.lines.len() => self.go(index + 1, 0),
            _ => self.go(0, 0),
        }
    }

    /// Goes to the hit before; before the first comes the last.
    pub fn previous(&mut self, from: u64) -> Option<Hit> {
        let Some((current, index)) = self.here() else {
            let index = self.lines.partition_point(|hits| hits.line < from);
            return self.go_last(index.checked_sub(1).unwrap_or(self.lines.len().saturating_sub(1)));
        };
        match (current.nth.checked_sub(1), index.checked_sub(1)) {
            (Some(nth), _) => self.go(index, nth),
            (None, Some(index)) => self.go_last(index),
            (None, None) => self.go_last(self.lines.len().saturating_sub(1)),
        }
    }

    /// `"team" 3 of 17`, or that there is nothing.
    pub fn label(&self) -> String {
        let typed = self.pattern.typed();
        match self.current {
            _ if self.total == 0 => format!("\"{typed}\" not found"),
            Some(hit) => {
                format!("\"{typed}\" {} of {}", count(hit.before as u64 + 1), count(self.total as u64))
            }
            None => format!("\"{typed}\" {}", count(self.total as u64)),
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    fn here(&self) -> Option<(Hit, usize)> {
        let current = self.current?;
        let index = self.lines.binary_search_by(|hits| hits.line.cmp(&current.line)).ok()?;
        Some((current, index))
    }

    fn go_last(&mut self, index: usize) -> Option<Hit> {
        let nth = self.lines.get(index)?.count.saturating_sub(1);
        self.go(index, nth)
    }

    fn go(&mut self, index: usize, nth: usize) -> Option<Hit> {
        let line = self.lines.get(index)?.line;
        let before = self.lines.range(..index).map(|hits| hits.count).sum::<usize>() + nth;
        self.current = Some(Hit { line, nth, before });
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn search(lines: &[&str]) -> Search {
        let pattern = Pattern::parse("x").unwrap().unwrap();
        Search::new(pattern, lines.iter().enumerate().map(|(at, line)| (at as u64, *line)))
    }

    fn walk(
        search: &mut Search,
        step: fn(&mut Search, u64) -> Option<Hit>,
        times: usize,
    ) -> Vec<(u64, usize)> {
        (0..times).filter_map(|_| step(search, 0)).map(|hit| (hit.line, hit.nth)).collect()
    }

    #[test]
    fn hits_are_walked_in_order_and_round() {
        let mut s = search(&["x", "-", "x x", "-"]);
        assert_eq!(walk(&mut s, Search::next, 4), [(0, 0), (2, 0), (2, 1), (0, 0)]);
        assert_eq!(walk(&mut s, Search::previous, 4), [(2, 1), (2, 0), (0, 0), (2, 1)]);
        assert_eq!(s.label(), "\"x\" 3 of 3");
    }

    #[test]
    fn a_search_starts_where_one_looks() {
        let mut s = search(&["x", "-", "x", "-"]);
        assert_eq!(s.start(1).map(|hit| hit.line), Some(2));
        assert_eq!(s.start(3).map(|hit| hit.line), Some(0), "round to the first");
        let mut s = search(&["x", "-", "x", "-"]);
        assert_eq!(s.previous(1).map(|hit| hit.line), Some(0));
    }

    #[test]
    fn nothing_found_is_said() {
        let mut s = search(&["a"]);
        assert_eq!(s.next(0), None);
        assert_eq!(s.previous(0), None);
        assert_eq!(s.label(), "\"x\" not found");
    }

    #[test]
    fn the_count_follows_lines_that_come_and_go() {
        let mut s = search(&["x", "x", "x"]);
        s.start(2);
        assert_eq!(s.label(), "\"x\" 3 of 3");
        s.push(3, "xx");
        assert_eq!(s.label(), "\"x\" 3 of 5");
        s.forget_before(2);
        assert_eq!(s.label(), "\"x\" 1 of 3");
        s.forget_before(3);
        assert_eq!(s.label(), "\"x\" 2");
        assert_eq!(s.next(3).map(|hit| (hit.line, hit.nth)), Some((3, 0)));
    }

    proptest! {
        #[test]
        fn walking_all_hits_visits_each_once(lines in prop::collection::vec("[x-]{0,5}", 0..12), gone in 0u64..12) {
            let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
            let mut s = search(&texts);
            s.next(0);
            s.forget_before(gone);
            let all: Vec<(u64, usize)> = lines
                .iter()
                .enumerate()
                .filter(|(at, _)| *at as u64 >= gone)
                .flat_map(|(at, line)| (0..line.matches('x').count()).map(move |nth| (at as u64, nth)))
                .collect();
            prop_assert_eq!(s.total, all.len());
            s.start(0);
            let mut seen: Vec<_> = s.current().map(|hit| (hit.line, hit.nth)).into_iter().collect();
            seen.extend(walk(&mut s, Search::next, all.len().saturating_sub(1)));
            prop_assert_eq!(seen, all);
        }
    }
}
