//! A snapshot of etcd, as `etcdutl snapshot restore` takes it: a database in which every entry of the bucket `key` is a revision of a
//! key, with the sum of the file behind it. Names and encodings are those of etcd 3.5 and 3.6 (`server/storage/schema`, `mvcc`, `lease`).
//!
//! Keys come in their own order, and are wanted in that of their revisions. They are put into a table beside the file and sorted there.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use prost::Message;
use rusqlite::{Connection, Row, params};
use sha2::{Digest as _, Sha256};

use super::bolt::{Database, Root, Tree, last_key};
use super::draft::{Draft, failed, settle};
use super::entry::{Entry, HIGHEST};
use super::error::RebuildError;
use super::sqlite::{begin, broke};
use crate::store::KeyValue;

const TABLE: &str = "
    CREATE TABLE key (
        revision INTEGER, created INTEGER, version INTEGER, seconds INTEGER, key BLOB, value BLOB
    )";
const ADD: &str = "INSERT INTO key VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const SORT: &str = "COMMIT; CREATE INDEX by_revision ON key (revision)";
/// In the order in which they came where one transaction changed several.
const SORTED: &str = "SELECT * FROM key ORDER BY revision, rowid";

/// What etcd expects to find, by name. `members` and `cluster` are filled by `etcdutl`, the others by etcd when it needs them.
const BUCKETS: [&str; 10] = [
    "alarm",
    "auth",
    "authRoles",
    "authUsers",
    "cluster",
    "key",
    "lease",
    "members",
    "members_removed",
    "meta",
];

/// Keys of one lease: as many as an API server gives one. Ending a lease takes all of them away at once.
const KEYS_OF_A_LEASE: u32 = 1000;

/// A lease as etcd stores it (`leasepb.Lease`).
#[derive(Clone, PartialEq, Message)]
struct Lease {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(int64, tag = "2")]
    seconds: i64,
}

/// Gives out leases. Their time begins when a member leads.
#[derive(Debug, Default)]
struct Leases {
    given: Vec<Lease>,
    /// Keys of the last lease of so many seconds, and which it is.
    open: BTreeMap<i64, (i64, u32)>,
}

impl Leases {
    fn give(&mut self, seconds: i64) -> i64 {
        if let Some((id, keys)) = self.open.get_mut(&seconds)
            && *keys < KEYS_OF_A_LEASE
        {
            *keys += 1;
            return *id;
        }
        // Those that etcd gives itself are far above.
        let id = self.given.last().map_or(0, |last| last.id) + 1;
        self.given.push(Lease { id, seconds });
        self.open.insert(seconds, (id, 1));
        id
    }
}

/// The name of a revision in the bucket of keys.
fn revision(main: i64, sub: i64) -> [u8; 17] {
    let mut name = [b'_'; 17];
    name[..8].copy_from_slice(&main.to_be_bytes());
    name[9..].copy_from_slice(&sub.to_be_bytes());
    name
}

/// The latest revision in a database of etcd. None when it cannot be told.
pub(super) fn latest(file: &File) -> Option<i64> {
    let name = last_key(file, "key")?;
    // One that took a key away has a mark behind it.
    let main = name.first_chunk().filter(|_| matches!(name.len(), 17 | 18))?;
    Some(i64::from_be_bytes(*main)).filter(|main| (1..=HIGHEST).contains(main))
}

/// etcd's snapshot while it is written.
#[derive(Debug)]
pub(super) struct EtcdFile {
    table: Connection,
    // Goes with this.
    draft: Draft,
}

impl EtcdFile {
    /// The table is beside the file.
    pub(super) fn begin(path: &Path) -> Result<Self, RebuildError> {
        let (draft, _) = Draft::create(&beside(path))?;
        Ok(EtcdFile { table: begin(draft.path(), TABLE)?, draft })
    }

    pub(super) fn add(&mut self, entry: &Entry<'_>) -> Result<(), RebuildError> {
        let broke = broke(self.draft.path());
        let mut add = self.table.prepare_cached(ADD).map_err(&broke)?;
        let seconds = entry.seconds.unwrap_or(0);
        let row = params![entry.modified, entry.created, entry.version, seconds, entry.key, entry.value];
        add.execute(row).map_err(&broke)?;
        Ok(())
    }

    /// Writes the keys by their revisions into the file, and the sum behind it. Answers the length and the sum of all of it.
    pub(super) fn finish(self, path: &Path, file: File) -> Result<(u64, Sha256), RebuildError> {
        let (broke, failed) = (broke(self.draft.path()), failed(path));
        self.table.execute_batch(SORT).map_err(&broke)?;
        let mut database = Database::begin(BufWriter::with_capacity(1 << 20, file)).map_err(&failed)?;
        let (mut keys, mut leases) = (Tree::new(), Leases::default());
        let mut sorted = self.table.prepare(SORTED).map_err(&broke)?;
        let mut rows = sorted.query([]).map_err(&broke)?;
        let (mut main, mut sub) = (0, 0);
        while let Some(row) = rows.next().map_err(&broke)? {
            let value = key_value(row, &mut leases).map_err(&broke)?;
            sub = if value.mod_revision == main { sub + 1 } else { 0 };
            main = value.mod_revision;
            database.push(&mut keys, &revision(main, sub), &value.encode_to_vec()).map_err(&failed)?;
        }
        write_rest(database, keys, &leases.given).and_then(|()| seal(path)).map_err(&failed)
    }
}

/// Where the table is.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sorting");
    name.into()
}

fn key_value(row: &Row<'_>, leases: &mut Leases) -> rusqlite::Result<KeyValue> {
    let blob = |at| row.get_ref(at).and_then(|value| Ok(Bytes::copy_from_slice(value.as_blob()?)));
    let seconds: i64 = row.get(3)?;
    Ok(KeyValue {
        mod_revision: row.get(0)?,
        create_revision: row.get(1)?,
        version: row.get(2)?,
        lease: if seconds > 0 { leases.give(seconds) } else { 0 },
        key: blob(4)?,
        value: blob(5)?,
    })
}

fn write_rest(mut database: Database<BufWriter<File>>, keys: Tree, leases: &[Lease]) -> io::Result<()> {
    let keys = database.end(keys)?;
    let mut tree = Tree::new();
    for lease in leases {
        database.push(&mut tree, &lease.id.to_be_bytes(), &lease.encode_to_vec())?;
    }
    let leases = database.end(tree)?;
    let buckets = BUCKETS.map(|name| match name {
        "key" => (name, keys),
        "lease" => (name, leases),
        other => (other, Root::Empty),
    });
    database.finish(&buckets)?;
    Ok(())
}

/// Puts the sum of the file behind it.
fn seal(path: &Path) -> io::Result<(u64, Sha256)> {
    let (length, mut sum) = settle(path)?;
    let told = sum.clone().finalize();
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(&told)?;
    file.sync_all()?;
    sum.update(told);
    Ok((length + told.len() as u64, sum))
}
