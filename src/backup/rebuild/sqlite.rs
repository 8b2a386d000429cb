//! SQLite as a program writes with it that throws its file away when it does not come to the end: without a journal, and with a fixed
//! room for pages.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::RebuildError;

/// Opens an empty file as a database, and begins to write.
pub(super) fn begin(path: &Path, tables: &str) -> Result<Connection, RebuildError> {
    let open = || -> rusqlite::Result<Connection> {
        let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Sizes below zero are KiB. Without a journal nothing can be undone, and what is refused must be refused before it is written.
        database.execute_batch(
            "PRAGMA page_size = 4096;
             PRAGMA journal_mode = OFF;
             PRAGMA synchronous = OFF;
             PRAGMA locking_mode = EXCLUSIVE;
             PRAGMA cache_size = -32768;
             PRAGMA temp_store = FILE;",
        )?;
        database.execute_batch(tables)?;
        database.execute_batch("BEGIN")?;
        Ok(database)
    };
    open().map_err(broke(path))
}

/// What SQLite said at a path.
pub(super) fn broke(path: &Path) -> impl Fn(rusqlite::Error) -> RebuildError + '_ {
    |error| RebuildError::Database { path: path.to_owned(), error }
}
