//! Writes a database of bbolt, which is what etcd keeps its data in: everything in order, once, and with a room of one page for each
//! level of a tree.
//!
//! The file is pages of one size. The first two say where everything is (the one with the higher transaction counts), the third lists free
//! pages, of which there are none. A bucket is a tree of leaves with entries and of branches with the first key of each page below; what
//! does not fit into a page goes on in the next ones. All numbers are little-endian, as on the machines that etcd is built for.

mod last;
mod node;
#[cfg(test)]
pub(super) mod tests;
mod tree;

use std::io::{self, Seek, SeekFrom, Write};

pub(super) use last::last_key;
use node::{Kind, Node};
pub(super) use tree::{Root, Tree};

/// Bytes of a page. The file says so itself.
const PAGE: usize = 4096;
const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const META: u16 = 0x04;
const FREE: u16 = 0x10;
/// The page that lists free ones, behind the two that begin the file.
const FREE_AT: u64 = 2;
/// An entry whose value is a bucket.
const BUCKET: u32 = 0x01;

/// A database while it is written.
#[derive(Debug)]
pub(super) struct Database<W> {
    pages: Pages<W>,
}

impl<W: Write + Seek> Database<W> {
    /// Leaves room for what is only known at the end.
    ///
    /// # Errors
    /// When nothing can be written.
    pub(super) fn begin(mut sink: W) -> io::Result<Self> {
        sink.write_all(&[0; 3 * PAGE])?;
        Ok(Database { pages: Pages { sink, next: FREE_AT + 1 } })
    }

    /// Adds an entry to a tree. Keys ascend strictly.
    ///
    /// # Errors
    /// When nothing can be written, or the key does not belong there.
    pub(super) fn push(&mut self, tree: &mut Tree, key: &[u8], value: &[u8]) -> io::Result<()> {
        tree.push(&mut self.pages, key, value)
    }

    /// Ends a tree.
    ///
    /// # Errors
    /// When nothing can be written.
    pub(super) fn end(&mut self, tree: Tree) -> io::Result<Root> {
        tree.end(&mut self.pages)
    }

    /// Writes the list of buckets, which ascend by name, and the beginning of the file.
    ///
    /// # Errors
    /// When nothing can be written.
    pub(super) fn finish(mut self, buckets: &[(&str, Root)]) -> io::Result<W> {
        let mut list = Node::new(Kind::Leaf);
        for (name, root) in buckets {
            list.entry(BUCKET, name.as_bytes(), &root.value())?;
        }
        let root = self.pages.put(&list)?;
        let Pages { mut sink, next } = self.pages;
        sink.seek(SeekFrom::Start(0))?;
        for transaction in 0..2 {
            sink.write_all(&meta(transaction, root, next))?;
        }
        let mut free = page(FREE_AT, FREE, 0, 0);
        free.resize(PAGE, 0);
        sink.write_all(&free)?;
        sink.flush()?;
        Ok(sink)
    }
}

/// Pages one behind the other.
#[derive(Debug)]
struct Pages<W> {
    sink: W,
    next: u64,
}

impl<W: Write> Pages<W> {
    /// Writes a node, and answers its page.
    fn put(&mut self, node: &Node) -> io::Result<u64> {
        let at = self.next;
        let bytes = node.encode(at)?;
        self.next += (bytes.len() / PAGE) as u64;
        self.sink.write_all(&bytes)?;
        Ok(at)
    }
}

/// The beginning of a page.
fn page(at: u64, flags: u16, count: u16, more: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PAGE);
    bytes.extend_from_slice(&at.to_le_bytes());
    bytes.extend_from_slice(&flags.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&more.to_le_bytes());
    bytes
}

/// One of the two pages that begin the file.
fn meta(transaction: u64, root: u64, pages: u64) -> Vec<u8> {
    let mut bytes = page(transaction, META, 0, 0);
    let from = bytes.len();
    // `PAGE` fits, and there are no flags.
    for number in [MAGIC, VERSION, PAGE as u32, 0] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    // The list of buckets is a bucket itself, whose sequence nobody counts.
    for number in [root, 0, FREE_AT, pages, transaction] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let sum = fnv(&bytes[from..]);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.resize(PAGE, 0);
    bytes
}

/// FNV-1a with 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
