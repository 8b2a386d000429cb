//! The store of kine in SQLite: one table in which every row is a revision of a key, its number the row's own. Names, columns and
//! indexes are those that kine 0.16 makes (`pkg/drivers/sqlite`), which takes them as they are when it finds them.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params};
use smol_str::SmolStr;

use super::entry::Entry;
use super::error::RebuildError;
use super::sqlite::{begin, broke};

const TABLE: &str = "
    CREATE TABLE kine (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, created INTEGER, deleted INTEGER,
        create_revision INTEGER, prev_revision INTEGER, lease INTEGER, value BLOB, old_value BLOB
    )";

/// Made when all rows are there: sorting once costs less than keeping in order.
const INDEXES: &str = "
    CREATE INDEX kine_name_index ON kine (name);
    CREATE INDEX kine_name_id_index ON kine (name, id);
    CREATE INDEX kine_id_deleted_index ON kine (id, deleted);
    CREATE INDEX kine_prev_revision_index ON kine (prev_revision);
    CREATE UNIQUE INDEX kine_name_prev_revision_uindex ON kine (name, prev_revision);
    CREATE INDEX kine_id_compact_rev_key_with_prev_revision_index ON kine (id, name, prev_revision)
        WHERE name != 'compact_rev_key' AND prev_revision != 0;";

/// A row for a key as it is, whose earlier revisions are gone. kine writes the creating revision only into rows that did not create.
/// `prev_revision` must name no row that there is: compaction deletes the row it names.
const ROW: &str = "
    INSERT OR IGNORE INTO kine (id, name, created, deleted, create_revision, prev_revision, lease, value)
    VALUES (?1, ?2, ?3, 0, ?4, 0, ?5, ?6)";

/// The row that says up to where revisions are gone, in `prev_revision`. It has a revision itself.
const COMPACTED: &str = "
    INSERT INTO kine (id, name, created, deleted, create_revision, prev_revision, lease, value)
    VALUES (?1, 'compact_rev_key', 1, 0, 0, ?1, 0, x'')";

/// kine's database while it is written.
#[derive(Debug)]
pub(super) struct KineFile {
    database: Connection,
    moved: i64,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// The store's revision.
    pub(super) revision: i64,
    /// Keys that have another revision than they had.
    pub(super) moved: u64,
}

impl KineFile {
    pub(super) fn begin(path: &Path) -> Result<Self, RebuildError> {
        Ok(KineFile { database: begin(path, TABLE)?, moved: 0 })
    }

    /// Writes a key. One whose revision another key has waits for a place of its own with a number below zero.
    pub(super) fn add(&mut self, path: &Path, entry: &Entry<'_>) -> Result<(), RebuildError> {
        let broke = broke(path);
        let mut insert = self.database.prepare_cached(ROW).map_err(&broke)?;
        let mut row = |id: i64| {
            let created = entry.created == id;
            let since = if created { 0 } else { entry.created };
            insert.execute(params![
                id,
                Name(entry.key),
                created,
                since,
                entry.seconds.unwrap_or(0),
                entry.value
            ])
        };
        if row(entry.modified).map_err(&broke)? == 0 {
            self.moved += 1;
            row(-self.moved).map_err(&broke)?;
        }
        Ok(())
    }

    /// Gives those that wait their places behind the last revision that anybody has seen, and behind these the row that says that all of
    /// it is gone: who watches from an earlier revision is told to list anew, also somebody who has seen the last. kine counts on from that
    /// row without a gap, and has nothing to compact before it.
    pub(super) fn finish(self, path: &Path, last: i64) -> Result<Settled, RebuildError> {
        let next = last + 1;
        let revision = next + self.moved;
        let done = || -> rusqlite::Result<Vec<String>> {
            self.database.execute("UPDATE kine SET id = ?1 - id WHERE id < 0", [next - 1])?;
            self.database.execute(COMPACTED, [revision])?;
            self.database.execute_batch("COMMIT")?;
            self.database.execute_batch(INDEXES)?;
            let mut check = self.database.prepare("PRAGMA integrity_check(3)")?;
            check.query_map([], |row| row.get(0))?.collect()
        };
        let found = done().map_err(broke(path))?;
        if found != ["ok"] {
            return Err(RebuildError::Damaged {
                path: path.to_owned(),
                why: SmolStr::from(found.join("; ")),
            });
        }
        self.database.close().map_err(|(_, error)| broke(path)(error))?;
        Ok(Settled { revision, moved: self.moved.unsigned_abs() })
    }
}

/// A key as text, whatever its bytes are: as a blob it would be in another place of the order.
struct Name<'a>(&'a [u8]);

impl ToSql for Name<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}
