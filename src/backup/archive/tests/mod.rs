//! What these tests share: an archive with a little of everything, its entries taken out and put back, and a visitor that keeps all.

mod foreign;
mod fuzz;
mod hostile;
mod whole;

use std::io::{Read as _, Write as _};

use chrono::DateTime;
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;

use super::*;

pub(super) const IDENTITY: &str =
    "# a key for tests\nAGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33\n";

/// A snapshot as etcd sends it: a database of so many bytes, and its sum.
pub(super) fn snapshot(length: usize) -> Vec<u8> {
    let mut database: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
    database[16..20].copy_from_slice(&0xED0C_DAED_u32.to_le_bytes());
    let sum = Sha256::digest(&database);
    database.extend_from_slice(&sum);
    database
}

pub(super) fn tenant() -> Tenant {
    Tenant { host: "https://host:6443".into(), namespace: "team-a".into(), name: "shop".into() }
}

pub(super) fn contents(state: bool) -> Contents {
    Contents {
        ended: DateTime::from_timestamp(1_800_000_100, 0).unwrap(),
        by: By { who: "ada".into(), program: "v9s 0.1.0".into() },
        store: StoreFacts { kind: "embedded-database".into(), version: None, revision: 500 },
        kubernetes: Some("v1.36.2".into()),
        coverage: Coverage { state, config: true, keys: false, volumes: Volumes { claims: 2, covered: 0 } },
    }
}

pub(super) fn header() -> Header {
    Header::new(tenant(), DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

pub(super) fn identities() -> Identities {
    Identities::parse(IDENTITY).unwrap()
}

/// Those who can open with [`identities`].
pub(super) fn recipients() -> Recipients {
    use std::str::FromStr as _;
    let line = IDENTITY.lines().last().unwrap();
    let public = age::x25519::Identity::from_str(line).unwrap().to_public().to_string();
    Recipients::parse([public.as_str()]).unwrap()
}

pub(super) fn keys() -> Vec<(Vec<u8>, Vec<u8>)> {
    let key = |at: usize| match at % 3 {
        0 => format!("/registry/configmaps/team/c{at:05}"),
        1 => format!("/registry/example.com/widgets/team/w{at:05}"),
        _ => format!("/registry/pods/team/p{at:05}"),
    };
    let value =
        |at: usize| (0..at % 300).map(|byte| u8::try_from((at * 31 + byte * 7) % 256).unwrap()).collect();
    let mut keys: Vec<(Vec<u8>, Vec<u8>)> = (0..60).map(|at| (key(at).into_bytes(), value(at))).collect();
    keys.sort();
    keys
}

/// An archive with a little of everything.
pub(super) fn sample(recipients: &Recipients) -> (Vec<u8>, Manifest) {
    let mut writer = ArchiveWriter::begin(Vec::new(), header(), recipients).unwrap();
    writer.document(Part::Config, b"sync:\n  toHost:\n    pods:\n      enabled: true\n").unwrap();
    if recipients.seal() {
        writer.document(Part::Keys, br#"[{"kind":"Secret"}]"#).unwrap();
    }
    for at in 0..5 {
        writer.line(Part::HostObjects, &format!(r#"{{"kind":"Service","number":{at}}}"#)).unwrap();
    }
    writer.line(Part::Volumes, r#"{"claim":"data","covered":false}"#).unwrap();
    for (at, (key, value)) in keys().iter().enumerate() {
        let created = i64::try_from(at).unwrap() + 1;
        let record = Record { key, value, created, modified: created + 100, version: 2, lease: 0 };
        writer.record(record).unwrap();
    }
    for chunk in snapshot(16_384).chunks(1000) {
        writer.snapshot(chunk).unwrap();
    }
    let Written { sink, manifest } = writer.finish(contents(true)).unwrap();
    (sink, manifest)
}

/// Keeps all that it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) documents: Vec<(Part, Vec<u8>)>,
    pub(super) lines: Vec<(Part, String)>,
    pub(super) records: Vec<(Vec<u8>, Vec<u8>, [i64; 4])>,
    pub(super) snapshot: Vec<u8>,
}

impl Visitor for Kept {
    fn document(&mut self, part: Part, bytes: &[u8]) -> Result<(), SmolStr> {
        self.documents.push((part, bytes.to_vec()));
        Ok(())
    }

    fn line(&mut self, part: Part, line: &str) -> Result<(), SmolStr> {
        self.lines.push((part, line.to_owned()));
        Ok(())
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), SmolStr> {
        let numbers = [record.created, record.modified, record.version, record.lease];
        self.records.push((record.key.to_vec(), record.value.to_vec(), numbers));
        Ok(())
    }

    fn snapshot(&mut self, bytes: &[u8]) -> Result<(), SmolStr> {
        self.snapshot.extend_from_slice(bytes);
        Ok(())
    }
}

/// Reads with all that is needed, and answers what was seen.
pub(super) fn open(bytes: &[u8]) -> Result<(Found, Kept), ArchiveError> {
    open_within(bytes, &Limits::default())
}

pub(super) fn open_within(bytes: &[u8], limits: &Limits) -> Result<(Found, Kept), ArchiveError> {
    let mut kept = Kept::default();
    read(bytes, &identities(), limits, None, &mut kept).map(|found| (found, kept))
}

/// An entry of a tar archive as it lies there.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) name: Vec<u8>,
    pub(super) kind: tar::EntryType,
    pub(super) body: Vec<u8>,
}

impl Raw {
    pub(super) fn file(name: &str, body: &[u8]) -> Raw {
        Raw { name: name.as_bytes().to_vec(), kind: tar::EntryType::Regular, body: body.to_vec() }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name.as_bytes()
    }
}

/// The entries of an archive that is not encrypted.
pub(super) fn entries(archive: &[u8]) -> Vec<Raw> {
    let mut tar = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    let mut found = Vec::new();
    for entry in tar.entries().unwrap().raw(true) {
        let mut entry = entry.unwrap();
        let (name, kind) = (entry.path_bytes().into_owned(), entry.header().entry_type());
        let mut body = Vec::new();
        entry.read_to_end(&mut body).unwrap();
        found.push(Raw { name, kind, body });
    }
    found
}

/// Entries as a tar archive, whatever they are called.
pub(super) fn tar_of(entries: &[Raw]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        let name = &mut header.as_ustar_mut().unwrap().name;
        let length = entry.name.len().min(name.len());
        name[..length].copy_from_slice(&entry.name[..length]);
        header.set_entry_type(entry.kind);
        header.set_size(entry.body.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&entry.body);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub(super) fn pack(tar: &[u8]) -> Vec<u8> {
    let mut packed = zstd::Encoder::new(Vec::new(), 1).unwrap();
    packed.include_checksum(true).unwrap();
    packed.write_all(tar).unwrap();
    packed.finish().unwrap()
}

pub(super) fn archive_of(entries: &[Raw]) -> Vec<u8> {
    pack(&tar_of(entries))
}

/// Makes the sum of a manifest that was changed right again, as somebody would who wants to be believed.
pub(super) fn resum(entries: &mut [Raw]) {
    let manifest = entries.iter().find(|entry| entry.is("manifest.json")).unwrap().body.clone();
    let sum = entries.iter_mut().find(|entry| entry.is("manifest.sha256")).unwrap();
    sum.body = hex(&Sha256::digest(&manifest)).as_bytes().into();
}
