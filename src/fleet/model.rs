//! The snapshot that everything above the watches looks at: all virtual clusters of all hosts, immutable.
//!
//! Screens and subcommands are functions of this and of their own view state. Strings are as the
//! cluster sent them: whoever draws them strips control characters first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use smol_str::SmolStr;

use crate::cluster::Uid;
use crate::fleet::quota::Quota;
use crate::fleet::state::State;
use crate::health::{Backups, Certificates, Companion, Isolation};
use crate::known::Known;

/// Which virtual cluster: unique over all hosts that one v9s watches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct VclusterKey {
    /// The kube context of the host cluster.
    pub host: SmolStr,
    /// Host namespace.
    pub namespace: SmolStr,
    /// Value of the label `release` (docs/vclusters.md, Finding).
    pub name: SmolStr,
}

/// All that is known at one moment. Cheap to clone and to hold: everything large is shared.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// Grows with every published snapshot; equal epochs mean equal snapshots.
    pub epoch: u64,
    /// The host clusters in the order they were asked for.
    pub hosts: Vec<Arc<Host>>,
    /// Every virtual cluster found, sorted by key.
    pub vclusters: Vec<Arc<Vcluster>>,
}

impl Fleet {
    /// The virtual cluster with this key, if it is there.
    pub fn find(&self, key: &VclusterKey) -> Option<&Arc<Vcluster>> {
        let at = self.vclusters.binary_search_by(|v| v.key.cmp(key)).ok()?;
        self.vclusters.get(at)
    }

    /// The host with this context name.
    pub fn host(&self, context: &str) -> Option<&Arc<Host>> {
        self.hosts.iter().find(|h| h.context == context)
    }
}

/// One host cluster and how well we see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// The kube context it was reached by.
    pub context: SmolStr,
    /// URL of its API server.
    pub server: SmolStr,
    /// Version of its API server, such as `v1.36.2`.
    pub version: Known<SmolStr>,
    /// How live the picture is.
    pub link: Link,
    /// Which namespaces are watched.
    pub scope: Scope,
    /// What an operator must know about the limits of this view, one line each
    /// (`forbidden: cannot list pods in all namespaces; watching team-a, team-b`).
    pub notes: Vec<SmolStr>,
}

/// The state of the connection to one host.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// First lists are under way. Counts are what has arrived so far, for a progress line.
    Loading {
        /// Objects received so far, all kinds.
        objects: u64,
        /// Kinds not listed whole yet, such as `pods`.
        pending: Vec<SmolStr>,
    },
    /// Every watch is open.
    Live {
        /// When the API server last sent anything (an event, a bookmark, a list).
        last_seen: DateTime<Utc>,
    },
    /// At least one watch is broken: rows stay as they were.
    Stale {
        /// When the picture was last known to be right.
        since: DateTime<Utc>,
        /// When the next try starts.
        next_try: DateTime<Utc>,
        /// What the last try ended with, in words.
        error: SmolStr,
    },
    /// Never reached so far.
    Unreachable {
        /// When the next try starts.
        next_try: DateTime<Utc>,
        /// What the last try ended with, in words.
        error: SmolStr,
    },
}

/// Which namespaces of a host are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The whole cluster.
    All,
    /// These only, because they were asked for or because more is forbidden.
    Namespaces(Vec<SmolStr>),
}

/// One virtual cluster: a row of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Vcluster {
    /// Which one.
    pub key: VclusterKey,
    /// What runs the control plane.
    pub workload: Workload,
    /// One word with its rank, worst first.
    pub state: State,
    /// Why it is in that state, empty when there is nothing to say.
    pub reason: SmolStr,
    /// Version of the syncer: tag of the image of the container `syncer` (docs/vclusters.md, Version).
    pub version: Known<SmolStr>,
    /// Kubernetes version inside, such as `v1.36.0`.
    pub kubernetes: Known<SmolStr>,
    /// Distribution, such as `k8s` or, before 0.26, `k3s`.
    pub distro: Known<SmolStr>,
    /// Backing store.
    pub store: Known<Store>,
    /// Control-plane replicas.
    pub replicas: Replicas,
    /// Sum of container restarts over the control-plane pods, and the newest reason.
    pub restarts: Known<Restarts>,
    /// Pods on the host that claim to belong to it (label `vcluster.loft.sh/managed-by`).
    pub synced: Known<PodCounts>,
    /// Use of the ResourceQuotas of its namespace; `NotApplicable` without any.
    pub quota: Known<Arc<Quota>>,
    /// What the NetworkPolicies of its namespace say of its pods.
    pub policies: Known<Arc<Isolation>>,
    /// What measures it from inside, and what that told last.
    pub companion: Known<Arc<Companion>>,
    /// Time from a change on one side to the confirmed write on the other.
    pub lag: Known<SyncLag>,
    /// Host pods that claim to belong to it and provably do not.
    pub orphans: Known<u32>,
    /// Health of the backing store.
    pub store_health: Known<StoreHealth>,
    /// What is noted of its backups, and how the last good one stands.
    pub backups: Arc<Backups>,
    /// When the first of its certificates ends, and how that stands.
    pub certificates: Known<Certificates>,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// When the workload was created.
    pub created: Option<DateTime<Utc>>,
    /// When it ends by itself (docs/vclusters.md, Time to live).
    pub expires: Known<DateTime<Utc>>,
    /// Who answers for it, if anybody is named.
    pub owner: Option<SmolStr>,
    /// Labels of the workload, for selectors.
    pub labels: Arc<BTreeMap<SmolStr, SmolStr>>,
    /// Control-plane pods (workload and deployed etcd), by name.
    pub control_plane: Arc<[PodRow]>,
    /// Synced pods, by virtual namespace and name.
    pub pods: Arc<[PodRow]>,
    /// Facts that could not be looked up: field name to reason (`pods` to `forbidden: …`).
    pub unknown: BTreeMap<SmolStr, SmolStr>,
    /// Whether the host's link was stale when this row was published: the row is as it last was.
    pub stale_since: Option<DateTime<Utc>>,
}

/// What runs a control plane (docs/vclusters.md, Finding).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Workload {
    /// With a data volume.
    StatefulSet,
    /// Without one.
    Deployment,
}

/// Backing store of a virtual cluster, by the official precedence (docs/vclusters.md, Objects).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// etcd inside the syncer's container.
    EmbeddedEtcd,
    /// etcd that somebody else runs.
    ExternalEtcd,
    /// etcd as StatefulSet `NAME-etcd`.
    DeployedEtcd,
    /// A database that somebody else runs.
    ExternalDatabase,
    /// SQLite through kine, the default.
    EmbeddedDatabase,
}

impl Store {
    /// Short word for a table cell.
    pub fn short(self) -> &'static str {
        match self {
            Store::EmbeddedEtcd => "etcd",
            Store::ExternalEtcd => "etcd ext",
            Store::DeployedEtcd => "etcd sts",
            Store::ExternalDatabase => "db ext",
            Store::EmbeddedDatabase => "sqlite",
        }
    }
}

/// Replicas of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Replicas {
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `spec.replicas`.
    pub desired: u32,
}

/// Restarts of the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Restarts {
    /// Sum over all containers of all control-plane pods.
    pub count: u32,
    /// Why the newest one happened (`OOMKilled`, `Error`), if the pods still say.
    pub last_reason: Option<SmolStr>,
    /// When the newest one happened.
    pub last_at: Option<DateTime<Utc>>,
}

/// Synced pods by phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PodCounts {
    /// All of them.
    pub total: u32,
    /// Phase `Running`.
    pub running: u32,
    /// Phase `Pending`.
    pub pending: u32,
    /// Phase `Succeeded`.
    pub succeeded: u32,
    /// Phase `Failed`.
    pub failed: u32,
    /// Any other phase.
    pub unknown: u32,
}

/// One pod on the host, as little of it as tables need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRow {
    /// Name on the host.
    pub name: SmolStr,
    /// Host namespace.
    pub namespace: SmolStr,
    /// UID on the host.
    pub uid: Uid,
    /// Name in the virtual cluster, from the annotation (docs/vclusters.md, Annotations); none for control-plane pods.
    pub virtual_name: Option<SmolStr>,
    /// Namespace in the virtual cluster, from the annotation.
    pub virtual_namespace: Option<SmolStr>,
    /// What `kubectl get pods` says in STATUS (`Running`, `CrashLoopBackOff`, `Init:1/2`).
    pub status: SmolStr,
    /// Phase.
    pub phase: Phase,
    /// Ready containers.
    pub ready: u16,
    /// All containers.
    pub containers: u16,
    /// Sum of container restarts.
    pub restarts: u32,
    /// Node it was scheduled to.
    pub node: Option<SmolStr>,
    /// When it was created.
    pub created: Option<DateTime<Utc>>,
}

/// Phase of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum Phase {
    /// Waits to be scheduled or started.
    Pending,
    /// At least one container runs.
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, one of them badly.
    Failed,
    /// The node does not answer, or a phase we do not know.
    #[default]
    Unknown,
}

/// Sync lag of one virtual cluster, as its companion reports it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SyncLag {
    /// 99th percentile now, of the slower direction.
    pub p99: Duration,
    /// p99 values of the last ten minutes, the worst of each 15 s, oldest first, for a sparkline; milliseconds.
    pub history: Vec<u32>,
}

/// Health of a backing store.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoreHealth {
    /// How bad it is.
    pub severity: Severity,
    /// Use of the space it may take, 0 to 1.
    pub used: Option<f64>,
    /// One short phrase.
    pub summary: SmolStr,
}

/// How bad something is; the order is by urgency, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Info,
    /// Look at it today.
    Warning,
    /// Act now.
    Critical,
}

/// One thing that is wrong with a virtual cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Stable identifier for scripts, such as `quota-near-limit`.
    pub code: &'static str,
    /// One sentence.
    pub message: SmolStr,
    /// Since when, if known.
    pub since: Option<DateTime<Utc>>,
}

impl Finding {
    /// A finding; what its fields are.
    pub fn new(
        severity: Severity,
        code: &'static str,
        message: SmolStr,
        since: Option<DateTime<Utc>>,
    ) -> Finding {
        Finding { severity, code, message, since }
    }
}
