//! What the companion of a tenant publishes beside it.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use v9s::companion::{
    self, ApiStatus, CanaryStatus, DriftStatus, DriftedObject, KindLag, LagStatus, Mode, SyncerStatus,
    WriteStatus,
};

use super::Maker;
use super::managed_fields;
use super::meta::{set, strings};
use crate::demo::seed::Seed;
use crate::demo::spec::{Course, Manager, StrayKind, Tenant};

/// How long ago a companion that is silent has told something.
const SILENCE: Duration = Duration::minutes(9);

/// The ConfigMap, if the tenant has a companion.
pub(super) fn config_map(maker: &Maker<'_>) -> Option<Value> {
    let tenant = maker.tenant;
    let course = tenant.companion?;
    let at = match course {
        Course::Silent => maker.setting.now - SILENCE,
        _ => maker.setting.now,
    };
    let mut meta = maker.bare_meta("ConfigMap", &companion::config_map(&tenant.name));
    set(&mut meta, "labels", strings([(companion::LABEL, tenant.name.as_str())]));
    let mut object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data(tenant, course, at) });
    // Its age is told by who wrote it when.
    managed_fields::add(&mut object, at);
    Some(object)
}

/// The next word of a tenant's companion as a merge patch; none when it has nothing more to tell.
pub(in crate::demo) fn next(tenant: &Tenant, now: DateTime<Utc>) -> Option<Value> {
    let course = tenant.companion.filter(|course| *course != Course::Silent && tenant.serves())?;
    Some(json!({ "data": data(tenant, course, now) }))
}

fn data(tenant: &Tenant, course: Course, now: DateTime<Utc>) -> Value {
    let text = serde_json::to_string(&status(tenant, course, now)).unwrap_or_default();
    json!({ companion::KEY: text })
}

fn status(tenant: &Tenant, course: Course, now: DateTime<Utc>) -> SyncerStatus {
    let seed = tenant.seed.child("companion").nth(now.timestamp().unsigned_abs() / 10);
    let mirrors = tenant.manager == Manager::V9s;
    let base = if course == Course::Behind { 11_000 } else { 40 };
    let to_host = lag(seed.child("to-host"), base);
    let to_virtual = lag(seed.child("to-virtual"), 30);
    let mut kinds = std::collections::BTreeMap::new();
    for (kind, share) in [("pods", 100), ("services", 40), ("configmaps", 25)] {
        let of = |lag: LagStatus| LagStatus { count: lag.count * share / 100, ..lag };
        kinds.insert(kind.into(), KindLag { to_host: of(to_host), to_virtual: of(to_virtual) });
    }
    let behind = course == Course::Behind;
    SyncerStatus {
        version: companion::VERSION,
        syncer: env!("CARGO_PKG_VERSION").into(),
        mode: if mirrors { Mode::Sync } else { Mode::Observe },
        identity: format!("{}-companion", tenant.name).into(),
        time: Some(now),
        synced: true,
        pending: if behind { [("pods".into(), 37)].into() } else { Default::default() },
        oldest_pending_seconds: behind.then_some(48),
        queued: if behind { 31 } else { 0 },
        to_host,
        to_virtual,
        kinds,
        reasons: if behind { vec!["too many requests, try again in 1 s".into()] } else { Vec::new() },
        canary: mirrors.then(|| canary(seed, now, base)),
        drift: Some(drift(tenant, course, now)),
        apis: Some([
            ready(seed.child("virtual"), 6),
            ready(seed.child("host"), if behind { 310 } else { 9 }),
        ]),
        orphans: (!mirrors).then(|| orphans(tenant, now)),
        writes: mirrors.then(|| writes(seed, behind)),
        ..SyncerStatus::default()
    }
}

fn lag(seed: Seed, base: u64) -> LagStatus {
    let p99 = base + seed.below(base / 2 + 1);
    LagStatus {
        count: 20 + seed.child("count").below(80),
        p50_millis: Some(p99 / 3),
        p99_millis: Some(p99),
        max_millis: Some(p99 + p99 / 5),
    }
}

fn canary(seed: Seed, now: DateTime<Utc>, to_host: u64) -> CanaryStatus {
    let home = now - Duration::seconds(seed.child("home").below(10) as i64);
    CanaryStatus {
        every_seconds: 10,
        flights: now.timestamp().unsigned_abs() % 100_000 / 10,
        home: Some(home),
        round_trip_millis: Some(to_host / 2 + 30),
        to_virtual_millis: Some(12 + seed.below(20)),
        to_host_millis: Some(to_host / 2),
        trouble: None,
    }
}

fn ready(seed: Seed, base: u64) -> ApiStatus {
    ApiStatus { answered_millis: Some(base + seed.below(base)), trouble: None }
}

fn writes(seed: Seed, throttled: bool) -> [WriteStatus; 2] {
    let answered = 120 + seed.child("writes").below(60);
    let host = WriteStatus {
        answered,
        throttled: if throttled { answered * 31 / 100 } else { 0 },
        conflicts: seed.below(3),
        limit: if throttled { 4 } else { 64 },
        ..WriteStatus::default()
    };
    [WriteStatus { answered: answered / 3, limit: 64, ..WriteStatus::default() }, host]
}

fn drift(tenant: &Tenant, course: Course, now: DateTime<Utc>) -> DriftStatus {
    let Some(app) = tenant.apps.last().filter(|_| course == Course::Drifting) else {
        return DriftStatus::default();
    };
    let why = format!("exceeded quota: vc-{}, requested: requests.cpu=250m", tenant.name);
    let named = |kind: &str, name: String, minutes: i64, why: &str, quarantined: bool| DriftedObject {
        kind: kind.into(),
        namespace: Some(app.namespace.as_str().into()),
        name: name.into(),
        since: now - Duration::minutes(minutes),
        why: why.into(),
        quarantined,
    };
    DriftStatus {
        counts: [("pods".into(), 2), ("services".into(), 1)].into(),
        quarantined: 1,
        objects: vec![
            named("services", app.name.clone(), 26, "spec on the host side", true),
            named("pods", format!("{}-{}", app.name, tenant.seed.letters(5)), 12, &why, false),
            named("pods", format!("{}-{}", app.name, tenant.seed.nth(1).letters(5)), 11, &why, false),
        ],
    }
}

/// What the demo has left on the host is found by whoever compares the two sides.
fn orphans(tenant: &Tenant, now: DateTime<Utc>) -> DriftStatus {
    let strays = tenant.strays.iter().filter(|stray| stray.kind == StrayKind::VirtualGone);
    let pods: Vec<_> = strays.flat_map(|stray| stray.pods(tenant)).collect();
    if pods.is_empty() {
        return DriftStatus::default();
    }
    let objects = pods.iter().map(|pod| DriftedObject {
        kind: "pods".into(),
        namespace: Some(pod.app.namespace.as_str().into()),
        name: pod.name.as_str().into(),
        since: now - Duration::hours(3),
        why: "it is on the host alone".into(),
        quarantined: false,
    });
    let objects: Vec<_> = objects.collect();
    DriftStatus { counts: [("pods".into(), objects.len() as u32)].into(), quarantined: 0, objects }
}
