//! Measures v9s against a large fleet, on a real API server and on the embedded one.
//!
//! `cargo build --release && cargo run --release -p v9s-bench` prints the table of `docs/benchmarks.md`. Each figure that depends on
//! the API server stands beside what a bare client takes for the same lists in the same run.

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

mod baseline;
mod dashboard;
mod embedded;
mod events;
mod library;
mod lists;
mod machine;
mod measure;
mod process;
mod report;
mod subject;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};

/// Measures v9s against a large fleet.
#[derive(Debug, Parser)]
struct Args {
    /// Hosts to measure on.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["real", "embedded"])]
    hosts: Vec<HostKind>,
    /// Virtual clusters on the host.
    #[arg(long, default_value_t = 1000)]
    vclusters: usize,
    /// Synced pods on the host.
    #[arg(long, default_value_t = 50_000)]
    pods: usize,
    /// How often what is short is measured; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The program to measure; by default the one beside this.
    #[arg(long)]
    v9s: Option<PathBuf>,
    /// A file whose part between the marks `<!-- measured -->` and `<!-- /measured -->` becomes the table.
    #[arg(long)]
    write: Option<PathBuf>,
    /// Be the embedded host that is measured.
    #[arg(long, hide = true)]
    serve: bool,
}

/// What holds the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HostKind {
    /// etcd and kube-apiserver.
    Real,
    /// The sandbox.
    Embedded,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    if args.serve {
        return runtime.block_on(embedded::serve());
    }
    let v9s = match &args.v9s {
        Some(path) => path.clone(),
        None => std::env::current_exe().context("looking for v9s")?.with_file_name("v9s"),
    };
    ensure!(v9s.is_file(), "{} is not there: cargo build --release", v9s.display());
    let mut sections = Vec::new();
    for kind in &args.hosts {
        let subject = runtime.block_on(subject::Subject::start(*kind, args.vclusters, args.pods))?;
        sections.push(measure::all(&runtime, &subject, &v9s, &args)?);
    }
    let table = report::render(&machine::describe(), &sections);
    println!("{table}");
    args.write.as_deref().map_or(Ok(()), |path| report::write(path, &table))
}
