//! The columns of the fleet: what `v9s` and `v9s list` say of each virtual cluster.

mod backup;
mod certificates;
mod term;

use std::cmp::Reverse;

use v9s::fleet::model::{Finding, Severity, Vcluster};
use v9s::health::sync::code;
use v9s::known::Known;

use super::{Cell, Column, Cut, Direction, Look, Value};
use crate::format;
use crate::text::Align::Right;
use crate::theme::Slot;

/// Share of a quota from which a row warns.
pub const QUOTA_WARN: f64 = 0.8;
/// Share of a quota from which a row calls.
pub const QUOTA_CRITICAL: f64 = 0.9;
/// More restarts than this and a row warns.
pub const RESTARTS_WARN: u32 = 2;
/// Width of the bar in the quota column.
const BAR: usize = 10;
/// Width of the sparkline.
const TREND: u16 = 12;
/// Top of the sparkline in milliseconds, the same for all rows so that they can be compared; a multiple of what is
/// healthy, so that healthy rows lie flat.
const TREND_TOP: u32 = 2_000;

/// All columns, in the order they stand in.
pub static COLUMNS: &[Column<Vcluster>] = &[
    Column {
        cell: name,
        value: |v| Value::Text(&v.key.name),
        min: 14,
        preferred: 24,
        grow: 16,
        ..text("name", "NAME", 0)
    },
    Column {
        cell: |v, _| Cell::foreign(&v.key.namespace, Slot::Text),
        value: |v| Value::Text(&v.key.namespace),
        min: 14,
        preferred: 20,
        grow: 12,
        ..text("namespace", "NAMESPACE", 7)
    },
    Column {
        cell: |v, _| Cell::foreign(&v.key.host, Slot::Muted),
        value: |v| Value::Text(&v.key.host),
        min: 10,
        preferred: 14,
        grow: 16,
        ..text("host", "HOST", 8)
    },
    Column {
        cell: state,
        value: state_rank,
        min: 10,
        preferred: 12,
        cut: Cut::End,
        ..text("state", "STATE", 0)
    },
    Column {
        cell: why,
        value: |v| Value::Text(what_to_read(v)),
        min: 30,
        preferred: 44,
        grow: 60,
        cut: Cut::End,
        ..text("why", "WHY", 1)
    },
    Column {
        cell: findings,
        value: worst_finding,
        min: 8,
        preferred: 8,
        ..number("findings", "FINDINGS", 4)
    },
    Column { cell: lag, value: lag_seconds, min: 8, preferred: 8, ..number("lag", "LAG p99", 2) },
    Column {
        cell: trend,
        value: lag_seconds,
        min: 6,
        preferred: TREND,
        wide: true,
        first: Direction::Down,
        cut: Cut::End,
        ..text("trend", "TREND", 14)
    },
    Column {
        cell: quota,
        value: quota_ratio,
        min: 15,
        preferred: 29,
        first: Direction::Down,
        cut: Cut::End,
        ..text("quota", "QUOTA", 5)
    },
    Column {
        cell: |v, look| {
            Cell::known(&v.orphans, look, |&n| counted(n, if n > 0 { Slot::Warn } else { Slot::Text }))
        },
        value: |v| Value::known(&v.orphans, |&n| Value::Number(f64::from(n))),
        min: 7,
        preferred: 7,
        ..number("orphans", "ORPHANS", 3)
    },
    Column {
        cell: store,
        value: store_use,
        min: 6,
        preferred: 15,
        cut: Cut::End,
        ..text("store", "STORE", 6)
    },
    Column {
        cell: |v, look| Cell::known(&v.synced, look, |pods| counted(pods.total, Slot::Text)),
        value: |v| Value::known(&v.synced, |pods| Value::Number(f64::from(pods.total))),
        min: 6,
        preferred: 6,
        ..number("pods", "PODS", 6)
    },
    Column { cell: ready, value: missing_replicas, min: 5, preferred: 5, ..number("ready", "READY", 9) },
    Column {
        cell: restarts,
        value: restart_count,
        min: 8,
        preferred: 8,
        ..number("restarts", "RESTARTS", 10)
    },
    Column {
        cell: |v, look| Cell::known(&v.version, look, |version| Cell::foreign(version, Slot::Text)),
        value: |v| Value::known(&v.version, |version| Value::Version(version)),
        min: 7,
        preferred: 9,
        grow: 12,
        first: Direction::Down,
        ..text("version", "VERSION", 11)
    },
    Column {
        cell: |v, look| Cell::known(&v.kubernetes, look, |version| Cell::foreign(version, Slot::Muted)),
        value: |v| Value::known(&v.kubernetes, |version| Value::Version(version)),
        min: 7,
        preferred: 9,
        grow: 12,
        wide: true,
        first: Direction::Down,
        ..text("kubernetes", "K8S", 12)
    },
    Column { cell: distro, value: distro_name, min: 10, preferred: 12, ..text("distro", "DISTRO", 13) },
    backup::AGE,
    backup::RPO,
    certificates::CERTIFICATES,
    Column {
        cell: term::expires,
        value: term::ends,
        min: 7,
        preferred: 7,
        wide: true,
        first: Direction::Up,
        ..number("expires", "EXPIRES", 15)
    },
    Column {
        cell: term::owner,
        value: |v| v.owner.as_deref().map_or(Value::NotApplicable, Value::Text),
        min: 6,
        preferred: 10,
        grow: 14,
        wide: true,
        ..text("owner", "OWNER", 16)
    },
    Column {
        cell: age,
        value: |v| Value::age(v.created),
        min: 5,
        preferred: 6,
        first: Direction::Up,
        ..number("age", "AGE", 5)
    },
];

/// What columns of words have in common. The cell is a place holder: every column names its own.
const fn text(id: &'static str, title: &'static str, drop: u8) -> Column<Vcluster> {
    Column::words(id, title, 1, drop, Cut::Middle)
}

/// What columns of numbers have in common: they stand right and sort largest first.
const fn number(id: &'static str, title: &'static str, drop: u8) -> Column<Vcluster> {
    Column { align: Right, cut: Cut::End, first: Direction::Down, ..text(id, title, drop) }
}

fn counted(n: u32, slot: Slot) -> Cell<'static> {
    Cell::new(format::count(u64::from(n)), slot)
}

fn name<'a>(v: &'a Vcluster, _: &Look) -> Cell<'a> {
    Cell::foreign(&v.key.name, Slot::Text)
}

fn state<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    let slot = v.state.into();
    match v.state.word().split_once(' ') {
        // What stands in parentheses is worth less than a sign that the word was cut.
        Some((word, rest)) => Cell::status(word, slot, look).with_optional(format!(" {rest}"), slot),
        None => Cell::status(v.state.word(), slot, look),
    }
}

/// Most urgent first, whether the state or a finding makes it so; then by state.
fn state_rank(v: &Vcluster) -> Value<'_> {
    let finding = worst(v).map_or(Severity::Ok, |finding| finding.severity);
    let urgency = v.state.severity().max(finding);
    Value::Number(f64::from(v.state as u8) - 100.0 * f64::from(urgency as u8))
}

/// The first of the worst findings: they come worst first.
fn worst(v: &Vcluster) -> Option<&Finding> {
    v.findings.iter().min_by_key(|finding| Reverse(finding.severity))
}

/// How bad the worst finding with this code is: thresholds are judged once, and for everybody.
pub fn severity_of(v: &Vcluster, code: &str) -> Severity {
    let found = v.findings.iter().filter(|finding| finding.code == code);
    found.map(|finding| finding.severity).max().unwrap_or(Severity::Ok)
}

fn why<'a>(v: &'a Vcluster, _: &Look) -> Cell<'a> {
    Cell::foreign(what_to_read(v), Slot::Text)
}

/// The reason of the state, else the worst finding: something to read wherever something is wrong.
fn what_to_read(v: &Vcluster) -> &str {
    if !v.reason.is_empty() {
        return &v.reason;
    }
    worst(v).map_or("", |finding| &finding.message)
}

/// Whether something the host was asked about this virtual cluster was not answered, and why. What nobody measures
/// (lag, orphans, store health) does not count.
pub fn failed_lookup(v: &Vcluster) -> Option<&str> {
    v.synced.why().or(v.restarts.why()).or(v.quota.why())
}

fn findings<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    match worst(v) {
        Some(worst) => Cell::status(v.findings.len().to_string(), worst.severity.into(), look),
        None if failed_lookup(v).is_some() => Cell::unknown(look),
        None => Cell::new("0", Slot::Muted),
    }
}

/// By the worst finding, then by how many there are. None found while lookups failed is not "none".
fn worst_finding(v: &Vcluster) -> Value<'_> {
    if v.findings.is_empty() && failed_lookup(v).is_some() {
        return Value::Unknown;
    }
    let worst = worst(v).map_or(Severity::Ok, |finding| finding.severity);
    Value::Number(f64::from(worst as u8) * 1e6 + v.findings.len() as f64)
}

fn lag<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    Cell::known(&v.lag, look, |lag| {
        let slot = match severity_of(v, code::LAG) {
            Severity::Ok => Slot::Text,
            severity => severity.into(),
        };
        Cell::new(format::measured(lag.p99), slot)
    })
}

fn lag_seconds(v: &Vcluster) -> Value<'_> {
    Value::known(&v.lag, |lag| Value::Number(lag.p99.as_secs_f64()))
}

fn trend<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    if look.plain {
        return Cell::not_applicable(look);
    }
    Cell::known(&v.lag, look, |lag| {
        Cell::new(format::sparkline(&lag.history, TREND_TOP, usize::from(TREND), look.symbols), Slot::Spark)
    })
}

fn quota<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    Cell::known(&v.quota, look, |quota| {
        let Some((worst, ratio)) = quota.worst().and_then(|entry| Some((entry, entry.ratio?))) else {
            return Cell::unknown(look);
        };
        let slot = match ratio {
            r if r > QUOTA_CRITICAL => Slot::Err,
            r if r > QUOTA_WARN => Slot::Warn,
            _ => Slot::Text,
        };
        let percent = format::percent(ratio);
        let key = format!(" {}", crate::text::clean(&worst.resource));
        if look.plain {
            return Cell::new(percent, slot).with(key, Slot::Muted);
        }
        let (used, free) = format::bar(ratio, BAR, look.symbols);
        let used_slot = if slot == Slot::Text { Slot::Bar } else { slot };
        Cell::new(used, used_slot)
            .with(free, Slot::BarRest)
            .with(format!("{percent:>5}"), slot)
            .with_optional(key, Slot::Muted)
    })
}

fn quota_ratio(v: &Vcluster) -> Value<'_> {
    Value::known(&v.quota, |quota| {
        quota.worst().and_then(|entry| entry.ratio).map_or(Value::Unknown, Value::Number)
    })
}

/// How the backing store is, how full, and where there is room, what it is: `✗ 100% etcd`.
fn store<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    let health = Cell::known(&v.store_health, look, |health| {
        let how = health.used.map_or_else(|| summary(health), |used| format::percent(used).into());
        Cell::status(if look.plain { how } else { format!("{how:>4}").into() }, health.severity.into(), look)
    });
    match &v.store {
        Known::Yes(store) => health.with_optional(format!(" {}", store.short()), Slot::Muted),
        _ => health,
    }
}

fn summary(health: &v9s::fleet::model::StoreHealth) -> std::borrow::Cow<'_, str> {
    crate::text::clean(&health.summary)
}

/// By severity, then by how full it is.
fn store_use(v: &Vcluster) -> Value<'_> {
    Value::known(&v.store_health, |health| {
        Value::Number(f64::from(health.severity as u8) + health.used.unwrap_or(0.0).clamp(0.0, 1.0) / 2.0)
    })
}

fn ready<'a>(v: &'a Vcluster, _: &Look) -> Cell<'a> {
    let slot = match v.replicas {
        r if r.desired == 0 => Slot::Muted,
        r if r.ready < r.desired => Slot::Warn,
        _ => Slot::Text,
    };
    Cell::new(format!("{}/{}", v.replicas.ready, v.replicas.desired), slot)
}

/// By how many are missing, then by how many there should be.
fn missing_replicas(v: &Vcluster) -> Value<'_> {
    let missing = v.replicas.desired.saturating_sub(v.replicas.ready);
    Value::Number(f64::from(missing) * 1e6 + f64::from(v.replicas.desired))
}

fn restarts<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    Cell::known(&v.restarts, look, |restarts| {
        let killed = restarts.last_reason.as_deref() == Some("OOMKilled");
        let slot = if killed || restarts.count > RESTARTS_WARN { Slot::Warn } else { Slot::Text };
        let cell = counted(restarts.count, slot);
        if killed { cell.with_optional(" OOM", slot) } else { cell }
    })
}

fn restart_count(v: &Vcluster) -> Value<'_> {
    Value::known(&v.restarts, |restarts| Value::Number(f64::from(restarts.count)))
}

/// Distribution and backing store: `k8s/sqlite`.
fn distro<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    let distro = Cell::known(&v.distro, look, |distro| Cell::foreign(distro, Slot::Muted));
    let store = Cell::known(&v.store, look, |store| Cell::new(store.short(), Slot::Muted));
    Cell { parts: [distro.with("/", Slot::Muted).parts, store.parts].concat() }
}

fn distro_name(v: &Vcluster) -> Value<'_> {
    Value::known(&v.distro, |distro| Value::Text(distro))
}

fn age<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    v.created
        .map_or_else(|| Cell::unknown(look), |created| Cell::new(format::age(created, look.now), Slot::Muted))
}

#[cfg(test)]
mod tests;
