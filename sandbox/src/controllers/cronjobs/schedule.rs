//! When a CronJob is due. Pure.

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::Value;

/// A schedule in its time zone.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

/// Why there is no schedule, in the words of the event about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

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
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| Unusable {
            reason: "UnparseableSchedule",
            message: format!("unparseable schedule: {text:?} : {error}"),
        })?;
        Ok(Schedule { cron, zone })
    }

    /// The first time after another.
    pub(super) fn after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        utc(&self.cron.find_next_occurrence(&self.zoned(time)?, false).ok()?)
    }

    /// The last time up to another, should there be one after `from`.
    pub(super) fn last_between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let last = utc(&self.cron.find_previous_occurrence(&self.zoned(to)?, true).ok()?)?;
        (last > from).then_some(last)
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
        let hourly = Schedule::read(&json!({"schedule": "0 * * * *"})).expect("a schedule");
        let last = |from: &str, to: &str| hourly.last_between(at(from), at(to));
        assert_eq!(last("2026-01-01T00:00:00Z", "2026-01-01T00:59:59Z"), None);
        assert_eq!(last("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"), Some(at("2026-01-01T01:00:00Z")));
        assert_eq!(last("2026-01-01T00:00:00Z", "2026-01-01T05:30:00Z"), Some(at("2026-01-01T05:00:00Z")));
        assert_eq!(hourly.shown(at("2026-01-01T05:00:00Z")), "2026-01-01T05:00:00Z");
    }
}
