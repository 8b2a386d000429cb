//! A folder: written under a hidden name, put on the disk, renamed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::RngExt as _;
use smol_str::{SmolStr, format_smolstr};
use tokio::io::AsyncWriteExt as _;

use super::Stored;
use super::error::DestinationError;

/// What a file that is being written has in its name.
const PARTIAL: &str = ".partial-";
/// How long a file may take from being made to being locked.
const YOUNG: Duration = Duration::from_secs(60);

/// A folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn at(path: PathBuf) -> Self {
        Folder { path }
    }

    pub(super) async fn begin(&self, name: &str) -> io::Result<FolderUpload> {
        let (folder, name) = (self.path.clone(), name.to_owned());
        blocking(move || {
            fs::create_dir_all(&folder)?;
            sweep(&folder);
            let end = folder.join(&name);
            if end.try_exists()? {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let partial = folder.join(format!(".{name}{PARTIAL}{:08x}", rand::rng().random::<u32>()));
            let file = private(&partial)?;
            // Held as long as it is written: what nobody holds was left by somebody who is gone.
            let partial = Partial(partial);
            file.lock()?;
            Ok(FolderUpload { file: tokio::fs::File::from_std(file), partial, end })
        })
        .await
    }

    pub(super) async fn read(&self, name: &str) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(self.path.join(name)).await
    }

    pub(super) async fn list(&self) -> io::Result<Vec<Stored>> {
        let folder = self.path.clone();
        blocking(move || {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut all = Vec::new();
            for entry in entries {
                let entry = entry?;
                let Some(name) = entry.file_name().to_str().map(SmolStr::new) else { continue };
                let meta = match entry.metadata() {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    meta => meta?,
                };
                if meta.is_file() && !name.starts_with('.') {
                    all.push(Stored { name, length: meta.len(), modified: meta.modified()?.into() });
                }
            }
            Ok(all)
        })
        .await
    }

    pub(super) async fn remove(&self, name: &str) -> io::Result<()> {
        let folder = self.path.clone();
        let name = name.to_owned();
        blocking(move || {
            match fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            sync_folder(&folder)
        })
        .await
    }
}

/// Only for who writes it: it may hold everything that a tenant has.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes away what was begun by programs that are gone. What another one writes is locked.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let partial = name.to_str().is_some_and(|name| name.starts_with('.') && name.contains(PARTIAL));
        // What was made just now may not be locked yet.
        let old = entry
            .metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > YOUNG));
        if partial && old && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            // It may have been renamed or removed by now, and that is as well.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// A file under its hidden name, which goes with whoever writes it.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // After the renaming there is none.
        let _ = fs::remove_file(&self.0);
    }
}

/// A file that is being written.
pub struct FolderUpload {
    file: tokio::fs::File,
    partial: Partial,
    end: PathBuf,
}

impl FolderUpload {
    fn failed(&self, what: &'static str, why: io::Error) -> DestinationError {
        let at = format_smolstr!("{}", self.end.display());
        match why.kind() {
            io::ErrorKind::AlreadyExists => DestinationError::There(at),
            _ => DestinationError::Folder { what, at, why },
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), DestinationError> {
        let written = self.file.write_all(bytes).await;
        written.map_err(|why| self.failed("write", why))
    }

    pub(super) async fn commit(mut self) -> Result<(), DestinationError> {
        let done = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            let (partial, end) = (self.partial.0.clone(), self.end.clone());
            blocking(move || {
                // Nothing is written over, even by two at a time: a name is taken by who makes the link first.
                match fs::hard_link(&partial, &end) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                    // Not every file system has links.
                    Err(_) => fs::rename(&partial, &end)?,
                    Ok(()) => {}
                }
                end.parent().map_or(Ok(()), sync_folder)
            })
            .await
        };
        let done = done.await;
        done.map_err(|why| self.failed("finish", why))
    }
}
