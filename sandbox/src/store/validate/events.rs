//! Events. Whoever speaks `v1` may change everything later; in `events.k8s.io/v1` an event says when, who and what, and
//! later nothing but its series changes.
//!
//! Fields are named as the stored shape names them, whichever version is spoken, but for who reports.

use crate::names;
use crate::status::FieldError;
use chrono::{DateTime, Timelike, Utc};
use serde_json::{Value, json};

/// The version in which events are strict.
const STRICT: &str = "events.k8s.io/v1";
/// Longest `reportingInstance`, `action` and `reason`, in bytes.
const LONGEST_WORD: usize = 128;
/// Longest `message`, in bytes.
const LONGEST_NOTE: usize = 1024;

/// What is wrong with a new event that comes in this API version; empty: the host's own.
pub(super) fn create(new: &Value, version: &str, errors: &mut Vec<FieldError>) {
    common(new, version, errors);
    if version != STRICT {
        return;
    }
    series(new, errors);
    if is_unset(&new["eventTime"]) {
        errors.push(FieldError::required("eventTime", ""));
    }
    let kind = text(new, "type");
    if !matches!(kind, "Normal" | "Warning") {
        errors.push(FieldError::invalid("type", "\"\"", &format!("has invalid value: {kind}")));
    }
    let source = &new["source"];
    let old_fashioned = [
        ("firstTimestamp", !is_unset(&new["firstTimestamp"])),
        ("lastTimestamp", !is_unset(&new["lastTimestamp"])),
        ("count", new["count"].as_i64().unwrap_or(0) != 0),
        ("source", !(text(source, "component").is_empty() && text(source, "host").is_empty())),
    ];
    for (field, set) in old_fashioned {
        if set {
            errors.push(FieldError::invalid(field, "\"\"", "needs to be unset"));
        }
    }
}

/// What is wrong with a change of an event in this API version.
pub(super) fn update(new: &Value, old: &Value, version: &str, errors: &mut Vec<FieldError>) {
    common(new, version, errors);
    if version != STRICT {
        return;
    }
    if new["series"] != old["series"] {
        series(new, errors);
    }
    // In this order the real server tells them.
    for field in [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "action",
        "related",
        "reportingController",
        "reportingInstance",
    ] {
        let stored = if field == "reportingController" { "reportingComponent" } else { field };
        let (now, before) = (shown(field, &new[stored]), shown(field, &old[stored]));
        let same_moment = field == "eventTime" && micros(&new[stored]) == micros(&old[stored]);
        if now != before && !same_moment {
            errors.push(FieldError::invalid(field, now, "field is immutable"));
        }
    }
}

/// What holds in every version.
fn common(new: &Value, version: &str, errors: &mut Vec<FieldError>) {
    let own = text(&new["metadata"], "namespace");
    let about = text(&new["involvedObject"], "namespace");
    let mut elsewhere = || {
        let detail = "does not match event.namespace";
        errors.push(FieldError::invalid("involvedObject.namespace", format!("{about:?}"), detail));
    };
    if is_unset(&new["eventTime"]) {
        // An event is in the namespace of what it is about; in `default`, when that is in none.
        if own != about && !(about.is_empty() && own == "default") {
            elsewhere();
        }
        return;
    }
    if about.is_empty() && !matches!(own, "default" | "kube-system") {
        elsewhere();
    }
    // What is stored goes by its old name, what is complained about by the one that the client used.
    let reporter = if version == "v1" { "reportingComponent" } else { "reportingController" };
    let controller = text(new, "reportingComponent");
    if controller.is_empty() {
        errors.push(FieldError::required(reporter, ""));
    }
    for why in names::qualified(controller) {
        errors.push(FieldError::invalid(reporter, format!("{controller:?}"), &why));
    }
    for field in ["reportingInstance", "action", "reason"] {
        let value = text(new, field);
        if value.is_empty() {
            errors.push(FieldError::required(field, ""));
        }
        too_long(field, value, LONGEST_WORD, errors);
    }
    too_long("message", text(new, "message"), LONGEST_NOTE, errors);
}

fn too_long(field: &str, value: &str, longest: usize, errors: &mut Vec<FieldError>) {
    if value.len() > longest {
        errors.push(FieldError::invalid(field, "\"\"", &format!("can have at most {longest} characters")));
    }
}

/// A series has gone on, and says until when.
fn series(new: &Value, errors: &mut Vec<FieldError>) {
    let Some(series) = new.get("series").filter(|series| series.is_object()) else { return };
    if series["count"].as_i64().unwrap_or(0) < 2 {
        errors.push(FieldError::invalid("series.count", "\"\"", "should be at least 2"));
    }
    if is_unset(&series["lastObservedTime"]) {
        errors.push(FieldError::required("series.lastObservedTime", ""));
    }
}

fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or_default()
}

fn is_unset(time: &Value) -> bool {
    time.as_str().is_none_or(str::is_empty)
}

/// A time without what is finer than a microsecond: that may be lost on the way.
fn micros(time: &Value) -> Option<DateTime<Utc>> {
    let time: DateTime<Utc> = time.as_str()?.parse().ok()?;
    time.with_nanosecond(time.nanosecond() / 1000 * 1000)
}

/// A value as the real server shows it: with all fields of its Go type, under their Go names.
fn shown(field: &str, value: &Value) -> String {
    let go = |names: &[(&str, &str)]| {
        let fields = names.iter().map(|(name, go)| format!("{}:{}", json!(go), json!(text(value, name))));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    };
    match field {
        "involvedObject" => reference(go),
        "related" if value.is_object() => reference(go),
        "source" => go(&[("component", "Component"), ("host", "Host")]),
        "count" => value.as_i64().unwrap_or(0).to_string(),
        "firstTimestamp" | "lastTimestamp" | "eventTime" | "related" => value.to_string(),
        _ => json!(value.as_str().unwrap_or_default()).to_string(),
    }
}

fn reference(go: impl Fn(&[(&str, &str)]) -> String) -> String {
    go(&[
        ("kind", "Kind"),
        ("namespace", "Namespace"),
        ("name", "Name"),
        ("uid", "UID"),
        ("apiVersion", "APIVersion"),
        ("resourceVersion", "ResourceVersion"),
        ("fieldPath", "FieldPath"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Value {
        json!({"metadata": {"namespace": "n", "name": "e"}, "involvedObject": {"kind": "Pod", "namespace": "n", "name": "p"},
            "reason": "R", "message": "M", "type": "Normal", "eventTime": "2026-01-01T00:00:00.000001Z", "action": "A",
            "reportingComponent": "x.y/c", "reportingInstance": "i"})
    }

    fn fields(errors: Vec<FieldError>) -> Vec<String> {
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn an_event_of_the_new_version_says_all_of_it() {
        let cases: [(&str, Value, &[&str]); 8] = [
            ("/reason", json!("R"), &[]),
            ("/eventTime", Value::Null, &["eventTime"]),
            ("/type", json!("Odd"), &["type"]),
            ("/count", json!(1), &["count"]),
            ("/source", json!({"component": "c"}), &["source"]),
            ("/series", json!({"count": 1}), &["series.count", "series.lastObservedTime"]),
            ("/reportingComponent", json!("a b"), &["reportingController"]),
            ("/involvedObject/namespace", Value::Null, &["involvedObject.namespace"]),
        ];
        for (at, value, expected) in cases {
            let mut new = event();
            let (parent, name) = at.rsplit_once('/').expect("a path");
            new.pointer_mut(parent).expect("a parent")[name] = value.clone();
            let mut errors = Vec::new();
            create(&new, STRICT, &mut errors);
            assert_eq!(fields(errors), expected, "{at} {value}");
        }
    }

    #[test]
    fn only_the_new_version_holds_to_what_was_said() {
        let cases: [(&str, Value, &[&str]); 7] = [
            ("message", json!("N"), &["message"]),
            ("reason", json!("S"), &["reason"]),
            ("count", json!(2), &["count"]),
            ("eventTime", json!("2026-01-01T00:00:00.000001999Z"), &[]),
            ("eventTime", json!("2026-01-01T00:00:00.000002Z"), &["eventTime"]),
            ("reportingComponent", json!("x.y/d"), &["reportingController"]),
            ("series", json!({"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}), &[]),
        ];
        for (field, value, expected) in cases {
            let mut new = event();
            new[field] = value.clone();
            let (mut strict, mut lax) = (Vec::new(), Vec::new());
            update(&new, &event(), STRICT, &mut strict);
            update(&new, &event(), "v1", &mut lax);
            assert_eq!(
                (fields(strict), fields(lax)),
                (expected.iter().map(|f| (*f).to_owned()).collect(), Vec::new()),
                "{field} {value}"
            );
        }
    }
}
