//! The tree of a bucket, built from below: a page is written when the next entry does not fit, and its first key goes into the branch
//! above.

use std::io::{self, Write};

use super::node::{HEADER, Kind, LEAF, Node};
use super::{Pages, page};

/// A tree while its entries come.
#[derive(Debug)]
pub(in crate::backup::rebuild) struct Tree {
    leaf: Node,
    /// From the lowest up.
    branches: Vec<Node>,
    last: Vec<u8>,
}

/// Where the tree of a bucket begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup::rebuild) enum Root {
    /// Nowhere: it is empty, and lies whole in the list of buckets.
    Empty,
    /// On this page.
    Page(u64),
}

impl Root {
    /// What the list of buckets says of it: the page, and a sequence that etcd does not use.
    pub(super) fn value(self) -> Vec<u8> {
        let at = match self {
            Root::Empty => 0,
            Root::Page(at) => at,
        };
        let mut value = [at.to_le_bytes(), 0_u64.to_le_bytes()].concat();
        if self == Root::Empty {
            value.extend(page(0, LEAF, 0, 0));
            debug_assert_eq!(value.len(), 2 * HEADER);
        }
        value
    }
}

impl Tree {
    pub(in crate::backup::rebuild) fn new() -> Self {
        Tree { leaf: Node::new(Kind::Leaf), branches: Vec::new(), last: Vec::new() }
    }

    pub(super) fn push<W: Write>(
        &mut self,
        pages: &mut Pages<W>,
        key: &[u8],
        value: &[u8],
    ) -> io::Result<()> {
        if key <= self.last.as_slice() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "an entry is not behind the one before it",
            ));
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        if self.leaf.len() > 0 && !self.leaf.fits(key.len() + value.len()) {
            let below = pages.put(&self.leaf)?;
            let first = self.leaf.first().to_vec();
            self.leaf.clear();
            self.above(pages, 0, &first, below)?;
        }
        self.leaf.entry(0, key, value)
    }

    /// Puts a page into the branch above it, which is written before when it is full. A branch has two pages below at least, or the tree
    /// would never end.
    fn above<W: Write>(
        &mut self,
        pages: &mut Pages<W>,
        level: usize,
        first: &[u8],
        below: u64,
    ) -> io::Result<()> {
        if level == self.branches.len() {
            self.branches.push(Node::new(Kind::Branch));
        }
        let branch = &mut self.branches[level];
        if branch.len() < 2 || branch.fits(first.len()) {
            return branch.child(first, below);
        }
        let full = pages.put(branch)?;
        let key = branch.first().to_vec();
        branch.clear();
        branch.child(first, below)?;
        self.above(pages, level + 1, &key, full)
    }

    pub(super) fn end<W: Write>(mut self, pages: &mut Pages<W>) -> io::Result<Root> {
        if self.leaf.len() == 0 {
            return Ok(Root::Empty);
        }
        let mut at = pages.put(&self.leaf)?;
        let mut first = self.leaf.first().to_vec();
        let mut level = 0;
        while level < self.branches.len() {
            self.above(pages, level, &first, at)?;
            let branch = &self.branches[level];
            at = pages.put(branch)?;
            first = branch.first().to_vec();
            level += 1;
        }
        Ok(Root::Page(at))
    }
}
