//! What containers write: computed from the time they run, never kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::runtime::LogLine;

/// What is written in the course of a run.
type Line = Arc<dyn Fn(u64) -> String + Send + Sync>;

/// What a container writes: some lines when it starts, then one at a time, and some when it ends.
#[derive(Clone)]
pub struct Log {
    /// Written one after the other right after the start, 20 ms apart.
    pub opening: Vec<String>,
    /// Time between two lines after that; zero: none are written.
    pub period: Duration,
    /// The line of a number, counted from 0 after the opening.
    pub line: Line,
    /// Written when it ends by itself or is stopped.
    pub closing: Vec<String>,
}

impl Log {
    /// A log that says these lines over and over.
    pub fn repeating(opening: &[&str], period: Duration, lines: &'static [&'static str]) -> Self {
        let line: Line = Arc::new(move |number| {
            let index = usize::try_from(number).unwrap_or(0).checked_rem(lines.len());
            index.and_then(|index| lines.get(index)).map(|line| (*line).to_owned()).unwrap_or_default()
        });
        Log {
            opening: opening.iter().map(|line| (*line).to_owned()).collect(),
            period: if lines.is_empty() { Duration::ZERO } else { period },
            line,
            closing: Vec::new(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log::repeating(
            &["starting", "configuration loaded", "listening"],
            Duration::from_secs(15),
            &[
                "request served status=200",
                "health check passed",
                "request served status=200",
                "cache refreshed",
            ],
        )
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({} + every {:?})", self.opening.len(), self.period)
    }
}

/// A container's time of running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: DateTime<Utc>,
    /// None while it runs.
    pub(super) to: Option<DateTime<Utc>>,
}

const OPENING_STEP: TimeDelta = TimeDelta::milliseconds(20);

impl Log {
    fn period(&self) -> Option<TimeDelta> {
        TimeDelta::from_std(self.period).ok().filter(|period| *period > TimeDelta::zero())
    }

    /// When the line of a number is written, closing lines left aside. None when there is none.
    fn time_of(&self, number: u64, span: Span) -> Option<DateTime<Utc>> {
        let opening = self.opening.len() as u64;
        if number < opening {
            return Some(span.from + OPENING_STEP * i32::try_from(number).ok()?);
        }
        let beyond = i32::try_from(number - opening + 1).ok()?;
        let start = span.from + OPENING_STEP * i32::try_from(opening).ok()?;
        start.checked_add_signed(self.period()?.checked_mul(beyond)?)
    }

    /// How many lines have been written by a time, closing lines left aside.
    fn written(&self, span: Span, now: DateTime<Utc>) -> u64 {
        let end = span.to.map_or(now, |to| to.min(now));
        let passed = end - span.from;
        if passed < TimeDelta::zero() {
            return 0;
        }
        let opening = self.opening.len() as i64;
        let opened = (passed.num_milliseconds() / OPENING_STEP.num_milliseconds() + 1).min(opening);
        let rest = passed.num_milliseconds() - OPENING_STEP.num_milliseconds() * opening;
        let regular = self.period().map_or(0, |period| (rest / period.num_milliseconds().max(1)).max(0));
        u64::try_from(opened + if opened == opening { regular } else { 0 }).unwrap_or(0)
    }

    fn line_at(&self, number: u64, span: Span) -> Option<LogLine> {
        let time = self.time_of(number, span)?;
        let text = match usize::try_from(number).ok().and_then(|index| self.opening.get(index)) {
            Some(text) => text.clone(),
            None => (self.line)(number - self.opening.len() as u64),
        };
        Some(LogLine { time, text: text.into() })
    }

    /// The lines written by a time: the last `tail` of them, from `since` on. Also the number of the next line.
    pub(super) fn lines(
        &self,
        span: Span,
        now: DateTime<Utc>,
        tail: Option<usize>,
        since: Option<DateTime<Utc>>,
    ) -> (Vec<LogLine>, u64) {
        let written = self.written(span, now);
        let closing: Vec<LogLine> = match span.to.filter(|to| *to <= now) {
            Some(time) => {
                self.closing.iter().map(|text| LogLine { time, text: text.clone().into() }).collect()
            }
            None => Vec::new(),
        };
        let wanted = tail.unwrap_or(usize::MAX).saturating_sub(closing.len());
        let mut first = written.saturating_sub(u64::try_from(wanted).unwrap_or(u64::MAX));
        if let Some(since) = since {
            first = first.max(self.written(span, since - TimeDelta::milliseconds(1)));
        }
        let lines = (first..written).filter_map(|number| self.line_at(number, span));
        let recent = closing.into_iter().filter(|line| since.is_none_or(|since| line.time >= since));
        let mut all: Vec<LogLine> = lines.chain(recent).collect();
        if let Some(tail) = tail {
            all.drain(..all.len().saturating_sub(tail));
        }
        (all, written)
    }

    /// The line of a number, to wait for; None when no more is written.
    pub(super) fn next(&self, number: u64, span: Span) -> Option<LogLine> {
        self.line_at(number, span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    fn log() -> Log {
        Log {
            closing: vec!["bye".to_owned()],
            ..Log::repeating(&["a", "b"], Duration::from_secs(1), &["x", "y"])
        }
    }

    fn texts(lines: &[LogLine]) -> Vec<String> {
        lines.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect()
    }

    #[test]
    fn lines_appear_in_the_course_of_time() {
        let span = Span { from: at(0), to: None };
        let cases: [(i64, &[&str]); 5] = [
            (0, &["a"]),
            (20, &["a", "b"]),
            (1039, &["a", "b"]),
            (1040, &["a", "b", "x"]),
            (3100, &["a", "b", "x", "y", "x"]),
        ];
        for (now, expected) in cases {
            let (lines, next) = log().lines(span, at(now), None, None);
            assert_eq!(texts(&lines), expected, "at {now} ms");
            let coming = log().next(next, span).expect("one more");
            assert!(coming.time > at(now), "the next line is still to come");
        }
    }

    #[test]
    fn a_log_ends_with_its_container() {
        let span = Span { from: at(0), to: Some(at(1500)) };
        let (lines, _) = log().lines(span, at(60_000), None, None);
        assert_eq!(texts(&lines), ["a", "b", "x", "bye"]);
        assert_eq!(lines[3].time, at(1500));
    }

    #[test]
    fn tail_and_since_take_the_end() {
        let span = Span { from: at(0), to: None };
        let tail = |count: usize| texts(&log().lines(span, at(10_000), Some(count), None).0);
        assert_eq!(tail(2), ["x", "y"].map(str::to_owned).into_iter().rev().collect::<Vec<_>>());
        assert_eq!(tail(0), Vec::<String>::new());
        let since = texts(&log().lines(span, at(3100), None, Some(at(2040))).0);
        assert_eq!(since, ["y", "x"]);
    }

    #[test]
    fn a_long_run_costs_no_more_than_what_is_asked_for() {
        let span = Span { from: at(0), to: None };
        let year = 365 * 24 * 3600 * 1000;
        let (lines, next) = log().lines(span, at(year), Some(3), None);
        assert_eq!(lines.len(), 3);
        assert_eq!(next, 365 * 24 * 3600 + 1);
    }
}
