//! `pods/log`: which lines, and their bytes.

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::{Stream, StreamExt};

use crate::runtime::{ContainerRef, LogLine, LogQuery};
use crate::status::{FieldError, Status};

/// The query parameters of a log request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogParams {
    /// `container`.
    pub container: Option<String>,
    /// `follow`.
    pub follow: bool,
    /// `previous`.
    pub previous: bool,
    /// `timestamps`: each line starts with its time.
    pub timestamps: bool,
    /// `sinceTime`, or `sinceSeconds` before now.
    pub since: Option<DateTime<Utc>>,
    /// `tailLines`.
    pub tail_lines: Option<usize>,
    /// `limitBytes`: the text ends after so many bytes.
    pub limit_bytes: Option<usize>,
}

impl LogParams {
    /// Reads query parameters; those that are not about logs are left alone.
    ///
    /// # Errors
    /// 422 as the real server for numbers that are out of range or no numbers.
    pub fn parse<'q>(
        query: impl Iterator<Item = (&'q str, &'q str)>,
        now: DateTime<Utc>,
    ) -> Result<Self, Status> {
        let mut params = LogParams::default();
        let mut wrong = Vec::new();
        for (key, value) in query {
            match key {
                "container" => params.container = Some(value.to_owned()).filter(|name| !name.is_empty()),
                "follow" => params.follow = is_true(value),
                "previous" => params.previous = is_true(value),
                "timestamps" => params.timestamps = is_true(value),
                "tailLines" => params.tail_lines = number(key, value, 0, &mut wrong),
                "limitBytes" => params.limit_bytes = number(key, value, 1, &mut wrong),
                "sinceSeconds" => {
                    let seconds: Option<usize> = number(key, value, 1, &mut wrong);
                    let span = seconds.and_then(|s| TimeDelta::try_seconds(i64::try_from(s).ok()?));
                    params.since = span.and_then(|span| now.checked_sub_signed(span));
                }
                "sinceTime" => match DateTime::parse_from_rfc3339(value) {
                    Ok(time) => params.since = Some(time.with_timezone(&Utc)),
                    Err(_) => {
                        wrong.push(FieldError::invalid(key, format!("{value:?}"), "must be an RFC 3339 time"))
                    }
                },
                _ => {}
            }
        }
        if wrong.is_empty() { Ok(params) } else { Err(Status::invalid("", "PodLogOptions", "", wrong)) }
    }

    /// What the runtime is asked for.
    pub fn query(&self, target: ContainerRef) -> LogQuery {
        LogQuery {
            target,
            follow: self.follow,
            previous: self.previous,
            since: self.since,
            tail_lines: self.tail_lines,
        }
    }

    /// The text of the lines.
    pub fn encode<S: Stream<Item = LogLine>>(&self, lines: S) -> impl Stream<Item = Bytes> + use<S> {
        let timestamps = self.timestamps;
        let mut left = self.limit_bytes.unwrap_or(usize::MAX);
        lines
            .map(move |line| {
                let mut text = BytesMut::with_capacity(line.text.len() + 32);
                if timestamps {
                    text.put_slice(line.time.to_rfc3339_opts(SecondsFormat::Nanos, true).as_bytes());
                    text.put_u8(b' ');
                }
                text.put_slice(&line.text);
                text.put_u8(b'\n');
                text.freeze()
            })
            .map(move |mut text| {
                text.truncate(left);
                left -= text.len();
                text
            })
            .take_while(|text| std::future::ready(!text.is_empty()))
    }
}

fn is_true(value: &str) -> bool {
    matches!(value, "true" | "1" | "")
}

fn number(key: &str, value: &str, least: usize, wrong: &mut Vec<FieldError>) -> Option<usize> {
    let found = value.parse().ok().filter(|number| *number >= least);
    if found.is_none() {
        let detail = if least == 0 { "must be greater than or equal to 0" } else { "must be greater than 0" };
        wrong.push(FieldError::invalid(key, value, detail));
    }
    found
}
