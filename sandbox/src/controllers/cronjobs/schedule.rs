//! When a CronJob is due. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use croner::Cron;
use croner::parser::CronParser;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::Value;

use crate::cron::{self, Plan};

/// A schedule in its time zone.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    times: Times,
    zone: TimeZone,
}

#[derive(Debug, Clone)]
enum Times {
    Calendar(Box<Cron>),
    Every(TimeDelta),
}

/// A time that has come, and how many have since the last one that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missed {
    pub(super) time: DateTime<Utc>,
    /// More than anybody would want to catch up with.
    pub(super) many: bool,
}

/// Why there is no schedule, in the words of the event about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// More missed times than these are many.
const MANY: i64 = 100;

impl Schedule {
    /// Reads `schedule` and `timeZone` of a CronJob; without a zone it is meant in UTC.
    pub(super) fn read(spec: &Value) -> Result<Self, Unusable> {
        let zone = match spec["timeZone"].as_str() {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|error| Unusable {
                reason: "UnknownTimeZone",
                message: format!("invalid timeZone: {name:?}: {error}"),
            })?,
        };
        let text = spec["schedule"].as_str().unwrap_or_default();
        let unreadable = |why: &str| Unusable {
            reason: "UnparseableSchedule",
            message: format!("unparseable schedule: {text:?} : {why}"),
        };
        let times = match cron::parse(text).map_err(|why| unreadable(&why))? {
            Plan::Every(length) => Times::Every(length),
            Plan::Calendar(fields) => {
                let cron = CronParser::new().parse(&fields);
                Times::Calendar(Box::new(cron.map_err(|error| unreadable(&error.to_string()))?))
            }
        };
        Ok(Schedule { times, zone })
    }

    /// The first time after another, which is itself one of the schedule's where it goes by lengths of time.
    pub(super) fn after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.times {
            Times::Every(length) => time.checked_add_signed(*length),
            Times::Calendar(cron) => utc(&cron.find_next_occurrence(&self.zoned(time)?, false).ok()?),
        }
    }

    /// The last time up to another, should there be one after `from`.
    pub(super) fn last_between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Missed> {
        let first = self.after(from).filter(|first| *first <= to)?;
        let gap = self.after(first).map_or(TimeDelta::MAX, |second| second - first).num_seconds().max(1);
        let further = (to - first).num_seconds() / gap;
        let time = match &self.times {
            Times::Every(length) => first + *length * i32::try_from(further).unwrap_or(i32::MAX),
            Times::Calendar(cron) => utc(&cron.find_previous_occurrence(&self.zoned(to)?, true).ok()?)
                .filter(|last| *last > from)?,
        };
        Some(Missed { time, many: further + 1 > MANY })
    }

    /// A time as the annotation of a Job tells it: in the zone of the schedule.
    pub(super) fn shown(&self, time: DateTime<Utc>) -> String {
        let shown = self.zoned(time).map(|zoned| zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
        shown.unwrap_or_default().replace("+00:00", "Z")
    }

    fn zoned(&self, time: DateTime<Utc>) -> Option<Zoned> {
        Some(Timestamp::from_second(time.timestamp()).ok()?.to_zoned(self.zone.clone()))
    }
}

fn utc(zoned: &Zoned) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(zoned.timestamp().as_second(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn schedules_are_read_as_cron_does() {
        let cases = [
            ("*/15 * * * *", None, "2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z"),
            ("@daily", None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            ("0 3 * * *", Some("Europe/Berlin"), "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z"),
            ("0 3 * * *", Some("Europe/Berlin"), "2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z"),
            // Either day will do when both are given.
            ("0 0 13 * FRI", None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            ("0 0 ? 2 *", None, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("@every 90m", None, "2026-01-01T00:10:00Z", "2026-01-01T01:40:00Z"),
        ];
        for (schedule, zone, from, expected) in cases {
            let read = Schedule::read(&json!({"schedule": schedule, "timeZone": zone})).expect("a schedule");
            assert_eq!(read.after(at(from)), Some(at(expected)), "{schedule} {zone:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_so() {
        for (spec, reason) in [
            (json!({"schedule": "every day"}), "UnparseableSchedule"),
            (json!({"schedule": "* * * * * *"}), "UnparseableSchedule"),
            (json!({"schedule": "* * * * *", "timeZone": "Nowhere/Land"}), "UnknownTimeZone"),
        ] {
            assert_eq!(Schedule::read(&spec).err().map(|why| why.reason), Some(reason), "{spec}");
        }
    }

    #[test]
    fn only_the_last_missed_time_counts() {
        let at_once = |time: &str| Some(Missed { time: at(time), many: false });
        let hourly = Schedule::read(&json!({"schedule": "0 * * * *"})).expect("a schedule");
        let last = |from: &str, to: &str| hourly.last_between(at(from), at(to));
        assert_eq!(last("2026-01-01T00:00:00Z", "2026-01-01T00:59:59Z"), None);
        assert_eq!(last("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"), at_once("2026-01-01T01:00:00Z"));
        assert_eq!(last("2026-01-01T00:00:00Z", "2026-01-01T05:30:00Z"), at_once("2026-01-01T05:00:00Z"));
        assert_eq!(
            last("2026-01-01T00:30:00Z", "2026-01-09T00:30:00Z").map(|missed| missed.many),
            Some(true)
        );
        assert_eq!(hourly.shown(at("2026-01-01T05:00:00Z")), "2026-01-01T05:00:00Z");
        // Lengths of time are counted from where they began.
        let every = Schedule::read(&json!({"schedule": "@every 7m"})).expect("a schedule");
        let last = |from: &str, to: &str| every.last_between(at(from), at(to));
        assert_eq!(last("2026-01-01T00:01:00Z", "2026-01-01T00:07:59Z"), None);
        assert_eq!(last("2026-01-01T00:01:00Z", "2026-01-01T00:23:00Z"), at_once("2026-01-01T00:22:00Z"));
    }
}
