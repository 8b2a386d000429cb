//! What runs in a tenant: applications, their pods, and pods that belong to nobody.

use chrono::{DateTime, Utc};

use super::{Seed, Tenant};

/// One application inside a virtual cluster.
#[derive(Debug, Clone)]
pub struct App {
    /// Virtual namespace.
    pub namespace: String,
    /// Virtual name.
    pub name: String,
    /// What owns its pods there.
    pub kind: AppKind,
    /// How many pods.
    pub replicas: u32,
    /// Image of its one container.
    pub image: String,
    /// CPU request, thousandths.
    pub cpu_millis: u64,
    /// Memory request, MiB.
    pub memory_mib: u64,
    /// Port it serves, with a Service of its name.
    pub port: Option<u16>,
    /// Whether it reads a ConfigMap and a Secret of its name.
    pub configured: bool,
    /// Size of the volume of each pod, GiB.
    pub volume_gib: Option<u64>,
    /// How its pods are.
    pub fate: Fate,
    /// Which roll-out of its pod template this is.
    pub revision: u32,
    /// When it was deployed.
    pub created: DateTime<Utc>,
}

/// What owns the pods of an [`App`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppKind {
    /// A Deployment, by its ReplicaSet.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A Job.
    Job,
}

/// How a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Runs and is ready.
    Running {
        /// Restarts it has behind it.
        restarts: u32,
    },
    /// No node has room.
    Unschedulable,
    /// Its image cannot be pulled.
    ImagePull,
    /// Crashes again and again.
    CrashLoop {
        /// Restarts so far.
        restarts: u32,
        /// Killed for its memory; otherwise it ends by itself.
        oom: bool,
    },
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
}

/// Why a host pod does not belong where it claims to.
#[derive(Debug, Clone)]
pub struct Stray {
    /// The application it came from.
    pub app: App,
    /// What is wrong with it.
    pub kind: StrayKind,
}

/// Kinds of strays (docs/vclusters.md, Ownership).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrayKind {
    /// Its virtual object is gone, and nothing deleted the copy.
    VirtualGone,
    /// A copy of a host pod that another controller made: `object-host-name` is not its own name.
    ForeignCopy,
    /// Its whole virtual cluster is gone; it has no owner that would take it along.
    VclusterGone,
}

/// One pod of a virtual cluster.
#[derive(Debug, Clone)]
pub struct VirtualPod<'a> {
    /// The application it belongs to.
    pub app: &'a App,
    /// Virtual name.
    pub name: String,
    /// Which one of the application's pods.
    pub ordinal: u32,
    /// How it is.
    pub fate: Fate,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// Its source of chance.
    pub seed: Seed,
    /// What is wrong with it, if it is a stray.
    pub stray: Option<StrayKind>,
}

impl VirtualPod<'_> {
    /// UID in the virtual cluster.
    pub fn uid(&self) -> String {
        self.seed.child("virtual-uid").uid()
    }
}

impl App {
    /// A Deployment of one healthy pod.
    pub fn new(namespace: &str, name: &str, image: &str, created: DateTime<Utc>) -> Self {
        App {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            kind: AppKind::Deployment,
            replicas: 1,
            image: image.to_owned(),
            cpu_millis: 50,
            memory_mib: 64,
            port: None,
            configured: false,
            volume_gib: None,
            fate: Fate::Running { restarts: 0 },
            revision: 1,
            created,
        }
    }

    /// Its source of chance within a tenant.
    pub fn seed(&self, tenant: &Tenant) -> Seed {
        tenant.seed.child(&self.namespace).child(&self.name)
    }

    /// Hash of its pod template, as in ReplicaSet names.
    pub fn template_hash(&self, tenant: &Tenant) -> String {
        self.seed(tenant).child("template").nth(u64::from(self.revision)).letters(10)
    }

    /// Its pods.
    pub fn pods<'a>(&'a self, tenant: &'a Tenant) -> impl Iterator<Item = VirtualPod<'a>> {
        (0..self.replicas).map(move |n| self.pod(tenant, n, 0))
    }

    /// Its pod number `n`; each `generation` is another pod in the same place.
    pub fn pod<'a>(&'a self, tenant: &Tenant, n: u32, generation: u32) -> VirtualPod<'a> {
        let seed = self
            .seed(tenant)
            .nth(u64::from(n))
            .nth(u64::from(generation))
            .child("pod")
            .nth(u64::from(self.revision));
        let name = match self.kind {
            AppKind::Deployment => {
                format!("{}-{}-{}", self.name, self.template_hash(tenant), seed.letters(5))
            }
            AppKind::StatefulSet => format!("{}-{n}", self.name),
            AppKind::DaemonSet | AppKind::Job => format!("{}-{}", self.name, seed.letters(5)),
        };
        VirtualPod { app: self, name, ordinal: n, fate: self.fate, created: self.created, seed, stray: None }
    }
}

impl Stray {
    /// Its pods.
    pub fn pods<'a>(&'a self, tenant: &'a Tenant) -> impl Iterator<Item = VirtualPod<'a>> {
        self.app.pods(tenant).map(|pod| VirtualPod { stray: Some(self.kind), ..pod })
    }
}

/// The DNS server that every virtual cluster runs as ordinary synced pods (docs/vclusters.md, Synced objects).
pub fn coredns(created: DateTime<Utc>) -> App {
    App {
        cpu_millis: 20,
        memory_mib: 64,
        configured: true,
        ..App::new("kube-system", "coredns", "coredns/coredns:1.14.2", created)
    }
}
