//! Measures v9s against a large fleet, on a real API server and on the embedded one.
//!
//! `cargo build --release && cargo run --release -p v9s-bench` prints the table of `docs/benchmarks.md`. Each figure that depends on
//! the API server stands beside what a bare client takes for the same lists in the same run. `--of sandbox` measures the
//! embedded host itself instead, `--of syncer` the companion of a virtual cluster, `--of gc` the collecting of leftovers, `--of backup`
//! writing and verifying a backup.

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

mod backup;
mod baseline;
mod dashboard;
mod embedded;
mod events;
mod gc;
mod hold;
mod library;
mod lists;
mod machine;
mod measure;
mod painter;
mod process;
mod report;
mod sandbox;
mod subject;
mod syncer;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;

/// Measures v9s against a large fleet.
#[derive(Debug, Parser)]
struct Args {
    /// What to measure.
    #[arg(long, value_enum, default_value = "dashboard")]
    of: Measured,
    /// Hosts to measure on.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["real", "embedded"])]
    hosts: Vec<HostKind>,
    /// Virtual clusters on the host.
    #[arg(long, default_value_t = 1000)]
    vclusters: usize,
    /// Synced pods on the host.
    #[arg(long, default_value_t = 50_000)]
    pods: usize,
    /// Pods that a tenant creates, for the companion; each number is measured with servers of its own.
    #[arg(long, value_delimiter = ',', default_values_t = [500, 5_000, 20_000])]
    tenant_pods: Vec<usize>,
    /// How often what is short is measured; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The program to measure; by default the one beside this.
    #[arg(long)]
    program: Option<PathBuf>,
    /// A file whose part between the marks `<!-- measured -->` and `<!-- /measured -->` (of the embedded host:
    /// `<!-- sandbox -->`, of the companion: `<!-- syncer -->`, of leftovers: `<!-- gc -->`, of backups: `<!-- backup -->`) becomes the table.
    #[arg(long)]
    write: Option<PathBuf>,
    /// Be the embedded host that is measured.
    #[arg(long, hide = true)]
    serve: bool,
    /// Be the program that paints a frame for every key.
    #[arg(long, hide = true)]
    paint: bool,
    /// Be the embedded host whose cost is measured.
    #[arg(long, hide = true, value_enum)]
    hold: Option<hold::Life>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measured {
    /// v9s, from outside, on hosts with a fleet.
    Dashboard,
    /// The embedded host with a fleet.
    Sandbox,
    /// The companion between two real API servers.
    Syncer,
    /// Finding and collecting what tenants have left.
    Gc,
    /// Writing and verifying a backup.
    Backup,
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
    if args.paint {
        return painter::paint();
    }
    let runtime = Runtime::new()?;
    if args.serve {
        return runtime.block_on(embedded::serve());
    }
    if let Some(life) = args.hold {
        return runtime.block_on(hold::hold(life, args.vclusters, args.pods));
    }
    let (mark, sections) = match args.of {
        Measured::Dashboard => ("measured", dashboards(&runtime, &args)?),
        Measured::Sandbox => {
            ("sandbox", vec![sandbox::measure(args.vclusters, args.pods, args.rounds.max(1))?])
        }
        Measured::Syncer => {
            let program = program(&args, "v9s-syncer")?;
            ("syncer", runtime.block_on(syncer::measure(program, &args.tenant_pods))?)
        }
        Measured::Gc => {
            let section = |kind: &HostKind| runtime.block_on(gc::measure(*kind));
            ("gc", args.hosts.iter().map(section).collect::<Result<_>>()?)
        }
        Measured::Backup => ("backup", vec![runtime.block_on(backup::measure())?]),
    };
    let table = report::render(&machine::describe(), &sections);
    println!("{table}");
    args.write.as_deref().map_or(Ok(()), |path| report::write(path, mark, &table))
}

/// The program to measure.
fn program(args: &Args, name: &str) -> Result<PathBuf> {
    let path = match &args.program {
        Some(path) => path.clone(),
        None => std::env::current_exe().with_context(|| format!("looking for {name}"))?.with_file_name(name),
    };
    ensure!(path.is_file(), "{} is not there: cargo build --release", path.display());
    Ok(path)
}

/// Leaves the servers alone in their session: Linux divides processors between sessions first, and whoever watches the screen
/// would wait behind the servers' threads. Not where a shell has made this process the leader of a group.
fn leave_session() {
    let _ = rustix::process::setsid();
}

/// The figures of v9s on each host.
fn dashboards(runtime: &Runtime, args: &Args) -> Result<Vec<report::Section>> {
    let v9s = program(args, "v9s")?;
    let section = |kind: &HostKind| {
        let subject = runtime.block_on(subject::Subject::start(*kind, args.vclusters, args.pods))?;
        leave_session();
        measure::all(runtime, &subject, &v9s, args)
    };
    args.hosts.iter().map(section).collect()
}
