//! The front: records of an archive in, the file of a store out.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::Digest as _;
use smol_str::{SmolStr, ToSmolStr as _};

use super::draft::{Draft, failed, settle};
use super::entry::{Origin, Places, ceiling};
use super::error::RebuildError;
use super::etcd::{EtcdFile, latest};
use super::kine::KineFile;
use crate::backup::archive::{Record, Visitor, hex};
use crate::store::Engine;

/// The store of a virtual cluster, rebuilt on this machine while an archive is read: give it to [`read`](crate::backup::archive::read),
/// and call [`Rebuild::finish`] when that answered without an error. Dropped before, it leaves nothing.
///
/// It holds one record and a few megabytes of pages in memory, whatever the size of the store.
#[derive(Debug)]
pub struct Rebuild {
    // Before the draft: what writes ends before the file goes.
    work: Work,
    draft: Draft,
    places: Places,
}

#[derive(Debug)]
enum Work {
    Kine { file: KineFile, snapshot: bool },
    Etcd(EtcdFile, File),
    Snapshot(File),
}

/// Which file was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// kine's database: it is started on the file as it is.
    Kine,
    /// A snapshot for etcd, made from the keys: `etcdutl snapshot restore` makes a member's data of it.
    Etcd {
        /// What that is told as `--bump-revision`, together with `--mark-compacted`.
        bump: i64,
    },
    /// etcd's own snapshot, byte for byte as it lay in the archive. It may be a moment later than the keys are, and what a snapshot of
    /// the official program wants left out ([`Official::skipped`](crate::backup::archive::Official::skipped)) is in it still.
    Snapshot {
        /// As above.
        bump: i64,
    },
}

impl Way {
    /// What etcd's revision is raised by when a member's data are made of the file; kine starts on it as it is.
    pub fn bump(self) -> i64 {
        match self {
            Way::Kine => 0,
            Way::Etcd { bump } | Way::Snapshot { bump } => bump,
        }
    }
}

/// A store that was rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Its file, on the disk. Only its owner reads it: it holds the tenant's Secrets.
    pub file: PathBuf,
    /// Which file it is.
    pub way: Way,
    /// The revision that the store has when it runs again. All before it are gone, and the next change is behind it.
    pub revision: i64,
    /// Keys that the archive showed; of a snapshot of the official program with a database there are none.
    pub keys: u64,
    /// Keys that have another revision than they had, because another key had the same and kine knows one key for each.
    pub moved: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 over them, in hexadecimal digits.
    pub sha256: SmolStr,
}

impl Rebuild {
    /// Begins a store for `engine` from records that were read from `origin`. There must be no file at `path`; for etcd there is another
    /// beside it meanwhile, `PATH.sorting`.
    ///
    /// # Errors
    /// When no file can be made there.
    pub fn begin(engine: Engine, origin: Origin, path: &Path) -> Result<Self, RebuildError> {
        let (draft, file) = Draft::create(path)?;
        let work = match engine {
            Engine::Kine => Work::Kine { file: KineFile::begin(path)?, snapshot: false },
            Engine::Etcd => Work::Etcd(EtcdFile::begin(path)?, file),
        };
        Ok(Rebuild { work, draft, places: Places::new(origin) })
    }

    fn take(&mut self, record: Record<'_>) -> Result<(), RebuildError> {
        let entry = self.places.give(record)?;
        match &mut self.work {
            Work::Kine { file, .. } => file.add(self.draft.path(), &entry),
            Work::Etcd(file, _) => file.add(&entry),
            Work::Snapshot(_) => Err(RebuildError::KeysBehind),
        }
    }

    /// etcd's own snapshot is better than what can be made of keys: it knows how long leases last.
    fn take_snapshot(&mut self, bytes: &[u8]) -> Result<(), RebuildError> {
        let failed = failed(self.draft.path());
        match &mut self.work {
            Work::Kine { snapshot, .. } => *snapshot = true,
            Work::Etcd(_, file) => {
                let mut file = file.try_clone().map_err(&failed)?;
                file.write_all(bytes).map_err(&failed)?;
                self.work = Work::Snapshot(file);
            }
            Work::Snapshot(file) => file.write_all(bytes).map_err(&failed)?,
        }
        Ok(())
    }

    /// Ends the file and puts it on the disk. `raise_to` is the latest revision that somebody may have seen of the store that this one
    /// takes the place of, 0 when nobody has: every later change gets a higher one, and who watches from there or before is told to list
    /// anew.
    ///
    /// # Errors
    /// When there were no keys, or the file could not be written. Nothing is left of it then.
    pub fn finish(self, raise_to: i64) -> Result<Rebuilt, RebuildError> {
        let Rebuild { work, draft, places } = self;
        let keys = places.keys();
        // The snapshot may be a little later than the keys, or come without them.
        let own = if let Work::Snapshot(file) = &work { latest(file) } else { None };
        let highest = places.highest().max(own.unwrap_or_default());
        let last = ceiling(highest, raise_to);
        // A client that has seen revision R watches from R + 1, and etcd refuses what is below the revision up to which all is gone.
        let revision = last + 2;
        let bump = revision - highest;
        if keys == 0 && !matches!(work, Work::Snapshot(_)) {
            return Err(RebuildError::NoKeys { snapshot: matches!(work, Work::Kine { snapshot: true, .. }) });
        }
        let path = draft.path();
        let settle = || settle(path).map_err(failed(path));
        let ((bytes, sum), way, revision, moved) = match work {
            Work::Kine { file, .. } => {
                let settled = file.finish(path, last)?;
                (settle()?, Way::Kine, settled.revision, settled.moved)
            }
            Work::Etcd(etcd, file) => (etcd.finish(path, file)?, Way::Etcd { bump }, revision, 0),
            Work::Snapshot(_) => (settle()?, Way::Snapshot { bump }, revision, 0),
        };
        let sha256 = hex(&sum.finalize());
        Ok(Rebuilt { file: draft.keep(), way, revision, keys, moved, bytes, sha256 })
    }
}

impl Visitor for Rebuild {
    fn record(&mut self, record: Record<'_>) -> Result<(), SmolStr> {
        self.take(record).map_err(|error| error.to_smolstr())
    }

    fn snapshot(&mut self, bytes: &[u8]) -> Result<(), SmolStr> {
        self.take_snapshot(bytes).map_err(|error| error.to_smolstr())
    }
}
