//! Why a pod is not what it should be: the sentence, what shows it, what to do.

use chrono::{DateTime, SecondsFormat, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::explain::{Answer, Sure, Verdict};

use super::Move;
use super::lines::{Line, broken};
use super::page::{Page, rule, single};
use crate::format::age;
use crate::text::clean;
use crate::theme::{ASCII, Slot, Symbols, Theme};

/// Width of a text for the clipboard and for the command line.
const PLAIN: usize = 100;

/// Which part of an explanation is seen.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    page: Page,
}

impl Explanation {
    /// Moves through it.
    pub fn go(&mut self, step: Move) {
        self.page.go(step);
    }

    /// Paints it.
    pub fn render(
        &mut self,
        verdict: &Verdict,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        now: DateTime<Utc>,
    ) {
        let width = usize::from(area.width).saturating_sub(2);
        let lines = Said { verdict, symbols: theme.symbols(), now, width }.lines();
        self.page.render(&single(lines), area, buf, theme);
    }

    /// It as plain text.
    pub fn text(verdict: &Verdict) -> String {
        let said = Said { verdict, symbols: &ASCII, now: verdict.at, width: PLAIN };
        let mut out = String::new();
        for line in said.lines() {
            out.push_str(line.text().trim_end());
            out.push('\n');
        }
        out
    }
}

struct Said<'a> {
    verdict: &'a Verdict,
    symbols: &'a Symbols,
    now: DateTime<Utc>,
    width: usize,
}

impl Said<'_> {
    fn lines(&self) -> Vec<Line> {
        let mut lines = self.head();
        if let Some(cause) = self.verdict.cause() {
            lines.extend(self.titled("Evidence"));
            for evidence in &cause.evidence {
                let at = evidence.at.map_or_else(|| "now".to_owned(), |at| self.moment(at));
                let source = clean(&evidence.source).into_owned();
                lines.push(Line::new(format!(" {at}  "), Slot::Muted).with(source, Slot::Info));
                lines.extend(self.prose(&evidence.says, 3, Slot::Text));
            }
            lines.extend(self.titled("What to do"));
            for (nth, fix) in cause.fixes.iter().enumerate() {
                let number = format!(" {} ", nth + 1);
                let mut what = self.prose(&fix.what, 3, Slot::Text).into_iter();
                if let Some(first) = what.next() {
                    let words = first.text().trim_start().to_owned();
                    lines.push(Line::new(number, Slot::Key).with(words, Slot::Text));
                }
                lines.extend(what);
                if let Some(risk) = fix.risk {
                    lines.extend(self.prose(&format!("{} {risk}", self.symbols.warn), 3, Slot::Warn));
                }
            }
        }
        if !self.verdict.also.is_empty() {
            lines.extend(self.titled("Also"));
            for also in &self.verdict.also {
                lines.extend(self.prose(&format!("{}: {}", also.code, also.because), 1, Slot::Text));
            }
        }
        if !self.verdict.unread.is_empty() {
            lines.extend(self.titled("Could not be read"));
            for unread in &self.verdict.unread {
                lines.extend(self.prose(&format!("{} {unread}", self.symbols.unknown), 1, Slot::Unknown));
            }
        }
        lines
    }

    fn head(&self) -> Vec<Line> {
        let (slot, sure) = match &self.verdict.answer {
            Answer::Well => (Slot::Ok, "as it should be"),
            Answer::Unknown => (Slot::Unknown, "not known"),
            Answer::Because(cause) => match cause.sure {
                Sure::Certain => (Slot::Text, "certain: whoever decides it has said so"),
                Sure::Likely => (Slot::Text, "likely: it follows from what is seen, nobody has said it"),
            },
        };
        let mut lines = self.prose(&self.verdict.sentence, 1, slot);
        let what = format!(" {} ", self.verdict.code);
        let dot = self.symbols.dot;
        lines.push(Line::new(what, Slot::Accent).with(format!("{dot} {sure}"), Slot::Muted));
        lines
    }

    fn titled(&self, title: &str) -> [Line; 2] {
        [Line::default(), rule(title, self.width, self.symbols)]
    }

    fn prose(&self, words: &str, indent: usize, slot: Slot) -> Vec<Line> {
        let words = clean(words);
        let lines = broken(&words, self.width.saturating_sub(indent).max(1));
        lines.into_iter().map(|line| Line::new(format!("{}{line}", " ".repeat(indent)), slot)).collect()
    }

    fn moment(&self, at: DateTime<Utc>) -> String {
        let moment = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        if at > self.now { moment } else { format!("{moment}, {} ago", age(at, self.now)) }
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
