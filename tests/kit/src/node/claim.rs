//! Which numbers are taken: a cluster holds the lock of its folder as long as anything of it runs.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::guard::{self, Guard};
use super::layout::{Layout, MOST_CLUSTERS};

/// Data of all clusters, each in a folder that is named like it. Not in a temporary folder: anybody may write there.
const HOME: &str = "/var/lib/v9s-clusters";

/// A number of our own, with an empty folder that only root may enter, and the guard that removes it again.
#[derive(Debug)]
pub(super) struct Claim {
    pub layout: Layout,
    pub folder: PathBuf,
    pub guard: Guard,
}

impl Claim {
    /// Removes what dead clusters have left, and takes the lowest free number.
    pub fn take() -> Result<Self> {
        let home = Path::new(HOME);
        // One at a time: between making a folder and locking it, it would look like one of a dead cluster.
        let _turn = lock_home(home)?;
        remove_residues(home)?;
        for number in 0..MOST_CLUSTERS {
            let layout = Layout { number };
            let folder = home.join(layout.name());
            match fs::DirBuilder::new().mode(0o700).create(&folder) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                made => made.with_context(|| format!("creating {}", folder.display()))?,
            }
            let lock = try_lock(&folder)?.with_context(|| format!("{} is locked", folder.display()))?;
            let guard = Guard::start(layout, &folder, lock)?;
            return Ok(Self { layout, folder, guard });
        }
        bail!("{MOST_CLUSTERS} test clusters run on this machine already: stop one")
    }
}

/// The last cluster to end removes the home, so what was locked may not be what is there by then.
fn lock_home(home: &Path) -> Result<File> {
    loop {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(home)
            .with_context(|| format!("creating {}", home.display()))?;
        let Some(lock) = open(home)? else { continue };
        lock.lock().with_context(|| format!("waiting for the lock of {}", home.display()))?;
        if is_at(&lock, home)? {
            return Ok(lock);
        }
    }
}

fn remove_residues(home: &Path) -> Result<()> {
    for number in 0..MOST_CLUSTERS {
        let layout = Layout { number };
        let folder = home.join(layout.name());
        if let Some(_lock) = try_lock(&folder)? {
            guard::clean_up(layout, &folder)?;
        }
    }
    Ok(())
}

/// The lock of a folder; none when somebody else holds it or the folder is not there (any more).
fn try_lock(folder: &Path) -> Result<Option<File>> {
    let Some(lock) = open(folder)? else { return Ok(None) };
    match lock.try_lock() {
        Ok(()) => Ok(is_at(&lock, folder)?.then_some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking {}", folder.display()))
        }
    }
}

fn open(folder: &Path) -> Result<Option<File>> {
    match File::open(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).with_context(|| format!("opening {}", folder.display())),
    }
}

fn is_at(file: &File, path: &Path) -> Result<bool> {
    let ours = file.metadata().with_context(|| format!("looking at {}", path.display()))?;
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        there => {
            let there = there.with_context(|| format!("looking at {}", path.display()))?;
            Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino()))
        }
    }
}
