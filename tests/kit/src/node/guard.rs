//! Ends a cluster when it is dropped or when this process dies.
//!
//! As with the programs of a control plane, a small shell waits at a pipe that the kernel closes when this process is
//! gone. It holds the lock of the cluster's folder, so nobody takes the cluster's number before it is done; should it
//! be killed as well, the lock is free and the next start cleans up.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::layout::Layout;

const CLEAN_UP: &str = include_str!("cleanup.sh");

/// Dropping it ends the cluster.
#[derive(Debug)]
pub(super) struct Guard {
    watcher: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Watches over the cluster with this layout, folder, and lock of the folder.
    pub fn start(layout: Layout, folder: &Path, lock: File) -> Result<Self> {
        let script = format!("while read -r _; do :; done\n{CLEAN_UP}");
        let mut watcher = shell(&script, layout, folder)
            .stdin(Stdio::piped())
            // Nothing is written there: it is how the lock is passed on.
            .stdout(lock)
            // An interrupt from the terminal is for the tests; the watcher must outlive it.
            .process_group(0)
            .spawn()
            .context("starting the shell that watches over a test cluster")?;
        let pipe = watcher.stdin.take();
        Ok(Self { watcher, pipe })
    }

    /// Ends the cluster.
    ///
    /// # Errors
    /// When a trace of it could not be removed; the watcher has said which on standard error.
    pub fn end(&mut self) -> Result<()> {
        drop(self.pipe.take());
        let status = self.watcher.wait().context("waiting for the end of a test cluster")?;
        ensure!(status.success(), "a test cluster left something behind ({status}); see above");
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // What went wrong has been said by the script.
        let _ = self.end();
    }
}

/// Removes what a cluster left whose process and guard were both killed. The caller holds the folder's lock.
pub(super) fn clean_up(layout: Layout, folder: &Path) -> Result<()> {
    let status = shell(CLEAN_UP, layout, folder).stdin(Stdio::null()).status();
    let status = status.context("starting the shell that cleans up after a dead test cluster")?;
    ensure!(
        status.success(),
        "what is left of the dead test cluster {} could not be removed; see above",
        layout.name()
    );
    Ok(())
}

fn shell(script: &str, layout: Layout, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "v9s-cluster-guard", &layout.name()]).arg(folder).env("PATH", super::path());
    command
}
