//! The names of entries. There are no others: what is not listed here is refused, so no name ever reaches a file system.

use smol_str::{SmolStr, format_smolstr};

/// A part of a backup, in the order of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// `vcluster.yaml` as it is deployed.
    Config,
    /// Secrets with certificates and keys, as a JSON list. Only in sealed archives.
    Keys,
    /// What the host has for the virtual cluster itself: a JSON object in each line.
    HostObjects,
    /// What the host has for the tenant's objects: kind, name, UID in each line.
    Synced,
    /// Claims of the tenant, and whether their data is in the backup: a JSON object in each line.
    Volumes,
    /// All keys of the store at one revision, as [`super::Record`]s.
    StoreKeys,
    /// etcd's own snapshot, byte for byte.
    StoreSnapshot,
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Part; 7] = [
        Part::Config,
        Part::Keys,
        Part::HostObjects,
        Part::Synced,
        Part::Volumes,
        Part::StoreKeys,
        Part::StoreSnapshot,
    ];

    /// Its name: that of its entry, or of the folder of its chunks.
    pub fn name(self) -> &'static str {
        match self {
            Part::Config => "config/vcluster.yaml",
            Part::Keys => "keys/secrets.json",
            Part::HostObjects => "host/objects",
            Part::Synced => "host/synced",
            Part::Volumes => "host/volumes",
            Part::StoreKeys => "store/keys",
            Part::StoreSnapshot => "store/snapshot",
        }
    }

    /// Whether it comes in chunks, since nobody knows beforehand how long it will be.
    pub fn is_series(self) -> bool {
        !matches!(self, Part::Config | Part::Keys)
    }

    /// Whether each of its chunks is a number of whole lines.
    pub fn is_lines(self) -> bool {
        matches!(self, Part::HostObjects | Part::Synced | Part::Volumes)
    }
}

/// What an entry of a v9s archive can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// What the archive is: always the first.
    Header,
    /// A part that is one document.
    Document(Part),
    /// A chunk of a series, counted from 0.
    Chunk(Part, u32),
    /// What the archive holds.
    Manifest,
    /// The manifest's own sum: always the last.
    Sum,
}

const HEADER: &str = "header.json";
const MANIFEST: &str = "manifest.json";
const SUM: &str = "manifest.sha256";
const DIGITS: usize = 8;

impl Entry {
    /// The entry of this name; none when there is none.
    pub(super) fn parse(name: &[u8]) -> Option<Entry> {
        let name = std::str::from_utf8(name).ok()?;
        match name {
            HEADER => return Some(Entry::Header),
            MANIFEST => return Some(Entry::Manifest),
            SUM => return Some(Entry::Sum),
            _ => {}
        }
        if let Some(part) = Part::ALL.into_iter().find(|part| !part.is_series() && part.name() == name) {
            return Some(Entry::Document(part));
        }
        let (folder, number) = name.rsplit_once('/')?;
        let part = Part::ALL.into_iter().find(|part| part.is_series() && part.name() == folder)?;
        let plain = number.len() == DIGITS && number.bytes().all(|digit| digit.is_ascii_digit());
        plain.then(|| number.parse().ok().map(|number| Entry::Chunk(part, number)))?
    }

    pub(super) fn name(self) -> SmolStr {
        match self {
            Entry::Header => HEADER.into(),
            Entry::Manifest => MANIFEST.into(),
            Entry::Sum => SUM.into(),
            Entry::Document(part) => part.name().into(),
            Entry::Chunk(part, number) => format_smolstr!("{}/{number:0width$}", part.name(), width = DIGITS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_one_name_and_every_other_name_has_no_entry() {
        let mut entries = vec![Entry::Header, Entry::Manifest, Entry::Sum];
        for part in Part::ALL {
            if part.is_series() {
                entries.extend([0, 1, 99_999_999].map(|number| Entry::Chunk(part, number)));
            } else {
                entries.push(Entry::Document(part));
            }
        }
        for entry in entries {
            assert_eq!(Entry::parse(entry.name().as_bytes()), Some(entry));
        }
        for odd in [
            "",
            "/header.json",
            "./header.json",
            "../header.json",
            "store/keys",
            "store/keys/",
            "store/keys/0",
            "store/keys/+0000001",
            "store/keys/000000001",
            "store/keys/../0000000",
            "config/vcluster.yaml/00000000",
            "host/objects/0000000a",
            "header.json\0",
            "HEADER.JSON",
            "store//keys/00000000",
        ] {
            assert_eq!(Entry::parse(odd.as_bytes()), None, "{odd:?}");
        }
        assert_eq!(Entry::parse(&[0xff, 0xfe]), None);
    }
}
