//! What v9s knows of virtual clusters, and nothing of terminals.
//!
//! The folders follow what a person wants to know or do; `docs/architecture.md` says how data flows between them.

pub mod audit;
#[cfg(feature = "backup")]
pub mod backup;
pub mod cluster;
pub mod companion;
pub mod connect;
pub mod control;
pub mod cronjob;
pub mod explain;
pub mod fleet;
pub mod gc;
pub mod health;
pub mod known;
pub mod lifecycle;
pub mod links;
pub mod names;
pub mod operation;
pub mod probe;
pub mod provision;
pub mod references;
#[cfg(feature = "backup")]
pub mod rehearse;
pub mod secrecy;
pub mod store;
pub mod target;
pub mod time;
pub mod wire;
