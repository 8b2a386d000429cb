//! The dashboard of v9s and its subcommands; `docs/architecture.md` has the map.

pub mod actions;
pub mod app;
pub mod cli;
pub mod columns;
pub mod config;
pub mod dashboard;
pub mod demo;
pub mod filter;
#[cfg(test)]
pub(crate) mod fixture;
pub mod format;
pub mod keymap;
pub mod logging;
pub mod panes;
pub mod screens;
pub mod settings;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod verbs;
pub mod widgets;
