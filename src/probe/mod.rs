//! Whether a pod of one tenant reaches one of another on the same host: tried, not read off policies.
//!
//! Two pods are made for it in the host namespaces of the tenants, a listener and a caller, and a third that calls from beside the listener: by
//! that *blocked* is told apart from *nothing works*. They carry the label by which policies select the tenant's pods, so that they are
//! treated as those are, and marks by which neither syncers nor collectors take them for the tenant's.
//!
//! Each is the pod of a Job with a deadline and a time after which the host's controllers delete it with its pod. A pod of its own would end at its
//! deadline and stay; an owner that lives takes nothing along. So nothing is left even when v9s dies in any moment. The owner
//! reference to the control plane is there besides, for hosts that are taken down meanwhile.

mod carry;
mod jobs;
mod look;
mod pods;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

use smol_str::SmolStr;
use thiserror::Error;

pub use carry::{Probed, STEPS, carry_out};
pub use look::{Found, Side, look};
pub use verdict::{Call, Heard, Verdict, verdict};

use crate::cluster::access::Asked;
use crate::cluster::{ReadError, WriteError};
use crate::operation::Cancelled;

/// The word for the record.
const ACTION: &str = "probe";

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Port on which the listener listens: policies may tell ports apart.
    pub port: u16,
    /// How long a call is tried.
    pub timeout: Duration,
    /// How long the pods may take to run.
    pub start: Duration,
    /// How long what has ended stays when nobody takes it away.
    pub linger: Duration,
    /// The image; that of the virtual cluster's own companion, else that of this v9s, when None.
    pub image: Option<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        Wanted {
            port: 8080,
            timeout: Duration::from_secs(5),
            start: Duration::from_secs(90),
            linger: Duration::from_secs(60),
            image: None,
        }
    }
}

/// Why nothing was tried, or not to the end.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// It is not to be done.
    #[error("{0}")]
    Refused(String),
    /// Something could not be looked at.
    #[error("{error}; {}", error.remedy())]
    Unread {
        /// What came of it.
        #[from]
        error: ReadError,
    },
    /// Something could not be made or taken away.
    #[error("{error}; {}", error.remedy())]
    Unwritten {
        /// What came of it.
        #[from]
        error: WriteError,
    },
    /// Its pods do not go.
    #[error("{0}")]
    Lingers(String),
    /// Somebody gave it up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Two virtual clusters between which it is tried, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the caller is made.
    pub from: Side,
    /// Where the listener and the caller beside it are made.
    pub to: Side,
    /// What is wanted.
    pub wanted: Wanted,
}

/// What is to be done, of what was found.
///
/// # Errors
/// When it is not to be done, with the reason.
pub fn plan(found: Found, wanted: Wanted) -> Result<Plan, ProbeError> {
    let Found { from, to, not_allowed } = found;
    if from.target.host != to.target.host {
        let (from, to) = (&from.target, &to.target);
        return Err(ProbeError::Refused(format!(
            "{from} is on {} and {to} on {}: pods of different hosts are not in one network",
            from.host, to.host
        )));
    }
    if from.target.namespace == to.target.namespace {
        return Err(ProbeError::Refused(format!(
            "{} and {} are in one namespace: nothing is between them",
            from.target, to.target
        )));
    }
    if !not_allowed.is_empty() {
        let named: Vec<String> = not_allowed.iter().map(Asked::to_string).collect();
        return Err(ProbeError::Refused(format!("you may not {}", named.join(", nor "))));
    }
    Ok(Plan { from, to, wanted })
}

impl Plan {
    /// What it is called.
    pub fn title(&self) -> SmolStr {
        smol_str::format_smolstr!("probe {} → {}", self.from.target, self.to.target)
    }

    /// For people, a line each.
    pub fn lines(&self) -> Vec<String> {
        let (from, to, port) = (&self.from, &self.to, self.wanted.port);
        let image = |side: &Side| self.wanted.image.clone().unwrap_or_else(|| side.image());
        vec![
            format!("a listener on port {port} in {}, by {}", to.target.namespace, image(to)),
            format!("a caller in {}, by {}", from.target.namespace, image(from)),
            format!("a caller beside the listener, in {}", to.target.namespace),
        ]
    }
}
