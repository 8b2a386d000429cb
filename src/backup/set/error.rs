//! Why a backup was not taken, or not found whole.

use smol_str::SmolStr;
use thiserror::Error;

use super::card::CardError;
use crate::backup::archive::{ArchiveError, WriteError};
use crate::backup::destination::DestinationError;
use crate::cluster::ReadError;
use crate::operation::Cancelled;
use crate::store::StoreError;

/// Why a backup was not taken. Nothing is left at its destination then.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The host did not show something that belongs into it.
    #[error("{error}; {}", error.remedy())]
    Unread {
        /// What came of it.
        #[from]
        error: ReadError,
    },
    /// The store did not show its keys.
    #[error(
        "{error}; {}; a backup is taken from a store that runs: resume the virtual cluster if it rests, `v9s store` tells more if it does not. Reading the volume of a store that cannot run is not built yet",
        error.remedy()
    )]
    Store {
        /// What came of it.
        #[from]
        error: StoreError,
    },
    /// The store forgot the revision again and again while it was read.
    #[error(
        "the store compacted its revisions faster than they could be read, {tries} times: take the backup when less is written, or nearer to the host"
    )]
    TooSlow {
        /// How often it was tried.
        tries: u32,
    },
    /// The archive was not written.
    #[error(transparent)]
    Archive(#[from] WriteError),
    /// The destination did not take it.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// It was written, and what reads back is something else.
    #[error("what was written to {at} does not read back ({why}); it was taken away again")]
    NotBack {
        /// Where.
        at: SmolStr,
        /// What was found.
        why: SmolStr,
    },
    /// Somebody asked it to end.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The program broke down.
    #[error("writing the archive broke down: {0}; this is a bug of v9s")]
    Broken(SmolStr),
}

/// Why a backup was not found whole.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The archive is not what it should be.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It could not be had.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The card beside it tells of other bytes.
    #[error("{0}")]
    Card(#[from] CardError),
    /// The program broke down.
    #[error("reading the archive broke down: {0}; this is a bug of v9s")]
    Broken(SmolStr),
}
