//! The command line: what can be asked for, and the subcommands that need no terminal.

pub(crate) mod args;
mod check;
pub mod create;
mod exit;
mod export;
mod host;
pub mod list;
mod run;
mod steps;
pub mod verbs;

pub use args::{
    CheckArgs, Cli, Command, ConnectArgs, CreateArgs, DemoArgs, Export, ExportArgs, GlobalArgs, ListArgs,
    LogLevel, OutputFormat, SandboxArgs, ScopeArgs,
};
pub use create::run as run_create;
pub use exit::Exit;
pub use export::run as run_export;
pub use run::{check as run_check, list as run_list};

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

/// Writes a shell's completion script to standard output.
pub fn completion(shell: Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "v9s", &mut script);
    print(&script)
}

/// Writes the version to standard output.
pub fn version() -> anyhow::Result<Exit> {
    print(format!("v9s {}\n", env!("CARGO_PKG_VERSION")).as_bytes())
}

/// Writes to standard output. A reader that has seen enough (`v9s list | head`) is no error.
fn print(text: &[u8]) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Ok),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
    }
}

#[cfg(test)]
mod tests;
