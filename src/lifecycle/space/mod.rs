//! Recovers the space of an etcd that has grown full: old revisions are forgotten, one member after the other rewrites its file,
//! the leader last, and alarms are taken away.
//!
//! A member that rewrites its file answers nobody meanwhile. So it is only done while all others are there, and nothing more is
//! done as soon as one is not: whatever happens, no more than one member is away because of it.

mod carry;
mod plan;
#[cfg(test)]
mod tests;

use smol_str::SmolStr;
use thiserror::Error;

pub use carry::{Recovered, SpaceOptions, carry_out};
pub use plan::{SpacePlan, plan};

use crate::cluster::WriteError;
use crate::operation::Cancelled;
use crate::store::StoreError;

/// Why space was not recovered to the end. What was done is done; a second run does all of it again, which harms nothing.
#[derive(Debug, Error)]
pub enum SpaceError {
    /// The store did not do what was asked of it.
    #[error("{error}; {}", error.remedy())]
    Store {
        /// What came of it.
        #[from]
        error: StoreError,
    },
    /// Not all members are there: nothing more is done.
    #[error("stopped, and nothing more was done: {why}; when all members are there again, run it again")]
    Away {
        /// Who is not there, or what else is missing.
        why: SmolStr,
    },
    /// What is stored needs the room: the alarm would only come back.
    #[error(
        "{member} is still {size} of {quota}: what is stored needs that room. Delete objects in the virtual cluster, or raise its quota (--quota-backend-bytes); the alarm was left as it is"
    )]
    StillFull {
        /// The process.
        member: SmolStr,
        /// Size of its file.
        size: String,
        /// Its quota.
        quota: String,
    },
    /// An alarm is raised after all.
    #[error(
        "space was recovered, but {alarms} is raised: somebody filled it again, or it is not for want of space"
    )]
    Alarmed {
        /// Which ones.
        alarms: String,
    },
    /// No record could be written.
    #[error("{error}; {}", error.remedy())]
    NoRecord {
        /// Why.
        #[from]
        error: WriteError,
    },
    /// Somebody gave it up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}
