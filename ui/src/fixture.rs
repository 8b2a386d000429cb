//! Virtual clusters for tests of what shows them, and pictures of what was shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;
use smol_str::format_smolstr;
use v9s::fleet::model::{
    Finding, PodCounts, Replicas, Restarts, Severity, Store, StoreHealth, SyncLag, Vcluster, VclusterKey,
    Workload,
};
use v9s::fleet::quota::{Quota, QuotaEntry};
use v9s::fleet::state::State;
use v9s::health::backups::Standing;
use v9s::health::certificates::{NOT_TOLD, judge};
use v9s::health::isolation::Way;
use v9s::health::{Backups, Certificates, Isolation, Thresholds};
use v9s::known::Known;
use v9s::target::{GoodBackup, Objective};

/// The present of all tests.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// A healthy virtual cluster.
pub fn vcluster(namespace: &str, name: &str) -> Vcluster {
    Vcluster {
        key: VclusterKey { host: "eu-west-1".into(), namespace: namespace.into(), name: name.into() },
        workload: Workload::StatefulSet,
        state: State::Running,
        reason: "".into(),
        version: Known::Yes("0.36.1".into()),
        kubernetes: Known::Yes("v1.36.0".into()),
        distro: Known::Yes("k8s".into()),
        store: Known::Yes(Store::EmbeddedDatabase),
        replicas: Replicas { ready: 1, desired: 1 },
        restarts: Known::Yes(Restarts::default()),
        synced: Known::Yes(PodCounts { total: 388, running: 388, ..PodCounts::default() }),
        quota: quota("requests.cpu", "5200m", "10", 0.52),
        policies: Known::Yes(Arc::new(Isolation {
            policies: 4,
            chart: vec![format_smolstr!("vc-work-{name}"), format_smolstr!("vc-cp-{name}")],
            ingress: Way::Listed,
            egress: Way::Listed,
        })),
        companion: Known::unknown("not measured in tests"),
        lag: lag(61, &[61, 60, 80, 61, 61]),
        orphans: Known::Yes(0),
        store_health: store(Severity::Ok, 0.22),
        backups: Arc::default(),
        certificates: certificates(213),
        findings: Vec::new(),
        created: Some(now() - TimeDelta::days(77)),
        expires: Known::NotApplicable,
        owner: None,
        labels: Arc::new(BTreeMap::from([
            ("app".into(), "vcluster".into()),
            ("release".into(), name.into()),
        ])),
        control_plane: Arc::default(),
        pods: Arc::default(),
        unknown: BTreeMap::new(),
        stale_since: None,
    }
}

/// A quota with one key.
pub fn quota(resource: &str, used: &str, hard: &str, ratio: f64) -> Known<Arc<Quota>> {
    let entry = QuotaEntry {
        quota: "vc-quota".into(),
        resource: resource.into(),
        used: used.into(),
        hard: hard.into(),
        ratio: Some(ratio),
    };
    Known::Yes(Arc::new(Quota { entries: vec![entry] }))
}

/// A measured lag.
pub fn lag(p99_ms: u64, history: &[u32]) -> Known<SyncLag> {
    Known::Yes(SyncLag { p99: Duration::from_millis(p99_ms), history: history.to_vec() })
}

/// Health of a store that is used so far.
pub fn store(severity: Severity, used: f64) -> Known<StoreHealth> {
    Known::Yes(StoreHealth { severity, used: Some(used), summary: "".into() })
}

/// Backups of which the last good one is so many hours old, and may be a day old.
pub fn backups(hours: i64) -> Arc<Backups> {
    let good = GoodBackup {
        at: now() - TimeDelta::hours(hours),
        revision: 90_210,
        file: "team.shop.20260915T030000000Z.tar.zst.age".into(),
        to: "s3://backups/eu".into(),
        who: "schedule".into(),
    };
    let until = good.at + TimeDelta::hours(24);
    let Some(objective) = Objective::new(Duration::from_secs(86_400)) else { return Arc::default() };
    let standing = Standing { objective, until, late: until < now() };
    Arc::new(Backups {
        good: Known::Yes(Some(good)),
        missed: Known::Yes(None),
        standing: Known::Yes(standing),
    })
}

/// Certificates of which the first ends in so many days and an hour.
pub fn certificates(days: i64) -> Known<Certificates> {
    let end = now() + TimeDelta::days(days) + TimeDelta::hours(1);
    Known::Yes(judge(end, &Thresholds::default(), now()).0)
}

/// A fleet with one of every kind of trouble.
pub fn fleet() -> Vec<Vcluster> {
    let forbidden = "forbidden: needs list pods in edge-03";
    let finding =
        |severity, message: &str| Finding { severity, code: "test", message: message.into(), since: None };
    vec![
        Vcluster {
            state: State::Degraded,
            reason: "etcd: NOSPACE alarm, writes refused".into(),
            store: Known::Yes(Store::DeployedEtcd),
            store_health: store(Severity::Critical, 1.0),
            quota: quota("requests.cpu", "8300m", "10", 0.83),
            lag: lag(3_140, &[200, 300, 400, 1_900, 3_140]),
            orphans: Known::Yes(2),
            backups: backups(75),
            certificates: certificates(12),
            findings: vec![
                finding(Severity::Critical, "etcd NOSPACE: writes refused since 13:58"),
                finding(Severity::Warning, "quota requests.cpu 8.3 of 10 (83%)"),
            ],
            restarts: Known::Yes(Restarts { count: 4, last_reason: Some("OOMKilled".into()), last_at: None }),
            created: Some(now() - TimeDelta::days(91)),
            ..vcluster("team-alpha", "team-alpha")
        },
        Vcluster {
            lag: lag(12_400, &[2_000, 3_000, 5_000, 9_000, 12_400]),
            synced: Known::Yes(PodCounts {
                total: 1_903,
                running: 1_900,
                pending: 3,
                ..PodCounts::default()
            }),
            findings: vec![
                finding(Severity::Warning, "host API throttles (429 on 31% of writes)"),
                Finding {
                    code: "sync-lag",
                    ..finding(Severity::Warning, "sync lag p99 is 12.4 s (goal 10 s)")
                },
            ],
            replicas: Replicas { ready: 2, desired: 3 },
            ..vcluster("team-gamma", "team-gamma")
        },
        Vcluster {
            state: State::Paused,
            reason: "by ops since Tue 18:00".into(),
            synced: Known::Yes(PodCounts::default()),
            companion: Known::NotApplicable,
            lag: Known::NotApplicable,
            orphans: Known::NotApplicable,
            quota: Known::NotApplicable,
            store_health: Known::NotApplicable,
            replicas: Replicas { ready: 0, desired: 0 },
            ..vcluster("team-delta", "team-delta")
        },
        Vcluster {
            backups: backups(3),
            certificates: certificates(-2),
            ..vcluster("team-epsilon", "team-epsilon")
        },
        Vcluster {
            state: State::Unknown,
            reason: forbidden.into(),
            synced: Known::unknown(forbidden),
            restarts: Known::unknown(forbidden),
            lag: Known::unknown("no companion"),
            orphans: Known::unknown(forbidden),
            quota: Known::unknown("forbidden: needs list resourcequotas in edge-03"),
            store_health: Known::unknown("no companion"),
            store: Known::unknown("forbidden: needs get secrets in edge-03"),
            distro: Known::unknown("forbidden: needs get secrets in edge-03"),
            backups: Arc::new(Backups {
                good: Known::unknown("v9s.io/backup cannot be read"),
                missed: Known::Yes(None),
                standing: Known::NotApplicable,
            }),
            certificates: Known::unknown(NOT_TOLD),
            version: Known::unknown("no image of a container named syncer"),
            kubernetes: Known::unknown("no companion"),
            unknown: BTreeMap::from([("pods".into(), forbidden.into())]),
            created: None,
            ..vcluster("edge-03", "edge-03")
        },
    ]
}

/// The text of a buffer, one line per row, without the blanks at line ends.
pub fn text_of(buffer: &Buffer) -> String {
    lines(buffer, |cell| cell.symbol().to_owned())
}

/// Which cells are reversed (`r`), bold (`b`), dim (`d`) or anything else (`.`).
pub fn modifiers_of(buffer: &Buffer) -> String {
    lines(buffer, |cell| {
        let signs = [(Modifier::REVERSED, "r"), (Modifier::BOLD, "b"), (Modifier::DIM, "d")];
        signs.iter().find(|(m, _)| cell.modifier.contains(*m)).map_or(".", |(_, sign)| sign).to_owned()
    })
}

fn lines(buffer: &Buffer, sign: impl Fn(&Cell) -> String) -> String {
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut covered = 0;
        for x in buffer.area.left()..buffer.area.right() {
            let Some(cell) = buffer.cell((x, y)) else { continue };
            // What a wide character covers has a blank cell that is not shown.
            if covered == 0 {
                line.push_str(&sign(cell));
            }
            covered = crate::text::width(cell.symbol()).max(covered).saturating_sub(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
