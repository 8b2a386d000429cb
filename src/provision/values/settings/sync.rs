//! `sync` and `v9s.sync`: what is mirrored, and how.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::Selector;

use super::cluster::Image;
use super::custom::{CustomResource, ResourceName};
use super::mapping::Mappings;
use super::toleration;
use crate::provision::values::view::{Switch, View};

/// What is mirrored between the virtual cluster and its host.
#[derive(Debug, Clone, PartialEq)]
pub struct Sync {
    /// Pods; None when they do not run on the host.
    pub pods: Option<Pods>,
    /// Services.
    pub services: bool,
    /// Endpoints of Services without a selector.
    pub endpoints: bool,
    /// EndpointSlices of Services without a selector.
    pub endpoint_slices: bool,
    /// ConfigMaps of the tenant.
    pub config_maps: Content,
    /// Secrets of the tenant.
    pub secrets: Content,
    /// PersistentVolumeClaims.
    pub persistent_volume_claims: bool,
    /// PersistentVolumes of the tenant go to the host; otherwise the tenant sees stand-ins of those behind its claims.
    pub persistent_volumes: bool,
    /// Ingresses.
    pub ingresses: bool,
    /// NetworkPolicies.
    pub network_policies: bool,
    /// PodDisruptionBudgets.
    pub pod_disruption_budgets: bool,
    /// ServiceAccounts; pods then run as the mirror of theirs.
    pub service_accounts: bool,
    /// StorageClasses.
    pub storage_classes: ClassSync,
    /// PriorityClasses.
    pub priority_classes: ClassSync,
    /// IngressClasses of the host that the tenant sees; None when it sees none.
    pub ingress_classes: Option<Selector>,
    /// RuntimeClasses of the host that the tenant sees; None when it sees none.
    pub runtime_classes: Option<Selector>,
    /// Events of the host about the tenant's objects.
    pub events: bool,
    /// Nodes.
    pub nodes: NodeSync,
    /// ConfigMaps of the host that the tenant sees.
    pub host_config_maps: Option<Mappings>,
    /// Secrets of the host that the tenant sees.
    pub host_secrets: Option<Mappings>,
    /// Custom resources.
    pub custom_resources: BTreeMap<ResourceName, CustomResource>,
    /// What happens when somebody deletes a copy on the host.
    pub host_deletion: HostDeletions,
}

/// How pods run on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Pods {
    /// Images that run in place of others, by the whole name of the image.
    pub translate_image: BTreeMap<String, String>,
    /// Tolerations that every pod gets.
    pub enforce_tolerations: Vec<Toleration>,
    /// Runtime class that every pod gets.
    pub runtime_class_name: Option<String>,
    /// Priority class of pods that name none.
    pub priority_class_name: Option<String>,
    /// Pods with a subdomain get an /etc/hosts in which their full name is right.
    pub rewrite_hosts: Option<RewriteHosts>,
}

/// The init container that writes /etc/hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct RewriteHosts {
    /// Its image.
    pub image: Image,
    /// What it may use.
    pub resources: ResourceRequirements,
}

/// Which ConfigMaps or Secrets of the tenant go to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// None.
    Off,
    /// Those that a synced object uses.
    Referenced,
    /// All.
    All,
}

/// Classes belong to one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassSync {
    /// Each side has its own.
    Off,
    /// The tenant's go to the host.
    ToHost,
    /// The tenant sees those of the host that match.
    FromHost(Selector),
}

/// What the tenant sees of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeSync {
    /// A node is made up for each one of the host that runs a pod of the tenant.
    Synthetic,
    /// Nodes of the host.
    Host(HostNodes),
}

/// Nodes of the host as the tenant sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNodes {
    /// Which ones.
    pub choice: NodeChoice,
    /// Without the images that they hold.
    pub clear_image_status: bool,
}

/// Which nodes of the host the tenant sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeChoice {
    /// Those that run a pod of the tenant.
    WithPods,
    /// Those with all of these labels; never empty. Pods go nowhere else.
    Labels(BTreeMap<String, String>),
    /// All.
    All,
}

/// What happens when somebody deletes the host's copy of a tenant's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostDeletion {
    /// The copy is made again.
    Recreate,
    /// The tenant's object is deleted, too.
    Propagate,
}

/// The same by kind. Pods are missing: one that ran is never made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct HostDeletions {
    pub services: HostDeletion,
    pub endpoints: HostDeletion,
    pub endpoint_slices: HostDeletion,
    pub config_maps: HostDeletion,
    pub secrets: HostDeletion,
    pub persistent_volume_claims: HostDeletion,
    pub persistent_volumes: HostDeletion,
    pub ingresses: HostDeletion,
    pub network_policies: HostDeletion,
    pub pod_disruption_budgets: HostDeletion,
    pub service_accounts: HostDeletion,
    pub storage_classes: HostDeletion,
    pub priority_classes: HostDeletion,
}

impl Sync {
    pub(super) fn of(view: &View) -> Sync {
        let to = view.at("sync.toHost");
        let from = view.at("sync.fromHost");
        Sync {
            pods: Pods::of(&to.at("pods")),
            services: to.flag("services.enabled"),
            endpoints: to.flag("endpoints.enabled"),
            endpoint_slices: to.flag("endpointSlices.enabled"),
            config_maps: Content::of(&to.at("configMaps")),
            secrets: Content::of(&to.at("secrets")),
            persistent_volume_claims: to.flag("persistentVolumeClaims.enabled"),
            persistent_volumes: to.flag("persistentVolumes.enabled"),
            ingresses: to.flag("ingresses.enabled"),
            network_policies: to.flag("networkPolicies.enabled"),
            pod_disruption_budgets: to.flag("podDisruptionBudgets.enabled"),
            service_accounts: to.flag("serviceAccounts.enabled"),
            storage_classes: ClassSync::of(view, "storageClasses"),
            priority_classes: ClassSync::of(view, "priorityClasses"),
            ingress_classes: chosen(&from.at("ingressClasses")),
            runtime_classes: chosen(&from.at("runtimeClasses")),
            events: from.flag("events.enabled"),
            nodes: NodeSync::of(&from.at("nodes")),
            host_config_maps: imported(&from.at("configMaps")),
            host_secrets: imported(&from.at("secrets")),
            custom_resources: CustomResource::all(view),
            host_deletion: HostDeletions::of(&view.at("v9s.sync.hostDeletion")),
        }
    }
}

impl Pods {
    fn of(view: &View) -> Option<Pods> {
        let mut enforced = Vec::new();
        for (index, text) in view.texts("enforceTolerations").iter().enumerate() {
            match toleration::parse(text) {
                Ok(toleration) => enforced.push(toleration),
                Err(what) => view.complain_at(view.path("enforceTolerations").item(index), what),
            }
        }
        let rewrite = view.at("rewriteHosts");
        let container = rewrite.at("initContainer");
        let hosts = RewriteHosts {
            image: Image::of(&container.at("image")),
            resources: container.typed("resources"),
        };
        let pods = Pods {
            translate_image: view.map("translateImage"),
            enforce_tolerations: enforced,
            runtime_class_name: view.some_text("runtimeClassName"),
            priority_class_name: view.some_text("priorityClassName"),
            rewrite_hosts: rewrite.flag("enabled").then_some(hosts),
        };
        view.flag("enabled").then_some(pods)
    }
}

impl Content {
    fn of(view: &View) -> Content {
        match (view.flag("enabled"), view.flag("all")) {
            (false, _) => Content::Off,
            (true, false) => Content::Referenced,
            (true, true) => Content::All,
        }
    }
}

impl ClassSync {
    fn of(view: &View, classes: &str) -> ClassSync {
        let to = view.at("sync.toHost").at(classes);
        let from = view.at("sync.fromHost").at(classes);
        let on_host = selector(&from);
        if to.flag("enabled") {
            ClassSync::ToHost
        } else if from.switch("enabled") == Switch::On {
            ClassSync::FromHost(on_host)
        } else {
            ClassSync::Off
        }
    }
}

impl NodeSync {
    fn of(view: &View) -> NodeSync {
        let labels = view.map("selector.labels");
        let choice = if view.flag("selector.all") {
            NodeChoice::All
        } else if labels.is_empty() {
            NodeChoice::WithPods
        } else {
            NodeChoice::Labels(labels)
        };
        let nodes = HostNodes { choice, clear_image_status: view.flag("clearImageStatus") };
        if view.flag("enabled") { NodeSync::Host(nodes) } else { NodeSync::Synthetic }
    }
}

impl HostDeletion {
    pub(super) fn of(view: &View, dotted: &str) -> HostDeletion {
        if view.text(dotted) == "propagate" { HostDeletion::Propagate } else { HostDeletion::Recreate }
    }
}

impl HostDeletions {
    fn of(view: &View) -> HostDeletions {
        let of = |kind| HostDeletion::of(view, kind);
        HostDeletions {
            services: of("services"),
            endpoints: of("endpoints"),
            endpoint_slices: of("endpointSlices"),
            config_maps: of("configMaps"),
            secrets: of("secrets"),
            persistent_volume_claims: of("persistentVolumeClaims"),
            persistent_volumes: of("persistentVolumes"),
            ingresses: of("ingresses"),
            network_policies: of("networkPolicies"),
            pod_disruption_budgets: of("podDisruptionBudgets"),
            service_accounts: of("serviceAccounts"),
            storage_classes: of("storageClasses"),
            priority_classes: of("priorityClasses"),
        }
    }
}

/// The selector of classes that are turned on.
fn chosen(view: &View) -> Option<Selector> {
    let selector = selector(view);
    view.flag("enabled").then_some(selector)
}

/// `selector` of a class; everything when it is empty.
fn selector(view: &View) -> Selector {
    let selector = view.at("selector");
    let match_labels = Some(selector.map("matchLabels"));
    let mut requirements = Vec::new();
    for item in selector.items("matchExpressions") {
        let (key, operator, values) = (item.text("key"), item.text("operator"), item.texts("values"));
        let wants_values = matches!(operator.as_str(), "In" | "NotIn");
        if key.is_empty() {
            item.complain("key", "which label? give its key");
        }
        match (operator.as_str(), wants_values, values.is_empty()) {
            ("", ..) => item.complain("operator", "give In, NotIn, Exists or DoesNotExist"),
            (_, true, true) => item.complain("values", format!("{operator} needs at least one value")),
            (_, false, false) => item.complain("values", format!("{operator} takes no values")),
            _ => {
                let values = wants_values.then_some(values);
                let requirement = k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement {
                    key,
                    operator,
                    values,
                };
                requirements.push(requirement);
            }
        }
    }
    Selector::try_from(LabelSelector { match_expressions: Some(requirements), match_labels })
        .unwrap_or_default()
}

/// Mappings of objects that are turned on; there must be some.
fn imported(view: &View) -> Option<Mappings> {
    let mappings = Mappings::of(view, "mappings.byName");
    if !view.flag("enabled") {
        return None;
    }
    if view.map("mappings.byName").is_empty() {
        view.complain("enabled", "turned on without mappings.byName: name the objects of the host");
    }
    mappings
}
