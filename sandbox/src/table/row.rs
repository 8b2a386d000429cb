//! Reading an object cell by cell.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::format::{human_duration, or_none};
use crate::kinds::quantity::Quantity;

/// An object and the time of looking at it.
pub(super) struct Row<'v> {
    pub(super) object: &'v Value,
    pub(super) now: DateTime<Utc>,
}

impl<'v> Row<'v> {
    pub(super) fn at(&self, path: &str) -> Option<&'v Value> {
        self.object.pointer(path).filter(|value| !value.is_null())
    }

    /// The text at a path; empty when there is none.
    pub(super) fn str(&self, path: &str) -> &'v str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// The list at a path; empty when there is none.
    pub(super) fn list(&self, path: &str) -> &'v [Value] {
        self.at(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The number at a path; 0 when there is none.
    pub(super) fn number(&self, path: &str) -> i64 {
        self.at(path).and_then(Value::as_i64).unwrap_or(0)
    }

    /// How many entries the list or object at a path has.
    pub(super) fn count(&self, path: &str) -> usize {
        match self.at(path) {
            Some(Value::Array(list)) => list.len(),
            Some(Value::Object(fields)) => fields.len(),
            _ => 0,
        }
    }

    pub(super) fn name(&self) -> Value {
        self.text("/metadata/name")
    }

    pub(super) fn text(&self, path: &str) -> Value {
        self.str(path).into()
    }

    /// The text at a path, or another one when there is none.
    pub(super) fn text_or(&self, path: &str, other: &str) -> Value {
        match self.str(path) {
            "" => other.into(),
            text => text.into(),
        }
    }

    pub(super) fn integer(&self, path: &str) -> Value {
        self.number(path).into()
    }

    pub(super) fn flag(&self, path: &str, absent: bool) -> Value {
        self.at(path).and_then(Value::as_bool).unwrap_or(absent).into()
    }

    /// The quantity at a path as text; `0` when there is none.
    pub(super) fn quantity(&self, path: &str) -> String {
        self.at(path).and_then(Quantity::from_json).unwrap_or_default().to_string()
    }

    pub(super) fn age(&self) -> Value {
        self.since("/metadata/creationTimestamp").into()
    }

    /// How long ago the time at a path was.
    pub(super) fn since(&self, path: &str) -> String {
        self.ago(self.str(path))
    }

    /// How long ago a time was.
    pub(super) fn ago(&self, time: &str) -> String {
        match time.parse::<DateTime<Utc>>() {
            Ok(time) => human_duration(self.now - time),
            Err(_) => "<unknown>".to_owned(),
        }
    }

    /// Names and images of the containers in a list.
    pub(super) fn containers(&self, path: &str) -> [Value; 2] {
        let join = |key: &str| {
            let texts = self.list(path).iter().map(|container| container[key].as_str().unwrap_or_default());
            Value::from(texts.collect::<Vec<_>>().join(","))
        };
        [join("name"), join("image")]
    }

    /// The label selector at a path, such as `app=web,tier in (a,b)`; `<none>` when it is empty.
    pub(super) fn selector(&self, path: &str) -> Value {
        let mut terms = pairs(self.at(&format!("{path}/matchLabels")));
        for expression in self.list(&format!("{path}/matchExpressions")) {
            let key = expression["key"].as_str().unwrap_or_default();
            let values = expression["values"].as_array().into_iter().flatten();
            let mut values: Vec<&str> = values.filter_map(Value::as_str).collect();
            values.sort_unstable();
            let values = values.join(",");
            terms.push(match expression["operator"].as_str() {
                Some("In") => format!("{key} in ({values})"),
                Some("NotIn") => format!("{key} notin ({values})"),
                Some("DoesNotExist") => format!("!{key}"),
                _ => key.to_owned(),
            });
        }
        terms.sort();
        or_none(terms.join(",")).into()
    }

    /// Labels such as `a=b,c=d`; `<none>` when there are none.
    pub(super) fn labels(&self, path: &str) -> Value {
        or_none(pairs(self.at(path)).join(",")).into()
    }
}

fn pairs(labels: Option<&Value>) -> Vec<String> {
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
}
