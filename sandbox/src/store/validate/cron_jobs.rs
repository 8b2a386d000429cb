//! CronJobs.

use super::jobs::{self, not_negative};
use crate::cron;
use crate::status::FieldError;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// A cron job says when. `old` is none for a new one.
pub(super) fn check(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let wanted = &new["spec"];
    let schedule = wanted["schedule"].as_str().unwrap_or_default();
    if schedule.is_empty() {
        errors.push(FieldError::required("spec.schedule", ""));
    } else {
        check_schedule(schedule, wanted, old, errors);
    }
    not_negative(&wanted["startingDeadlineSeconds"], "spec.startingDeadlineSeconds", errors);
    if old.is_none_or(|old| old["spec"]["timeZone"] != wanted["timeZone"]) {
        time_zone(&wanted["timeZone"], errors);
    }
    let policies = ["Allow", "Forbid", "Replace"];
    if let Some(policy) = wanted["concurrencyPolicy"].as_str().filter(|policy| !policies.contains(policy)) {
        errors.push(FieldError::not_supported("spec.concurrencyPolicy", policy, &policies));
    }
    let template = &wanted["jobTemplate"]["spec"];
    jobs::spec(template, "spec.jobTemplate.spec", errors);
    if template["manualSelector"] == true {
        let field = "spec.jobTemplate.spec.manualSelector";
        errors.push(FieldError::not_among(field, true, &["nil", "false"]));
    }
    for key in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        not_negative(&wanted[key], &format!("spec.{key}"), errors);
    }
    let name = new["metadata"]["name"].as_str().unwrap_or_default();
    // Its Jobs are called as it is, and eleven characters more.
    if old.is_none() && name.len() > 52 {
        errors.push(FieldError::invalid("metadata.name", json!(name), "must be no more than 52 characters"));
    }
}

fn check_schedule(schedule: &str, spec: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let mut wrong = |why: &str| errors.push(FieldError::invalid("spec.schedule", json!(schedule), why));
    if let Err(why) = cron::parse(schedule) {
        wrong(&why);
    }
    // Those that have their zone in the schedule from former times may keep it.
    let zoned = |schedule: &str| schedule.contains("TZ");
    let kept = old.is_some_and(|old| zoned(old["spec"]["schedule"].as_str().unwrap_or_default()));
    match (zoned(schedule), kept) {
        (true, false) => wrong("cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        (true, true) if !spec["timeZone"].is_null() => {
            wrong("cannot use both timeZone field and TZ or CRON_TZ in schedule");
        }
        _ => {}
    }
}

fn time_zone(value: &Value, errors: &mut Vec<FieldError>) {
    let Some(zone) = value.as_str() else { return };
    let mut wrong = |why: &str| errors.push(FieldError::invalid("spec.timeZone", json!(zone), why));
    if zone.is_empty() {
        return wrong("timeZone must be nil or non-empty string");
    }
    let odd = |part: &str| {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
        matches!(part, "" | "." | "..")
            || part.starts_with('-')
            || part.len() > 14
            || !part.bytes().all(letters)
    };
    let unknown = format!("unknown time zone {zone}");
    if zone.split('/').any(odd) {
        return wrong(&unknown);
    }
    if zone.eq_ignore_ascii_case("local") {
        wrong("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
    }
    if zone != "Local" && TimeZone::get(zone).is_err() {
        wrong(&unknown);
    }
}
