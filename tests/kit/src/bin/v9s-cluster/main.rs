//! Starts and stops clusters for people: `docs/hosts.md` has examples.

mod commands;
mod record;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use v9s_testkit::node::MOST_NODES;

/// Kubernetes clusters on this machine, for tests and for trying things out.
#[derive(Debug, Parser)]
#[command(name = "v9s-cluster", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a cluster that runs until `down`, and print the path of its kubeconfig.
    Up {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        size: Size,
    },
    /// Stop a cluster and remove every trace of it.
    Down {
        #[command(flatten)]
        which: Which,
    },
    /// Print the clusters and their kubeconfigs.
    List,
    /// Print the folder that holds kubectl and the control plane's programs.
    Path,
    /// Start a cluster and stop it when this process is told to end; `up` runs this in the background.
    Run {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        size: Size,
    },
}

#[derive(Debug, clap::Args)]
struct Which {
    /// A name of your own for it.
    #[arg(default_value = "default", value_parser = record::name)]
    name: String,
}

#[derive(Debug, clap::Args)]
struct Size {
    /// How many nodes pods can run on. Without any it is a control plane alone, and needs no root.
    #[arg(long, default_value_t = 1, value_parser = count)]
    nodes: usize,
}

fn count(text: &str) -> Result<usize, String> {
    let count: usize = text.parse().map_err(|_| format!("give a number from 0 to {MOST_NODES}"))?;
    if count > MOST_NODES { Err(format!("a cluster has at most {MOST_NODES} nodes")) } else { Ok(count) }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Up { which, size } => commands::up(&which.name, size.nodes),
        Command::Down { which } => commands::down(&which.name),
        Command::List => commands::list(),
        Command::Path => commands::path(),
        Command::Run { which, size } => commands::run(&which.name, size.nodes),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::complain(&format!("v9s-cluster: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
