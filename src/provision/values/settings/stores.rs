//! `controlPlane.backingStore`: where the virtual cluster keeps its objects.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements};

use super::cluster::{Image, ImagePullPolicy, Metadata, Scheduling, Security};
use super::confidential::Confidential;
use super::workload::Persistence;
use crate::provision::values::view::View;

/// Where the virtual cluster keeps its objects.
#[derive(Debug, Clone, PartialEq)]
pub enum BackingStore {
    /// SQLite in the control plane, through kine.
    EmbeddedDatabase {
        /// Further arguments of kine.
        extra_args: Vec<String>,
    },
    /// A database that somebody else runs, through kine.
    ExternalDatabase(ExternalDatabase),
    /// etcd in a StatefulSet of its own.
    DeployedEtcd(Box<DeployedEtcd>),
    /// etcd that somebody else runs.
    ExternalEtcd {
        /// URLs with commas between; may hold a password.
        endpoint: Confidential<String>,
        /// Files for TLS.
        tls: Tls,
    },
}

/// A database that somebody else runs.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalDatabase {
    /// How to reach it, with user and password.
    pub data_source: Confidential<String>,
    /// Files for TLS.
    pub tls: Tls,
    /// Further arguments of kine.
    pub extra_args: Vec<String>,
}

/// Files for TLS, as they are mounted in the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Certificates of authorities.
    pub ca_file: Option<String>,
    /// Certificate.
    pub cert_file: Option<String>,
    /// Its key.
    pub key_file: Option<String>,
}

/// etcd in a StatefulSet of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployedEtcd {
    /// Members.
    pub replicas: u32,
    /// The StatefulSet is made by v9s.
    pub stateful_set: bool,
    /// The Service for clients is made by v9s.
    pub service: bool,
    /// Image.
    pub image: Image,
    /// When it is pulled.
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Environment.
    pub env: Confidential<Vec<EnvVar>>,
    /// Further arguments.
    pub extra_args: Vec<String>,
    /// What each member may use.
    pub resources: ResourceRequirements,
    /// Pods know the Services of their namespace by their environment.
    pub enable_service_links: bool,
    /// Labels and annotations of the StatefulSet.
    pub metadata: Metadata,
    /// Labels and annotations of its pods.
    pub pods: Metadata,
    /// Where pods go.
    pub scheduling: Scheduling,
    /// With which rights they run.
    pub security: Security,
    /// Volumes.
    pub persistence: Persistence,
    /// Annotations of the Service for clients.
    pub service_annotations: BTreeMap<String, String>,
    /// Annotations of the headless Service.
    pub headless_service_annotations: BTreeMap<String, String>,
}

/// Switches of the stores, in the official order of precedence.
const SWITCHES: [&str; 5] = [
    "etcd.embedded.enabled",
    "etcd.external.enabled",
    "etcd.deploy.enabled",
    "database.embedded.enabled",
    "database.external.enabled",
];

impl BackingStore {
    pub(super) fn of(view: &View) -> BackingStore {
        let on: Vec<&str> = SWITCHES.into_iter().filter(|switch| view.flag(switch)).collect();
        if let Some((first, others)) = on.split_first() {
            for other in others {
                view.contradict(other, "there can be one store only", view, first);
            }
        }
        // All are read, so that a mistake in one that is off is told, too.
        let deployed = DeployedEtcd::of(&view.at("etcd.deploy"));
        let (etcd, database) = (view.at("etcd.external"), view.at("database.external"));
        let external_etcd = BackingStore::ExternalEtcd {
            endpoint: Confidential::new(etcd.text("endpoint")),
            tls: Tls::of(&etcd.at("tls")),
        };
        let external_database = ExternalDatabase {
            data_source: Confidential::new(database.text("dataSource")),
            tls: Tls::of(&database),
            extra_args: database.texts("extraArgs"),
        };
        let embedded =
            BackingStore::EmbeddedDatabase { extra_args: view.texts("database.embedded.extraArgs") };
        match on.first().copied().unwrap_or_default() {
            "etcd.external.enabled" => {
                if etcd.text("endpoint").is_empty() {
                    etcd.complain("endpoint", "which etcd? give its URL");
                }
                external_etcd
            }
            "etcd.deploy.enabled" => BackingStore::DeployedEtcd(Box::new(deployed)),
            "database.external.enabled" => {
                if database.text("dataSource").is_empty() {
                    database.complain("dataSource", "which database? give its URL");
                }
                BackingStore::ExternalDatabase(external_database)
            }
            _ => embedded,
        }
    }

    /// What it is, in words.
    pub fn word(&self) -> &'static str {
        match self {
            BackingStore::EmbeddedDatabase { .. } => "the embedded database",
            BackingStore::ExternalDatabase(_) => "an external database",
            BackingStore::DeployedEtcd(_) => "deployed etcd",
            BackingStore::ExternalEtcd { .. } => "external etcd",
        }
    }

    /// Whether the control plane itself holds the data: it then needs a volume, and there is one of it.
    pub fn is_in_control_plane(&self) -> bool {
        matches!(self, BackingStore::EmbeddedDatabase { .. })
    }
}

impl Tls {
    fn of(view: &View) -> Tls {
        Tls {
            ca_file: view.some_text("caFile"),
            cert_file: view.some_text("certFile"),
            key_file: view.some_text("keyFile"),
        }
    }
}

impl DeployedEtcd {
    fn of(view: &View) -> DeployedEtcd {
        let set = view.at("statefulSet");
        let replicas: u32 = set.number("highAvailability.replicas");
        if view.flag("enabled") && replicas.is_multiple_of(2) {
            let what = format!(
                "{replicas} members are lost as early as {}; give an odd number",
                replicas.saturating_sub(1)
            );
            set.complain("highAvailability.replicas", what);
        }
        DeployedEtcd {
            replicas,
            stateful_set: set.flag("enabled"),
            service: view.flag("service.enabled"),
            image: Image::of(&set.at("image")),
            image_pull_policy: ImagePullPolicy::of(&set, "imagePullPolicy"),
            env: Confidential::new(set.typed("env")),
            extra_args: set.texts("extraArgs"),
            resources: set.typed("resources"),
            enable_service_links: set.flag("enableServiceLinks"),
            metadata: Metadata::of(&set),
            pods: Metadata::of(&set.at("pods")),
            scheduling: Scheduling::of(&set.at("scheduling")),
            security: Security::of(&set.at("security")),
            persistence: Persistence::of_etcd(&set.at("persistence")),
            service_annotations: view.map("service.annotations"),
            headless_service_annotations: view.map("headlessService.annotations"),
        }
    }
}
