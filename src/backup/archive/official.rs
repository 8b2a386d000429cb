//! Snapshots of the official program: a tar archive, packed with gzip, in which each entry is named like a key of etcd.
//!
//! The first entries tell of the release and of the request. Then comes either one entry for each key of the store, by name in the
//! order of keys, or etcd's own snapshot in one entry with a list of keys that are left out of it. There are no sums and, in the current
//! releases, no revisions.

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::census::Census;
use super::entry::Part;
use super::error::ArchiveError;
use super::fault::Faults;
use super::limits::{CHUNK, Limits};
use super::manifest::Tenant;
use super::read::Visitor;
use super::record::Record;
use super::snapshot::SnapshotCheck;

/// How the state is kept in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfficialKind {
    /// An entry for each key.
    KeyValue,
    /// etcd's own snapshot.
    Etcd,
}

/// A snapshot of the official program, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Official {
    /// How the state is kept in it.
    pub kind: OfficialKind,
    /// Name and namespace of the release, where it is told.
    pub release: Option<(SmolStr, SmolStr)>,
    /// Version of the chart, where it is told.
    pub chart: Option<SmolStr>,
    /// Revision of the store, where it is told.
    pub revision: Option<i64>,
    /// Keys, where each has an entry.
    pub keys: u64,
    /// Keys by kind of object.
    pub counts: BTreeMap<SmolStr, u64>,
    /// Bytes of etcd's database, where it is there.
    pub database: Option<u64>,
    /// Keys that are to be left out of the database.
    pub skipped: Vec<SmolStr>,
}

const OWN: &str = "/vcluster/snapshot/";
const RELEASE: &str = "/vcluster/snapshot/release";
const REQUEST: &str = "/vcluster/snapshot/request";
const REVISION: &str = "/vcluster/snapshot/revision";
const DATABASE: &str = "/vcluster/snapshot/db";
const SKIP: &str = "/vcluster/snapshot/skipkeys";

/// Bytes of a name that does not fit into a header.
const LONG_NAME: u64 = 80 << 10;

#[derive(Deserialize)]
struct Release {
    #[serde(rename = "releaseName")]
    name: SmolStr,
    #[serde(rename = "releaseNamespace")]
    namespace: SmolStr,
    #[serde(rename = "chartVersion", default)]
    chart: SmolStr,
    /// In base64, as Go writes bytes.
    #[serde(default)]
    values: Option<String>,
}

pub(super) fn read(
    unpacked: &mut dyn Read,
    faults: &Faults,
    limits: &Limits,
    expected: Option<&Tenant>,
    visitor: &mut dyn Visitor,
) -> Result<Official, ArchiveError> {
    let explain = |error| faults.explain(error);
    let mut reading = Reading { limits, expected, visitor, state: State::default() };
    let mut archive = tar::Archive::new(unpacked);
    let mut buffer = Vec::new();
    let mut long: Option<Vec<u8>> = None;
    for entry in archive.entries().map_err(explain)?.raw(true) {
        let mut entry = entry.map_err(explain)?;
        let size = entry.header().entry_size().map_err(explain)?;
        let kind = entry.header().entry_type();
        let extension = kind.is_pax_local_extensions() || kind.is_gnu_longname();
        let name = match (&long, extension) {
            (Some(long), false) => long.clone(),
            _ => entry.header().path_bytes().into_owned(),
        };
        let shown = || String::from_utf8_lossy(&name).chars().take(200).collect::<SmolStr>();
        let odd = |why: &str| ArchiveError::OddEntry { name: shown(), why: why.into() };
        if extension && long.is_some() {
            return Err(odd("two names for one entry"));
        }
        if !extension && kind != tar::EntryType::Regular {
            return Err(odd("it is no plain file"));
        }
        let limit = if extension { LONG_NAME } else { limits.entry };
        if !extension && name == DATABASE.as_bytes() {
            long = None;
            reading.database(&mut entry, size, faults)?;
            continue;
        }
        if size > limit {
            return Err(ArchiveError::TooLarge { what: shown(), limit });
        }
        buffer.clear();
        entry.read_to_end(&mut buffer).map_err(explain)?;
        if buffer.len() as u64 != size {
            return Err(explain(std::io::ErrorKind::UnexpectedEof.into()));
        }
        if extension {
            long = Some(long_name(kind, &buffer).map_err(odd)?);
            continue;
        }
        long = None;
        reading.entry(&name, &buffer)?;
    }
    reading.end()
}

/// The name that an entry before the real one carries.
fn long_name(kind: tar::EntryType, bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    if kind.is_gnu_longname() {
        return Ok(bytes.strip_suffix(&[0]).unwrap_or(bytes).to_vec());
    }
    let mut path = None;
    for extension in tar::PaxExtensions::new(bytes) {
        let extension = extension.map_err(|_| "its extended header makes no sense")?;
        match extension.key_bytes() {
            b"path" => path = Some(extension.value_bytes().to_vec()),
            b"size" => return Err("its extended header changes its size"),
            _ => {}
        }
    }
    path.ok_or("its extended header has no name")
}

#[derive(Default)]
struct State {
    release: Option<(SmolStr, SmolStr)>,
    chart: Option<SmolStr>,
    request: bool,
    revision: Option<i64>,
    keys: u64,
    census: Census,
    last_key: Vec<u8>,
    database: Option<u64>,
    skipped: Option<Vec<SmolStr>>,
}

struct Reading<'a> {
    limits: &'a Limits,
    expected: Option<&'a Tenant>,
    visitor: &'a mut dyn Visitor,
    state: State,
}

impl Reading<'_> {
    fn entry(&mut self, name: &[u8], bytes: &[u8]) -> Result<(), ArchiveError> {
        let text = std::str::from_utf8(name).ok().filter(|text| text.starts_with(OWN));
        match text {
            None => self.key(name, bytes),
            Some(RELEASE) => self.release(bytes),
            Some(SKIP) => {
                let keys: BTreeMap<SmolStr, serde_json::Value> = parse(SKIP, bytes)?;
                once(SKIP, self.state.skipped.replace(keys.into_keys().collect()).is_some())
            }
            Some(REVISION) => {
                let revision = std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse().ok());
                let nonsense = || content(REVISION, "it is no number");
                once(REVISION, self.state.revision.replace(revision.ok_or_else(nonsense)?).is_some())
            }
            Some(request) if request.starts_with(REQUEST) => {
                once(REQUEST, std::mem::replace(&mut self.state.request, true))
            }
            Some(other) => Err(ArchiveError::OddEntry {
                name: other.into(),
                why: "no release of the official program that is known here writes it".into(),
            }),
        }
    }

    fn release(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let release: Release = parse(RELEASE, bytes)?;
        let named = (release.name, release.namespace);
        if let Some(expected) = self.expected
            && (&expected.name, &expected.namespace) != (&named.0, &named.1)
        {
            let found = Tenant { host: SmolStr::default(), name: named.0, namespace: named.1 };
            return Err(ArchiveError::OtherTenant {
                expected: Box::new(expected.clone()),
                found: Box::new(found),
            });
        }
        self.state.chart = Some(release.chart).filter(|chart| !chart.is_empty());
        if let Some(values) = release.values {
            let values = STANDARD.decode(values).map_err(|why| content(RELEASE, &why.to_smolstr()))?;
            self.visitor.document(Part::Config, &values).map_err(ArchiveError::Visitor)?;
        }
        once(RELEASE, self.state.release.replace(named).is_some())
    }

    fn key(&mut self, key: &[u8], value: &[u8]) -> Result<(), ArchiveError> {
        let shown = || String::from_utf8_lossy(key).chars().take(200).collect::<SmolStr>();
        if key.first() != Some(&b'/') || key.len() > self.limits.key {
            return Err(ArchiveError::OddEntry { name: shown(), why: "it is no key of a store".into() });
        }
        if self.state.database.is_some() {
            let why = "keys come beside a database".into();
            return Err(ArchiveError::OddEntry { name: shown(), why });
        }
        if key == self.state.last_key {
            return Err(ArchiveError::Duplicate(shown()));
        }
        if key < self.state.last_key.as_slice() {
            return Err(ArchiveError::OutOfOrder(shown()));
        }
        self.state.last_key.clear();
        self.state.last_key.extend_from_slice(key);
        self.state.keys += 1;
        self.state.census.add(key);
        // What the archive does not tell is 0, which no store has.
        let record = Record { key, value, created: 0, modified: 0, version: 0, lease: 0 };
        self.visitor.record(record).map_err(ArchiveError::Visitor)
    }

    /// The database does not fit into memory, and is shown as it comes.
    fn database(&mut self, entry: &mut dyn Read, size: u64, faults: &Faults) -> Result<(), ArchiveError> {
        once(DATABASE, self.state.database.is_some())?;
        if self.state.keys > 0 {
            let why = "a database comes beside keys".into();
            return Err(ArchiveError::OddEntry { name: DATABASE.into(), why });
        }
        let mut check = SnapshotCheck::default();
        let mut buffer = Vec::new();
        let mut read = 0;
        while read < size {
            buffer.clear();
            entry.take(CHUNK as u64).read_to_end(&mut buffer).map_err(|error| faults.explain(error))?;
            if buffer.is_empty() {
                return Err(faults.explain(std::io::ErrorKind::UnexpectedEof.into()));
            }
            read += buffer.len() as u64;
            check.feed(&buffer);
            self.visitor.snapshot(&buffer).map_err(ArchiveError::Visitor)?;
        }
        self.state.database = Some(check.finish().map_err(|why| content(DATABASE, &why))?);
        Ok(())
    }

    fn end(self) -> Result<Official, ArchiveError> {
        let State { release, chart, revision, keys, census, database, skipped, .. } = self.state;
        if keys == 0 && database.is_none() {
            return Err(ArchiveError::Missing("the state: neither keys nor a database".into()));
        }
        if let Some(expected) = self.expected
            && release.is_none()
        {
            let why = format_smolstr!("it does not say whose it is, and {expected} was meant");
            return Err(ArchiveError::Content { part: RELEASE.into(), why });
        }
        let kind = if database.is_some() { OfficialKind::Etcd } else { OfficialKind::KeyValue };
        let (counts, skipped) = (census.into_counts(), skipped.unwrap_or_default());
        Ok(Official { kind, release, chart, revision, keys, counts, database, skipped })
    }
}

fn content(part: &str, why: &str) -> ArchiveError {
    ArchiveError::Content { part: part.into(), why: why.into() }
}

fn parse<'a, T: Deserialize<'a>>(part: &str, bytes: &'a [u8]) -> Result<T, ArchiveError> {
    serde_json::from_slice(bytes).map_err(|why| content(part, &why.to_smolstr()))
}

fn once(name: &str, before: bool) -> Result<(), ArchiveError> {
    if before { Err(ArchiveError::Duplicate(name.into())) } else { Ok(()) }
}
