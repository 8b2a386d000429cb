//! Why a destination did not do what was asked of it.

use std::io;

use smol_str::SmolStr;
use thiserror::Error;

/// What came of it.
#[derive(Debug, Error)]
pub enum DestinationError {
    /// A name that leads elsewhere.
    #[error("{0:?} cannot be the name of a backup: letters, digits, dots, dashes")]
    Name(SmolStr),
    /// There is nothing there.
    #[error("there is no {0}; `v9s backup list` shows what is there")]
    NotThere(SmolStr),
    /// Something is there already.
    #[error("{0} is there already, and nothing is written over")]
    There(SmolStr),
    /// A file system failed.
    #[error("cannot {what} {at}: {why}")]
    Folder {
        /// What was tried.
        what: &'static str,
        /// On what.
        at: SmolStr,
        /// What came of it.
        #[source]
        why: io::Error,
    },
    /// A storage failed.
    #[error("cannot {what} {at}: {why}; {remedy}")]
    Bucket {
        /// What was tried.
        what: &'static str,
        /// On what.
        at: SmolStr,
        /// What the storage or the way to it answered.
        why: SmolStr,
        /// What to do.
        remedy: &'static str,
    },
}
