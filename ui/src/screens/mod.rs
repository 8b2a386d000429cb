//! The screens: one file or folder each, and one line in the registry.

pub mod activity;
pub mod archives;
pub mod backup;
pub mod chooser;
pub mod command;
pub mod confirm;
pub mod connect;
pub mod connections;
pub mod contexts;
pub mod create;
pub mod edit;
pub mod explain;
pub mod extend;
pub mod fields;
pub mod findings;
pub mod fleet;
pub mod help;
pub mod list;
pub mod namespaces;
pub mod orphans;
pub mod popup;
pub mod probe;
pub mod quit;
pub mod quota;
pub mod tabs;
pub mod text;
pub mod themes;
pub mod vcluster;
pub mod verb;

use crate::app::registry::{Entry, Registry};

#[cfg(test)]
mod tests;

/// Every screen and command; the first one is where v9s starts.
pub const REGISTRY: Registry = &ENTRIES;

static ENTRIES: [Entry; 20] = [
    fleet::ENTRY,
    fleet::EXPIRING,
    vcluster::ENTRY,
    findings::ENTRY,
    create::ENTRY,
    edit::ENTRY,
    orphans::ENTRY,
    connections::ENTRY,
    verb::DISCONNECT,
    contexts::ENTRY,
    namespaces::ENTRY,
    activity::JOBS,
    activity::JOB,
    activity::MESSAGES,
    help::ENTRY,
    chooser::MENU,
    chooser::PALETTE,
    command::ENTRY,
    themes::ENTRY,
    quit::ENTRY,
];
