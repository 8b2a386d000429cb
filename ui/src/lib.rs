//! The dashboard of v9s and its subcommands; `docs/architecture.md` has the map.

pub mod format;
pub mod text;
pub mod theme;
