//! Columns of jobs and messages.

use crate::app::jobs::{Ended, Job, JobId};
use crate::app::messages::{Level, Message};
use crate::columns::{Cell, Column, Cut, Direction, Value};
use crate::filter::{Field, Kind, Language};
use crate::format;
use crate::screens::list::Item;
use crate::text::Align;
use crate::theme::Slot;

const fn column<R>(id: &'static str, title: &'static str, width: u16, drop: u8) -> Column<R> {
    Column::words(id, title, width, drop, Cut::End)
}

fn state(job: &Job) -> (&'static str, Slot) {
    match &job.ended {
        None if job.stopping => ("stopping", Slot::Warn),
        None => ("running", Slot::Pending),
        Some((_, outcome)) => {
            let word = match outcome.ended {
                Ended::Done => "done",
                Ended::Partly => "partly",
                Ended::Failed => "failed",
                Ended::Cancelled => "stopped",
            };
            (word, super::steps::slot(outcome.ended))
        }
    }
}

pub static JOBS: [Column<Job>; 5] = [
    Column {
        cell: |job, _| Cell::foreign(&job.title, Slot::Text),
        value: |job| Value::Text(&job.title),
        preferred: 40,
        grow: 60,
        ..column("job", "JOB", 24, 0)
    },
    Column {
        cell: |job, look| Cell::status(state(job).0, state(job).1, look),
        value: |job| Value::Text(state(job).0),
        ..column("state", "STATE", 10, 0)
    },
    Column {
        cell: |job, _| {
            let (over, all) = job.progress();
            Cell::new(format!("{over}/{all}"), Slot::Text)
        },
        value: |job| Value::Number(job.progress().0 as f64),
        align: Align::Right,
        ..column("steps", "STEPS", 7, 1)
    },
    Column {
        cell: |job, look| Cell::new(format!("{} ago", format::age(job.began, look.now)), Slot::Muted),
        value: |job| Value::age(Some(job.began)),
        align: Align::Right,
        ..column("began", "BEGAN", 11, 2)
    },
    Column {
        cell: |job, look| {
            let end = job.ended.as_ref().map_or(look.now, |(at, _)| *at);
            Cell::new(format::measured(format::elapsed(job.began, end)), Slot::Muted)
        },
        value: |job| {
            Value::Number(job.ended.as_ref().map_or(f64::MAX, |(at, _)| (*at - job.began).as_seconds_f64()))
        },
        align: Align::Right,
        ..column("took", "TOOK", 8, 3)
    },
];

static JOB_LANGUAGE: Language<Job> = Language {
    words: |job| vec![&job.title],
    fields: &[Field { names: &["state"], kind: Kind::Text, value: |job, _| Value::Text(state(job).0) }],
    labels: |_| None,
};

impl Item for Job {
    type Key = JobId;

    fn key(&self) -> JobId {
        self.id
    }

    fn name(&self) -> &str {
        &self.title
    }

    fn is_fault(&self) -> bool {
        self.ended.as_ref().is_some_and(|(_, outcome)| outcome.ended != Ended::Done)
    }

    fn language() -> &'static Language<Self> {
        &JOB_LANGUAGE
    }
}

fn level(message: &Message) -> (&'static str, Slot) {
    match message.level {
        Level::Info => ("info", Slot::Info),
        Level::Warning => ("warning", Slot::Warn),
        Level::Error => ("error", Slot::Err),
    }
}

pub static MESSAGES: [Column<Message>; 4] = [
    Column {
        cell: |message, look| Cell::new(format!("{} ago", format::age(message.at, look.now)), Slot::Muted),
        value: |message| Value::age(Some(message.at)),
        align: Align::Right,
        ..column("when", "WHEN", 11, 0)
    },
    Column {
        cell: |message, look| Cell::status(level(message).0, level(message).1, look),
        value: |message| Value::Number(f64::from(message.level as u8)),
        first: Direction::Down,
        ..column("level", "LEVEL", 10, 1)
    },
    Column {
        cell: |message, _| match message.times {
            1 => Cell::empty(),
            times => Cell::new(format!("x{times}"), Slot::Muted),
        },
        value: |message| Value::Number(f64::from(message.times)),
        align: Align::Right,
        first: Direction::Down,
        ..column("times", "TIMES", 5, 2)
    },
    Column {
        cell: |message, _| Cell::foreign(&message.text, Slot::Text),
        value: |message| Value::Text(&message.text),
        preferred: 60,
        grow: 400,
        ..column("message", "MESSAGE", 30, 0)
    },
];

static MESSAGE_LANGUAGE: Language<Message> = Language {
    words: |message| vec![&message.text],
    fields: &[Field {
        names: &["level"],
        kind: Kind::Text,
        value: |message, _| Value::Text(level(message).0),
    }],
    labels: |_| None,
};

impl Item for Message {
    type Key = u64;

    fn key(&self) -> u64 {
        self.id
    }

    fn name(&self) -> &str {
        &self.text
    }

    fn is_fault(&self) -> bool {
        self.level >= Level::Warning
    }

    fn language() -> &'static Language<Self> {
        &MESSAGE_LANGUAGE
    }
}
