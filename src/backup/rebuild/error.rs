//! Why a store was not rebuilt.

use std::io;
use std::path::PathBuf;

use smol_str::SmolStr;
use thiserror::Error;

/// Why a store was not rebuilt. Nothing is left of its file then.
#[derive(Debug, Error)]
pub enum RebuildError {
    /// The file was not written.
    #[error(
        "the file of the store could not be written at {}: {error}; etcd's takes three times the room of the store while it is written, kine's once",
        path.display()
    )]
    File {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// SQLite did not do it.
    #[error("the database at {} could not be written: {error}; is there room?", path.display())]
    Database {
        /// Where.
        path: PathBuf,
        /// What SQLite said.
        error: rusqlite::Error,
    },
    /// What was written does not read back.
    #[error("the database at {} is not whole ({why}): the disk lost something; take another one", path.display())]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What SQLite found.
        why: SmolStr,
    },
    /// A key that no API server writes, and that would mean something else to the store.
    #[error("the archive holds the key {0:?}, which no virtual cluster has: nothing was taken from it")]
    OddKey(SmolStr),
    /// Counting on from there would not be possible.
    #[error(
        "the key {key:?} was changed at revision {revision}: no store comes that far, nothing was taken from it"
    )]
    TooHigh {
        /// Which key.
        key: SmolStr,
        /// Its revision.
        revision: i64,
    },
    /// An archive with etcd's own database alone, and kine as the target; or an archive without state.
    #[error(
        "the archive holds no keys that could be put into a store{}: take a backup that `v9s backup` made",
        if *.snapshot { ", only a database that etcd alone can read" } else { "" }
    )]
    NoKeys {
        /// Whether etcd's own snapshot was there.
        snapshot: bool,
    },
    /// Parts of an archive in an order that none has.
    #[error("the archive goes on with keys behind a database: nothing was taken from it")]
    KeysBehind,
}
