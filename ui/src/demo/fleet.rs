//! Fleets of any size: plausible tenants, and exactly as many pods as asked for.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use v9s::fleet::model::Store;

use super::catalogue::MOULDS;
use super::seed::Seed;
use super::spec::{App, AppKind, Course, Distro, Fate, Manager, QuotaSpec, Standing, Tenant};

const TEAMS: [&str; 24] = [
    "checkout",
    "payments",
    "search",
    "catalog",
    "identity",
    "billing",
    "fraud",
    "logistics",
    "pricing",
    "mobile",
    "web",
    "data-platform",
    "ml-serving",
    "ads",
    "crm",
    "support",
    "warehouse",
    "returns",
    "loyalty",
    "partner-api",
    "observability",
    "security",
    "sre",
    "growth",
];
const STAGES: [&str; 6] = ["prod", "staging", "qa", "dev", "load", "demo"];
const REGIONS: [&str; 6] = ["eu", "us", "apac", "de", "fr", "uk"];

/// A fleet of `vclusters` tenants with `pods` synced pods together, the same for the same arguments.
///
/// Most tenants are well; some are paused or asleep, a few are in trouble, and some pods crash. Pods are spread as
/// in real fleets: many small tenants and a few large ones. Where no tenant takes pods, there are none.
pub fn fleet_of(vclusters: usize, pods: usize, seed: Seed, now: DateTime<Utc>) -> Vec<Tenant> {
    let mut names = Names::default();
    let mut tenants: Vec<Tenant> = (0..vclusters as u64)
        .map(|n| {
            let seed = seed.child("tenant").nth(n);
            let name = names.next(seed);
            tenant(&name, seed, now, n == 0)
        })
        .collect();
    spread(&mut tenants, pods, seed.child("spread"), now);
    tenants
}

/// Names in use.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn next(&mut self, seed: Seed) -> String {
        let mut seed = seed.child("name");
        loop {
            let name = propose(seed, self.0.len() > TEAMS.len() * STAGES.len());
            if self.0.insert(name.clone()) {
                return name;
            }
            seed = seed.nth(1);
        }
    }
}

fn propose(seed: Seed, crowded: bool) -> String {
    let word =
        |part: &str, words: &'static [&'static str]| seed.child(part).pick(words).copied().unwrap_or("team");
    match seed.child("form").below(10) {
        0 => format!("ci-{}", 1000 + seed.child("number").below(90_000)),
        1 => format!("pr-{}-{}", word("team", &TEAMS), 100 + seed.child("number").below(9_000)),
        2 => format!("edge-{}-{:02}", word("region", &REGIONS), seed.child("number").below(99)),
        _ if crowded => format!(
            "{}-{}-{}-{}",
            word("team", &TEAMS),
            word("stage", &STAGES),
            word("region", &REGIONS),
            seed.child("number").below(60)
        ),
        _ => format!("{}-{}", word("team", &TEAMS), word("stage", &STAGES)),
    }
}

/// One tenant without applications. The first of a fleet always serves, so that there is room for pods.
fn tenant(name: &str, seed: Seed, now: DateTime<Utc>, first: bool) -> Tenant {
    let chance = |part: &str, percent: u64| seed.child(part).happens(percent);
    let created = seed.child("created").moment_before(now - Duration::hours(1), Duration::days(400));
    let charts = ["0.36.1", "0.36.1", "0.36.0", "0.35.2", "0.34.0", "0.33.1", "0.30.4"];
    let chart = seed.child("chart").pick(&charts).copied().unwrap_or("0.36.1");
    let versions = ["v1.36.0", "v1.35.3", "v1.34.5", "v1.33.8"];
    let version = seed.child("version").pick(&versions).copied().unwrap_or("v1.36.0");
    let mut tenant = Tenant::new(name, created, seed).with_chart(chart);
    tenant.apps.clear();
    tenant.distro = Distro::K8s(version.to_owned());
    tenant.namespace = if chance("namespace", 70) { format!("vcluster-{name}") } else { name.to_owned() };
    (tenant.store, tenant.replicas) = match seed.child("store").below(100) {
        0..70 => (Store::EmbeddedDatabase, 1),
        70..82 => (Store::EmbeddedEtcd, 3),
        82..90 => (Store::DeployedEtcd, 1),
        90..95 => (Store::DeployedEtcd, 3),
        95..98 => (Store::ExternalDatabase, 2),
        _ => (Store::ExternalEtcd, 2),
    };
    let since = seed.child("since").moment_before(now, Duration::days(9)).max(created);
    tenant.standing = match seed.child("standing").below(1000) {
        _ if first => Standing::Serving,
        0..50 => Standing::Paused { since },
        50..80 => Standing::Asleep { since },
        80..100 => Standing::WorkloadsAsleep { since },
        100..108 => Standing::ScaledDown,
        108..111 => Standing::Restoring { since },
        111..116 => Standing::Unschedulable,
        116..121 if tenant.store == Store::DeployedEtcd => Standing::StoreCrashing { restarts: 17 },
        _ => Standing::Serving,
    };
    tenant.manager = match seed.child("manager").below(10) {
        0..5 => Manager::Helm,
        5..8 => Manager::ArgoCd,
        _ => Manager::V9s,
    };
    tenant.companion = match seed.child("companion").below(100) {
        0..30 => None,
        30..32 => Some(Course::Drifting),
        32..33 => Some(Course::Behind),
        33..34 => Some(Course::Silent),
        _ => Some(Course::Well),
    };
    tenant.network_policies = chance("network-policies", 30);
    tenant.quota = chance("quota", 80).then(QuotaSpec::default);
    let owner = seed.child("owner").pick(&TEAMS).copied().unwrap_or("sre");
    tenant.labels.insert("team".to_owned(), owner.to_owned());
    let stage = seed.child("label").pick(&STAGES).copied().unwrap_or("dev");
    tenant.labels.insert("env".to_owned(), stage.to_owned());
    tenant
}

/// Gives `pods` pods to the tenants whose workloads run: one DNS server each, the rest by weight.
fn spread(tenants: &mut [Tenant], pods: usize, seed: Seed, now: DateTime<Utc>) {
    let takers: Vec<usize> =
        (0..tenants.len()).filter(|n| tenants.get(*n).is_some_and(|t| !t.workloads_stopped())).collect();
    let mut left = pods as u64;
    // A few large tenants and many small ones.
    let weights: Vec<u64> = (0..takers.len() as u64)
        .map(|n| 1 + 9 * u64::from(seed.nth(n).happens(8)) + seed.nth(n).below(4))
        .collect();
    let mut weight_left: u64 = weights.iter().sum();
    for (taker, weight) in takers.into_iter().zip(weights) {
        let share = (left * weight).div_ceil(weight_left.max(1)).min(left);
        left -= share;
        weight_left -= weight;
        if let Some(tenant) = tenants.get_mut(taker) {
            fill(tenant, share as u32, now);
        }
    }
}

/// Adds applications with `pods` pods together, and a quota that fits them.
fn fill(tenant: &mut Tenant, pods: u32, now: DateTime<Utc>) {
    let mut left = pods;
    if left > 0 {
        tenant.apps.push(super::spec::coredns(tenant.created));
        left -= 1;
    }
    let moulds = MOULDS.len() as u32;
    let first = tenant.seed.child("apps").below(u64::from(moulds)) as u32;
    let mut n = 0;
    while left > 0 {
        let seed = tenant.seed.child("app").nth(u64::from(n));
        // The last one of each round takes what is left of a large share.
        let most = if n + 1 >= moulds { left } else { 1 + pods / 8 };
        let replicas = (1 + seed.below(u64::from(most)) as u32).min(left);
        let created = seed.child("created").moment_before(now, now - tenant.created);
        if let Some(mould) = MOULDS.get(((first + n) % moulds) as usize) {
            let mut app = mould.cast(replicas, created);
            if n >= moulds {
                app.name = format!("{}-{}", app.name, n / moulds);
            }
            app.fate = fate(app.kind, seed);
            tenant.apps.push(app);
        }
        left -= replicas;
        n += 1;
    }
    if let Some(quota) = &mut tenant.quota {
        *quota = roomy(tenant.apps.iter(), tenant.seed.child("quota"));
    }
}

/// Most pods are well. Only pods of Jobs end.
fn fate(kind: AppKind, seed: Seed) -> Fate {
    if kind == AppKind::Job {
        return if seed.child("fate").happens(12) { Fate::Failed } else { Fate::Completed };
    }
    match seed.child("fate").below(1000) {
        0..6 => Fate::CrashLoop { restarts: 3 + seed.below(200) as u32, oom: seed.child("oom").happens(40) },
        6..10 => Fate::ImagePull,
        10..14 => Fate::Unschedulable,
        14..80 => Fate::Running { restarts: 1 + seed.below(4) as u32 },
        _ => Fate::Running { restarts: 0 },
    }
}

/// A quota that these applications fill by a third to nine tenths.
fn roomy<'a>(apps: impl Iterator<Item = &'a App>, seed: Seed) -> QuotaSpec {
    let mut quota = QuotaSpec { cpu_millis: 600, memory_mib: 768, storage_gib: 20, pods: 6 };
    for app in apps {
        let pods = u64::from(app.replicas);
        quota.cpu_millis += app.cpu_millis * pods;
        quota.memory_mib += app.memory_mib * pods;
        quota.storage_gib += app.volume_gib.unwrap_or(0) * pods;
        quota.pods += pods;
    }
    let percent = |part: &str| 110 + seed.child(part).below(190);
    QuotaSpec {
        cpu_millis: (quota.cpu_millis * percent("cpu") / 100).next_multiple_of(500),
        memory_mib: (quota.memory_mib * percent("memory") / 100).next_multiple_of(512),
        storage_gib: (quota.storage_gib * percent("storage") / 100).next_multiple_of(10),
        pods: (quota.pods * percent("pods") / 100).next_multiple_of(5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_794_000_000, 0).unwrap()
    }

    #[test]
    fn a_fleet_has_exactly_what_was_asked_for() {
        for (vclusters, pods) in [(0, 0), (1, 0), (1, 1), (3, 2), (40, 40), (40, 1_000), (300, 15_000)] {
            let fleet = fleet_of(vclusters, pods, Seed::new(1), now());
            assert_eq!(fleet.len(), vclusters);
            let made: usize = fleet.iter().map(|tenant| tenant.pods().count()).sum();
            assert_eq!(made, pods, "{vclusters} vclusters");
        }
    }

    #[test]
    fn no_two_tenants_share_a_name_and_no_two_apps_of_one_tenant() {
        let fleet = fleet_of(1_000, 20_000, Seed::new(9), now());
        let names: HashSet<_> = fleet.iter().map(|tenant| &tenant.name).collect();
        assert_eq!(names.len(), fleet.len());
        for tenant in &fleet {
            let apps: HashSet<_> = tenant.apps.iter().map(|app| (&app.namespace, &app.name)).collect();
            assert_eq!(apps.len(), tenant.apps.len(), "{}", tenant.name);
        }
    }

    #[test]
    fn large_fleets_hold_every_standing() {
        let fleet = fleet_of(1_000, 0, Seed::new(4), now());
        let share = |holds: fn(&Standing) -> bool| fleet.iter().filter(|t| holds(&t.standing)).count();
        assert!(share(|s| matches!(s, Standing::Serving)) > 800);
        assert!(share(|s| matches!(s, Standing::Paused { .. })) > 20);
        assert!(share(|s| matches!(s, Standing::Unschedulable)) > 0);
        assert!(fleet.iter().any(|t| !t.is_stateful()) && fleet.iter().any(|t| t.replicas == 3));
    }
}
