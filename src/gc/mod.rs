//! Leftovers on a host: objects that claim to come from a virtual cluster and provably do not. docs/gc.md tells the rules.
//!
//! First the host is listed, then its virtual clusters, then what they have inside; each object is judged by a pure function
//! ([`proof`]). A plan names what goes; just before each deletion the object and its origin are looked at once more and judged
//! again by the same function.

mod ask;
mod carry;
mod claim;
mod host;
mod kinds;
mod plan;
mod proof;
#[cfg(test)]
mod proof_tests;
mod rights;
mod stuck;
mod survey;
mod world;

pub use ask::{ByConnect, Inside, Ways};
pub use carry::{CollectOptions, Collected, Left, STEPS as COLLECT_STEPS, collect};
pub use claim::{Claim, Holds, Marks, Owner};
pub use kinds::{Kinds, UnknownKind};
pub use plan::{Brake, Plan, Reclaims, Wish, plan};
pub use proof::{Care, Doubt, Evidence, Kept, Reason, Verdict, proof};
pub use stuck::{Around, Fix, LATE, Node, Stuck, stuck};
pub use survey::{Finding, Ghost, STEPS as SURVEY_STEPS, Scope, Survey, SurveyOptions, Tenant, survey};
pub use world::{Answer, Asked, Place, Sight, Standing, Store, Twin, Whose, World};

use thiserror::Error;

use crate::cluster::{ReadError, WriteError};
use crate::operation::Cancelled;

/// Leftovers that were not looked for, or not collected to the end. A second run goes on from there.
#[derive(Debug, Error)]
pub enum GcError {
    /// The host could not be looked at.
    #[error("{error}; {}", error.remedy())]
    Unread {
        /// What came of it.
        #[from]
        error: ReadError,
    },
    /// No record could be written.
    #[error("{error}; {}", error.remedy())]
    Unwritten {
        /// What came of it.
        #[from]
        error: WriteError,
    },
    /// A kind was named that there is not.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// Somebody gave it up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}
