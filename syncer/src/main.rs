//! Starts the companion of one virtual cluster.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use v9s_syncer::process::{self, Options};

/// Threads wait for musl's own one after the other.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A pod of 40 MB has no room for a thread for each core of a large machine.
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&anyhow::anyhow!("cannot start the runtime: {error}")),
    };
    match runtime.block_on(process::run(Options::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &anyhow::Error) -> ExitCode {
    // Standard error may be closed; there is nobody to tell then.
    let _ = writeln!(std::io::stderr(), "v9s-syncer: {error:#}");
    ExitCode::FAILURE
}
