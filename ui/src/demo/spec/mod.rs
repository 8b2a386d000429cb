//! What a demo tenant is, before it is spelled as Kubernetes objects.

mod app;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use v9s::fleet::model::Store;
use v9s::target::Missed;

use super::seed::Seed;

pub use app::{App, AppKind, Fate, Stray, StrayKind, VirtualPod, coredns};

/// One virtual cluster on a demo host, with everything that runs in it.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Name of the virtual cluster, which is the Helm release.
    pub name: String,
    /// Host namespace.
    pub namespace: String,
    /// When it was installed.
    pub created: DateTime<Utc>,
    /// Version of the Helm chart, such as `0.36.1`.
    pub chart: String,
    /// Image of the container `syncer`, in full.
    pub image: String,
    /// What runs inside.
    pub distro: Distro,
    /// Backing store; with it comes the kind of the workload.
    pub store: Store,
    /// Control-plane replicas when nothing stops it.
    pub replicas: u32,
    /// How it stands at the moment.
    pub standing: Standing,
    /// Who installed it.
    pub manager: Manager,
    /// Labels of a person on the namespace and the workload.
    pub labels: BTreeMap<String, String>,
    /// ResourceQuota and LimitRange, where the policy is on.
    pub quota: Option<QuotaSpec>,
    /// Whether the four NetworkPolicies are there.
    pub network_policies: bool,
    /// What runs in it.
    pub apps: Vec<App>,
    /// Host pods that claim to belong to it and do not.
    pub strays: Vec<Stray>,
    /// What its companion tells, where it has one.
    pub companion: Option<Course>,
    /// When the first of its certificates ends, where v9s has made them and it is soon.
    pub certificates_end: Option<DateTime<Utc>>,
    /// What is noted of its backups.
    pub backups: Backups,
    /// Its source of chance.
    pub seed: Seed,
}

/// What is noted of the backups of a tenant; nothing of one that was never backed up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backups {
    /// When the last good one was begun.
    pub good: Option<DateTime<Utc>>,
    /// A later run that took none: when, what came of it, and why.
    pub missed: Option<(DateTime<Utc>, Missed, &'static str)>,
    /// How old the last good one may become, in hours.
    pub objective_hours: Option<u64>,
}

/// What a companion has to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Everything is mirrored in time.
    Well,
    /// What tenants change takes long: the host throttles.
    Behind,
    /// Some objects do not get through.
    Drifting,
    /// It has told nothing for a while.
    Silent,
}

/// Distribution inside a virtual cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distro {
    /// Plain Kubernetes, the only one since 0.26; the version, such as `v1.36.0`.
    K8s(String),
    /// k3s, up to 0.25; its image tag, such as `v1.31.4-k3s1`.
    K3s(String),
}

/// How a tenant stands (docs/vclusters.md, State).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It serves.
    Serving,
    /// A person paused it.
    Paused {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The platform put it to sleep.
    Asleep {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Only its workloads sleep.
    WorkloadsAsleep {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Somebody set its replicas to zero and left no mark.
    ScaledDown,
    /// Stopped for a restore.
    Restoring {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// No node takes its control plane.
    Unschedulable,
    /// Its store is killed again and again, and the control plane with it.
    StoreCrashing {
        /// How often so far.
        restarts: u32,
    },
}

/// Who installed a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// The official CLI or Helm itself: there is a release Secret.
    Helm,
    /// Argo CD renders the chart: a tracking mark and no release Secret.
    ArgoCd,
    /// v9s: the objects of the chart without a release.
    V9s,
}

/// Limits of a ResourceQuota, in the units they are summed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaSpec {
    /// `requests.cpu`, thousandths of a CPU.
    pub cpu_millis: u64,
    /// `requests.memory`, MiB.
    pub memory_mib: u64,
    /// `requests.storage`, GiB.
    pub storage_gib: u64,
    /// `count/pods`.
    pub pods: u64,
}

impl Default for QuotaSpec {
    /// The chart's own numbers (docs/vclusters.md, Policies).
    fn default() -> Self {
        QuotaSpec { cpu_millis: 10_000, memory_mib: 20 * 1024, storage_gib: 100, pods: 20 }
    }
}

/// What a tenant takes of its host namespace, control plane included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// CPU requests, thousandths.
    pub cpu_millis: u64,
    /// Memory requests, MiB.
    pub memory_mib: u64,
    /// CPU limits, thousandths.
    pub limit_cpu_millis: u64,
    /// Memory limits, MiB.
    pub limit_memory_mib: u64,
    /// Sizes of volume claims, GiB.
    pub storage_gib: u64,
    /// Volume claims.
    pub claims: u64,
    /// Pods.
    pub pods: u64,
}

impl Tenant {
    /// A serving tenant with SQLite and the chart's policies off.
    pub fn new(name: &str, created: DateTime<Utc>, seed: Seed) -> Self {
        let chart = "0.36.1";
        Tenant {
            name: name.to_owned(),
            namespace: name.to_owned(),
            created,
            chart: chart.to_owned(),
            image: format!("ghcr.io/loft-sh/vcluster-pro:{chart}"),
            distro: Distro::K8s("v1.36.0".to_owned()),
            store: Store::EmbeddedDatabase,
            replicas: 1,
            standing: Standing::Serving,
            manager: Manager::Helm,
            labels: BTreeMap::new(),
            quota: None,
            network_policies: false,
            apps: vec![coredns(created)],
            strays: Vec::new(),
            companion: None,
            certificates_end: None,
            backups: Backups::default(),
            seed: seed.child(name),
        }
    }

    /// Sets chart version and the image that goes with it.
    pub fn with_chart(mut self, chart: &str) -> Self {
        self.chart = chart.to_owned();
        self.image = format!("ghcr.io/loft-sh/vcluster-pro:{chart}");
        self
    }

    /// Every pod that the syncer left on the host: those of its applications and its strays.
    pub fn pods(&self) -> impl Iterator<Item = VirtualPod<'_>> {
        let asleep = self.workloads_stopped();
        let own = self.apps.iter().filter(move |_| !asleep).flat_map(|app| app.pods(self));
        own.chain(self.strays.iter().flat_map(|stray| stray.pods(self)))
    }

    /// What it takes of its host namespace.
    pub fn usage(&self) -> Usage {
        let (members, replicas) = (u64::from(self.etcd_members()), u64::from(self.replicas_now()));
        let sick = u64::from(matches!(self.standing, Standing::StoreCrashing { .. }));
        let volumes = match (self.is_stateful(), self.store) {
            (true, _) => u64::from(self.replicas),
            (false, Store::DeployedEtcd) => u64::from(self.etcd_replicas()),
            (false, _) => 0,
        };
        let mut usage = Usage {
            cpu_millis: 200 * replicas + 20 * members,
            memory_mib: 256 * replicas + 150 * members,
            // Only the init container of the control plane has a limit.
            limit_cpu_millis: 100 * replicas,
            limit_memory_mib: 4_096 * replicas + 256 * members * sick,
            storage_gib: 5 * volumes,
            claims: volumes,
            pods: replicas + members,
        };
        for pod in self.pods() {
            usage.pods += 1;
            // A pod that has ended holds nothing any more.
            if !matches!(pod.fate, Fate::Completed | Fate::Failed) {
                usage.cpu_millis += pod.app.cpu_millis;
                usage.memory_mib += pod.app.memory_mib;
                usage.limit_cpu_millis += 2 * pod.app.cpu_millis;
                usage.limit_memory_mib += 2 * pod.app.memory_mib;
            }
        }
        for app in &self.apps {
            let volumes = app.volume_gib.map_or(0, |_| u64::from(app.replicas));
            usage.claims += volumes;
            usage.storage_gib += volumes * app.volume_gib.unwrap_or(0);
        }
        usage
    }

    /// Whether it takes more than its quota gives.
    pub fn is_over_quota(&self) -> bool {
        let usage = self.usage();
        self.quota.is_some_and(|quota| {
            usage.cpu_millis > quota.cpu_millis
                || usage.memory_mib > quota.memory_mib
                || usage.storage_gib > quota.storage_gib
                || usage.pods > quota.pods
        })
    }

    /// Whether pausing or sleeping took the synced pods away (docs/vclusters.md, Pausing and sleeping).
    pub fn workloads_stopped(&self) -> bool {
        match self.standing {
            Standing::Paused { .. }
            | Standing::Asleep { .. }
            | Standing::WorkloadsAsleep { .. }
            | Standing::Restoring { .. }
            | Standing::Unschedulable => true,
            Standing::Serving | Standing::ScaledDown | Standing::StoreCrashing { .. } => false,
        }
    }

    /// `spec.replicas` of the control plane as it stands.
    pub fn replicas_now(&self) -> u32 {
        match self.standing {
            Standing::Paused { .. }
            | Standing::Asleep { .. }
            | Standing::ScaledDown
            | Standing::Restoring { .. } => 0,
            Standing::Serving
            | Standing::WorkloadsAsleep { .. }
            | Standing::Unschedulable
            | Standing::StoreCrashing { .. } => self.replicas,
        }
    }

    /// Whether the control plane answers.
    pub fn serves(&self) -> bool {
        matches!(self.standing, Standing::Serving | Standing::WorkloadsAsleep { .. })
    }

    /// Whether the control plane is a StatefulSet; otherwise a Deployment (docs/vclusters.md, Finding).
    pub fn is_stateful(&self) -> bool {
        matches!(self.store, Store::EmbeddedDatabase | Store::EmbeddedEtcd)
    }

    /// Members that its deployed etcd has when nothing stops it.
    pub fn etcd_replicas(&self) -> u32 {
        if self.replicas > 1 { 3 } else { 1 }
    }

    /// Members of the deployed etcd as it stands; none with any other store.
    pub fn etcd_members(&self) -> u32 {
        if self.store != Store::DeployedEtcd {
            return 0;
        }
        // Only with a control plane that is a Deployment does a pause stop the etcd too, and there it
        // always is one; a restore leaves it running (docs/vclusters.md, State).
        match self.standing {
            Standing::Paused { .. } | Standing::Asleep { .. } => 0,
            _ => self.etcd_replicas(),
        }
    }

    /// Hash of the pod template of its Deployment.
    pub fn control_plane_hash(&self) -> String {
        self.seed.child("control-plane").letters(10)
    }

    /// Hash of its configuration, on its pods.
    pub fn config_hash(&self) -> String {
        self.seed.child("config").hex(64)
    }

    /// Host names of its control-plane pods, as their controllers would draw them.
    pub fn control_plane_pods(&self) -> Vec<String> {
        let hash = self.control_plane_hash();
        (0..self.replicas_now())
            .map(|n| {
                if self.is_stateful() {
                    format!("{}-{n}", self.name)
                } else {
                    let letters = self.seed.child("control-plane").nth(u64::from(n)).letters(5);
                    format!("{}-{hash}-{letters}", self.name)
                }
            })
            .collect()
    }
}
