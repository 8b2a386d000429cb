//! `controlPlane.statefulSet`: the workload of the control plane.

use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Container, EnvVar, HostAlias, PersistentVolumeClaim, PodDNSConfig, ResourceRequirements, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::cluster::{Image, ImagePullPolicy, Metadata, Scheduling, Security};
use super::confidential::Confidential;
use crate::provision::values::view::{Switch, View};

/// The workload of the control plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Labels and annotations of the StatefulSet or Deployment.
    pub metadata: Metadata,
    /// Labels and annotations of its pods.
    pub pods: Metadata,
    /// Image of the syncer; that of this v9s when None.
    pub image: Option<Image>,
    /// When it is pulled.
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Working directory.
    pub working_dir: Option<String>,
    /// Command; that of the image when empty.
    pub command: Vec<String>,
    /// Arguments; those that v9s finds out when empty.
    pub args: Vec<String>,
    /// Further environment.
    pub env: Confidential<Vec<EnvVar>>,
    /// What it may use.
    pub resources: ResourceRequirements,
    /// With which rights it runs: what is None is as v9s has it, as little as possible.
    pub security: Security,
    /// Where pods go.
    pub scheduling: Scheduling,
    /// Volumes.
    pub persistence: Persistence,
    /// Probes.
    pub probes: Probes,
    /// Pods know the Services of their namespace by their environment.
    pub enable_service_links: bool,
    /// Further init containers.
    pub init_containers: Confidential<Vec<Container>>,
    /// Further containers.
    pub sidecar_containers: Confidential<Vec<Container>>,
    /// Further lines of /etc/hosts.
    pub host_aliases: Vec<HostAlias>,
    /// How names are resolved; Kubernetes' default when None.
    pub dns_policy: Option<String>,
    /// By which servers.
    pub dns_config: Option<PodDNSConfig>,
    /// Runtime class.
    pub runtime_class_name: Option<String>,
}

/// Volumes of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Persistence {
    /// Where the data is.
    pub data: DataVolume,
    /// In place of the volume for programs.
    pub binaries: Vec<Volume>,
    /// Further volumes.
    pub add_volumes: Vec<Volume>,
    /// Where they are mounted.
    pub add_volume_mounts: Vec<VolumeMount>,
}

/// Where the data is.
#[derive(Debug, Clone, PartialEq)]
pub enum DataVolume {
    /// On a claim that v9s writes, of this kind.
    Claim(ClaimTemplate),
    /// On these claims.
    Templates(Vec<PersistentVolumeClaim>),
    /// On these volumes; on an empty directory when there are none. It ends with the pod.
    Passing(Vec<Volume>),
}

/// A claim for a volume.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimTemplate {
    /// Size.
    pub size: Quantity,
    /// Storage class; the host's default when None.
    pub storage_class: Option<String>,
    /// Access modes.
    pub access_modes: Vec<String>,
    /// What becomes of the claim with the virtual cluster.
    pub retention: RetentionPolicy,
}

/// What becomes of a claim when its virtual cluster is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionPolicy {
    /// It stays.
    Retain,
    /// It goes, too.
    Delete,
}

/// Probes; None where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Probes {
    pub liveness: Option<Probe>,
    pub readiness: Option<Probe>,
    pub startup: Option<Probe>,
}

/// A probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Failures in a row after which it has failed.
    pub failure_threshold: u32,
    /// Before the first one.
    pub initial_delay: Duration,
    /// For an answer.
    pub timeout: Duration,
    /// Between two.
    pub period: Duration,
}

impl Workload {
    /// `stores_data`: whether the store is in the control plane.
    pub(super) fn of(view: &View, stores_data: bool) -> Workload {
        Workload {
            metadata: Metadata::of(view),
            pods: Metadata::of(&view.at("pods")),
            image: image(&view.at("image")),
            image_pull_policy: ImagePullPolicy::of(view, "imagePullPolicy"),
            working_dir: view.some_text("workingDir"),
            command: view.texts("command"),
            args: view.texts("args"),
            env: Confidential::new(view.typed("env")),
            resources: view.typed("resources"),
            security: security(&view.at("security")),
            scheduling: Scheduling::of(&view.at("scheduling")),
            persistence: Persistence::of(&view.at("persistence"), stores_data),
            probes: Probes::of(&view.at("probes")),
            enable_service_links: view.flag("enableServiceLinks"),
            init_containers: Confidential::new(view.typed("initContainers")),
            sidecar_containers: Confidential::new(view.typed("sidecarContainers")),
            host_aliases: view.typed("hostAliases"),
            dns_policy: view.some_text("dnsPolicy"),
            dns_config: view.some_typed("dnsConfig"),
            runtime_class_name: view.some_text("runtimeClassName"),
        }
    }
}

/// The default names an image that v9s does not run.
fn image(view: &View) -> Option<Image> {
    let own = view.differs("registry") || view.differs("repository");
    if !own && view.differs("tag") {
        view.complain(
            "tag",
            "the tag of an image that v9s does not run; name an image of v9s-syncer, or none",
        );
    }
    own.then(|| Image::of(view))
}

/// The default, root, is what the official programs need and those of v9s do not.
fn security(view: &View) -> Security {
    let stated = Security::of(view);
    Security { container: stated.container.filter(|_| view.differs("containerSecurityContext")), ..stated }
}

impl Persistence {
    fn of(view: &View, stores_data: bool) -> Persistence {
        let claimed = match view.switch("volumeClaim.enabled") {
            Switch::On => true,
            Switch::Off => false,
            Switch::Auto => stores_data,
        };
        Persistence {
            data: DataVolume::of(view, claimed, view.typed("dataVolume")),
            binaries: view.typed("binariesVolume"),
            add_volumes: view.typed("addVolumes"),
            add_volume_mounts: view.typed("addVolumeMounts"),
        }
    }

    /// Of deployed etcd, which has fewer settings.
    pub(super) fn of_etcd(view: &View) -> Persistence {
        Persistence {
            data: DataVolume::of(view, view.flag("volumeClaim.enabled"), Vec::new()),
            binaries: Vec::new(),
            add_volumes: view.typed("addVolumes"),
            add_volume_mounts: view.typed("addVolumeMounts"),
        }
    }
}

impl DataVolume {
    fn of(view: &View, claimed: bool, passing: Vec<Volume>) -> DataVolume {
        let templates: Vec<PersistentVolumeClaim> = view.typed("volumeClaimTemplates");
        if !templates.is_empty() {
            DataVolume::Templates(templates)
        } else if claimed {
            DataVolume::Claim(ClaimTemplate::of(&view.at("volumeClaim")))
        } else {
            DataVolume::Passing(passing)
        }
    }
}

impl ClaimTemplate {
    fn of(view: &View) -> ClaimTemplate {
        ClaimTemplate {
            size: Quantity(view.text("size")),
            storage_class: view.some_text("storageClass"),
            access_modes: view.texts("accessModes"),
            retention: if view.text("retentionPolicy") == "Delete" {
                RetentionPolicy::Delete
            } else {
                RetentionPolicy::Retain
            },
        }
    }
}

impl Probes {
    fn of(view: &View) -> Probes {
        let probe = |name: &str, delayed: bool| Probe::of(&view.at(name), delayed);
        Probes {
            liveness: probe("livenessProbe", true),
            readiness: probe("readinessProbe", false),
            startup: probe("startupProbe", false),
        }
    }
}

impl Probe {
    fn of(view: &View, delayed: bool) -> Option<Probe> {
        let seconds = |key: &str| Duration::from_secs(view.number(key));
        let probe = Probe {
            failure_threshold: view.number("failureThreshold"),
            initial_delay: if delayed { seconds("initialDelaySeconds") } else { Duration::ZERO },
            timeout: seconds("timeoutSeconds"),
            period: seconds("periodSeconds"),
        };
        view.flag("enabled").then_some(probe)
    }
}
