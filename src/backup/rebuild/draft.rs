//! A file that is being written: only its owner reads it, for a store holds Secrets, and it goes again unless it was finished.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::RebuildError;

/// A file that goes when this is dropped, unless it was kept.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    kept: bool,
}

impl Draft {
    /// Makes an empty file.
    ///
    /// # Errors
    /// When there is one, or it cannot be made.
    pub(super) fn create(path: &Path) -> Result<(Draft, File), RebuildError> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(failed(path))?;
        Ok((Draft { path: path.to_owned(), kept: false }, file))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It is whole, and stays.
    pub(super) fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // It may be gone with its folder.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What did not work at a path.
pub(super) fn failed(path: &Path) -> impl Fn(io::Error) -> RebuildError + '_ {
    |error| RebuildError::File { path: path.to_owned(), error }
}

/// Reads to the end, and answers the number of bytes and the sum so far: more may follow.
pub(super) fn sum(mut from: impl io::Read) -> io::Result<(u64, Sha256)> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((length, sum)),
            Ok(count) => {
                sum.update(&buffer[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Puts a file on the disk; its length and its sum.
pub(super) fn settle(path: &Path) -> io::Result<(u64, Sha256)> {
    let file = File::open(path)?;
    file.sync_all()?;
    sum(file)
}
