//! What can be asked of pods.

use chrono::{DateTime, Utc};
use v9s::fleet::model::PodRow;

use super::columns::name;
use crate::columns::Value;
use crate::filter::{Field, Kind, Language};
use crate::format::elapsed;

/// The filter language of pods.
pub static LANGUAGE: Language<PodRow> = Language {
    words: |pod| {
        let namespace = pod.virtual_namespace.as_deref().unwrap_or_default();
        vec![name(pod), namespace, &pod.name, &pod.status]
    },
    fields: FIELDS,
    labels: |_| None,
};

static FIELDS: &[Field<PodRow>] = &[
    Field { names: &["name"], kind: Kind::Text, value: |pod, _| Value::Text(name(pod)) },
    Field {
        names: &["ns", "namespace"],
        kind: Kind::Text,
        value: |pod, _| pod.virtual_namespace.as_deref().map_or(Value::NotApplicable, Value::Text),
    },
    Field { names: &["host-name", "hostname"], kind: Kind::Text, value: |pod, _| Value::Text(&pod.name) },
    Field { names: &["status", "state"], kind: Kind::Text, value: |pod, _| Value::Text(&pod.status) },
    Field {
        names: &["node"],
        kind: Kind::Text,
        value: |pod, _| pod.node.as_deref().map_or(Value::NotApplicable, Value::Text),
    },
    Field { names: &["restarts"], kind: Kind::Count, value: |pod, _| Value::Number(f64::from(pod.restarts)) },
    Field { names: &["ready"], kind: Kind::Count, value: |pod, _| Value::Number(f64::from(pod.ready)) },
    Field {
        names: &["containers"],
        kind: Kind::Count,
        value: |pod, _| Value::Number(f64::from(pod.containers)),
    },
    Field { names: &["age"], kind: Kind::Duration, value: age },
];

fn age(pod: &PodRow, now: DateTime<Utc>) -> Value<'_> {
    pod.created.map_or(Value::Unknown, |created| Value::Number(elapsed(created, now).as_secs_f64()))
}
