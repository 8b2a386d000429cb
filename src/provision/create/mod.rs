//! Makes a virtual cluster: looks before it writes, applies in order, waits, and can be run again.
//!
//! Everything is applied on the server's side and nothing is created twice: what stopped half-way is completed by another
//! run. Keys that are there are kept.

mod cause;
mod error;
mod keys;
mod marked;
mod planned;
mod preflight;
mod presets;
mod run;
#[cfg(test)]
mod tests;
mod wait;

use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};

use crate::operation::Progress;
use crate::provision::objects::Blueprint;
use crate::provision::service_range::ServiceRange;
use crate::provision::values::settings::BackingStore;
use crate::provision::values::{self, Problems, Settings};
use crate::target::Term;

pub use error::CreateError;
pub use planned::{Effect, Planned, effects, look_and_plan};
pub(crate) use preflight::items::ServiceNow;
pub use preflight::{ControlPlaneFound, Enforcement, Found, NamespaceFound, Refusal, look};
pub(crate) use preflight::{amounts, demand};
pub use presets::{Preset, PresetError};
pub use run::run;

/// What is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its name.
    pub name: String,
    /// Its namespace on the host.
    pub namespace: String,
    /// `vcluster.yaml`, whole.
    pub config: String,
    /// The same, read.
    pub settings: Settings,
    /// How long it is to live and who answers for it.
    pub term: Term,
    /// How long to wait until it can be used; None for not at all.
    pub patience: Option<Duration>,
    /// Also where it is doubtful that it comes up or is what was asked for.
    pub anyway: bool,
}

/// A name that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {name:?} cannot be: {why}")]
pub struct BadName {
    /// Name or namespace.
    pub what: &'static str,
    /// As it was given.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Longest name: `NAME-etcd-headless` and `vc-workload-NAME` are names of Kubernetes, too, and pods get a number and a hash.
const LONGEST: usize = 48;

impl Request {
    /// A request for this configuration.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn new(name: &str, namespace: &str, config: &str) -> Result<Request, Problems> {
        Ok(Request {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            config: config.to_owned(),
            settings: values::read(config)?,
            term: Term::default(),
            patience: None,
            anyway: false,
        })
    }

    /// As what objects are made of; `range` is where the host's Services get their addresses from.
    pub fn blueprint<'a>(&'a self, range: &'a ServiceRange) -> Blueprint<'a> {
        Blueprint {
            name: &self.name,
            namespace: &self.namespace,
            settings: &self.settings,
            config: &self.config,
            service_range: range,
        }
    }

    /// What will be done, step by step; [`run`] takes exactly these.
    pub fn steps(&self) -> Vec<SmolStr> {
        let store = match &self.settings.control_plane.store {
            BackingStore::DeployedEtcd(etcd) => format_smolstr!("store: etcd with {} members", etcd.replicas),
            BackingStore::ExternalDatabase(_) | BackingStore::ExternalEtcd { .. } => {
                "store: where it is".into()
            }
            BackingStore::EmbeddedDatabase { .. } => "store".into(),
        };
        let mut steps: Vec<SmolStr> = vec![
            "check the host".into(),
            format_smolstr!("namespace {}", self.namespace),
            "accounts and rights".into(),
            "services".into(),
            "keys and certificates".into(),
            "configuration and limits".into(),
            store,
            "control plane".into(),
        ];
        if self.patience.is_some() {
            steps.push("wait until the API answers".into());
            steps.push("wait until it mirrors".into());
        }
        steps
    }

    /// Runs it as an operation does.
    ///
    /// # Errors
    /// What [`run`] says.
    pub async fn carry_out(
        self,
        cluster: crate::cluster::Cluster,
        progress: Progress,
    ) -> Result<Created, CreateError> {
        run(&cluster, &self, &progress).await
    }
}

/// Checks a name of a virtual cluster or of a namespace.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(what: &'static str, name: &str) -> Result<(), BadName> {
    let longest = if what == "namespace" { 63 } else { LONGEST };
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > longest {
        if what == "namespace" {
            "it is longer than 63 characters"
        } else {
            "it is longer than 48 characters"
        }
    } else if !name.chars().all(fine) {
        "only lower-case letters, digits and '-' are possible"
    } else if !edge(name.chars().next()) || !edge(name.chars().last()) {
        "it begins or ends with '-'"
    } else if what != "namespace" && !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "it must begin with a letter, as its Service does"
    } else {
        return Ok(());
    };
    Err(BadName { what, name: name.to_owned(), why })
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Objects that were applied.
    pub objects: usize,
    /// Whether the keys were there before.
    pub keys_kept: bool,
    /// What a person should know although nothing failed.
    pub notes: Vec<SmolStr>,
}
