//! Backups of virtual clusters: what one holds, how it is written down, where it goes, and the proof that it reads back.
//!
//! `docs/backup.md` documents the archive for whoever reads one without v9s.

pub mod archive;
pub mod destination;
pub mod rebuild;
pub mod schedule;
pub mod set;
