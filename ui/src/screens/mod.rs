//! The screens: one file or folder each, and one line in the registry.

pub mod chooser;
pub mod command;
pub mod confirm;
pub mod fleet;
pub mod help;
pub mod list;
pub mod popup;
pub mod quit;

use crate::app::registry::{Entry, Registry};

#[cfg(test)]
mod tests;

/// Every screen and command; the first one is where v9s starts.
pub const REGISTRY: Registry = &ENTRIES;

static ENTRIES: [Entry; 6] =
    [fleet::ENTRY, help::ENTRY, chooser::MENU, chooser::PALETTE, command::ENTRY, quit::ENTRY];
