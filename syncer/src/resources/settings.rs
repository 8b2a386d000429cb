//! What is mirrored: a field for each kind, off or its options.

use v9s::provision::values::settings::HostDeletions;

use super::{CustomResource, FromHostLine, HostDeletion, Mapping, ToHostLine};
use crate::context;

/// What is mirrored. The default is what a virtual cluster mirrors when nothing is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Pods, their tokens, and the nodes that they are on; how is said elsewhere ([`context::PodSettings`]).
    pub pods: bool,
    /// ConfigMaps; none to mirror none.
    pub config_maps: Option<Content>,
    /// Secrets; none to mirror none.
    pub secrets: Option<Content>,
    /// Services.
    pub services: bool,
    /// Endpoints of Services without selector.
    pub endpoints: bool,
    /// EndpointSlices of Services without selector.
    pub endpoint_slices: bool,
    /// PersistentVolumeClaims.
    pub claims: bool,
    /// PersistentVolumes, those of the host's claims among them; volumes are made up otherwise. The host's are
    /// cluster-scoped: it needs rights there.
    pub volumes: bool,
    /// StorageClasses.
    pub storage_classes: Classes,
    /// PriorityClasses.
    pub priority_classes: Classes,
    /// IngressClasses of the host.
    pub ingress_classes: Option<Selected>,
    /// RuntimeClasses of the host.
    pub runtime_classes: Option<Selected>,
    /// Events of the host about objects of the tenant.
    pub events: bool,
    /// Ingresses.
    pub ingresses: bool,
    /// NetworkPolicies.
    pub network_policies: bool,
    /// PodDisruptionBudgets.
    pub pod_disruption_budgets: bool,
    /// ServiceAccounts.
    pub service_accounts: bool,
    /// ConfigMaps of the host that the tenant may read.
    pub config_maps_from_host: Vec<Mapping>,
    /// Secrets of the host that the tenant may read.
    pub secrets_from_host: Vec<Mapping>,
    /// Services of the host that the tenant has under names of its own.
    pub services_from_host: Vec<FromHostLine>,
    /// Services of the tenant that the host's namespace has under other names.
    pub services_to_host: Vec<ToHostLine>,
    /// Custom resources.
    pub custom_resources: Vec<CustomResource>,
    /// What follows when somebody deletes a copy on the host, by kind.
    pub host_deletion: HostDeletions,
}

/// Which objects of the host, as a label selector in a list request ([`crate::translate::selector::to_query`]); none for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected(pub Option<String>);

/// How a kind of cluster-scoped classes is mirrored. Either direction needs rights on the whole host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Classes {
    /// Not at all.
    #[default]
    Apart,
    /// The tenant's go to the host under names of their own.
    ToHost,
    /// The host's are shown to the tenant under the same names.
    FromHost {
        /// Which of them, as in a list request ([`crate::translate::selector::to_query`]); none for all.
        labels: Option<String>,
    },
}

impl Classes {
    /// The same without its options.
    pub fn direction(&self) -> context::Classes {
        match self {
            Classes::Apart => context::Classes::Apart,
            Classes::ToHost => context::Classes::ToHost,
            Classes::FromHost { .. } => context::Classes::FromHost,
        }
    }

    /// Whether only some of the host's may be used.
    pub fn is_limited(&self) -> bool {
        matches!(self, Classes::FromHost { labels: Some(_) })
    }
}

/// Which ConfigMaps or Secrets are mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Those that are referred to or ask for it.
    Referenced,
    /// All.
    All,
}

/// Everything is made again.
const RECREATE: HostDeletions = {
    use HostDeletion::Recreate;
    HostDeletions {
        services: Recreate,
        endpoints: Recreate,
        endpoint_slices: Recreate,
        config_maps: Recreate,
        secrets: Recreate,
        persistent_volume_claims: Recreate,
        persistent_volumes: Recreate,
        ingresses: Recreate,
        network_policies: Recreate,
        pod_disruption_budgets: Recreate,
        service_accounts: Recreate,
        storage_classes: Recreate,
        priority_classes: Recreate,
    }
};

impl Default for Settings {
    fn default() -> Self {
        Settings {
            pods: true,
            config_maps: Some(Content::Referenced),
            secrets: Some(Content::Referenced),
            services: true,
            endpoints: true,
            endpoint_slices: true,
            claims: true,
            volumes: false,
            storage_classes: Classes::Apart,
            priority_classes: Classes::Apart,
            ingress_classes: None,
            runtime_classes: None,
            events: true,
            ingresses: false,
            network_policies: false,
            pod_disruption_budgets: false,
            service_accounts: false,
            config_maps_from_host: Vec::new(),
            secrets_from_host: Vec::new(),
            services_from_host: Vec::new(),
            services_to_host: Vec::new(),
            custom_resources: Vec::new(),
            host_deletion: RECREATE,
        }
    }
}
