//! The last key of a bucket, read from a file that somebody else wrote: a few small pieces of it, each where it says.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::node::HEADER;
use super::{BUCKET, MAGIC};

/// Levels of a tree. No database that fits on a disk has as many.
const DEPTH: usize = 32;
/// Bytes of a key.
const KEY: u32 = 64 << 10;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;

/// The last key of a bucket. None when there is none, or the file is none that is understood here.
pub(in crate::backup::rebuild) fn last_key(file: &File, bucket: &str) -> Option<Vec<u8>> {
    let reader = Reader::open(file)?;
    let list = reader.down(reader.root, |page| page.find(&reader, bucket.as_bytes()))?;
    let (page, at) = list;
    let entry = page.entry(at)?;
    if entry.flags != BUCKET || page.key(&reader, at)? != bucket.as_bytes() {
        return None;
    }
    // The first number of the value is where its tree begins; 0 when it lies here whole, as a small one may.
    let value = reader.bytes(entry.at + u64::from(entry.key), 8)?;
    let root = number(&value, 0, 8).filter(|root| *root > 0)?;
    let (page, at) = reader.down(root, |page| page.count().checked_sub(1))?;
    page.key(&reader, at)
}

struct Reader<'a> {
    file: &'a File,
    page: u64,
    root: u64,
}

/// The head of a page: which elements it has.
struct Page {
    at: u64,
    flags: u16,
    elements: Vec<u8>,
}

struct Entry {
    flags: u32,
    /// Where its key lies in the file.
    at: u64,
    key: u32,
    /// The page below, in a branch.
    below: u64,
}

fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    Some(bytes.get(at..at + size)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn half(bytes: &[u8], at: usize) -> Option<u32> {
    u32::try_from(number(bytes, at, 4)?).ok()
}

impl<'a> Reader<'a> {
    /// By the one of the two first pages that was written later.
    fn open(file: &'a File) -> Option<Self> {
        let mut reader = Reader { file, page: 0, root: 0 };
        let first = reader.bytes(0, HEADER + 64)?;
        reader.page = u64::from(half(&first, HEADER + 8)?);
        let second = reader.bytes(reader.page, HEADER + 64)?;
        let transaction = |meta: &[u8]| {
            let whole = half(meta, HEADER)? == MAGIC
                && number(meta, HEADER + 56, 8)? == super::fnv(meta.get(HEADER..HEADER + 56)?);
            whole.then(|| number(meta, HEADER + 48, 8)).flatten()
        };
        // None is below every transaction.
        let later = if transaction(&first) >= transaction(&second) { first } else { second };
        transaction(&later)?;
        reader.root = number(&later, HEADER + 16, 8)?;
        Some(reader)
    }

    fn bytes(&self, at: u64, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }

    /// Goes down a tree to a leaf, by the element that is chosen on every page.
    fn down(&self, root: u64, choose: impl Fn(&Page) -> Option<usize>) -> Option<(Page, usize)> {
        let mut at = root;
        for _ in 0..DEPTH {
            let place = at.checked_mul(self.page)?;
            let head = self.bytes(place, HEADER)?;
            let (flags, count) = (number(&head, 8, 2)?, number(&head, 10, 2)?);
            let elements =
                self.bytes(place.checked_add(HEADER as u64)?, usize::try_from(count).ok()? * HEADER)?;
            let page = Page { at: place + HEADER as u64, flags: u16::try_from(flags).ok()?, elements };
            let chosen = choose(&page)?;
            match page.flags {
                LEAF => return Some((page, chosen)),
                BRANCH => at = page.entry(chosen)?.below,
                _ => return None,
            }
        }
        None
    }
}

impl Page {
    fn count(&self) -> usize {
        self.elements.len() / HEADER
    }

    fn entry(&self, number_of: usize) -> Option<Entry> {
        let from = number_of * HEADER;
        let element = self.elements.get(from..from + HEADER)?;
        let here = self.at.checked_add(from as u64)?;
        let place = |at| here.checked_add(u64::from(half(element, at)?));
        Some(match self.flags {
            LEAF => Entry { flags: half(element, 0)?, at: place(4)?, key: half(element, 8)?, below: 0 },
            _ => Entry { flags: 0, at: place(0)?, key: half(element, 4)?, below: number(element, 8, 8)? },
        })
    }

    fn key(&self, reader: &Reader<'_>, at: usize) -> Option<Vec<u8>> {
        let entry = self.entry(at)?;
        reader.bytes(entry.at, usize::try_from(entry.key.min(KEY)).ok()?)
    }

    /// The last element whose key is this or comes before it.
    fn find(&self, reader: &Reader<'_>, wanted: &[u8]) -> Option<usize> {
        (0..self.count()).rev().find(|at| self.key(reader, *at).is_some_and(|key| key.as_slice() <= wanted))
    }
}
