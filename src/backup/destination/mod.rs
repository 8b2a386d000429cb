//! Where backups go: a folder, or a bucket of a storage that speaks S3.
//!
//! Whatever has a name at a destination is whole: a folder renames a finished file, a bucket shows an object when its upload is completed.

mod bucket;
mod error;
mod folder;
mod pipe;
mod place;
mod profile;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use smol_str::SmolStr;

pub use error::DestinationError;
pub use pipe::{PipeReader, PipeWriter, reader, writer};
pub use place::{BucketPlace, Environment, Place, PlaceError};

use bucket::{Bucket, BucketUpload};
use folder::{Folder, FolderUpload};

/// A destination. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Destination {
    place: Place,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Folder(Folder),
    Bucket(Bucket),
}

/// Something that lies at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: SmolStr,
    /// Its length in bytes.
    pub length: u64,
    /// When it was last written, by the clock of the destination.
    pub modified: DateTime<Utc>,
}

impl Destination {
    /// Gets ready to use a place. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When what is said of a bucket makes no sense.
    pub fn open(place: Place, environment: &Environment) -> Result<Self, DestinationError> {
        let kind = match &place {
            Place::Folder(path) => Kind::Folder(Folder::at(path.clone())),
            Place::Bucket(at) => Kind::Bucket(Bucket::open(at, environment, &place)?),
        };
        Ok(Destination { place, kind })
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Begins to write something of this name. Until [`Upload::commit`] nobody sees it; dropping it leaves nothing in a folder, and
    /// in a bucket nothing that can be read.
    ///
    /// # Errors
    /// When there is already something of that name, or the destination does not take it.
    pub async fn begin(&self, name: &str) -> Result<Upload, DestinationError> {
        self.plain(name)?;
        Ok(match &self.kind {
            Kind::Folder(folder) => {
                Upload::Folder(folder.begin(name).await.map_err(|why| self.failed("write", name, why))?)
            }
            Kind::Bucket(bucket) => Upload::Bucket(Box::new(bucket.begin(name).await?)),
        })
    }

    /// What lies under this name, piece by piece.
    ///
    /// # Errors
    /// When there is nothing of that name, or it cannot be had.
    pub async fn read(
        &self,
        name: &str,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>, DestinationError> {
        self.plain(name)?;
        match &self.kind {
            Kind::Folder(folder) => {
                let file = folder.read(name).await.map_err(|why| self.failed("read", name, why))?;
                Ok(tokio_util::io::ReaderStream::with_capacity(file, PIECE).boxed())
            }
            Kind::Bucket(bucket) => bucket.read(name).await,
        }
    }

    /// What lies there, by name. A folder that does not exist yet holds nothing.
    ///
    /// # Errors
    /// When the destination does not answer.
    pub async fn list(&self) -> Result<Vec<Stored>, DestinationError> {
        let mut all = match &self.kind {
            Kind::Folder(folder) => folder.list().await.map_err(|why| self.failed("list", "", why))?,
            Kind::Bucket(bucket) => bucket.list().await?,
        };
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Takes away what lies under this name. It may be gone already.
    ///
    /// # Errors
    /// When the destination does not do it.
    pub async fn remove(&self, name: &str) -> Result<(), DestinationError> {
        self.plain(name)?;
        match &self.kind {
            Kind::Folder(folder) => folder.remove(name).await.map_err(|why| self.failed("remove", name, why)),
            Kind::Bucket(bucket) => bucket.remove(name).await,
        }
    }

    /// Writes something small at once.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), DestinationError> {
        let mut upload = self.begin(name).await?;
        upload.write(bytes).await?;
        upload.commit().await
    }

    /// Reads something small whole.
    ///
    /// # Errors
    /// As [`Self::read`], and when it is larger than `limit`.
    pub async fn get(&self, name: &str, limit: usize) -> Result<Vec<u8>, DestinationError> {
        let mut pieces = self.read(name).await?;
        let mut whole = Vec::new();
        while let Some(piece) = pieces.next().await {
            whole.extend_from_slice(&piece.map_err(|why| self.failed("read", name, why))?);
            if whole.len() > limit {
                let why = format!("it has more than {limit} bytes");
                return Err(self.failed("read", name, std::io::Error::other(why)));
            }
        }
        Ok(whole)
    }

    /// A name is one segment: nothing of it leads elsewhere, and no hidden file is meant.
    fn plain(&self, name: &str) -> Result<(), DestinationError> {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if plain && !name.is_empty() && !name.starts_with('.') && name.len() <= 250 {
            return Ok(());
        }
        Err(DestinationError::Name(name.chars().take(100).collect()))
    }

    fn failed(&self, what: &'static str, name: &str, why: std::io::Error) -> DestinationError {
        let at = self.place.of(name);
        match why.kind() {
            std::io::ErrorKind::NotFound => DestinationError::NotThere(at),
            std::io::ErrorKind::AlreadyExists => DestinationError::There(at),
            _ => DestinationError::Folder { what, at, why },
        }
    }
}

/// Bytes that are read at a time.
const PIECE: usize = 256 << 10;

/// Something that is being written.
pub enum Upload {
    /// Into a folder.
    Folder(FolderUpload),
    /// Into a bucket.
    Bucket(Box<BucketUpload>),
}

impl Upload {
    /// The next bytes. Waits while the destination is slower than we are.
    ///
    /// # Errors
    /// When the destination does not take them.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), DestinationError> {
        match self {
            Upload::Folder(upload) => upload.write(&bytes).await,
            Upload::Bucket(upload) => upload.write(bytes).await,
        }
    }

    /// Makes it appear under its name, whole and on the disk.
    ///
    /// # Errors
    /// When the destination does not do it; then it is not there.
    pub async fn commit(self) -> Result<(), DestinationError> {
        match self {
            Upload::Folder(upload) => upload.commit().await,
            Upload::Bucket(upload) => upload.commit().await,
        }
    }

    /// Leaves nothing of it.
    pub async fn abort(self) {
        match self {
            Upload::Folder(upload) => drop(upload),
            Upload::Bucket(upload) => upload.abort().await,
        }
    }
}
