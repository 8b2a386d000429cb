//! What lies around the entries: encryption, compression, and the end behind which nothing may come.

use std::io::{self, BufReader, Read};

use super::error::{ArchiveError, Layer};
use super::fault::{Faults, Place, Watched};
use super::limits::{Limits, WINDOW_LOG};
use super::seal::{self, Identities};

const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
const GZIP: &[u8] = &[0x1F, 0x8B];

/// What is inside of the compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// An archive of v9s.
    Ours,
    /// One of the official program.
    Official,
}

/// What `inside` makes of the unpacked bytes. It need not read to their end: that is done here, since only there the layers say
/// whether they are whole.
pub(super) fn unpack<T>(
    source: impl Read,
    identities: &Identities,
    limits: &Limits,
    inside: impl FnOnce(Format, bool, &mut dyn Read, &Faults) -> Result<T, ArchiveError>,
) -> Result<T, ArchiveError> {
    let faults = Faults::default();
    let mut source = Watched::new(source, Place::Source, &faults, u64::MAX);
    let begin = beginning(&mut source, seal::MAGIC.len()).map_err(|error| faults.explain(error))?;
    let sealed = begin == seal::MAGIC;
    let mut whole = io::Cursor::new(begin).chain(source);
    if !sealed {
        return packed(&mut whole, false, limits, &faults, inside);
    }
    let opened = seal::open(&mut whole, identities, |error| faults.explain(error))?;
    let mut opened = Watched::new(opened, Place::Above(Layer::Seal), &faults, u64::MAX);
    packed(&mut opened, true, limits, &faults, inside)
}

fn packed<T>(
    source: &mut dyn Read,
    sealed: bool,
    limits: &Limits,
    faults: &Faults,
    inside: impl FnOnce(Format, bool, &mut dyn Read, &Faults) -> Result<T, ArchiveError>,
) -> Result<T, ArchiveError> {
    let explain = |error| faults.explain(error);
    let begin = beginning(source, ZSTD.len()).map_err(explain)?;
    let place = Place::Above(Layer::Packing);
    if begin == ZSTD {
        let whole = BufReader::with_capacity(128 << 10, io::Cursor::new(begin).chain(source));
        let mut decoder = zstd::Decoder::with_buffer(whole).map_err(explain)?.single_frame();
        decoder.window_log_max(WINDOW_LOG).map_err(explain)?;
        let mut unpacked = Watched::new(decoder, place, faults, limits.whole);
        let found = inside(Format::Ours, sealed, &mut unpacked, faults)?;
        rest_is_zeros(&mut unpacked).map_err(explain)??;
        return ends(unpacked.into_inner().finish(), faults).map(|()| found);
    }
    if begin.starts_with(GZIP) {
        let whole = BufReader::with_capacity(128 << 10, io::Cursor::new(begin).chain(source));
        let mut unpacked = Watched::new(flate2::bufread::GzDecoder::new(whole), place, faults, limits.whole);
        let found = inside(Format::Official, sealed, &mut unpacked, faults)?;
        rest_is_zeros(&mut unpacked).map_err(explain)??;
        return ends(unpacked.into_inner().into_inner(), faults).map(|()| found);
    }
    Err(ArchiveError::NotAnArchive)
}

/// The first bytes, fewer when there are no more.
fn beginning(source: &mut (impl Read + ?Sized), length: usize) -> io::Result<Vec<u8>> {
    let mut begin = Vec::with_capacity(length);
    source.take(length as u64).read_to_end(&mut begin)?;
    Ok(begin)
}

/// Behind the entries there is padding, and nothing else. It is read to its end: there the sum of what was unpacked is compared.
fn rest_is_zeros(unpacked: &mut dyn Read) -> io::Result<Result<(), ArchiveError>> {
    // Tar programs pad to ten kilobytes.
    const PADDING: usize = 64 << 10;
    let mut buffer = [0; 4096];
    let mut read = 0;
    loop {
        let count = match unpacked.read(&mut buffer) {
            Ok(0) => return Ok(Ok(())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        read += count;
        if read > PADDING || buffer[..count].iter().any(|byte| *byte != 0) {
            return Ok(Err(ArchiveError::Trailing));
        }
    }
}

/// Nothing comes behind the compressed bytes.
fn ends(mut rest: impl Read, faults: &Faults) -> Result<(), ArchiveError> {
    match beginning(&mut rest, 1) {
        Ok(more) if more.is_empty() => Ok(()),
        Ok(_) => Err(ArchiveError::Trailing),
        Err(error) => Err(faults.explain(error)),
    }
}
