//! Subcommands that do something with one virtual cluster: what they share.

pub mod backup;
pub mod certs;
pub mod connect;
pub mod delete;
pub mod disconnect;
pub mod edit;
pub mod explain;
pub mod extend;
pub mod gc;
pub mod kubeconfig;
pub mod observe;
pub mod pause;
pub mod probe;
pub mod protect;
pub mod quota;
pub mod reap;
pub mod recover;
mod rehearse;
pub mod restart;
pub mod restore;
pub mod resume;
pub mod store;
pub mod verify;

mod ask;
mod cron;
mod host;
mod report;
pub(crate) mod session;
#[cfg(test)]
mod tests;

use clap::{Args, ValueEnum};
use smol_str::SmolStr;

pub(super) use ask::somebody_is_there;
pub use report::{Outcome, Report};

use crate::settings::Settings;

/// Flags of every verb that changes a virtual cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct VerbArgs {
    /// Name of the virtual cluster
    #[arg(value_name = "NAME", value_parser = super::args::non_empty)]
    pub name: SmolStr,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Also when Helm, Argo CD or Flux deploys it, which may undo it or be confused by it
    #[arg(long)]
    pub anyway: bool,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

impl ResultFormat {
    /// How its steps are shown meanwhile: not at all, or with ASCII only.
    fn shown(self, settings: &Settings) -> Option<bool> {
        (self == ResultFormat::Text).then_some(settings.config.ascii)
    }
}

/// How the result of a verb is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ResultFormat {
    /// Lines for people: progress to standard error, the result to standard output
    #[default]
    Text,
    /// One document; documented in docs/life.md
    Json,
}
