//! What several parts of a control plane have in common.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, PodSecurityContext, SecurityContext, Toleration, TopologySpreadConstraint,
};

use crate::provision::values::view::View;

/// Labels and annotations of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Metadata {
    pub(super) fn of(view: &View) -> Metadata {
        Metadata { labels: view.map("labels"), annotations: view.map("annotations") }
    }
}

/// An image of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Registry; the runtime's default when None.
    pub registry: Option<String>,
    /// Repository.
    pub repository: String,
    /// Tag; chosen by v9s when None.
    pub tag: Option<String>,
}

impl Image {
    pub(super) fn of(view: &View) -> Image {
        Image {
            registry: view.some_text("registry"),
            repository: view.text("repository"),
            tag: view.some_text("tag"),
        }
    }

    /// `REGISTRY/REPOSITORY:TAG`, with `default_registry` (`controlPlane.advanced.defaultImageRegistry`) instead of the
    /// registry when there is one, and `default_tag` where there is no tag.
    pub fn reference(&self, default_registry: Option<&str>, default_tag: &str) -> String {
        let tag = self.tag.as_deref().unwrap_or(default_tag);
        match default_registry.or(self.registry.as_deref()) {
            Some(registry) => format!("{}/{}:{tag}", registry.trim_end_matches('/'), self.repository),
            None => format!("{}:{tag}", self.repository),
        }
    }
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// Each time.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// Not at all.
    Never,
}

impl ImagePullPolicy {
    /// None leaves it to Kubernetes.
    pub(super) fn of(view: &View, dotted: &str) -> Option<ImagePullPolicy> {
        Some(match view.text(dotted).as_str() {
            "Always" => ImagePullPolicy::Always,
            "IfNotPresent" => ImagePullPolicy::IfNotPresent,
            "Never" => ImagePullPolicy::Never,
            _ => return None,
        })
    }

    /// The word of Kubernetes for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ImagePullPolicy::Always => "Always",
            ImagePullPolicy::IfNotPresent => "IfNotPresent",
            ImagePullPolicy::Never => "Never",
        }
    }
}

/// Where pods go.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scheduling {
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Affinity.
    pub affinity: Option<Affinity>,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// Class of priority.
    pub priority_class_name: Option<String>,
    /// How pods are spread.
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// Replicas of a StatefulSet are started and stopped one after another.
    pub ordered: bool,
}

impl Scheduling {
    pub(super) fn of(view: &View) -> Scheduling {
        Scheduling {
            node_selector: view.map("nodeSelector"),
            affinity: view.some_typed("affinity"),
            tolerations: view.typed("tolerations"),
            priority_class_name: view.some_text("priorityClassName"),
            topology_spread_constraints: view.typed("topologySpreadConstraints"),
            ordered: view.text("podManagementPolicy") == "OrderedReady",
        }
    }
}

/// With which rights pods run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Security {
    /// Of the pod.
    pub pod: Option<PodSecurityContext>,
    /// Of its containers.
    pub container: Option<SecurityContext>,
}

impl Security {
    pub(super) fn of(view: &View) -> Security {
        Security {
            pod: view.some_typed("podSecurityContext"),
            container: view.some_typed("containerSecurityContext"),
        }
    }
}
