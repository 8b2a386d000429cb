//! What is kept of a cluster that people started: its kubeconfig, its log, and who runs it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use v9s_testkit::cache::cache_root;

/// The folder of a cluster. The process that runs the cluster holds the lock in it.
#[derive(Debug, Clone)]
pub struct Record {
    folder: PathBuf,
}

/// A cluster's name, which is a file name.
pub fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.len() <= 63 && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a name is made of at most 63 lower-case letters, digits and `-`".to_owned())
    }
}

impl Record {
    fn home() -> Result<PathBuf> {
        Ok(cache_root().context("neither XDG_CACHE_HOME nor HOME is set")?.join("clusters"))
    }

    /// The record of the cluster with this name, which need not exist.
    pub fn of(name: &str) -> Result<Self> {
        Ok(Self { folder: Self::home()?.join(name) })
    }

    /// Names of all clusters that there are records of.
    pub fn names() -> Result<Vec<String>> {
        let home = Self::home()?;
        let entries = match fs::read_dir(&home) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| format!("reading {}", home.display()))?,
        };
        let mut names: Vec<_> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// Where its kubeconfig is once it is ready.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// What its process says.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub fn exists(&self) -> bool {
        self.folder.exists()
    }

    /// Makes the folder, which only its owner may enter.
    pub fn create(&self) -> Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .with_context(|| format!("creating {}", self.folder.display()))
    }

    /// Takes the lock; none while a cluster of this name runs.
    pub fn try_lock(&self) -> Result<Option<File>> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("locking {}", self.folder.display()))
            }
        }
    }

    /// Waits until no cluster of this name runs.
    pub fn wait_for_end(&self) -> Result<()> {
        let file = self.lock_file()?;
        file.lock().with_context(|| format!("waiting for the lock in {}", self.folder.display()))
    }

    fn lock_file(&self) -> Result<File> {
        let path = self.folder.join("lock");
        let opened = OpenOptions::new().create(true).write(true).truncate(false).open(&path);
        opened.with_context(|| format!("opening {}", path.display()))
    }

    /// The process that runs the cluster; it is the one that holds the lock.
    pub fn pid(&self) -> Result<i32> {
        let path = self.folder.join("pid");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        text.trim().parse().with_context(|| format!("reading {}", path.display()))
    }

    pub fn write_pid(&self) -> Result<()> {
        private(&self.folder.join("pid"), &std::process::id().to_string())
    }

    /// Puts the kubeconfig in place as a whole.
    pub fn write_kubeconfig(&self, text: &str) -> Result<()> {
        let fresh = self.folder.join("kubeconfig.new");
        private(&fresh, text)?;
        fs::rename(&fresh, self.kubeconfig())
            .with_context(|| format!("moving {} into place", fresh.display()))
    }

    pub fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| format!("removing {}", self.folder.display()))
    }
}

fn private(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("creating {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))
}
