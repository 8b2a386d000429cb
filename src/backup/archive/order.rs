//! The order of entries, and that each is there once: what the reader expects next, pure.

use smol_str::SmolStr;

use super::entry::{Entry, Part};
use super::error::ArchiveError;

/// Where a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Nothing was read.
    Begin,
    /// The header was read, and no part.
    Header,
    /// The last entry was of this part, and so many entries of it were read.
    Part(Part, u32),
    /// The manifest was read.
    Manifest,
    /// Its sum was read.
    Sum,
}

/// Follows the entries of an archive.
#[derive(Debug, Clone)]
pub(super) struct Order {
    at: At,
}

impl Order {
    pub(super) fn new() -> Self {
        Order { at: At::Begin }
    }

    /// Whether this entry may come now.
    ///
    /// # Errors
    /// When it came before, or something is missing before it, or it comes too late.
    pub(super) fn accept(&mut self, entry: Entry) -> Result<(), ArchiveError> {
        let late = || Err(ArchiveError::OutOfOrder(entry.name()));
        let twice = || Err(ArchiveError::Duplicate(entry.name()));
        let missing = |entry: Entry| Err(ArchiveError::Missing(entry.name()));
        self.at = match (self.at, entry) {
            (At::Begin, Entry::Header) => At::Header,
            (At::Begin, _) => return missing(Entry::Header),
            (_, Entry::Header) => return twice(),
            (At::Sum, _) => return Err(ArchiveError::Trailing),
            (At::Manifest, Entry::Sum) => At::Sum,
            (At::Manifest, Entry::Manifest) => return twice(),
            (At::Manifest, _) => return late(),
            (_, Entry::Sum) => return missing(Entry::Manifest),
            (_, Entry::Manifest) => At::Manifest,
            (At::Header, Entry::Document(part) | Entry::Chunk(part, 0)) => At::Part(part, 1),
            (At::Header, Entry::Chunk(part, _)) => return missing(Entry::Chunk(part, 0)),
            (At::Part(before, read), Entry::Chunk(part, number)) if part == before => {
                if number < read {
                    return twice();
                }
                if number > read {
                    return missing(Entry::Chunk(part, read));
                }
                At::Part(part, read + 1)
            }
            (At::Part(before, _), Entry::Document(part)) if part == before => return twice(),
            (At::Part(before, _), Entry::Document(part) | Entry::Chunk(part, _)) if part < before => {
                return late();
            }
            (At::Part(..), Entry::Document(part) | Entry::Chunk(part, 0)) => At::Part(part, 1),
            (At::Part(..), Entry::Chunk(part, _)) => return missing(Entry::Chunk(part, 0)),
        };
        Ok(())
    }

    /// Whether nothing is missing at the end.
    ///
    /// # Errors
    /// The name of what is.
    pub(super) fn end(&self) -> Result<(), ArchiveError> {
        let missing: SmolStr = match self.at {
            At::Begin => Entry::Header.name(),
            At::Header | At::Part(..) => Entry::Manifest.name(),
            At::Manifest => Entry::Sum.name(),
            At::Sum => return Ok(()),
        };
        Err(ArchiveError::Missing(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(names: &str) -> Result<(), ArchiveError> {
        let mut order = Order::new();
        for name in names.split_whitespace() {
            order.accept(Entry::parse(name.as_bytes()).unwrap())?;
        }
        order.end()
    }

    #[test]
    fn entries_come_once_and_in_their_order() {
        const KEYS: &str = "store/keys/00000000";
        for (whole, names) in [
            (
                true,
                "header.json config/vcluster.yaml store/keys/00000000 store/keys/00000001 manifest.json manifest.sha256",
            ),
            (true, "header.json manifest.json manifest.sha256"),
            (false, "manifest.json manifest.sha256"),
            (false, "header.json"),
            (false, "header.json manifest.json"),
            (false, "header.json manifest.sha256"),
            (false, "header.json store/keys/00000000"),
            (false, "header.json header.json manifest.json manifest.sha256"),
            (false, "header.json manifest.json manifest.json manifest.sha256"),
            (false, "header.json manifest.json store/keys/00000000 manifest.sha256"),
            (false, "header.json manifest.json manifest.sha256 store/keys/00000000"),
            (false, "header.json store/keys/00000001 manifest.json manifest.sha256"),
            (false, "header.json store/keys/00000000 store/keys/00000002 manifest.json manifest.sha256"),
            (false, "header.json store/keys/00000000 store/keys/00000000 manifest.json manifest.sha256"),
            (false, "header.json store/keys/00000000 config/vcluster.yaml manifest.json manifest.sha256"),
            (false, "header.json config/vcluster.yaml config/vcluster.yaml manifest.json manifest.sha256"),
            (false, "header.json config/vcluster.yaml store/keys/00000003 manifest.json manifest.sha256"),
        ] {
            assert_eq!(run(names).is_ok(), whole, "{names}");
        }
        let told = |names: &str| run(names).unwrap_err().to_string();
        assert!(told("header.json store/keys/00000001").contains(&format!("lacks {KEYS}")));
        assert!(
            told("header.json store/keys/00000000 store/keys/00000000").contains(&format!("{KEYS} twice"))
        );
    }
}
