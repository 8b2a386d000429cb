//! Brings objects of a backup back into a virtual cluster that runs: namespaces, kinds, or one object. Nothing is stopped.
//!
//! What is wanted is taken out of the backup ([`Wanted`]), each object is tried on the tenant's own API server without a trace and
//! compared with what is there, and only then written, in the state of it that was compared: one that changed meanwhile is left
//! alone. The API server reads what it has stored itself; v9s writes nothing anew but the metadata.

mod carry;
mod compare;
mod definition;
mod given;
mod head;
mod key;
mod leave;
mod look;
mod meta;
mod owners;
mod pick;
mod plan;
mod selection;
mod served;
mod stored;
#[cfg(test)]
mod tests;
mod trial;

use smol_str::SmolStr;
use thiserror::Error;

pub use carry::{Done, STEPS, Told, start};
pub use compare::Difference;
pub use look::{STEPS as LOOK_STEPS, look, refusal};
pub use plan::{Item, Plan, Step};
pub use selection::{SelectionError, Wanted};

use crate::backup::archive::{Identities, Tenant};
use crate::backup::destination::Destination;
use crate::backup::set::VerifyError;
use crate::operation::Cancelled;

/// The word for the record.
const ACTION: &str = "reinstate";

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where the backup lies.
    pub at: Destination,
    /// Its name there.
    pub name: SmolStr,
    /// What opens it.
    pub identities: Identities,
    /// Whose it must be.
    pub expected: Tenant,
    /// Which objects; what any of them chooses.
    pub wanted: Vec<Wanted>,
}

/// Something that was chosen and is not brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What, such as `pods shop/web-0`.
    pub what: SmolStr,
    /// Why.
    pub why: SmolStr,
}

/// Why nothing was compared, and nothing changed.
#[derive(Debug, Error)]
pub enum ReinstateError {
    /// The backup is not whole, or cannot be had.
    #[error("the backup cannot be used: {error}; nothing was changed")]
    Backup {
        /// What is wrong with it.
        #[from]
        error: VerifyError,
    },
    /// It holds nothing of the kind.
    #[error(
        "the backup holds nothing that {0} chooses; nothing was changed. `v9s verify` shows the kinds in it"
    )]
    Nothing(String),
    /// It holds no keys.
    #[error(
        "the backup holds etcd's snapshot and no keys, and single objects cannot be taken out of that; nothing was changed"
    )]
    NoKeys,
    /// More than is kept at once.
    #[error(
        "this chooses more than v9s puts back at once ({objects} objects, {bytes} bytes): choose less and run it more than once, or restore the whole; nothing was changed"
    )]
    TooMuch {
        /// How many objects were counted.
        objects: usize,
        /// How many bytes were kept.
        bytes: usize,
    },
    /// The virtual cluster does not answer.
    #[error("{target} cannot be reached from here: {why}; nothing was changed")]
    Unreached {
        /// Which.
        target: String,
        /// Why.
        why: SmolStr,
    },
    /// Somebody gave it up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}
