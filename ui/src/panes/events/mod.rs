//! Events of the namespace of a virtual cluster, the newest first.
//!
//! A list shows them: this is what the list needs to know, and the line above it.

mod columns;
mod language;

use chrono::{DateTime, SecondsFormat, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
pub use v9s::cluster::{EventKind as Kind, EventRow as Event};

pub use self::columns::COLUMNS;
pub use self::language::LANGUAGE;
use super::paint::{Fact, counted, facts, notice};
use crate::format::age;
use crate::text::{clean, clean_lines};
use crate::theme::{Slot, Theme};

/// All of an event as clean text, for a copy or a closer look.
pub fn text(event: &Event) -> String {
    let kind = match event.kind {
        Kind::Warning => "Warning",
        Kind::Normal => "Normal",
    };
    let moment = |moment: Option<DateTime<Utc>>| {
        moment.map_or_else(|| "?".to_owned(), |moment| moment.to_rfc3339_opts(SecondsFormat::Secs, true))
    };
    format!(
        "type:    {kind}\nreason:  {}\nobject:  {}\nfrom:    {}\nfirst:   {}\nlast:    {}\ncount:   {}\n\n{}\n",
        clean(&event.reason),
        clean(&event.object),
        clean(&event.source),
        moment(event.first),
        moment(event.last),
        event.count,
        clean_lines(&event.message).collect::<Vec<_>>().join("\n"),
    )
}

/// What is known of the events.
#[derive(Debug, Clone, Default)]
enum Body {
    /// Nobody has asked yet.
    #[default]
    None,
    /// They have been asked for.
    Waiting,
    /// They cannot be read, and why.
    Failed(String),
    /// They were so at a moment.
    Read(DateTime<Utc>),
}

/// The events to show, and a number that changes only when they do.
#[derive(Debug, Clone, Default)]
pub struct Events {
    body: Body,
    /// Why they could not be read again.
    stale: Option<String>,
    rows: Vec<Event>,
    revision: u64,
}

impl Events {
    /// They have been asked for. Events that are there already stay.
    pub fn wait(&mut self) {
        if !matches!(self.body, Body::Read(_)) {
            self.body = Body::Waiting;
        }
    }

    /// The events as they were at a moment, in any order.
    pub fn set(&mut self, mut events: Vec<Event>, at: DateTime<Utc>) {
        // Those without a time come last; equals keep an order of their own, whatever order they came in.
        events.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.uid.cmp(&b.uid)));
        self.body = Body::Read(at);
        self.stale = None;
        if self.rows != events {
            self.rows = events;
            self.revision += 1;
        }
    }

    /// They could not be read, and why. Events that are there already stay.
    pub fn fail(&mut self, why: &str) {
        let why = clean(why).into_owned();
        match self.body {
            Body::Read(_) => self.stale = Some(why),
            Body::None | Body::Waiting | Body::Failed(_) => self.body = Body::Failed(why),
        }
    }

    /// All of them, the newest first.
    pub fn rows(&self) -> &[Event] {
        &self.rows
    }

    /// Equal numbers mean equal rows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What stands instead of rows when there are none.
    pub fn emptiness(&self) -> &'static str {
        match self.body {
            Body::Read(_) => "no events: the API server forgets them after a while, an hour by default",
            Body::None | Body::Waiting => "",
            Body::Failed(_) => "no events that are known",
        }
    }

    /// Paints one line above the list: how many there are and of when, or why they are not known.
    pub fn render_head(&self, area: Rect, buf: &mut Buffer, theme: &Theme, now: DateTime<Utc>) {
        let area = area.intersection(buf.area);
        match &self.body {
            Body::None => {}
            Body::Waiting => notice(area, Slot::Pending, "reading events", buf, theme),
            Body::Failed(why) => notice(area, Slot::Unknown, &format!("not known: {why}"), buf, theme),
            Body::Read(at) => facts(area, 0, &self.facts(*at, theme, now), buf, theme),
        }
    }

    fn facts(&self, at: DateTime<Utc>, theme: &Theme, now: DateTime<Utc>) -> Vec<Fact> {
        let symbols = theme.symbols();
        let warnings = self.rows.iter().filter(|event| event.kind == Kind::Warning).count() as u64;
        let mut facts: Vec<Fact> = Vec::new();
        if let Some(why) = &self.stale {
            facts.push((format!("{} not read again: {why}", symbols.warn).into(), Slot::Warn));
        }
        if warnings > 0 {
            facts.push((format!("{} {}", symbols.warn, counted(warnings, "warning")).into(), Slot::Warn));
        }
        facts.push((counted(self.rows.len() as u64, "event").into(), Slot::Text));
        facts.push((format!("as of {} ago", age(at, now)).into(), Slot::Muted));
        facts
    }
}

/// Whether an event is shown when only faults are.
pub fn is_fault(event: &Event) -> bool {
    event.kind == Kind::Warning
}

#[cfg(test)]
mod tests;
