//! What can be asked of virtual clusters.

use chrono::{DateTime, Utc};
use v9s::fleet::model::{Store, Vcluster};
use v9s::known::Known;

use super::{Field, Kind, Labels, Language};
use crate::columns::Value;

/// The filter language of the fleet.
pub static LANGUAGE: Language<Vcluster> = Language {
    words: |v| vec![&v.key.name, &v.key.namespace, &v.key.host, v.state.word()],
    fields: FIELDS,
    labels: |v| -> Option<&Labels> { Some(&v.labels) },
};

static FIELDS: &[Field<Vcluster>] = &[
    Field { names: &["name"], kind: Kind::Text, value: |v, _| Value::Text(&v.key.name) },
    Field { names: &["ns", "namespace"], kind: Kind::Text, value: |v, _| Value::Text(&v.key.namespace) },
    Field { names: &["host", "ctx", "context"], kind: Kind::Text, value: |v, _| Value::Text(&v.key.host) },
    Field { names: &["state", "status"], kind: Kind::Text, value: |v, _| Value::Text(v.state.word()) },
    Field { names: &["why", "reason"], kind: Kind::Text, value: |v, _| Value::Text(&v.reason) },
    Field {
        names: &["version"],
        kind: Kind::Version,
        value: |v, _| Value::known(&v.version, |t| Value::Version(t)),
    },
    Field {
        names: &["k8s", "kubernetes"],
        kind: Kind::Version,
        value: |v, _| Value::known(&v.kubernetes, |t| Value::Version(t)),
    },
    Field { names: &["distro"], kind: Kind::Text, value: |v, _| Value::known(&v.distro, |t| Value::Text(t)) },
    Field {
        names: &["store"],
        kind: Kind::Text,
        value: |v, _| Value::known(&v.store, |s| Value::Text(Store::short(*s))),
    },
    Field { names: &["ready"], kind: Kind::Count, value: |v, _| count(v.replicas.ready) },
    Field { names: &["replicas"], kind: Kind::Count, value: |v, _| count(v.replicas.desired) },
    Field {
        names: &["restarts"],
        kind: Kind::Count,
        value: |v, _| Value::known(&v.restarts, |r| count(r.count)),
    },
    Field { names: &["pods"], kind: Kind::Count, value: |v, _| Value::known(&v.synced, |p| count(p.total)) },
    Field {
        names: &["pending"],
        kind: Kind::Count,
        value: |v, _| Value::known(&v.synced, |p| count(p.pending)),
    },
    Field {
        names: &["failed"],
        kind: Kind::Count,
        value: |v, _| Value::known(&v.synced, |p| count(p.failed)),
    },
    Field { names: &["quota"], kind: Kind::Share, value: quota },
    Field {
        names: &["lag"],
        kind: Kind::Duration,
        value: |v, _| Value::known(&v.lag, |l| Value::Number(l.p99.as_secs_f64())),
    },
    Field { names: &["orphans"], kind: Kind::Count, value: |v, _| Value::known(&v.orphans, |n| count(*n)) },
    Field { names: &["fill"], kind: Kind::Share, value: fill },
    Field { names: &["findings"], kind: Kind::Count, value: |v, _| Value::Number(v.findings.len() as f64) },
    Field {
        names: &["owner"],
        kind: Kind::Text,
        value: |v, _| v.owner.as_deref().map_or(Value::NotApplicable, Value::Text),
    },
    Field { names: &["expires"], kind: Kind::Duration, value: expires },
    Field { names: &["backup"], kind: Kind::Duration, value: backup },
    Field { names: &["certs"], kind: Kind::Duration, value: certificates },
    Field { names: &["age"], kind: Kind::Duration, value: age },
];

fn count(n: u32) -> Value<'static> {
    Value::Number(f64::from(n))
}

fn quota(v: &Vcluster, _: DateTime<Utc>) -> Value<'_> {
    Value::known(&v.quota, |quota| {
        quota.worst().and_then(|entry| entry.ratio).map_or(Value::Unknown, Value::Number)
    })
}

/// How full the backing store is.
fn fill(v: &Vcluster, _: DateTime<Utc>) -> Value<'_> {
    match &v.store_health {
        Known::Yes(health) => health.used.map_or(Value::Unknown, Value::Number),
        Known::No(_) => Value::Unknown,
        Known::NotApplicable => Value::NotApplicable,
    }
}

/// How long until it ends; nothing is left when that is over.
fn expires(v: &Vcluster, now: DateTime<Utc>) -> Value<'_> {
    Value::known(&v.expires, |ends| Value::Number(crate::format::elapsed(now, *ends).as_secs_f64()))
}

/// How long the first certificate still holds; nothing is left when that is over.
fn certificates(v: &Vcluster, now: DateTime<Utc>) -> Value<'_> {
    Value::known(&v.certificates, |certificates| {
        Value::Number(crate::format::elapsed(now, certificates.end).as_secs_f64())
    })
}

/// How old the last good backup is; older than anything where there is none.
fn backup(v: &Vcluster, now: DateTime<Utc>) -> Value<'_> {
    Value::known(&v.backups.good, |good| {
        let age = good.as_ref().map(|good| crate::format::elapsed(good.at, now).as_secs_f64());
        Value::Number(age.unwrap_or(f64::MAX))
    })
}

fn age(v: &Vcluster, now: DateTime<Utc>) -> Value<'_> {
    v.created
        .map_or(Value::Unknown, |created| Value::Number(crate::format::elapsed(created, now).as_secs_f64()))
}
