//! What can be wrong with an archive.

use std::fmt;
use std::io;

use smol_str::SmolStr;
use thiserror::Error;

use super::manifest::Tenant;

/// Where in an archive something is wrong, from the outside in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The encryption around it.
    Seal,
    /// The compression.
    Packing,
    /// The sequence of entries.
    Entries,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layer::Seal => "encryption",
            Layer::Packing => "compression",
            Layer::Entries => "sequence of entries",
        })
    }
}

/// Why an archive was not read to its end. Nothing that was shown before counts.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// Its bytes could not be had: that says nothing about the archive.
    #[error("the archive could not be read to its end: {0}; try again")]
    Source(#[source] io::Error),
    /// The first bytes are of something else.
    #[error(
        "this is no backup: it begins neither like an archive of v9s, encrypted or not, nor like one of the official program"
    )]
    NotAnArchive,
    /// It ends too early.
    #[error(
        "the archive is cut off in its {0}: what is missing cannot be restored; copy it again from where it came, or take another"
    )]
    Truncated(Layer),
    /// Its bytes are not those that were written.
    #[error(
        "the archive is damaged in its {layer} ({why}): copy it again from where it came, or take another"
    )]
    Damaged {
        /// Where.
        layer: Layer,
        /// What did not fit.
        why: SmolStr,
    },
    /// It is encrypted, and no identity was given.
    #[error("the archive is encrypted: give the file with the identity that opens it (--identity FILE)")]
    Sealed,
    /// None of the identities opens it.
    #[error("none of the identities that were given opens this archive: it was encrypted to others")]
    WrongKey,
    /// It is of a later format.
    #[error("the archive is of version {found} of its format, and this v9s reads {known}: take a newer v9s")]
    UnknownVersion {
        /// What it says.
        found: u32,
        /// What is read here.
        known: u32,
    },
    /// An entry that does not belong into an archive: another name, a link, a folder, a path out of it.
    #[error(
        "the archive holds an entry that no backup has ({name:?}: {why}); it was not made by v9s, and nothing was taken from it"
    )]
    OddEntry {
        /// Its name.
        name: SmolStr,
        /// What is odd.
        why: SmolStr,
    },
    /// The same entry for the second time.
    #[error("the archive holds {0} twice")]
    Duplicate(SmolStr),
    /// An entry at the wrong place.
    #[error("the archive holds {0} at the wrong place: its entries are not in their order")]
    OutOfOrder(SmolStr),
    /// An entry that must be there and is not.
    #[error("the archive lacks {0}")]
    Missing(SmolStr),
    /// More than is ever read.
    #[error("{what} of the archive is larger than {limit} bytes: no backup is; it was not read further")]
    TooLarge {
        /// Of what.
        what: SmolStr,
        /// How much may be.
        limit: u64,
    },
    /// Something is not as the manifest says.
    #[error("{part} of the archive is not what its manifest says: {what} should be {told} and is {found}")]
    Mismatch {
        /// Which part.
        part: SmolStr,
        /// Of what.
        what: &'static str,
        /// What the manifest says.
        told: SmolStr,
        /// What is there.
        found: SmolStr,
    },
    /// A part is there, and its content makes no sense.
    #[error("{part} of the archive makes no sense: {why}")]
    Content {
        /// Which part.
        part: SmolStr,
        /// Why not.
        why: SmolStr,
    },
    /// It belongs to another virtual cluster than was meant.
    #[error("this is a backup of {found} and not of {expected}")]
    OtherTenant {
        /// Whose was meant.
        expected: Box<Tenant>,
        /// Whose it is.
        found: Box<Tenant>,
    },
    /// Something follows its end.
    #[error("the archive goes on behind its end: it was not made by v9s so, and nothing was taken from it")]
    Trailing,
    /// Whoever was shown the content did not want it.
    #[error("{0}")]
    Visitor(SmolStr),
}

/// Why an archive was not written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The bytes could not be put down.
    #[error("the archive could not be written: {0}")]
    Sink(#[from] io::Error),
    /// A document, a record or a line is larger than is ever read back.
    #[error("{what} has {size} bytes, and an archive takes {limit}: it would not read back")]
    TooLarge {
        /// What it is.
        what: SmolStr,
        /// How large.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// Keys of a store have to come in their order, each once.
    #[error("the store answered its keys out of order, at {0:?}: take the backup again")]
    KeyOrder(SmolStr),
    /// The parts of an archive have an order.
    #[error("{now} was to be written behind {before}")]
    PartOrder {
        /// The one that came before.
        before: &'static str,
        /// The one that came too late.
        now: &'static str,
    },
    /// Keys do not go into an archive that anybody can read.
    #[error("certificates and keys are only written into an encrypted archive: name a recipient")]
    KeysUnsealed,
    /// Bytes that are no etcd snapshot.
    #[error("etcd's snapshot did not arrive whole: {0}; take the backup again")]
    Snapshot(SmolStr),
}
