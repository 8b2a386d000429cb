//! Kubeconfigs that v9s writes: for one virtual cluster, and changes of the file that a person has.

mod document;
mod entry;
mod file;
mod splice;
mod tenants;
#[cfg(test)]
mod tests;

pub use document::{Change, Document, Unreadable};
pub use entry::{Entry, Origin};
pub use file::{FileError, Written, change, default_path, write_private};
pub use tenants::{Stale, TenantContext, parse_name, tenant_contexts, way_back};
