//! Everything known about one host, and the fleet's rows made of it: events in, changed rows out. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

mod pods;
mod told;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::SmolStr;

use super::bucket::Bucket;
use super::derive::{Facts, derive};
use super::few::Few;
use super::model::{Vcluster, VclusterKey};
use super::quota::Quota;
use super::restarts::RestartLog;
use super::rows::{ConfigRow, ControlPod, NamespaceRow, StatusRow, SyncedPod, WorkloadRow};
use super::source::{Health, Kind, LOADING, Source, forbidden};
use super::told::Told;
use crate::cluster::watch::{Event, Key, Phase};
use crate::health::Thresholds;
use crate::health::isolation::Policy;
use crate::known::Known;
use crate::wire::App;

/// A virtual cluster within its host: namespace and name.
pub(super) type Tenant = (SmolStr, SmolStr);

/// Events of one watch.
#[derive(Debug)]
pub(super) enum Rows {
    Workloads(Vec<Event<WorkloadRow>>),
    ControlPods(Vec<Event<ControlPod>>),
    SyncedPods(Vec<Event<SyncedPod>>),
    Configs(Vec<Event<ConfigRow>>),
    Quotas(Vec<Event<Arc<Quota>>>),
    Policies(Vec<Event<Policy>>),
    Statuses(Vec<Event<StatusRow>>),
    Namespaces(Vec<Event<NamespaceRow>>),
}

/// What belongs to one virtual cluster, and the row made of it.
#[derive(Debug, Default)]
struct Parts {
    workloads: Few<(Kind, Key), WorkloadRow>,
    pods: Few<Key, ControlPod>,
    configs: Few<Key, ConfigRow>,
    restarts: RestartLog,
    told: Option<Told>,
    row: Option<Arc<Vcluster>>,
    revisit: Option<DateTime<Utc>>,
}

/// Everything known about one host.
pub(super) struct Table {
    host: SmolStr,
    thresholds: Thresholds,
    pub(super) sources: BTreeMap<Source, Health>,
    tenants: BTreeMap<Tenant, Parts>,
    /// Which virtual cluster an object was filed under.
    filed: HashMap<(Kind, Key), SmolStr>,
    buckets: HashMap<SmolStr, Few<SmolStr, Bucket>>,
    quotas: HashMap<SmolStr, Few<SmolStr, Arc<Quota>>>,
    policies: HashMap<SmolStr, Few<SmolStr, Policy>>,
    /// How far the host's clock is ahead of ours.
    ahead: Option<TimeDelta>,
    namespaces: HashMap<SmolStr, NamespaceRow>,
    /// Namespaces that namespace sync made for a virtual cluster.
    satellites: HashMap<Tenant, BTreeSet<SmolStr>>,
    dirty: HashSet<Tenant>,
    stale_since: Option<DateTime<Utc>>,
    /// Objects received so far.
    pub(super) objects: u64,
}

impl Table {
    pub(super) fn new(host: SmolStr, thresholds: Thresholds) -> Self {
        Table {
            host,
            thresholds,
            sources: BTreeMap::new(),
            tenants: BTreeMap::new(),
            filed: HashMap::new(),
            buckets: HashMap::new(),
            quotas: HashMap::new(),
            policies: HashMap::new(),
            ahead: None,
            namespaces: HashMap::new(),
            satellites: HashMap::new(),
            dirty: HashSet::new(),
            stale_since: None,
            objects: 0,
        }
    }

    /// Takes the events of one watch in. True when they made its first list whole.
    pub(super) fn apply(&mut self, source: &Source, rows: Rows, now: DateTime<Utc>) -> bool {
        let synced = match rows {
            Rows::Workloads(events) => {
                self.each(events, |table, key, row| table.workload(source.kind, key, row))
            }
            Rows::ControlPods(events) => {
                self.each(events, |table, key, row| table.control_pod(key, row, now))
            }
            Rows::SyncedPods(events) => self.each(events, Table::synced_pod),
            Rows::Configs(events) => self.each(events, Table::config),
            Rows::Quotas(events) => self.each(events, Table::quota),
            Rows::Policies(events) => self.each(events, Table::policy),
            Rows::Statuses(events) => self.each(events, |table, key, row| table.status(key, row, now)),
            Rows::Namespaces(events) => self.each(events, Table::namespace),
        };
        let health = self.sources.entry(source.clone()).or_default();
        health.on_events(now);
        let whole = synced && !health.synced;
        if whole {
            health.synced = true;
            self.touch_where(source.namespace.clone());
        }
        whole
    }

    /// Takes the state of one watch in.
    pub(super) fn on_phase(&mut self, source: &Source, phase: Phase, now: DateTime<Utc>) {
        let health = self.sources.entry(source.clone()).or_default();
        let before = health.why_nothing(source);
        health.on_phase(phase, now);
        if health.why_nothing(source) != before {
            self.touch_where(source.namespace.clone());
        }
    }

    /// The picture is as it was then, or right again.
    pub(super) fn set_stale(&mut self, since: Option<DateTime<Utc>>) {
        if self.stale_since != since {
            self.stale_since = since;
            self.touch_where(None);
        }
    }

    /// Namespaces with a virtual cluster.
    pub(super) fn inhabited(&self) -> BTreeSet<SmolStr> {
        let inhabited = self.tenants.iter().filter(|(_, parts)| parts.claims().next().is_some());
        inhabited.map(|((namespace, _), _)| namespace.clone()).collect()
    }

    /// Every namespace that is known to exist.
    pub(super) fn namespaces(&self) -> BTreeSet<SmolStr> {
        self.namespaces.keys().cloned().collect()
    }

    /// Makes the rows of what has changed. Whether any row is another than before.
    pub(super) fn rebuild(&mut self, now: DateTime<Utc>) -> bool {
        let mut changed = false;
        for tenant in std::mem::take(&mut self.dirty) {
            let (row, revisit) = self.row_of(&tenant, now).unzip();
            let Some(parts) = self.tenants.get_mut(&tenant) else {
                self.drop_empty_bucket(&tenant);
                continue;
            };
            parts.revisit = revisit.flatten();
            let row = row.map(|row| told::since(row, parts.row.as_deref(), now));
            if parts.row.as_deref() != row.as_ref() {
                changed = true;
                parts.row = row.map(Arc::new);
            }
            if parts.is_empty() {
                self.tenants.remove(&tenant);
            }
            self.drop_empty_bucket(&tenant);
        }
        changed
    }

    /// All rows, by namespace and name.
    pub(super) fn rows(&self) -> Vec<Arc<Vcluster>> {
        self.tenants.values().filter_map(|parts| parts.row.clone()).collect()
    }

    /// Marks rows that time has changed, and says when the next will.
    pub(super) fn pass_time(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut next: Option<DateTime<Utc>> = None;
        for (tenant, parts) in &self.tenants {
            match parts.revisit {
                Some(due) if due <= now => {
                    self.dirty.insert(tenant.clone());
                }
                Some(due) => next = Some(next.map_or(due, |next| next.min(due))),
                None => {}
            }
        }
        next
    }

    /// Why nothing is known of a kind in a namespace; none when it is known.
    fn why_nothing(&self, kind: Kind, namespace: &str) -> Option<SmolStr> {
        let all = Source { kind, namespace: None };
        let here = Source { kind, namespace: Some(namespace.into()) };
        match (self.sources.get(&all), self.sources.get(&here)) {
            (_, Some(health)) => health.why_nothing(&here),
            (Some(health), None) if health.denied() => Some(forbidden(kind, Some(namespace))),
            (Some(health), None) => health.why_nothing(&all),
            (None, None) => {
                let elsewhere = self.sources.keys().any(|source| source.kind == kind);
                Some(if elsewhere { forbidden(kind, Some(namespace)) } else { LOADING.into() })
            }
        }
    }

    fn known<T>(&self, kind: Kind, namespace: &str, value: T) -> Known<T> {
        match self.why_nothing(kind, namespace) {
            None => Known::Yes(value),
            Some(why) => Known::No(why),
        }
    }

    fn row_of(&mut self, tenant: &Tenant, now: DateTime<Utc>) -> Option<(Vcluster, Option<DateTime<Utc>>)> {
        let (namespace, name) = tenant;
        let (pods, counts) = self.pods_of(tenant);
        let counts = self.known(Kind::SyncedPods, namespace, counts);
        let quota = self.quota_of(namespace);
        let (recent_restarts, restarts_fade) = self.tenants.get_mut(tenant)?.restarts.recent(now);
        let parts = self.tenants.get(tenant)?;
        let facts = Facts {
            key: VclusterKey { host: self.host.clone(), namespace: namespace.clone(), name: name.clone() },
            claims: parts.claims().collect(),
            parts: parts.workloads.values().filter(|row| row.app != App::ControlPlane).collect(),
            namespace_deleted: self.namespaces.get(namespace).is_some_and(|row| row.deleted.is_some()),
            config: self.known(Kind::Configs, namespace, parts.configs.values().next()),
            control_pods: self.known(Kind::ControlPods, namespace, parts.pods.values().collect()),
            recent_restarts,
            quota,
            policies: self.policies_of(tenant),
            told: self.known(Kind::Statuses, namespace, parts.told.as_ref()),
            ahead: self.ahead,
            hears_until: self.hears_until(namespace, now),
            counts,
            pods,
            stale_since: self.stale_since,
        };
        let (row, revisit) = derive(facts, &self.thresholds, now)?;
        Some((row, [revisit, restarts_fade].into_iter().flatten().min()))
    }

    fn quota_of(&self, namespace: &str) -> Known<Arc<Quota>> {
        if let Some(why) = self.why_nothing(Kind::Quotas, namespace) {
            return Known::No(why);
        }
        let mut quotas = self.quotas.get(namespace).into_iter().flat_map(Few::values);
        match (quotas.next(), quotas.next()) {
            (None, _) => Known::NotApplicable,
            (Some(only), None) => Known::Yes(only.clone()),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(quotas);
                Known::Yes(Arc::new(all.flat_map(|quota| quota.entries.iter().cloned()).collect()))
            }
        }
    }

    /// Applies events one by one. Whether the watch said that it has told everything.
    fn each<R>(&mut self, events: Vec<Event<R>>, mut apply: impl FnMut(&mut Self, Key, Option<R>)) -> bool {
        let mut synced = false;
        for event in events {
            match event {
                Event::Upsert(key, row) => {
                    self.objects += 1;
                    apply(self, key, Some(row));
                }
                Event::Gone(key, _) => apply(self, key, None),
                Event::Synced => synced = true,
            }
        }
        synced
    }

    fn workload(&mut self, kind: Kind, key: Key, row: Option<WorkloadRow>) {
        let release = row.as_ref().map(|row| row.release.clone());
        let id = (kind, key);
        if let Some(parts) = self.refile(&id, release.as_ref()) {
            parts.workloads.remove(&id);
        }
        if let Some((row, release)) = row.zip(release) {
            self.file(&id, release).workloads.insert(id, row);
        }
    }

    fn control_pod(&mut self, key: Key, row: Option<ControlPod>, now: DateTime<Utc>) {
        let release = row.as_ref().map(|row| row.release.clone());
        let id = (Kind::ControlPods, key);
        if let Some(parts) = self.refile(&id, release.as_ref())
            && let Some(old) = parts.pods.remove(&id.1)
        {
            parts.restarts.forget(&old.row.uid);
        }
        if let Some((row, release)) = row.zip(release) {
            let parts = self.file(&id, release);
            parts.restarts.observe(&row, now);
            parts.pods.insert(id.1, row);
        }
    }

    fn config(&mut self, key: Key, row: Option<ConfigRow>) {
        let release = row.as_ref().map(|row| row.release.clone());
        let id = (Kind::Configs, key);
        if let Some(parts) = self.refile(&id, release.as_ref()) {
            parts.configs.remove(&id.1);
        }
        if let Some((row, release)) = row.zip(release) {
            self.file(&id, release).configs.insert(id.1, row);
        }
    }

    /// What an object was filed under, if it must leave it: it is gone or belongs to another virtual cluster now.
    fn refile(&mut self, id: &(Kind, Key), release: Option<&SmolStr>) -> Option<&mut Parts> {
        let before = self.filed.get(id)?;
        if Some(before) == release {
            return None;
        }
        let tenant = (id.1.namespace.clone(), before.clone());
        self.filed.remove(id);
        self.dirty.insert(tenant.clone());
        self.tenants.get_mut(&tenant)
    }

    fn file(&mut self, id: &(Kind, Key), release: SmolStr) -> &mut Parts {
        let tenant = (id.1.namespace.clone(), release.clone());
        self.filed.insert(id.clone(), release);
        self.dirty.insert(tenant.clone());
        self.tenants.entry(tenant).or_default()
    }

    fn quota(&mut self, key: Key, row: Option<Arc<Quota>>) {
        let quotas = self.quotas.entry(key.namespace.clone()).or_default();
        match row {
            Some(row) => quotas.insert(key.name, row),
            None => quotas.remove(&key.name),
        };
        self.touch_where(Some(key.namespace));
    }

    fn namespace(&mut self, key: Key, row: Option<NamespaceRow>) {
        let before = match row.clone() {
            Some(row) => self.namespaces.insert(key.name.clone(), row),
            None => self.namespaces.remove(&key.name),
        };
        if before == row {
            return;
        }
        if let Some(home) = before.and_then(|before| before.home) {
            if let Some(satellites) = self.satellites.get_mut(&home) {
                satellites.remove(&key.name);
            }
            self.dirty.insert(home);
        }
        if let Some(home) = row.and_then(|row| row.home) {
            self.satellites.entry(home.clone()).or_default().insert(key.name.clone());
            self.dirty.insert(home);
        }
        self.touch_where(Some(key.name));
    }

    /// Marks every row, or those of one namespace.
    fn touch_where(&mut self, namespace: Option<SmolStr>) {
        match namespace {
            None => self.dirty.extend(self.tenants.keys().cloned()),
            Some(namespace) => {
                let from = (namespace.clone(), SmolStr::default());
                let here = self.tenants.range(from..).take_while(|((n, _), _)| *n == namespace);
                self.dirty.extend(here.map(|(tenant, _)| tenant.clone()));
            }
        }
    }
}

impl Parts {
    /// Workloads that claim to be the control plane.
    fn claims(&self) -> impl Iterator<Item = &WorkloadRow> {
        self.workloads.values().filter(|row| row.app == App::ControlPlane)
    }

    fn is_empty(&self) -> bool {
        self.workloads.is_empty() && self.pods.is_empty() && self.configs.is_empty() && self.told.is_none()
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
pub(super) mod tests;
