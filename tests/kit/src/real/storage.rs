//! A storage that speaks S3, over a folder of this machine.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::assets::Program;
use super::process::{Guard, Running};
use super::stores::{address, answers, program};

const PORT: u16 = 7070;
/// Who may do everything there.
pub const ACCESS_KEY: &str = "tests";
/// And by which word.
pub const SECRET_KEY: &str = "a word that is known to tests alone";

/// A storage with buckets. Dropping it ends it.
#[derive(Debug)]
pub struct Storage {
    address: Ipv4Addr,
    data: PathBuf,
    // Ends the program, which is only then reaped.
    runs: Option<(Guard, Running)>,
    folder: TempDir,
}

impl Storage {
    /// Starts it with these buckets, and waits until it takes connections. Blocks.
    ///
    /// # Errors
    /// When the program cannot be had, or ends; with its last log lines.
    pub fn start(buckets: &[&str]) -> Result<Self> {
        let folder = TempDir::with_prefix("v9s-storage-")?;
        let data = folder.path().join("data");
        for bucket in buckets {
            fs::create_dir_all(data.join(bucket)).context("making a bucket")?;
        }
        fs::create_dir_all(folder.path().join("metadata"))?;
        let mut storage = Self { address: address(), data, runs: None, folder };
        storage.revive()?;
        Ok(storage)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}:{PORT}", self.address)
    }

    /// Where a bucket keeps its objects.
    pub fn bucket(&self, bucket: &str) -> PathBuf {
        self.data.join(bucket)
    }

    /// Ends it as a machine that loses power does.
    pub fn kill(&mut self) {
        self.runs = None;
    }

    /// Starts it again with what it had.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn revive(&mut self) -> Result<()> {
        let path = program(Program::Versitygw)?;
        let listen = format!("{}:{PORT}", self.address);
        let mut guard = Guard::start(TempDir::with_prefix("v9s-storage-log-")?)?;
        let mut command = Command::new(&path);
        command
            .args([Path::new(&listen), &self.data, &self.folder.path().join("metadata")])
            .env("ROOT_ACCESS_KEY", ACCESS_KEY)
            .env("ROOT_SECRET_KEY", SECRET_KEY);
        let mut running = guard.spawn(&path, &mut command)?;
        answers(&listen, &mut running)?;
        self.runs = Some((guard, running));
        Ok(())
    }
}
