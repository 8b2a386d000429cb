//! The archive of a backup: a stream of tar entries, packed with zstd and, where recipients were named, sealed with age.
//!
//! Written and read in one pass with a fixed buffer. The reader believes nothing that an archive says of itself before it has seen it:
//! a [`Visitor`] is shown content as it comes, and what it was shown counts only when [`read`] answers without an error.

mod census;
mod entry;
mod error;
mod fault;
mod layers;
mod limits;
mod manifest;
mod official;
mod order;
mod read;
mod record;
mod seal;
mod snapshot;
mod sum;
#[cfg(test)]
mod tests;
mod write;

pub use census::{Census, kind_of};
pub use entry::Part;
pub use error::{ArchiveError, Layer, WriteError};
pub use limits::{CHUNK, Limits};
pub(in crate::backup) use manifest::hex;
pub use manifest::{
    By, Contents, Coverage, FORMAT, Header, Manifest, PartEntry, StoreFacts, Tenant, VERSION, Volumes,
};
pub use official::{Official, OfficialKind};
pub use read::{Found, Visitor, read};
pub use record::Record;
pub use seal::{Identities, KeyError, Recipients};
pub use snapshot::SnapshotCheck;
pub use write::{ArchiveWriter, Written};
