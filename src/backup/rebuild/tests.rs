//! Files of stores, read as the programs do that take them over.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use prost::Message as _;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::bolt::tests::read_back;
use super::*;
use crate::backup::archive::{Record, Visitor as _, hex};
use crate::store::{Engine, KeyValue};

fn record(key: &'static str, created: i64, modified: i64, lease: i64) -> Record<'static> {
    let value = key.as_bytes();
    Record { key: key.as_bytes(), value, created, modified, version: 0, lease }
}

/// What all of these tests restore: two keys of one transaction, leases, a value that takes pages.
static LARGE: [u8; 100_000] = [7; 100_000];
fn records() -> Vec<Record<'static>> {
    vec![
        record("/registry/configmaps/team/a", 7, 7, 0),
        record("/registry/configmaps/team/b", 3, 12, 0),
        record("/registry/configmaps/team/c", 12, 12, 0),
        record("/registry/configmaps/team/d", 4, 12, 0),
        record("/registry/events/team/e", 20, 20, 3600),
        Record { value: &LARGE, ..record("/registry/secrets/team/f", 2, 9, 0) },
        Record { value: b"", ..record("/registry/secrets/team/g", 8, 8, 0) },
    ]
}

struct Bench {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        Bench { path: folder.path().join("store"), _folder: folder }
    }

    fn left(&self) -> usize {
        std::fs::read_dir(self.path.parent().unwrap()).unwrap().count()
    }

    fn rebuild(&self, engine: Engine, origin: Origin, records: &[Record<'_>], raise_to: i64) -> Rebuilt {
        let mut rebuild = Rebuild::begin(engine, origin, &self.path).unwrap();
        records.iter().for_each(|record| rebuild.record(*record).unwrap());
        let rebuilt = rebuild.finish(raise_to).unwrap();
        let bytes = std::fs::read(&rebuilt.file).unwrap();
        assert_eq!(rebuilt.bytes, bytes.len() as u64);
        assert_eq!(rebuilt.sha256, hex(&Sha256::digest(&bytes)));
        let mode = std::fs::metadata(&rebuilt.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds Secrets");
        assert_eq!(self.left(), 1, "and nothing is beside it");
        rebuilt
    }
}

/// `id name created deleted create_revision prev_revision lease bytes`
fn rows(rebuilt: &Rebuilt) -> Vec<String> {
    let database = Connection::open(&rebuilt.file).unwrap();
    let sql = "SELECT id, name, created, deleted, create_revision, prev_revision, lease, length(value),
                   typeof(name), typeof(value), typeof(old_value) FROM kine ORDER BY id";
    let mut select = database.prepare(sql).unwrap();
    let rows = select.query_map([], |row| {
        let types: [String; 3] = [row.get(8)?, row.get(9)?, row.get(10)?];
        assert_eq!(types, ["text", "blob", "null"]);
        let numbers: Vec<i64> = (2..8).map(|at| row.get(at)).collect::<Result<_, _>>()?;
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        Ok(format!("{} {} {}", row.get::<_, i64>(0)?, row.get::<_, String>(1)?, numbers.join(" ")))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn kine_finds_its_rows_with_the_revisions_that_keys_had() {
    let bench = Bench::new();
    let rebuilt = bench.rebuild(Engine::Kine, Origin::Kine, &records(), 500);
    assert_eq!(
        rows(&rebuilt),
        [
            "7 /registry/configmaps/team/a 1 0 0 0 0 27",
            "8 /registry/secrets/team/g 1 0 0 0 0 0",
            "9 /registry/secrets/team/f 0 0 2 0 0 100000",
            "12 /registry/configmaps/team/b 0 0 3 0 0 27",
            "20 /registry/events/team/e 1 0 0 0 3600 23",
            "501 /registry/configmaps/team/c 0 0 12 0 0 27",
            "502 /registry/configmaps/team/d 0 0 4 0 0 27",
            "503 compact_rev_key 1 0 0 503 0 0",
        ]
    );
    assert_eq!((rebuilt.way, rebuilt.revision, rebuilt.keys, rebuilt.moved), (Way::Kine, 503, 7, 2));
    // kine lets SQLite count on.
    let database = Connection::open(&rebuilt.file).unwrap();
    database.execute("INSERT INTO kine (name) VALUES ('/registry/new')", []).unwrap();
    assert_eq!(database.last_insert_rowid(), 504);
}

#[test]
fn a_store_that_was_never_beyond_the_backup_begins_behind_its_last_change() {
    let bench = Bench::new();
    let rebuilt = bench.rebuild(Engine::Kine, Origin::Kine, &records(), 3);
    assert_eq!(rebuilt.revision, 23);
    assert_eq!(rows(&rebuilt).last().unwrap(), "23 compact_rev_key 1 0 0 23 0 0");
    let rebuilt = Bench::new().rebuild(Engine::Etcd, Origin::Kine, &records(), -1);
    assert_eq!((rebuilt.way, rebuilt.revision), (Way::Etcd { bump: 2 }, 22));
}

#[test]
fn what_has_no_revisions_is_counted() {
    let records: Vec<_> =
        records().into_iter().map(|it| Record { created: 0, modified: 0, lease: 0, ..it }).collect();
    let bench = Bench::new();
    let rebuilt = bench.rebuild(Engine::Kine, Origin::Untold, &records, 0);
    let rows = rows(&rebuilt);
    assert_eq!(rows[0], "1 /registry/configmaps/team/a 1 0 0 0 0 27");
    assert_eq!(rows[4], "5 /registry/events/team/e 1 0 0 0 3600 23");
    assert_eq!((rows.len(), rebuilt.revision, rebuilt.moved), (8, 8, 0));
}

#[test]
fn etcd_finds_every_key_by_its_revision_and_leases_that_end() {
    let bench = Bench::new();
    let rebuilt = bench.rebuild(Engine::Etcd, Origin::Etcd, &records(), 500);
    assert_eq!(
        (rebuilt.way, rebuilt.revision, rebuilt.keys, rebuilt.moved),
        (Way::Etcd { bump: 482 }, 502, 7, 0)
    );
    let file = std::fs::read(&rebuilt.file).unwrap();
    let (database, sum) = file.split_at(file.len() - 32);
    assert_eq!(sum, Sha256::digest(database).as_slice(), "etcdutl compares it");
    let buckets = read_back(database);
    let names: Vec<&str> = buckets.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "alarm",
            "auth",
            "authRoles",
            "authUsers",
            "cluster",
            "key",
            "lease",
            "members",
            "members_removed",
            "meta"
        ]
    );
    let mut found = Vec::new();
    for (name, value) in &buckets["key"] {
        let value = KeyValue::decode(value.as_slice()).unwrap();
        let (main, sub) = name.split_at(8);
        assert_eq!(main, value.mod_revision.to_be_bytes());
        assert_eq!((sub[0], sub.len()), (b'_', 9));
        let key = std::str::from_utf8(&value.key).unwrap().rsplit('/').next().unwrap().to_owned();
        let numbers =
            [value.mod_revision, i64::from(sub[8]), value.create_revision, value.version, value.lease];
        found.push((key, numbers, value.value.len()));
    }
    let found: Vec<_> = found.iter().map(|(key, numbers, bytes)| (key.as_str(), *numbers, *bytes)).collect();
    assert_eq!(
        found,
        [
            ("a", [7, 0, 7, 1, 0], 27),
            ("g", [8, 0, 8, 1, 0], 0),
            ("f", [9, 0, 2, 2, 0], 100_000),
            ("b", [12, 0, 3, 2, 0], 27),
            ("c", [12, 1, 12, 1, 0], 27),
            ("d", [12, 2, 4, 2, 0], 27),
            ("e", [20, 0, 20, 1, 1], 23),
        ]
    );
    // Number 1, an hour.
    assert_eq!(buckets["lease"], [(1_i64.to_be_bytes().to_vec(), vec![0x08, 1, 0x10, 0x90, 0x1C])]);
}

#[test]
fn no_lease_ends_more_keys_than_etcd_takes_away_at_once() {
    let keys: Vec<String> = (0..2500).map(|at| format!("/registry/events/team/{at:04}")).collect();
    let records: Vec<_> = keys
        .iter()
        .zip(1..)
        .map(|(key, at)| Record {
            key: key.as_bytes(),
            value: b"",
            created: at,
            modified: at,
            version: 1,
            lease: 9,
        })
        .collect();
    let bench = Bench::new();
    let rebuilt = bench.rebuild(Engine::Etcd, Origin::Kine, &records, 0);
    let file = std::fs::read(&rebuilt.file).unwrap();
    let buckets = read_back(&file[..file.len() - 32]);
    assert_eq!(buckets["lease"].len(), 3);
    let leases = buckets["key"].iter().map(|(_, value)| KeyValue::decode(value.as_slice()).unwrap().lease);
    let mut keys = [0; 3];
    leases.for_each(|lease| keys[usize::try_from(lease).unwrap() - 1] += 1);
    assert_eq!(keys, [1000, 1000, 500]);
}

#[test]
fn etcds_own_snapshot_is_taken_as_it_is() {
    let bench = Bench::new();
    let mut rebuild = Rebuild::begin(Engine::Etcd, Origin::Etcd, &bench.path).unwrap();
    rebuild.record(record("/registry/a", 7, 9, 0)).unwrap();
    for piece in LARGE.chunks(30_000) {
        rebuild.snapshot(piece).unwrap();
    }
    assert!(rebuild.record(record("/registry/b", 7, 9, 0)).unwrap_err().contains("behind a database"));
    let rebuilt = rebuild.finish(40).unwrap();
    assert_eq!((rebuilt.way, rebuilt.revision), (Way::Snapshot { bump: 33 }, 42));
    assert_eq!(std::fs::read(&rebuilt.file).unwrap(), LARGE);
    assert_eq!(bench.left(), 1);
}

#[test]
fn kine_takes_the_keys_beside_a_snapshot_and_nothing_from_a_snapshot_alone() {
    let bench = Bench::new();
    let mut rebuild = Rebuild::begin(Engine::Kine, Origin::Etcd, &bench.path).unwrap();
    rebuild.record(record("/registry/a", 7, 9, 0)).unwrap();
    rebuild.snapshot(&LARGE).unwrap();
    assert_eq!(rebuild.finish(0).unwrap().revision, 10);

    let bench = Bench::new();
    let mut rebuild = Rebuild::begin(Engine::Kine, Origin::Untold, &bench.path).unwrap();
    rebuild.snapshot(&LARGE).unwrap();
    let refused = rebuild.finish(0).unwrap_err();
    assert!(refused.to_string().contains("etcd alone"), "{refused}");
    assert_eq!(bench.left(), 0);
}

#[test]
fn what_is_not_finished_leaves_nothing_and_what_is_there_is_not_touched() {
    for engine in [Engine::Kine, Engine::Etcd] {
        let bench = Bench::new();
        let mut rebuild = Rebuild::begin(engine, Origin::Kine, &bench.path).unwrap();
        rebuild.record(record("/registry/a", 7, 9, 0)).unwrap();
        assert!(rebuild.record(record("compact_rev_key", 7, 9, 0)).is_err());
        drop(rebuild);
        assert_eq!(bench.left(), 0, "{engine:?}");

        let empty = Rebuild::begin(engine, Origin::Kine, &bench.path).unwrap().finish(9);
        assert!(matches!(empty, Err(RebuildError::NoKeys { snapshot: false })));
        assert_eq!(bench.left(), 0, "{engine:?}");

        std::fs::write(&bench.path, "somebody's").unwrap();
        Rebuild::begin(engine, Origin::Kine, &bench.path).unwrap_err();
        assert_eq!(std::fs::read(&bench.path).unwrap(), b"somebody's");
    }
}
