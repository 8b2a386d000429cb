//! The file of a kubeconfig: one writer at a time, whole or not at all, with what was there before beside it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::document::{Document, Unreadable};

/// How long another writer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(50);

/// A kubeconfig that was not changed.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read, or its folder cannot be written to.
    #[error("cannot {what} {path}: {reason}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// It is no kubeconfig.
    #[error("{path} was left as it is: {reason}")]
    Unreadable {
        /// Its path.
        path: String,
        /// What is wrong.
        reason: Unreadable,
    },
    /// Another program is changing it.
    #[error("{lock} is there: another program is changing the kubeconfig; remove it if none is")]
    Locked {
        /// The lock.
        lock: String,
    },
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The file says what it should already.
    Unchanged,
    /// It was written; `backup` has what was there before, if anything was.
    Changed {
        /// Its path.
        backup: Option<PathBuf>,
    },
}

/// The file that kubectl would change: the one that was named, else of `KUBECONFIG` the first that is there (the last when none
/// is), else `~/.kube/config`. None without a home.
pub fn default_path(
    named: Option<&Path>,
    variable: Option<OsString>,
    home: Option<PathBuf>,
) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    let listed: Vec<PathBuf> = variable
        .map(|paths| std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    let present = listed.iter().find(|path| path.exists()).or(listed.last()).cloned();
    present.or_else(|| Some(home?.join(".kube").join("config")))
}

/// Changes a kubeconfig. `change` sees what is there and answers what should be; it may see another state than the caller did
/// before, as the file is locked only now. Blocks for as long as the disk and another writer take.
///
/// # Errors
/// When the file cannot be locked, read, understood or written. It is as it was then.
pub fn change(
    path: &Path,
    change: impl FnOnce(&Document) -> Result<Document, Unreadable>,
) -> Result<Written, FileError> {
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed("make the folder", folder))?;
    }
    let _lock = Lock::take(&path)?;
    let before = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("read", &path)(error)),
    };
    let unreadable = |reason| FileError::Unreadable { path: path.display().to_string(), reason };
    let document = Document::read(before.as_deref().unwrap_or_default()).map_err(unreadable)?;
    let after = change(&document).map_err(unreadable)?;
    if after.text() == document.text() {
        return Ok(Written::Unchanged);
    }
    let backup = match &before {
        Some(before) => {
            let backup = beside(&path, ".v9s-backup");
            write_private(&backup, before)?;
            Some(backup)
        }
        None => None,
    };
    replace(&path, after.text())?;
    Ok(Written::Changed { backup })
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<(), FileError> {
    replace(path, text)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn replace(path: &Path, text: &str) -> Result<(), FileError> {
    let draft = beside(path, &format!(".v9s-{}", std::process::id()));
    let written = write_draft(&draft, path, text).and_then(|()| fs::rename(&draft, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        failed("write", path)(error)
    })
}

fn write_draft(draft: &Path, path: &Path, text: &str) -> io::Result<()> {
    // One of an earlier run that was killed.
    let _ = fs::remove_file(draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    if let Ok(before) = fs::metadata(path) {
        file.set_permissions(before.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> FileError {
    let path = path.display().to_string();
    move |error| FileError::Io { what, path: path.clone(), reason: error.to_string() }
}

/// The lock that kubectl takes, too: a file of that name, made by who holds it and removed afterwards.
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> Result<Self, FileError> {
        let lock = beside(path, ".lock");
        let until = Instant::now() + PATIENCE;
        loop {
            match File::create_new(&lock) {
                Ok(_) => return Ok(Lock(lock)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("lock", &lock)(error)),
            }
            if Instant::now() >= until {
                return Err(FileError::Locked { lock: lock.display().to_string() });
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
