//! A leaf or a branch, as it goes into a page.

use std::io;

use super::{PAGE, page};

/// What a node holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Branch,
    Leaf,
}

/// Bytes of the beginning of a page, and of what says of an element where it lies.
pub(super) const HEADER: usize = 16;
const ELEMENT: usize = 16;
const BRANCH: u16 = 0x01;
pub(super) const LEAF: u16 = 0x02;

#[derive(Debug, Clone, Copy)]
struct Element {
    key: u32,
    value: u32,
    /// Of an entry in a leaf.
    flags: u32,
    /// The page below, of an element in a branch.
    below: u64,
}

/// A node while it is filled.
#[derive(Debug)]
pub(super) struct Node {
    kind: Kind,
    elements: Vec<Element>,
    data: Vec<u8>,
}

impl Node {
    pub(super) fn new(kind: Kind) -> Self {
        Node { kind, elements: Vec::new(), data: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether as many bytes more stay within one page.
    pub(super) fn fits(&self, bytes: usize) -> bool {
        HEADER + ELEMENT * (self.len() + 1) + self.data.len() + bytes <= PAGE
    }

    /// Adds an entry to a leaf.
    pub(super) fn entry(&mut self, flags: u32, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.add(Element { key: length(key)?, value: length(value)?, flags, below: 0 }, key, value);
        Ok(())
    }

    /// Adds a page to a branch.
    pub(super) fn child(&mut self, key: &[u8], below: u64) -> io::Result<()> {
        self.add(Element { key: length(key)?, value: 0, flags: 0, below }, key, &[]);
        Ok(())
    }

    fn add(&mut self, element: Element, key: &[u8], value: &[u8]) {
        self.elements.push(element);
        self.data.extend_from_slice(key);
        self.data.extend_from_slice(value);
    }

    /// The first key; nothing in an empty node.
    pub(super) fn first(&self) -> &[u8] {
        self.elements.first().and_then(|first| self.data.get(..first.key as usize)).unwrap_or_default()
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        self.elements.clear();
        self.data.clear();
        // One large value does not stay in memory.
        self.data.shrink_to(PAGE);
    }

    /// Whole pages.
    pub(super) fn encode(&self, at: u64) -> io::Result<Vec<u8>> {
        let size = HEADER + ELEMENT * self.len() + self.data.len();
        let pages = size.div_ceil(PAGE);
        let count = u16::try_from(self.len()).map_err(|_| too_large())?;
        let more = u32::try_from(pages - 1).map_err(|_| too_large())?;
        let flags = match self.kind {
            Kind::Branch => BRANCH,
            Kind::Leaf => LEAF,
        };
        let mut bytes = page(at, flags, count, more);
        bytes.reserve_exact(pages * PAGE - bytes.len());
        // Data follow all elements; where an element's lie is counted from itself.
        let mut data = ELEMENT * self.len();
        for (number, element) in self.elements.iter().enumerate() {
            let from_here = u32::try_from(data - ELEMENT * number).map_err(|_| too_large())?;
            match self.kind {
                Kind::Branch => {
                    for part in [from_here, element.key] {
                        bytes.extend_from_slice(&part.to_le_bytes());
                    }
                    bytes.extend_from_slice(&element.below.to_le_bytes());
                }
                Kind::Leaf => {
                    for part in [element.flags, from_here, element.key, element.value] {
                        bytes.extend_from_slice(&part.to_le_bytes());
                    }
                }
            }
            data += element.key as usize + element.value as usize;
        }
        bytes.extend_from_slice(&self.data);
        bytes.resize(pages * PAGE, 0);
        Ok(bytes)
    }
}

fn length(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| too_large())
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "an entry is larger than a database can hold")
}
