//! What is wrong, and what to press: the top of the page.

use v9s::fleet::model::{Finding, Severity};
use v9s::fleet::state::State;
use v9s::health::sync::code;
use v9s::health::{certificates, control, quota};

use super::super::lines::{Line, broken};
use super::Remedy;
use super::blocks::{Block, Context};
use crate::format::{age, count};
use crate::text::clean;
use crate::theme::Slot;

/// So many findings are listed.
const MOST_FINDINGS: usize = 20;

impl Context<'_> {
    /// State, reason and what to press.
    pub fn head(&self, columns: usize) -> Vec<Line> {
        let v = self.vcluster;
        let slot = Slot::from(v.state);
        let mut lines = self.with_remedy(
            Line::new(format!(" {} {}", self.symbols.of(slot), v.state.word()), slot),
            &clean(&v.reason),
            Slot::Text,
            state_remedy(v.state),
            columns,
        );
        if let Some(since) = v.stale_since {
            let words = format!(
                " {} as it last was, {} ago: its host does not answer",
                self.symbols.stale,
                age(since, self.now)
            );
            lines.push(Line::new(words, Slot::Stale));
        }
        lines
    }

    /// What is wrong, worst first.
    pub fn findings(&self, columns: usize) -> Block {
        let mut findings: Vec<&Finding> = self.vcluster.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let mut lines: Vec<Line> =
            findings.iter().take(MOST_FINDINGS).flat_map(|finding| self.finding(finding, columns)).collect();
        if findings.len() > MOST_FINDINGS {
            let more = count((findings.len() - MOST_FINDINGS) as u64);
            lines.push(Line::new(format!(" and {more} more"), Slot::Muted));
        }
        let missing: Vec<_> = self.vcluster.unknown.keys().map(|key| clean(key)).collect();
        if !missing.is_empty() {
            let words = format!("not looked at, because not known: {}", missing.join(", "));
            lines.extend(self.signed(Slot::Unknown, &words, columns));
        } else if findings.is_empty() {
            lines.extend(self.signed(Slot::Ok, "nothing found that is wrong", columns));
        }
        let title = match findings.len() {
            0 => "Findings".to_owned(),
            n => format!("Findings {}", count(n as u64)),
        };
        Block { title, lines }
    }

    fn finding(&self, finding: &Finding, columns: usize) -> Vec<Line> {
        let slot = Slot::from(finding.severity);
        let word = match finding.severity {
            Severity::Ok => "ok",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        };
        let head = Line::new(format!(" {} {word:<8}", self.symbols.of(slot)), slot);
        let mut words = clean(&finding.message).into_owned();
        if let Some(since) = finding.since {
            // Not to be broken: these blanks become plain ones below.
            words.push_str(&format!(" {}\u{a0}for\u{a0}{}", self.symbols.dot, age(since, self.now)));
        }
        self.with_remedy(head, &words, Slot::Text, finding_remedy(finding.code), columns)
    }

    /// A head, words beside it, and at the right edge the key that helps; on a line of its own where it does not fit.
    fn with_remedy(
        &self,
        head: Line,
        words: &str,
        slot: Slot,
        remedy: Option<Remedy>,
        columns: usize,
    ) -> Vec<Line> {
        let indent = head.width() + 2;
        let key = remedy.and_then(|remedy| Some((remedy, (self.keys)(remedy)?)));
        let press = key.map_or_else(Line::default, |(remedy, key)| {
            Line::new(format!("[{key}]"), Slot::Key).with(format!(" {} ", remedy.words()), Slot::Muted)
        });
        let texts = broken(words, columns.saturating_sub(indent)).into_iter();
        let mut texts = texts.map(|text| text.replace('\u{a0}', " "));
        let first = texts.next().unwrap_or_default();
        let mut lines = vec![head.with("  ", Slot::Text).with(first, slot)];
        lines.extend(texts.map(|text| Line::new(" ".repeat(indent), Slot::Text).with(text, slot)));
        if press.width() > 0 {
            let last = lines.pop().unwrap_or_default();
            match columns.checked_sub(last.width() + 2 + press.width()) {
                Some(free) => lines.push(last.with(" ".repeat(free + 2), Slot::Text).and(press)),
                None => lines
                    .extend([last, Line::new(" ".repeat(indent.min(columns / 3)), Slot::Text).and(press)]),
            }
        }
        lines
    }
}

fn state_remedy(state: State) -> Option<Remedy> {
    match state {
        State::Down | State::Degraded => Some(Remedy::Logs),
        State::Lagging => Some(Remedy::Sync),
        State::Pending | State::Terminating | State::ScaledDown => Some(Remedy::Events),
        State::Unknown | State::Restoring | State::SleepingWorkloads | State::Paused | State::Running => None,
    }
}

/// By the codes of findings, which are stable.
pub(super) fn finding_remedy(code: &str) -> Option<Remedy> {
    match code {
        "not-ready" => Some(Remedy::Events),
        "restarts" | "out-of-memory" => Some(Remedy::PreviousLogs),
        "quota-near-limit" | quota::code::RUNS_OUT | quota::code::BLOCKS => Some(Remedy::Quota),
        certificates::code::ENDING | certificates::code::ENDED => Some(Remedy::Certificates),
        "duplicate-workload" => Some(Remedy::Yaml),
        code if code.starts_with("store-") => Some(Remedy::Store),
        control::code::CONTAINER => Some(Remedy::PreviousLogs),
        control::code::CONTROLLERS => Some(Remedy::Logs),
        code if code.starts_with("control-plane-") => Some(Remedy::Control),
        code::SILENT
        | code::TROUBLE
        | code::UNREADABLE
        | code::LAG
        | code::CANARY
        | code::API
        | code::API_SLOW
        | code::THROTTLED
        | code::DRIFT
        | code::QUARANTINED
        | code::ORPHANS => Some(Remedy::Sync),
        _ => None,
    }
}
