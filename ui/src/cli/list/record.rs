//! The documents of `v9s list -o json|yaml`. Their shape is a promise to scripts (`docs/list.md`): fields are added,
//! never renamed or removed, as long as `apiVersion` stays. The model may change; this is where it is translated.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use smol_str::SmolStr;
use v9s::fleet::model::{Finding, Fleet, Host, Link, Phase, Scope, Severity, Store, Vcluster, Workload};
use v9s::health::isolation::Way;
use v9s::health::sync::total;
use v9s::health::{Certificates, Companion};
use v9s::known::Known;
use v9s::lifecycle::certs::days_left;

use super::backup::BackupRecord;

/// Version of the documents.
pub const API_VERSION: &str = "v9s/v1";

/// The whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    api_version: &'static str,
    kind: &'static str,
    generated_at: String,
    hosts: Vec<HostRecord>,
    items: Vec<VclusterRecord>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HostRecord {
    context: SmolStr,
    server: SmolStr,
    version: Option<SmolStr>,
    link: &'static str,
    error: Option<SmolStr>,
    namespaces: Option<Vec<SmolStr>>,
    notes: Vec<SmolStr>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VclusterRecord {
    host: SmolStr,
    namespace: SmolStr,
    name: SmolStr,
    workload: &'static str,
    state: &'static str,
    severity: &'static str,
    reason: SmolStr,
    version: Option<SmolStr>,
    kubernetes: Option<SmolStr>,
    distro: Option<SmolStr>,
    store: Option<&'static str>,
    replicas: ReplicasRecord,
    restarts: Option<RestartsRecord>,
    pods: Option<PodsRecord>,
    quota: Option<QuotaRecord>,
    network_policies: Option<u32>,
    isolation: Option<IsolationRecord>,
    companion: Option<CompanionRecord>,
    lag: Option<LagRecord>,
    orphans: Option<u32>,
    store_health: Option<StoreHealthRecord>,
    backup: BackupRecord,
    certificates: Option<CertificatesRecord>,
    findings: Vec<FindingRecord>,
    created_at: Option<String>,
    age_seconds: Option<u64>,
    expires_at: Option<String>,
    owner: Option<SmolStr>,
    labels: BTreeMap<SmolStr, SmolStr>,
    control_plane: Vec<PodRecord>,
    stale_since: Option<String>,
    unknown: BTreeMap<&'static str, SmolStr>,
    not_applicable: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct ReplicasRecord {
    ready: u32,
    desired: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RestartsRecord {
    count: u32,
    last_reason: Option<SmolStr>,
    last_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct PodsRecord {
    total: u32,
    running: u32,
    pending: u32,
    succeeded: u32,
    failed: u32,
    unknown: u32,
}

#[derive(Debug, Serialize)]
struct IsolationRecord {
    ingress: Way,
    egress: Way,
    chart: Vec<SmolStr>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuotaRecord {
    worst: Option<SmolStr>,
    ratio: Option<f64>,
    entries: Vec<QuotaEntryRecord>,
}

#[derive(Debug, Serialize)]
struct QuotaEntryRecord {
    quota: SmolStr,
    resource: SmolStr,
    used: SmolStr,
    hard: SmolStr,
    ratio: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LagRecord {
    p99_ms: u64,
    history_ms: Vec<u32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CompanionRecord {
    mode: v9s::companion::Mode,
    version: SmolStr,
    heard_at: String,
    silent: bool,
    apart: Option<u32>,
    quarantined: Option<u32>,
    queued: u32,
}

#[derive(Debug, Serialize)]
struct StoreHealthRecord {
    severity: &'static str,
    used: Option<f64>,
    summary: SmolStr,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificatesRecord {
    ends_at: String,
    days_left: i64,
    severity: &'static str,
}

#[derive(Debug, Serialize)]
struct FindingRecord {
    severity: &'static str,
    code: SmolStr,
    message: SmolStr,
    since: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PodRecord {
    name: SmolStr,
    status: SmolStr,
    phase: &'static str,
    ready: u16,
    containers: u16,
    restarts: u32,
    node: Option<SmolStr>,
}

impl List {
    /// The document for these rows of a fleet.
    pub fn new(fleet: &Fleet, rows: &[&Vcluster], now: DateTime<Utc>) -> List {
        List {
            api_version: API_VERSION,
            kind: "VclusterList",
            generated_at: time(now),
            hosts: fleet.hosts.iter().map(|host| HostRecord::new(host)).collect(),
            items: rows.iter().map(|v| VclusterRecord::new(v, now)).collect(),
        }
    }
}

impl HostRecord {
    fn new(host: &Host) -> Self {
        let (link, error) = match &host.link {
            Link::Loading { .. } => ("loading", None),
            Link::Live { .. } => ("live", None),
            Link::Stale { error, .. } => ("stale", Some(error.clone())),
            Link::Unreachable { error, .. } => ("unreachable", Some(error.clone())),
        };
        HostRecord {
            context: host.context.clone(),
            server: host.server.clone(),
            version: host.version.get().cloned(),
            link,
            error,
            namespaces: match &host.scope {
                Scope::All => None,
                Scope::Namespaces(names) => Some(names.clone()),
            },
            notes: host.notes.clone(),
        }
    }
}

/// Takes facts apart: what is known, why the rest is not, and what does not apply.
#[derive(Default)]
pub(super) struct Facts {
    unknown: BTreeMap<&'static str, SmolStr>,
    not_applicable: Vec<&'static str>,
}

impl Facts {
    pub(super) fn take<T, U>(
        &mut self,
        field: &'static str,
        fact: &Known<T>,
        record: impl FnOnce(&T) -> U,
    ) -> Option<U> {
        match fact {
            Known::Yes(value) => Some(record(value)),
            Known::No(why) => {
                self.unknown.insert(field, why.clone());
                None
            }
            Known::NotApplicable => {
                self.not_applicable.push(field);
                None
            }
        }
    }
}

impl VclusterRecord {
    fn new(v: &Vcluster, now: DateTime<Utc>) -> Self {
        let mut facts = Facts::default();
        VclusterRecord {
            host: v.key.host.clone(),
            namespace: v.key.namespace.clone(),
            name: v.key.name.clone(),
            workload: match v.workload {
                Workload::StatefulSet => "StatefulSet",
                Workload::Deployment => "Deployment",
            },
            state: v.state.word(),
            severity: severity(v.state.severity()),
            reason: v.reason.clone(),
            version: facts.take("version", &v.version, Clone::clone),
            kubernetes: facts.take("kubernetes", &v.kubernetes, Clone::clone),
            distro: facts.take("distro", &v.distro, Clone::clone),
            store: facts.take("store", &v.store, |store| store_name(*store)),
            replicas: ReplicasRecord { ready: v.replicas.ready, desired: v.replicas.desired },
            restarts: facts.take("restarts", &v.restarts, |restarts| RestartsRecord {
                count: restarts.count,
                last_reason: restarts.last_reason.clone(),
                last_at: restarts.last_at.map(time),
            }),
            pods: facts.take("pods", &v.synced, |pods| PodsRecord {
                total: pods.total,
                running: pods.running,
                pending: pods.pending,
                succeeded: pods.succeeded,
                failed: pods.failed,
                unknown: pods.unknown,
            }),
            quota: facts.take("quota", &v.quota, |all| quota(all)),
            network_policies: facts.take("networkPolicies", &v.policies, |isolation| isolation.policies),
            isolation: facts.take("isolation", &v.policies, |isolation| IsolationRecord {
                ingress: isolation.ingress,
                egress: isolation.egress,
                chart: isolation.chart.clone(),
            }),
            companion: facts.take("companion", &v.companion, |one| companion(one)),
            lag: facts.take("lag", &v.lag, |lag| LagRecord {
                p99_ms: u64::try_from(lag.p99.as_millis()).unwrap_or(u64::MAX),
                history_ms: lag.history.clone(),
            }),
            orphans: facts.take("orphans", &v.orphans, |orphans| *orphans),
            store_health: facts.take("storeHealth", &v.store_health, |health| StoreHealthRecord {
                severity: severity(health.severity),
                used: health.used,
                summary: health.summary.clone(),
            }),
            backup: BackupRecord::new(&mut facts, &v.backups, now),
            certificates: facts
                .take("certificates", &v.certificates, |certificates| certificates_of(certificates, now)),
            findings: v.findings.iter().map(finding).collect(),
            created_at: v.created.map(time),
            age_seconds: v.created.map(|created| crate::format::elapsed(created, now).as_secs()),
            expires_at: facts.take("expiresAt", &v.expires, |ends| time(*ends)),
            owner: v.owner.clone(),
            labels: (*v.labels).clone(),
            control_plane: v.control_plane.iter().map(pod).collect(),
            stale_since: v.stale_since.map(time),
            unknown: facts.unknown,
            not_applicable: facts.not_applicable,
        }
    }
}

fn quota(quota: &v9s::fleet::quota::Quota) -> QuotaRecord {
    let worst = quota.worst();
    QuotaRecord {
        worst: worst.map(|entry| entry.resource.clone()),
        ratio: worst.and_then(|entry| entry.ratio),
        entries: quota
            .entries
            .iter()
            .map(|entry| QuotaEntryRecord {
                quota: entry.quota.clone(),
                resource: entry.resource.clone(),
                used: entry.used.clone(),
                hard: entry.hard.clone(),
                ratio: entry.ratio,
            })
            .collect(),
    }
}

fn companion(companion: &Companion) -> CompanionRecord {
    let status = &companion.status;
    CompanionRecord {
        mode: status.mode,
        version: status.syncer.clone(),
        heard_at: time(companion.heard),
        silent: companion.silent,
        apart: status.drift.as_ref().map(total),
        quarantined: status.drift.as_ref().map(|drift| drift.quarantined),
        queued: status.queued,
    }
}

fn certificates_of(certificates: &Certificates, now: DateTime<Utc>) -> CertificatesRecord {
    CertificatesRecord {
        ends_at: time(certificates.end),
        days_left: days_left(certificates.end, now),
        severity: severity(certificates.standing.severity()),
    }
}

fn finding(finding: &Finding) -> FindingRecord {
    FindingRecord {
        severity: severity(finding.severity),
        code: finding.code.into(),
        message: finding.message.clone(),
        since: finding.since.map(time),
    }
}

fn pod(pod: &v9s::fleet::model::PodRow) -> PodRecord {
    PodRecord {
        name: pod.name.clone(),
        status: pod.status.clone(),
        phase: match pod.phase {
            Phase::Pending => "Pending",
            Phase::Running => "Running",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
            Phase::Unknown => "Unknown",
        },
        ready: pod.ready,
        containers: pod.containers,
        restarts: pod.restarts,
        node: pod.node.clone(),
    }
}

fn store_name(store: Store) -> &'static str {
    match store {
        Store::EmbeddedEtcd => "embedded-etcd",
        Store::ExternalEtcd => "external-etcd",
        Store::DeployedEtcd => "deployed-etcd",
        Store::ExternalDatabase => "external-database",
        Store::EmbeddedDatabase => "embedded-database",
    }
}

pub(in crate::cli) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok",
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
