//! Who owns which field: `managedFields` and server-side apply (Kubernetes API reference, "Server-Side Apply").
//!
//! Pure functions over an object, its schema and its managers. They know nothing of stores and requests.

mod apply;
mod items;
mod last_applied;
mod managers;
mod path;
mod set;
mod typed;

pub use apply::{Applied, ApplyError, Conflict, apply, conflict_message, give_up, update};
pub use last_applied::{KUBECTL, foreign_to_last_applied, renew_last_applied};
pub use managers::{Manager, Managers, Operation};
pub use path::Step;
pub use set::FieldSet;
pub use typed::{Changes, compare, fields_of};

/// A value that does not fit its schema so far that it cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Malformed {
    /// Where, such as `.spec.template.spec.containers`.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

fn at(path: &str, reason: String) -> Malformed {
    Malformed { path: path.to_owned(), reason }
}
