//! Settings as types, complete, with defaults filled in.

mod access;
mod cluster;
mod confidential;
mod control_plane;
mod custom;
mod export;
mod manifests;
mod mapping;
mod network;
mod policies;
mod rbac;
mod stores;
mod sync;
mod toleration;
mod workload;

pub use access::GroupAccess;
pub use cluster::{Image, ImagePullPolicy, Metadata, Scheduling, Security};
pub use confidential::Confidential;
pub use control_plane::{
    Account, Advanced, Component, ControlPlane, CoreDns, DisruptionBound, DisruptionBudget, Exposure,
    HighAvailability, Ingress, Kubernetes, Proxy, Service,
};
pub use custom::{
    CustomResource, Direction, FieldPath, FieldStep, HostScope, Reference, ReferenceKind, ResourceName,
};
pub use export::{ExportAccount, ExportKubeConfig, ExportedSecret};
pub use manifests::Manifests;
pub use mapping::{HostNamespace, Mapping, Mappings};
pub use network::{
    HostServiceRef, Networking, ProxyKubelets, ReplicateServices, ReplicatedService, ServiceRef,
};
pub use policies::{
    LimitRange, NetworkPolicy, NetworkRules, PodSecurityStandard, Policies, PublicEgress, ResourceQuota,
};
pub use rbac::{ClusterRole, Rbac, Rules};
pub use stores::{BackingStore, DeployedEtcd, ExternalDatabase, Tls};
pub use sync::{
    ClassSync, Content, HostDeletion, HostDeletions, HostNodes, NodeChoice, NodeSync, Pods, RewriteHosts,
    Sync,
};
pub use workload::{ClaimTemplate, DataVolume, Persistence, Probe, Probes, RetentionPolicy, Workload};

use super::view::View;

/// Everything that `vcluster.yaml` says, as far as v9s does it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What is mirrored: `sync` and `v9s.sync`.
    pub sync: Sync,
    /// `networking`.
    pub networking: Networking,
    /// `policies`.
    pub policies: Policies,
    /// `controlPlane`.
    pub control_plane: ControlPlane,
    /// `exportKubeConfig`.
    pub export_kube_config: ExportKubeConfig,
    /// `rbac`.
    pub rbac: Rbac,
    /// `integrations.metricsServer`, when on.
    pub metrics_server: Option<MetricsServer>,
    /// `experimental.deploy.vcluster.manifests`.
    pub manifests: Manifests,
    /// `experimental.syncSettings.setOwner`: host objects are owned by the Service of the virtual cluster.
    pub set_owner: bool,
    /// `logging`.
    pub logging: Logging,
    /// `v9s.access`.
    pub access: GroupAccess,
}

/// Metrics of the host, shown in the virtual cluster. Either of nodes and pods may be off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsServer {
    /// Metrics of nodes are served.
    pub nodes: bool,
    /// Metrics of pods are served.
    pub pods: bool,
    /// The host's metrics server, where it is not the one behind the host's `v1beta1.metrics.k8s.io`.
    pub service: Option<HostService>,
}

/// A Service of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostService {
    /// Name.
    pub name: String,
    /// Namespace; the virtual cluster's own when None.
    pub namespace: Option<String>,
    /// Port; the first one when None.
    pub port: Option<u16>,
}

/// How the syncer logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logging {
    /// Lines for people.
    Console,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// Reads all of it; tells the view about what cannot be.
    pub(super) fn of(view: &View) -> Settings {
        Settings {
            sync: Sync::of(view),
            networking: Networking::of(view),
            policies: Policies::of(&view.at("policies")),
            control_plane: ControlPlane::of(&view.at("controlPlane")),
            export_kube_config: ExportKubeConfig::of(&view.at("exportKubeConfig")),
            rbac: Rbac::of(&view.at("rbac")),
            metrics_server: MetricsServer::of(&view.at("integrations.metricsServer")),
            manifests: manifests::read(view, "experimental.deploy.vcluster.manifests"),
            set_owner: view.flag("experimental.syncSettings.setOwner"),
            access: GroupAccess::of(&view.at("v9s.access")),
            logging: if view.text("logging.encoding") == "json" { Logging::Json } else { Logging::Console },
        }
    }
}

impl MetricsServer {
    fn of(view: &View) -> Option<MetricsServer> {
        let server = MetricsServer {
            nodes: view.flag("nodes"),
            pods: view.flag("pods"),
            service: HostService::of(&view.at("apiService.service")),
        };
        view.flag("enabled").then_some(server)
    }
}

impl HostService {
    fn of(view: &View) -> Option<HostService> {
        let (namespace, port) = (view.some_text("namespace"), view.number::<u16>("port"));
        let Some(name) = view.some_text("name") else {
            if namespace.is_some() || port > 0 {
                view.complain("name", "which Service? give its name");
            }
            return None;
        };
        Some(HostService { name, namespace, port: (port > 0).then_some(port) })
    }
}
