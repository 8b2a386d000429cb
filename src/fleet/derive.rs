//! One row of the fleet from the rows of its objects. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};

use super::findings::{Signs, findings};
use super::image;
use super::judge::{Evidence, Verdict, judge};
use super::model::{
    PodCounts, PodRow, Replicas, Restarts, Store, StoreHealth, SyncLag, Vcluster, VclusterKey,
};
use super::quota::Quota;
use super::rows::{ConfigRow, ControlPod, WorkloadRow};
use super::state::State;
use super::told::Told;
use crate::health::backups::{Measure, judge as judge_backups};
use crate::health::certificates::{self, Maker};
use crate::health::{Backups, Certificates, Companion, Isolation, Thresholds, sync};
use crate::known::Known;
use crate::target::Noted;
use crate::wire::{App, label};

/// All that is known about one virtual cluster.
pub(super) struct Facts<'a> {
    pub(super) key: VclusterKey,
    /// Workloads that claim to be its control plane; at least one.
    pub(super) claims: Vec<&'a WorkloadRow>,
    /// Its other workloads.
    pub(super) parts: Vec<&'a WorkloadRow>,
    pub(super) namespace_deleted: bool,
    pub(super) config: Known<Option<&'a ConfigRow>>,
    pub(super) control_pods: Known<Vec<&'a ControlPod>>,
    pub(super) recent_restarts: u32,
    pub(super) quota: Known<Arc<Quota>>,
    pub(super) policies: Known<Arc<Isolation>>,
    /// What its companion told.
    pub(super) told: Known<Option<&'a Told>>,
    /// How far the host's clock is ahead of ours.
    pub(super) ahead: Option<TimeDelta>,
    /// Until when a word of its companion would have reached us.
    pub(super) hears_until: DateTime<Utc>,
    pub(super) counts: Known<PodCounts>,
    pub(super) pods: Arc<[PodRow]>,
    pub(super) stale_since: Option<DateTime<Utc>>,
}

/// The row, and when time alone may change it. None without a workload that claims to be the control plane.
pub(super) fn derive(
    facts: Facts<'_>,
    thresholds: &Thresholds,
    now: DateTime<Utc>,
) -> Option<(Vcluster, Option<DateTime<Utc>>)> {
    let main = choose(&facts.claims, &facts.key.name)?;
    let config = facts.config.get().copied().flatten();
    let store = store(&facts);
    let needs_etcd = store.get().is_none_or(|store| *store == Store::DeployedEtcd);
    let parts: Vec<&WorkloadRow> =
        facts.parts.iter().copied().filter(|part| part.app != App::Etcd || needs_etcd).collect();
    let verdict = judge(&Evidence {
        main,
        parts: &parts,
        namespace_deleted: facts.namespace_deleted,
        config,
        pods: facts.control_pods.as_ref().map(Vec::as_slice),
        now,
        patience: TimeDelta::seconds(i64::from(thresholds.start_seconds)),
    });
    let no_pods = Vec::new();
    let control_pods = facts.control_pods.get().unwrap_or(&no_pods);
    let duplicates: Vec<SmolStr> = facts
        .claims
        .iter()
        .filter(|claim| !std::ptr::eq(**claim, main))
        .map(|claim| format_smolstr!("{:?} {}", claim.kind, claim.name))
        .collect();
    let (companion, silent_at) = companion(&facts, verdict.state, thresholds);
    let told = facts.told.get().copied().flatten();
    let (backups, backup_due) = backups(main, thresholds, now);
    let (certificates, certificates_due) = certificates(main, thresholds, now);
    let findings = findings(&Signs {
        verdict: &verdict,
        pods: control_pods,
        recent_restarts: facts.recent_restarts,
        quota: &facts.quota,
        policies: &facts.policies,
        companion: &companion,
        unreadable: told.and_then(Told::unreadable).filter(|_| companion != Known::NotApplicable),
        duplicates: &duplicates,
        backups: &backups,
        certificates: certificates.get(),
        maker: Maker::of(&main.labels),
        thresholds,
    });
    let Verdict { mut state, mut reason, revisit } = verdict;
    if state == State::Running
        && let Some(worse) = sync::state(&findings)
    {
        (state, reason) = worse;
    }
    let revisit = [revisit, silent_at, backup_due, certificates_due].into_iter().flatten().min();
    let mut row = Vcluster {
        workload: main.kind,
        state,
        reason,
        version: version(main),
        kubernetes: kubernetes(main, config),
        distro: distro(main, config),
        store,
        replicas: Replicas { ready: main.ready, desired: main.desired },
        restarts: facts.control_pods.as_ref().map(|pods| restarts(pods)),
        synced: facts.counts,
        quota: facts.quota,
        policies: facts.policies,
        lag: lag(&companion, told),
        orphans: flatten(&companion, Companion::orphans),
        store_health: store_health(state),
        backups: Arc::new(backups),
        certificates,
        companion,
        findings,
        created: main.created,
        expires: main.term.ends(),
        owner: main.term.owner.clone(),
        labels: main.labels.clone(),
        control_plane: control_pods.iter().map(|pod| pod.row.clone()).collect(),
        pods: facts.pods,
        unknown: BTreeMap::new(),
        stale_since: facts.stale_since,
        key: facts.key,
    };
    row.unknown = unknown(&row);
    Some((row, revisit))
}

/// The workload that is the control plane, of several that claim to be: not one being deleted, the one of the same
/// name, a StatefulSet before a Deployment.
fn choose<'a>(claims: &[&'a WorkloadRow], name: &str) -> Option<&'a WorkloadRow> {
    claims
        .iter()
        .copied()
        .min_by_key(|claim| (claim.deleted.is_some(), claim.name != name, claim.kind, &claim.name))
}

fn version(main: &WorkloadRow) -> Known<SmolStr> {
    let tag = main.syncer_image.as_deref().and_then(image::tag);
    let chart = || main.labels.get(label::CHART)?.strip_prefix("vcluster-");
    match (tag.or_else(chart), &main.syncer_image) {
        (Some(version), _) => Known::Yes(version.into()),
        (None, Some(image)) => Known::No(format_smolstr!("image `{image}` has no tag")),
        (None, None) => Known::unknown("it has no container named `syncer`"),
    }
}

fn kubernetes(main: &WorkloadRow, config: Option<&ConfigRow>) -> Known<SmolStr> {
    let running = main.kubernetes_image.as_deref().and_then(image::kubernetes_version).map(SmolStr::new);
    let configured = || config.and_then(|config| config.settings.as_ref()?.kubernetes.clone());
    match running.or_else(configured) {
        Some(version) => Known::Yes(version),
        None => Known::unknown("neither an image nor the configuration names it"),
    }
}

fn distro(main: &WorkloadRow, config: Option<&ConfigRow>) -> Known<SmolStr> {
    let running = main.kubernetes_image.as_deref().and_then(image::distro).map(SmolStr::new_static);
    let configured = || config.and_then(|config| config.settings.as_ref()?.distro.clone());
    match running.or_else(configured) {
        Some(distro) => Known::Yes(distro),
        None => Known::unknown("neither an image nor the configuration names it"),
    }
}

fn store(facts: &Facts<'_>) -> Known<Store> {
    let has_etcd = facts.parts.iter().any(|part| part.app == App::Etcd);
    match &facts.config {
        Known::Yes(Some(config)) => match &config.settings {
            Some(settings) => Known::Yes(settings.store),
            None => Known::unknown("its configuration cannot be read"),
        },
        // Charts before 0.20 keep no configuration on the host, and knew no other store with an own StatefulSet.
        Known::Yes(None) if has_etcd => Known::Yes(Store::DeployedEtcd),
        Known::Yes(None) => Known::No(format_smolstr!(
            "there is no Secret {}",
            crate::wire::name::config_secret(&facts.key.name)
        )),
        Known::No(why) => Known::No(why.clone()),
        Known::NotApplicable => Known::NotApplicable,
    }
}

fn restarts(pods: &[&ControlPod]) -> Restarts {
    let last = pods.iter().filter_map(|pod| pod.last_end.as_ref()).max_by_key(|end| end.at);
    Restarts {
        count: pods.iter().map(|pod| pod.row.restarts).sum(),
        last_reason: last.map(|end| end.reason.clone()),
        last_at: last.and_then(|end| end.at),
    }
}

/// How its backups stand, and when time alone changes that.
fn backups(
    main: &WorkloadRow,
    thresholds: &Thresholds,
    now: DateTime<Utc>,
) -> (Backups, Option<DateTime<Utc>>) {
    let measure = Measure { objective: thresholds.rpo, created: main.created };
    match &main.noted {
        Some(noted) => judge_backups(noted, measure, now),
        None => judge_backups(&Noted::default(), measure, now),
    }
}

/// How its certificates stand, and when time alone changes that.
fn certificates(
    main: &WorkloadRow,
    thresholds: &Thresholds,
    now: DateTime<Utc>,
) -> (Known<Certificates>, Option<DateTime<Utc>>) {
    match &main.certificates_end {
        Known::Yes(end) => {
            let (certificates, due) = certificates::judge(*end, thresholds, now);
            (Known::Yes(certificates), due)
        }
        Known::No(why) => (Known::No(why.clone()), None),
        Known::NotApplicable => (Known::NotApplicable, None),
    }
}

/// Whether the control plane of this state is meant to run and its companion with it.
fn is_meant_to_run(state: State) -> bool {
    !matches!(state, State::Paused | State::ScaledDown | State::Restoring | State::Terminating)
}

/// The companion as it is now, and when time alone makes it silent. Who starts, or lies down, need not say anything.
fn companion(
    facts: &Facts<'_>,
    state: State,
    thresholds: &Thresholds,
) -> (Known<Arc<Companion>>, Option<DateTime<Utc>>) {
    if !is_meant_to_run(state) {
        return (Known::NotApplicable, None);
    }
    let told = match &facts.told {
        Known::Yes(Some(told)) => told,
        Known::Yes(None) => return (Known::unknown(sync::NO_COMPANION), None),
        Known::No(why) => return (Known::No(why.clone()), None),
        Known::NotApplicable => return (Known::NotApplicable, None),
    };
    let patience = TimeDelta::seconds(i64::from(thresholds.silent_seconds));
    let (companion, due) = told.at(facts.ahead, facts.hears_until, patience);
    let runs = matches!(state, State::Running | State::Degraded | State::SleepingWorkloads);
    match companion.get() {
        Some(one) if one.silent && !runs => {
            (Known::unknown("its companion is silent while the control plane is not up"), None)
        }
        _ => (companion, due),
    }
}

fn lag(companion: &Known<Arc<Companion>>, told: Option<&Told>) -> Known<SyncLag> {
    let history = || told.map(Told::lags).unwrap_or_default();
    flatten(companion, Companion::p99).map(|p99| SyncLag { p99, history: history() })
}

/// A fact that a companion may know.
fn flatten<T>(companion: &Known<Arc<Companion>>, fact: impl FnOnce(&Companion) -> Known<T>) -> Known<T> {
    match companion {
        Known::Yes(companion) => fact(companion),
        Known::No(why) => Known::No(why.clone()),
        Known::NotApplicable => Known::NotApplicable,
    }
}

/// No watch tells of stores: they are looked at on demand. Of something that does not run there is nothing to see.
fn store_health(state: State) -> Known<StoreHealth> {
    match state {
        State::Paused | State::ScaledDown | State::Restoring => Known::NotApplicable,
        _ => Known::unknown("not looked at: the tab `store` does, and `v9s store`"),
    }
}

fn unknown(row: &Vcluster) -> BTreeMap<SmolStr, SmolStr> {
    let fields = [
        ("version", row.version.why()),
        ("kubernetes", row.kubernetes.why()),
        ("distro", row.distro.why()),
        ("store", row.store.why()),
        ("restarts", row.restarts.why()),
        ("pods", row.synced.why()),
        ("quota", row.quota.why()),
        ("network_policies", row.policies.why()),
        ("lag", row.lag.why()),
        ("orphans", row.orphans.why()),
        ("store_health", row.store_health.why()),
        ("backup", row.backups.good.why()),
        ("certificates", row.certificates.why()),
        ("expires", row.expires.why()),
    ];
    let known = fields.into_iter().filter_map(|(name, why)| Some((SmolStr::new_static(name), why?.into())));
    known.collect()
}

#[cfg(test)]
#[path = "derive_tests.rs"]
mod tests;
