//! A person's seat: a home folder, a kubeconfig, a terminal.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::Utc;
use serde_json::json;
use tempfile::TempDir;
use v9s_testkit::host::Host;
use v9s_testkit::pty::{Program, Terminal};
use v9s_ui::demo::install::{Install, install};
use v9s_ui::demo::objects::Setting;
use v9s_ui::demo::seed::Seed;
use v9s_ui::demo::spec::Tenant;

/// A home of its own, with a kubeconfig in it.
pub struct Seat {
    home: TempDir,
}

impl Seat {
    /// A home with this kubeconfig.
    pub fn with(kubeconfig: &str) -> Result<Self> {
        let home = TempDir::with_prefix("v9s-seat-")?;
        std::fs::write(home.path().join("kubeconfig"), kubeconfig)?;
        Ok(Self { home })
    }

    /// A home whose only context leads nowhere: the port is not listened on.
    pub fn nowhere() -> Result<Self> {
        Self::with(&context("nowhere", "http://127.0.0.1:1"))
    }

    /// A file below the home.
    pub fn file(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// Writes a file below the home.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let file = self.file(path);
        let folder = file.parent().context("a file has a folder")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(file, text)?;
        Ok(())
    }

    /// v9s with these arguments, not started yet.
    pub fn v9s(&self, args: &[&str]) -> Program {
        self.program(Path::new(env!("CARGO_BIN_EXE_v9s"))).args(args)
    }

    /// Any program with this home.
    pub fn program(&self, path: &Path) -> Program {
        Program::new(path)
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.file("kubeconfig"))
            .env("COLORTERM", "truecolor")
    }
}

/// A kubeconfig with one context without credentials.
pub fn context(name: &str, url: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    })
    .to_string()
}

/// A tenant with a name that no other test has.
pub fn tenant(host: &Host, stem: &str) -> Tenant {
    Tenant::new(&host.named(stem), Utc::now() - chrono::Duration::days(3), Seed::new(7))
}

/// Puts tenants on the host, status and pods included.
pub async fn put(host: &Host, tenants: &[Tenant]) -> Result<()> {
    let setting = Setting { now: Utc::now(), nodes: vec!["node-a".to_owned()], managed_fields: true };
    let how = Install { concurrency: 8, status: true, controlled: true };
    install(&host.client(), tenants, &setting, how).await?;
    Ok(())
}

/// Opens the filter, types into it and keeps it.
pub fn filter(terminal: &Terminal, typed: &str) -> Result<()> {
    terminal.press(&["/"])?;
    terminal.send(typed)?;
    terminal.press(&["enter"])
}

/// Types a command.
pub fn command(terminal: &Terminal, line: &str) -> Result<()> {
    terminal.press(&[":"])?;
    terminal.send(line)?;
    terminal.press(&["enter"])
}
