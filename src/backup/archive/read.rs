//! Reads an archive once, from the first byte to the last, and believes nothing before the end.

use std::collections::BTreeMap;
use std::io::Read;

use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::census::Census;
use super::entry::{Entry, Part};
use super::error::ArchiveError;
use super::fault::Faults;
use super::layers::{self, Format};
use super::limits::Limits;
use super::manifest::{FORMAT, Header, Manifest, PartEntry, Tenant, VERSION, hex};
use super::official::{self, Official};
use super::order::Order;
use super::record::Record;
use super::seal::Identities;
use super::snapshot::SnapshotCheck;
use super::sum::Sum;

/// Who is shown the content of an archive as it is read. Nothing of it counts before [`read`] has answered: what is done with it must
/// be undone when that is an error.
pub trait Visitor {
    /// A document, whole.
    ///
    /// # Errors
    /// A sentence that ends the reading.
    fn document(&mut self, part: Part, bytes: &[u8]) -> Result<(), SmolStr> {
        let _ = (part, bytes);
        Ok(())
    }

    /// A line of a series of lines, without its end.
    ///
    /// # Errors
    /// A sentence that ends the reading.
    fn line(&mut self, part: Part, line: &str) -> Result<(), SmolStr> {
        let _ = (part, line);
        Ok(())
    }

    /// A key of the store.
    ///
    /// # Errors
    /// A sentence that ends the reading.
    fn record(&mut self, record: Record<'_>) -> Result<(), SmolStr> {
        let _ = record;
        Ok(())
    }

    /// The next bytes of etcd's own snapshot.
    ///
    /// # Errors
    /// A sentence that ends the reading.
    fn snapshot(&mut self, bytes: &[u8]) -> Result<(), SmolStr> {
        let _ = bytes;
        Ok(())
    }
}

/// Looks at nothing: what it takes to verify.
impl Visitor for () {}

/// What was found to be whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A backup of v9s.
    Backup {
        /// All that it says of itself, each figure compared.
        manifest: Box<Manifest>,
        /// Whether it was encrypted.
        sealed: bool,
    },
    /// A snapshot of the official program. It carries no sums: that it is whole is what its compression says.
    Official(Official),
}

impl Found {
    /// Whose it is, where it says so. A snapshot of the official program does not know its host.
    pub fn tenant(&self) -> Option<Tenant> {
        match self {
            Found::Backup { manifest, .. } => Some(manifest.header.tenant.clone()),
            Found::Official(official) => {
                let (name, namespace) = official.release.clone()?;
                Some(Tenant { host: SmolStr::default(), namespace, name })
            }
        }
    }
}

/// Reads an archive, shows it to a visitor, and answers what it was.
///
/// `expected` is whose it must be; official archives name a release, which is compared.
///
/// # Errors
/// What is wrong with it, whatever it is. Memory stays within [`Limits::entry`] and a few megabytes.
pub fn read(
    source: impl Read,
    identities: &Identities,
    limits: &Limits,
    expected: Option<&Tenant>,
    visitor: &mut dyn Visitor,
) -> Result<Found, ArchiveError> {
    layers::unpack(source, identities, limits, |format, sealed, unpacked, faults| match format {
        Format::Ours => {
            let mut reading = Reading::new(limits, expected, visitor);
            each_entry(unpacked, faults, limits, |name, bytes| reading.entry(name, bytes))?;
            let manifest = Box::new(reading.end()?);
            Ok(Found::Backup { manifest, sealed })
        }
        Format::Official => official::read(unpacked, faults, limits, expected, visitor).map(Found::Official),
    })
}

/// Shows each entry of a tar archive, whole. Only plain files count, none by a long name: nothing of the tar format itself can take
/// memory.
fn each_entry(
    unpacked: &mut dyn Read,
    faults: &Faults,
    limits: &Limits,
    mut show: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let explain = |error| faults.explain(error);
    let mut archive = tar::Archive::new(unpacked);
    let mut buffer = Vec::new();
    for entry in archive.entries().map_err(explain)?.raw(true) {
        let mut entry = entry.map_err(explain)?;
        let name = entry.header().path_bytes().into_owned();
        let shown = || String::from_utf8_lossy(&name).chars().take(100).collect::<SmolStr>();
        if entry.header().entry_type() != tar::EntryType::Regular {
            let why = format_smolstr!("it is of type {:?} and no plain file", entry.header().entry_type());
            return Err(ArchiveError::OddEntry { name: shown(), why });
        }
        let size = entry.header().entry_size().map_err(explain)?;
        if size > limits.entry {
            return Err(ArchiveError::TooLarge { what: shown(), limit: limits.entry });
        }
        buffer.clear();
        // Grows with what really comes, not with what was announced.
        entry.read_to_end(&mut buffer).map_err(explain)?;
        if buffer.len() as u64 != size {
            return Err(explain(std::io::ErrorKind::UnexpectedEof.into()));
        }
        show(&name, &mut buffer)?;
    }
    Ok(())
}

/// A part while it is read.
struct Tally {
    part: Part,
    entries: u32,
    length: u64,
    sum: Sum,
}

/// An archive of v9s while it is read.
struct Reading<'a> {
    limits: &'a Limits,
    expected: Option<&'a Tenant>,
    visitor: &'a mut dyn Visitor,
    order: Order,
    header: Option<Header>,
    tallies: Vec<Tally>,
    census: Census,
    keys: u64,
    last_key: Vec<u8>,
    last_revision: i64,
    snapshot: Option<SnapshotCheck>,
    manifest: Vec<u8>,
}

impl<'a> Reading<'a> {
    fn new(limits: &'a Limits, expected: Option<&'a Tenant>, visitor: &'a mut dyn Visitor) -> Self {
        Reading {
            limits,
            expected,
            visitor,
            order: Order::new(),
            header: None,
            tallies: Vec::new(),
            census: Census::default(),
            keys: 0,
            last_key: Vec::new(),
            last_revision: 0,
            snapshot: None,
            manifest: Vec::new(),
        }
    }

    /// Looks at an entry. Its bytes are taken where their sum is compared later.
    fn entry(&mut self, name: &[u8], bytes: &mut Vec<u8>) -> Result<(), ArchiveError> {
        let Some(entry) = Entry::parse(name) else {
            let name = String::from_utf8_lossy(name).chars().take(100).collect();
            return Err(ArchiveError::OddEntry { name, why: "no entry has this name".into() });
        };
        self.order.accept(entry)?;
        match entry {
            Entry::Header => self.header(bytes),
            Entry::Document(part) => {
                self.visitor.document(part, bytes).map_err(ArchiveError::Visitor)?;
                self.tally(part, bytes)
            }
            Entry::Chunk(part, _) => {
                self.chunk(part, entry.name(), bytes)?;
                self.tally(part, bytes)
            }
            Entry::Manifest => {
                self.manifest = std::mem::take(bytes);
                Ok(())
            }
            Entry::Sum => self.sum(bytes),
        }
    }

    fn header(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let part = Entry::Header.name();
        let header = version_of(bytes, &part)?;
        if let Some(expected) = self.expected
            && !header.tenant.is(expected)
        {
            let (expected, found) = (Box::new(expected.clone()), Box::new(header.tenant));
            return Err(ArchiveError::OtherTenant { expected, found });
        }
        self.header = Some(header);
        Ok(())
    }

    fn tally(&mut self, part: Part, bytes: &mut Vec<u8>) -> Result<(), ArchiveError> {
        if self.tallies.last().is_none_or(|last| last.part != part) {
            let sum = Sum::begin().map_err(ArchiveError::Source)?;
            self.tallies.push(Tally { part, entries: 0, length: 0, sum });
        }
        if let Some(tally) = self.tallies.last_mut() {
            tally.entries += 1;
            tally.length += bytes.len() as u64;
            *bytes = tally.sum.add(std::mem::take(bytes)).map_err(ArchiveError::Source)?;
        }
        Ok(())
    }

    fn chunk(&mut self, part: Part, name: SmolStr, bytes: &[u8]) -> Result<(), ArchiveError> {
        match part {
            Part::StoreKeys => self.records(name, bytes),
            Part::StoreSnapshot => {
                self.snapshot.get_or_insert_default().feed(bytes);
                self.visitor.snapshot(bytes).map_err(ArchiveError::Visitor)
            }
            lines => {
                let nonsense = |why: &str| ArchiveError::Content { part: name.clone(), why: why.into() };
                let text = std::str::from_utf8(bytes).map_err(|_| nonsense("it is no text"))?;
                let text = text.strip_suffix('\n').ok_or_else(|| nonsense("its last line has no end"))?;
                for line in text.split('\n') {
                    self.visitor.line(lines, line).map_err(ArchiveError::Visitor)?;
                }
                Ok(())
            }
        }
    }

    fn records(&mut self, name: SmolStr, mut chunk: &[u8]) -> Result<(), ArchiveError> {
        let nonsense = |why: SmolStr| ArchiveError::Content { part: name.clone(), why };
        while let Some(record) = Record::take(&mut chunk, self.limits.key).map_err(nonsense)? {
            if record.key <= self.last_key.as_slice() {
                let key = String::from_utf8_lossy(record.key);
                return Err(nonsense(format_smolstr!("the key {key} is not behind the one before it")));
            }
            self.last_key.clear();
            self.last_key.extend_from_slice(record.key);
            self.last_revision = self.last_revision.max(record.modified);
            self.keys += 1;
            self.census.add(record.key);
            self.visitor.record(record).map_err(ArchiveError::Visitor)?;
        }
        Ok(())
    }

    fn sum(&self, told: &[u8]) -> Result<(), ArchiveError> {
        let found = hex(&Sha256::digest(&self.manifest));
        let told = String::from_utf8_lossy(told);
        equal(
            Entry::Manifest.name(),
            "its sum",
            &told.trim_end().chars().take(80).collect::<SmolStr>(),
            &found,
        )
    }

    /// Compares all that was seen with what the manifest tells.
    fn end(self) -> Result<Manifest, ArchiveError> {
        self.order.end()?;
        let part = Entry::Manifest.name();
        version_of(&self.manifest, &part)?;
        let manifest: Manifest = serde_json::from_slice(&self.manifest)
            .map_err(|why| ArchiveError::Content { part: part.clone(), why: why.to_smolstr() })?;
        if self.header.as_ref() != Some(&manifest.header) {
            let why = "it is not the one that the manifest repeats".into();
            return Err(ArchiveError::Content { part: Entry::Header.name(), why });
        }
        let keys = self.tallies.iter().any(|tally| tally.part == Part::StoreKeys);
        compare_parts(&manifest.parts, self.tallies)?;
        let name = || SmolStr::new(Part::StoreKeys.name());
        equal(name(), "the number of keys", &manifest.keys, &self.keys)?;
        compare_counts(&manifest.counts, &self.census.into_counts())?;
        let revision = manifest.contents.store.revision;
        if self.last_revision > revision {
            return Err(ArchiveError::Mismatch {
                part: name(),
                what: "its last revision",
                told: format_smolstr!("{revision} at most"),
                found: self.last_revision.to_smolstr(),
            });
        }
        equal("the manifest".into(), "that the state is covered", &manifest.contents.coverage.state, &keys)?;
        if let Some(snapshot) = self.snapshot {
            let part = Part::StoreSnapshot.name().into();
            snapshot.finish().map_err(|why| ArchiveError::Content { part, why })?;
        }
        Ok(manifest)
    }
}

/// The header in a document that begins like one. The version is looked at before anything else: a later format may have other fields.
fn version_of(bytes: &[u8], part: &SmolStr) -> Result<Header, ArchiveError> {
    #[derive(serde::Deserialize)]
    struct Begin {
        format: SmolStr,
        version: u32,
    }
    let nonsense = |why: SmolStr| ArchiveError::Content { part: part.clone(), why };
    let begin: Begin = serde_json::from_slice(bytes).map_err(|why| nonsense(why.to_smolstr()))?;
    if begin.format != FORMAT {
        return Err(ArchiveError::NotAnArchive);
    }
    if begin.version != VERSION {
        return Err(ArchiveError::UnknownVersion { found: begin.version, known: VERSION });
    }
    serde_json::from_slice(bytes).map_err(|why| nonsense(why.to_smolstr()))
}

fn equal<T: PartialEq + ToString>(
    part: SmolStr,
    what: &'static str,
    told: &T,
    found: &T,
) -> Result<(), ArchiveError> {
    if told == found {
        return Ok(());
    }
    let (told, found) = (told.to_string().into(), found.to_string().into());
    Err(ArchiveError::Mismatch { part, what, told, found })
}

fn compare_parts(told: &[PartEntry], found: Vec<Tally>) -> Result<(), ArchiveError> {
    if let Some(missing) = told.get(found.len()) {
        return Err(ArchiveError::Missing(missing.name.clone()));
    }
    for (index, tally) in found.into_iter().enumerate() {
        let name = SmolStr::new(tally.part.name());
        let Some(told) = told.get(index).filter(|told| told.name == name) else {
            return Err(ArchiveError::OddEntry {
                name,
                why: "the manifest does not tell of it there".into(),
            });
        };
        equal(name.clone(), "the number of its entries", &told.entries, &tally.entries)?;
        equal(name.clone(), "its length", &told.length, &tally.length)?;
        equal(name, "its sum", &told.sha256, &tally.sum.end().map_err(ArchiveError::Source)?)?;
    }
    Ok(())
}

fn compare_counts(told: &BTreeMap<SmolStr, u64>, found: &BTreeMap<SmolStr, u64>) -> Result<(), ArchiveError> {
    for kind in told.keys().chain(found.keys()) {
        let count = |counts: &BTreeMap<SmolStr, u64>| counts.get(kind).copied().unwrap_or_default();
        let part = format_smolstr!("{} ({kind})", Part::StoreKeys.name());
        equal(part, "the number of objects", &count(told), &count(found))?;
    }
    Ok(())
}
