//! A home of its own with a kubeconfig in it.

use std::process::{Command, Output};

use anyhow::{Context, Result};

/// A home folder.
pub struct Shell {
    pub home: tempfile::TempDir,
}

impl Shell {
    pub fn with(kubeconfig: &str) -> Result<Shell> {
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("kubeconfig"), kubeconfig)?;
        Ok(Shell { home })
    }

    /// Runs v9s in a thread of its own: the embedded host needs this one.
    pub async fn v9s(&self, args: &[&str]) -> Result<Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_v9s"));
        command
            .args(args)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"));
        tokio::task::spawn_blocking(move || command.output()).await?.context("running v9s")
    }
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
