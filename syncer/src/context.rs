//! What does not change while the process lives: who we are, and what was configured.

use std::collections::BTreeMap;

use serde_json::Value;
use smol_str::SmolStr;
use v9s::names::Translator;
use v9s::provision::service_range::ServiceRange;
use v9s::wire;

use crate::kubelet::reach::Reach;

/// Who we are and what was configured.
#[derive(Debug, Clone)]
pub struct Context {
    /// Names and label keys.
    pub names: Translator,
    /// The virtual cluster, which is also the name of its Service.
    pub vcluster: SmolStr,
    /// Where everything lives on the host.
    pub host_namespace: SmolStr,
    /// UID of the Service that owns what we create; none when objects are to have no owner.
    pub owner_uid: Option<SmolStr>,
    /// DNS domain of the virtual cluster, `cluster.local`.
    pub cluster_domain: SmolStr,
    /// Addresses of the Service by which pods reach the virtual API server, the primary family first; empty while they
    /// are not known, in which case no pod is created.
    pub api_addresses: Vec<SmolStr>,
    /// Where the virtual API server gives Services their addresses; empty while that is not known.
    pub service_range: ServiceRange,
    /// Minor versions of both servers.
    pub minors: Minors,
    /// Pods.
    pub pods: PodSettings,
    /// Nodes.
    pub nodes: NodeSettings,
    /// How nodes are reached.
    pub reach: Reach,
}

/// Minor versions of Kubernetes: fields and subresources that one of the servers does not know are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minors {
    /// Of the virtual API server.
    pub virtual_side: u32,
    /// Of the host's.
    pub host: u32,
}

impl Default for Minors {
    /// The version that everything is measured against.
    fn default() -> Self {
        Minors { virtual_side: 36, host: 36 }
    }
}

/// What `sync.toHost.pods`, and other settings that concern pods, say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PodSettings {
    /// Images that are replaced by others, by their exact names (`translateImage`).
    pub images: BTreeMap<String, String>,
    /// Tolerations that every pod gets (`enforceTolerations`).
    pub tolerations: Vec<Value>,
    /// Runtime class of all pods (`runtimeClassName`).
    pub runtime_class: Option<SmolStr>,
    /// Priority class of pods that name none (`priorityClassName`), as the host names it.
    pub priority_class: Option<SmolStr>,
    /// How pods with a subdomain get their full name into `/etc/hosts` (`rewriteHosts`); none leaves it.
    pub hosts: Option<HostsSettings>,
    /// `policies.podSecurityStandard`.
    pub security: PodSecurity,
    /// Account of all pods on the host, unless accounts are mirrored; none stands for `vc-workload-NAME`.
    pub account: Option<SmolStr>,
    /// Accounts are mirrored (`sync.toHost.serviceAccounts`): pods have their own on the host.
    pub own_accounts: bool,
    /// Where priority classes come from.
    pub priority_classes: Classes,
    /// Where runtime classes come from.
    pub runtime_classes: Classes,
    /// The virtual cluster is not given a DNS: pods that ask for it do not wait, and get the node's while there is none.
    pub without_dns: bool,
}

/// The init container that completes `/etc/hosts`.
#[derive(Debug, Clone, PartialEq)]
pub struct HostsSettings {
    /// Its image; it needs a shell and `sed`.
    pub image: SmolStr,
    /// Its resources.
    pub resources: Value,
}

/// A level of the pod security standards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PodSecurity {
    /// Everything is allowed.
    #[default]
    Privileged,
    /// Known privilege escalations are not.
    Baseline,
    /// Hardened pods only.
    Restricted,
}

/// How a kind of cluster-scoped classes is mirrored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Classes {
    /// Not at all: names mean nothing on the host.
    #[default]
    Apart,
    /// The tenant's go to the host under names of their own.
    ToHost,
    /// The host's, or those of them that are selected, are shown to the tenant under the same names.
    FromHost,
}

/// What `sync.fromHost.nodes` says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeSettings {
    /// Which nodes there are.
    pub shown: Nodes,
    /// The list of images is not shown (`clearImageStatus`).
    pub without_images: bool,
}

/// Which nodes a tenant sees.
#[derive(Debug, Clone, PartialEq)]
pub enum Nodes {
    /// Made up for those that pods are on.
    Synthetic {
        /// The host's nodes may be read: capacity, architecture and system are the real ones.
        measured: bool,
    },
    /// Those of the host that pods are on.
    Assigned,
    /// Those of the host with these labels; pods go nowhere else.
    Labelled(BTreeMap<String, String>),
    /// All of the host.
    All,
}

impl Default for Nodes {
    fn default() -> Self {
        Nodes::Synthetic { measured: false }
    }
}

impl Context {
    /// A virtual cluster with nothing configured.
    pub fn new(vcluster: impl Into<SmolStr>, host_namespace: impl Into<SmolStr>) -> Self {
        let (vcluster, host_namespace) = (vcluster.into(), host_namespace.into());
        Context {
            names: Translator::new(vcluster.clone(), host_namespace.clone()),
            vcluster,
            host_namespace,
            owner_uid: None,
            cluster_domain: "cluster.local".into(),
            api_addresses: Vec::new(),
            service_range: ServiceRange::default(),
            minors: Minors::default(),
            pods: PodSettings::default(),
            nodes: NodeSettings::default(),
            reach: Reach::default(),
        }
    }

    /// The account on the host of pods whose own is not mirrored.
    pub fn workload_account(&self) -> SmolStr {
        match &self.pods.account {
            Some(account) => account.clone(),
            None => wire::name::workload_service_account(&self.vcluster).into(),
        }
    }
}
