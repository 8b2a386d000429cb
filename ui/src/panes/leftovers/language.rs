//! What can be asked of leftovers.

use chrono::{DateTime, Utc};

use super::columns::word;
use super::rows::Row;
use crate::columns::Value;
use crate::filter::{Field, Kind, Language};
use crate::format::elapsed;

/// The filter language of leftovers.
pub static LANGUAGE: Language<Row> = Language {
    words: |row| vec![&row.name, &row.vcluster, &row.was, &row.kind, word(row.is)],
    fields: FIELDS,
    labels: |_| None,
};

static FIELDS: &[Field<Row>] = &[
    Field { names: &["is"], kind: Kind::Text, value: |row, _| Value::Text(word(row.is)) },
    Field { names: &["name"], kind: Kind::Text, value: |row, _| Value::Text(&row.name) },
    Field { names: &["kind"], kind: Kind::Text, value: |row, _| Value::Text(&row.kind) },
    Field { names: &["vcluster", "vc"], kind: Kind::Text, value: |row, _| Value::Text(&row.vcluster) },
    Field { names: &["was"], kind: Kind::Text, value: |row, _| Value::Text(&row.was) },
    Field { names: &["proof"], kind: Kind::Text, value: |row, _| Value::Text(&row.proof) },
    Field { names: &["node"], kind: Kind::Text, value: |row, _| Value::Text(row.node()) },
    Field { names: &["host"], kind: Kind::Text, value: |row, _| Value::Text(&row.host) },
    Field { names: &["age"], kind: Kind::Duration, value: |row, now| since(row.created, now) },
];

fn since(moment: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Value<'static> {
    moment.map_or(Value::NotApplicable, |moment| Value::Number(elapsed(moment, now).as_secs_f64()))
}
