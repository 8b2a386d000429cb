//! Rebuilds the file of a store on this machine from what an archive shows: the database of kine, or a snapshot for etcd.
//! `docs/backup.md` says what a restored store is.

mod bolt;
mod draft;
mod entry;
mod error;
mod etcd;
mod front;
mod kine;
mod sqlite;
#[cfg(test)]
mod tests;

pub use entry::Origin;
pub use error::RebuildError;
pub use front::{Rebuild, Rebuilt, Way};
