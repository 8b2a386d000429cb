//! The life of a virtual cluster after it was created: pause, resume, restart, certificates, time to live, protect, delete.
//!
//! What is to be done is planned by pure functions from a [`Target`](crate::target::Target), so that a second run after one that
//! was interrupted does just the rest. Marks are those of the official CLI (docs/vclusters.md, Pausing and sleeping): what one of
//! the two has paused, the other resumes.

pub mod adopt;
pub mod certs;
pub mod delete;
pub mod edit;
mod exact;
mod memory;
pub mod observe;
pub mod pause;
mod pods;
pub mod protect;
pub mod quota;
pub mod reap;
mod refusal;
#[cfg(feature = "backup")]
pub mod reinstate;
pub mod restart;
#[cfg(feature = "backup")]
pub mod restore;
pub mod resume;
pub mod space;
pub mod term;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use smol_str::SmolStr;
use thiserror::Error;

pub use memory::{Memory, look as memory};
pub use refusal::{Decision, Refusal};

use crate::cluster::{ReadError, WriteError};
use crate::operation::Cancelled;

/// How often it is looked again at what is waited for.
const LOOK: Duration = Duration::from_millis(500);

/// A verb that was not carried out to its end. A second run goes on from there.
#[derive(Debug, Error)]
pub enum LifeError {
    /// Something could not be looked at.
    #[error("{error}; {}", error.remedy())]
    Unread {
        /// What came of it.
        #[from]
        error: ReadError,
    },
    /// Something could not be changed.
    #[error("{error}; {}", error.remedy())]
    Unwritten {
        /// What came of it.
        #[from]
        error: WriteError,
    },
    /// What was waited for did not happen in time.
    #[error("waited {seconds} s for {what}: {why}")]
    TooLong {
        /// For what.
        what: String,
        /// How long, in seconds.
        seconds: u64,
        /// What it hangs on.
        why: String,
    },
    /// Something that was read is not what it should be.
    #[error("cannot work with {what}: {why}")]
    Unusable {
        /// Which object.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is another than the one that was looked at.
    #[error("{0}; look again and repeat")]
    Changed(String),
    /// Somebody gave it up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

fn too_long(what: String, patience: Duration, why: SmolStr) -> LifeError {
    LifeError::TooLong { what, seconds: patience.as_secs(), why: why.into() }
}
