//! What screens ask clusters for on demand, as data; the runner carries it out.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;
use v9s::cluster::{ContainerInfo, EventRow, ObjectRef};
use v9s::explain::Verdict;
use v9s::fleet::model::VclusterKey;
use v9s::gc::Survey;
use v9s::health::control::Reading as Plane;
use v9s::health::store::Reading;
use v9s::lifecycle::quota::Found;

use super::habits::Habits;
use crate::verbs::{Archive, Errand, Looked};

/// Joins a question and its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// One question to one host, named by its kube context.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// All namespaces that may be listed.
    Namespaces {
        /// The host.
        host: SmolStr,
    },
    /// The events of a namespace.
    Events {
        /// The host.
        host: SmolStr,
        /// The namespace.
        namespace: SmolStr,
    },
    /// An object as YAML, secret values left out.
    Yaml {
        /// The host.
        host: SmolStr,
        /// Which object.
        object: ObjectRef,
        /// With `metadata.managedFields`.
        managed_fields: bool,
    },
    /// The vcluster.yaml of a virtual cluster, secrets masked.
    Config {
        /// The host.
        host: SmolStr,
        /// Host namespace.
        namespace: SmolStr,
        /// Name of the virtual cluster.
        name: SmolStr,
    },
    /// The same word by word, for the editor: one that holds secrets is not told.
    Written(VclusterKey),
    /// The containers of a pod.
    Containers {
        /// The host.
        host: SmolStr,
        /// Namespace of the pod.
        namespace: SmolStr,
        /// Name of the pod.
        pod: SmolStr,
    },
    /// Why a pod is not what it should be.
    Explain(Puzzle),
    /// How the store of a virtual cluster is.
    Store(VclusterKey),
    /// How the control plane of a virtual cluster is.
    Control(VclusterKey),
    /// When the first certificate of a virtual cluster ends.
    Certificates(VclusterKey),
    /// What takes the quotas of a virtual cluster's namespace.
    Quota(VclusterKey),
    /// What a verb comes to.
    Plan(Errand),
    /// A person's own presets.
    Presets,
    /// What was answered last.
    Habits,
    /// Which good backups of a virtual cluster lie at a place.
    Shelf {
        /// Whose.
        key: VclusterKey,
        /// Where, as a person writes it.
        at: String,
    },
}

/// What is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Puzzle {
    /// A pod by its name on a host, whosever it is.
    Pod {
        /// The host.
        host: SmolStr,
        /// Namespace on the host.
        namespace: SmolStr,
        /// Name on the host.
        pod: SmolStr,
    },
    /// The control plane of a virtual cluster.
    ControlPlane(VclusterKey),
}

impl fmt::Display for Puzzle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Puzzle::Pod { host, namespace, pod } => write!(f, "{namespace}/{pod} @ {host}"),
            Puzzle::ControlPlane(VclusterKey { host, namespace, name }) => {
                write!(f, "control plane of {namespace}/{name} @ {host}")
            }
        }
    }
}

/// One answer, or one part of it. An error is a whole sentence for the person.
#[derive(Debug, Clone)]
pub enum Reply {
    /// To [`Read::Namespaces`].
    Namespaces(Result<Vec<SmolStr>, String>),
    /// To [`Read::Events`].
    Events(Result<Vec<EventRow>, String>),
    /// To [`Read::Yaml`], [`Read::Config`] and [`Read::Written`].
    Text(Result<String, String>),
    /// To [`Read::Containers`].
    Containers(Result<Vec<ContainerInfo>, String>),
    /// Part of a log that is followed.
    Log(Vec<LogPart>),
    /// To [`Read::Explain`].
    Explained(Result<Box<Verdict>, String>),
    /// To [`Read::Store`]: of which virtual cluster.
    Store(VclusterKey, Result<Box<Reading>, String>),
    /// To [`Read::Control`]: of which virtual cluster.
    Control(VclusterKey, Result<Box<Plane>, String>),
    /// To [`Read::Certificates`]: of which virtual cluster.
    Certificates(VclusterKey, Result<DateTime<Utc>, String>),
    /// To [`Read::Quota`].
    Quota(Result<Box<Found>, String>),
    /// To [`Read::Plan`].
    Plan(Result<Looked, String>),
    /// How far the look at leftovers is.
    Leftovers(Looking),
    /// To [`Read::Presets`]: names and texts.
    Presets(Vec<(SmolStr, String)>),
    /// To [`Read::Habits`]; where nothing was answered yet, what goes without.
    Habits(Habits),
    /// To [`Read::Shelf`], the newest first.
    Shelf(Result<Vec<Archive>, String>),
}

/// How far the look at what virtual clusters have left is.
#[derive(Debug, Clone)]
pub enum Looking {
    /// What is being done.
    Under(SmolStr),
    /// What was found.
    Done(Arc<Survey>),
    /// Why there is no answer, as a sentence.
    Failed(String),
}

/// What a log tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPart {
    /// A line as the container wrote it.
    Line {
        /// When, by the node's clock.
        at: Option<DateTime<Utc>>,
        /// What.
        text: String,
    },
    /// The connection broke; it is tried again.
    Lost(String),
    /// Connected again.
    Resumed,
    /// There is nothing more to come.
    Ended,
    /// It cannot be read.
    Failed(String),
}
