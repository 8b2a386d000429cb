//! The embedded host in a process of its own: what the benchmark itself needs must not weigh on it, nor it on the benchmark.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use v9s_sandbox::{Options, Sandbox};

/// How YAML says that a document is whole.
const END: &str = "\n...\n";

/// The running process. Dropping it ends the host.
pub struct Embedded(Child);

impl Embedded {
    /// Starts this program again with `--serve`, and returns the kubeconfig that it prints.
    pub fn start() -> Result<(Self, String)> {
        let program = std::env::current_exe().context("looking for this program")?;
        let mut child = Command::new(program)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the embedded host")?;
        let output = child.stdout.take();
        let host = Self(child);
        let mut kubeconfig = String::new();
        let mut output = BufReader::new(output.context("it has no output")?);
        while !kubeconfig.ends_with(END) {
            ensure!(output.read_line(&mut kubeconfig)? > 0, "the embedded host has not started");
        }
        Ok((host, kubeconfig))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Is the embedded host: prints its kubeconfig and runs until its input ends.
pub async fn serve() -> Result<()> {
    let sandbox = Sandbox::start(Options::default()).await?;
    let kubeconfig = sandbox.kubeconfig();
    let mut output = std::io::stdout();
    write!(output, "{}{END}", kubeconfig.trim_end())?;
    output.flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
