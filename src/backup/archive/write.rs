//! Writes an archive in one pass.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, ToSmolStr as _};

use super::census::Census;
use super::entry::{Entry, Part};
use super::error::WriteError;
use super::limits::{CHUNK, Limits};
use super::manifest::{Contents, Header, Manifest, PartEntry, hex};
use super::record::Record;
use super::seal::{Recipients, SealWriter};
use super::snapshot::SnapshotCheck;
use super::sum::Sum;

/// The level at which zstd is about as fast as a disk. What stores hold packs no better with the next ones.
const LEVEL: i32 = 1;
/// Threads that pack, at most: each takes some megabytes of memory.
const PACKERS: u32 = 2;

/// An archive while it is written. Parts come in the order of [`Part`]; each is closed by the next.
pub struct ArchiveWriter<W: Write> {
    tar: tar::Builder<zstd::Encoder<'static, SealWriter<W>>>,
    limits: Limits,
    sealed: bool,
    header: Header,
    open: Option<Open>,
    parts: Vec<PartEntry>,
    census: Census,
    keys: u64,
    last_key: Vec<u8>,
    snapshot: Option<SnapshotCheck>,
}

/// The part that is being written, and what of it waits for its chunk to be full.
struct Open {
    part: Part,
    entries: u32,
    length: u64,
    sum: Sum,
    chunk: Vec<u8>,
}

/// What was written.
#[derive(Debug)]
pub struct Written<W> {
    /// Where it was written to. It is not flushed any further.
    pub sink: W,
    /// What it holds.
    pub manifest: Manifest,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive, encrypted when there are recipients.
    ///
    /// # Errors
    /// When the sink does not take it.
    pub fn begin(sink: W, header: Header, recipients: &Recipients) -> Result<Self, WriteError> {
        let mut packed = zstd::Encoder::new(SealWriter::new(sink, recipients)?, LEVEL)?;
        packed.include_checksum(true)?;
        packed.multithread(PACKERS)?;
        let mut writer = ArchiveWriter {
            tar: tar::Builder::new(packed),
            limits: Limits::default(),
            sealed: recipients.seal(),
            header,
            open: None,
            parts: Vec::new(),
            census: Census::default(),
            keys: 0,
            last_key: Vec::new(),
            snapshot: None,
        };
        let header = serde_json::to_vec_pretty(&writer.header).map_err(io::Error::other)?;
        writer.put(Entry::Header, &header)?;
        Ok(writer)
    }

    /// Writes a part that is one document.
    ///
    /// # Errors
    /// When it is too large, comes too late, may not be here, or the sink does not take it.
    pub fn document(&mut self, part: Part, bytes: &[u8]) -> Result<(), WriteError> {
        if part == Part::Keys && !self.sealed {
            return Err(WriteError::KeysUnsealed);
        }
        self.fits(part.name(), bytes.len() as u64)?;
        self.turn_to(part)?;
        if let Some(open) = &mut self.open {
            open.chunk.extend_from_slice(bytes);
        }
        self.close_chunk()
    }

    /// Writes a line of a part of lines; `line` has no end of its own.
    ///
    /// # Errors
    /// As [`Self::document`].
    pub fn line(&mut self, part: Part, line: &str) -> Result<(), WriteError> {
        self.fits(part.name(), line.len() as u64 + 1)?;
        self.turn_to(part)?;
        // One line in the input is one in the archive, whatever is in it.
        let line = line.replace('\n', " ");
        self.room(line.len() + 1)?;
        if let Some(open) = &mut self.open {
            open.chunk.extend_from_slice(line.as_bytes());
            open.chunk.push(b'\n');
        }
        Ok(())
    }

    /// Writes a key of the store. Keys come in their order.
    ///
    /// # Errors
    /// As [`Self::document`], and when the key is not behind the one before it.
    pub fn record(&mut self, record: Record<'_>) -> Result<(), WriteError> {
        let shown = || String::from_utf8_lossy(record.key).chars().take(200).collect::<SmolStr>();
        self.fits(&shown(), record.size() as u64)?;
        if record.key.is_empty() || record.key <= self.last_key.as_slice() {
            return Err(WriteError::KeyOrder(shown()));
        }
        if record.key.len() > self.limits.key {
            let (size, limit) = (record.key.len() as u64, self.limits.key as u64);
            return Err(WriteError::TooLarge { what: shown(), size, limit });
        }
        self.turn_to(Part::StoreKeys)?;
        self.room(record.size())?;
        if let Some(open) = &mut self.open {
            record.encode(&mut open.chunk);
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(record.key);
        self.keys += 1;
        self.census.add(record.key);
        Ok(())
    }

    /// Writes the next bytes of etcd's own snapshot.
    ///
    /// # Errors
    /// As [`Self::document`].
    pub fn snapshot(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        self.turn_to(Part::StoreSnapshot)?;
        self.snapshot.get_or_insert_default().feed(bytes);
        while !bytes.is_empty() {
            self.room(1)?;
            let Some(open) = &mut self.open else { break };
            let now = bytes.len().min(CHUNK.saturating_sub(open.chunk.len()).max(1));
            open.chunk.extend_from_slice(&bytes[..now]);
            bytes = &bytes[now..];
        }
        Ok(())
    }

    /// Ends the archive with its manifest.
    ///
    /// # Errors
    /// When the sink does not take it, or etcd's snapshot is not whole.
    pub fn finish(mut self, contents: Contents) -> Result<Written<W>, WriteError> {
        self.close_part()?;
        if let Some(snapshot) = self.snapshot.take() {
            snapshot.finish().map_err(WriteError::Snapshot)?;
        }
        let manifest = Manifest {
            header: self.header.clone(),
            contents,
            keys: self.keys,
            counts: std::mem::take(&mut self.census).into_counts(),
            parts: std::mem::take(&mut self.parts),
        };
        let bytes = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
        self.put(Entry::Manifest, &bytes)?;
        let sum = format!("{}\n", hex(&Sha256::digest(&bytes)));
        self.put(Entry::Sum, sum.as_bytes())?;
        let sink = self.tar.into_inner()?.finish()?.finish()?;
        Ok(Written { sink, manifest })
    }

    fn fits(&self, what: &str, size: u64) -> Result<(), WriteError> {
        let limit = self.limits.entry - CHUNK as u64;
        if size > limit {
            return Err(WriteError::TooLarge { what: what.to_smolstr(), size, limit });
        }
        Ok(())
    }

    /// Makes this the part that is written.
    fn turn_to(&mut self, part: Part) -> Result<(), WriteError> {
        if let Some(open) = &self.open {
            if open.part == part && part.is_series() {
                return Ok(());
            }
            if open.part >= part {
                return Err(WriteError::PartOrder { before: open.part.name(), now: part.name() });
            }
        }
        self.close_part()?;
        self.open = Some(Open { part, entries: 0, length: 0, sum: Sum::begin()?, chunk: Vec::new() });
        Ok(())
    }

    /// Closes the chunk when so many bytes more would make it larger than it should be.
    fn room(&mut self, more: usize) -> Result<(), WriteError> {
        match &self.open {
            Some(open) if !open.chunk.is_empty() && open.chunk.len() + more > CHUNK => self.close_chunk(),
            _ => Ok(()),
        }
    }

    fn close_chunk(&mut self) -> Result<(), WriteError> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let entry = if open.part.is_series() {
            Entry::Chunk(open.part, open.entries)
        } else {
            Entry::Document(open.part)
        };
        self.put(entry, &open.chunk)?;
        open.entries += 1;
        open.length += open.chunk.len() as u64;
        open.chunk = open.sum.add(open.chunk)?;
        self.open = Some(open);
        Ok(())
    }

    fn close_part(&mut self) -> Result<(), WriteError> {
        if self.open.as_ref().is_some_and(|open| !open.chunk.is_empty()) {
            self.close_chunk()?;
        }
        if let Some(open) = self.open.take() {
            self.parts.push(PartEntry {
                name: open.part.name().into(),
                entries: open.entries,
                length: open.length,
                sha256: open.sum.end()?,
            });
        }
        Ok(())
    }

    /// Writes an entry. Time and owner are the same in each, so that the same content is the same archive.
    fn put(&mut self, entry: Entry, bytes: &[u8]) -> Result<(), WriteError> {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_path(entry.name().as_str())?;
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.header.began.timestamp()).unwrap_or_default());
        header.set_cksum();
        Ok(self.tar.append(&header, bytes)?)
    }
}
