//! Starts the companion of one virtual cluster, or what else its image is for.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use v9s_syncer::{keeper, probe, process};

/// Threads wait for musl's own one after the other.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What comes first on the command line when the image is to hold the volume of a store.
const KEEP_STORE: &str = "keep-store";
/// The same when it is one end of a probe of the network.
const PROBE: &str = "probe";

fn main() -> ExitCode {
    let mut args: Vec<_> = std::env::args_os().collect();
    let is = |wanted: &str| args.get(1).is_some_and(|word| word == wanted);
    let done = if is(KEEP_STORE) {
        args.remove(1);
        keeper::run(&keeper::Options::parse_from(args)).map(|()| ExitCode::SUCCESS)
    } else if is(PROBE) {
        args.remove(1);
        probe::run(&probe::Options::parse_from(args))
    } else {
        run_companion(process::Options::parse_from(args)).map(|()| ExitCode::SUCCESS)
    };
    done.unwrap_or_else(|error| refuse(&error))
}

fn run_companion(options: process::Options) -> anyhow::Result<()> {
    // One thread: it waits for API servers far more than it computes, and what one thread gives back another's heap cannot use.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(process::run(options))
}

fn refuse(error: &anyhow::Error) -> ExitCode {
    // Standard error may be closed; there is nobody to tell then.
    let _ = writeln!(std::io::stderr(), "v9s-syncer: {error:#}");
    ExitCode::FAILURE
}
