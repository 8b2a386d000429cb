//! What can be asked of events.

use super::{Event, Kind as Type};
use crate::columns::Value;
use crate::filter::{Field, Kind, Language};
use crate::format::elapsed;
use chrono::{DateTime, Utc};

/// The filter language of events.
pub static LANGUAGE: Language<Event> = Language {
    words: |event| vec![&event.reason, &event.object, &event.message],
    fields: FIELDS,
    labels: |_| None,
};

static FIELDS: &[Field<Event>] = &[
    Field { names: &["reason"], kind: Kind::Text, value: |event, _| Value::Text(&event.reason) },
    Field { names: &["type"], kind: Kind::Text, value: |event, _| Value::Text(word(event)) },
    Field { names: &["object"], kind: Kind::Text, value: |event, _| Value::Text(&event.object) },
    Field { names: &["message"], kind: Kind::Text, value: |event, _| Value::Text(&event.message) },
    Field { names: &["from", "source"], kind: Kind::Text, value: |event, _| Value::Text(&event.source) },
    Field { names: &["count"], kind: Kind::Count, value: |event, _| Value::Number(f64::from(event.count)) },
    Field { names: &["last", "age"], kind: Kind::Duration, value: |event, now| since(event.last, now) },
    Field { names: &["first"], kind: Kind::Duration, value: |event, now| since(event.first, now) },
];

fn word(event: &Event) -> &'static str {
    match event.kind {
        Type::Warning => "Warning",
        Type::Normal => "Normal",
    }
}

fn since(moment: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Value<'static> {
    moment.map_or(Value::Unknown, |moment| Value::Number(elapsed(moment, now).as_secs_f64()))
}
