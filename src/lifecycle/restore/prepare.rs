//! The new store, made of a backup on this machine before anything is stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use smol_str::{SmolStr, ToSmolStr as _};
use tempfile::TempDir;

use super::anew;
use super::see::signing_key;
use super::{Request, RestoreError};
use crate::backup::archive::{Found, Header, Manifest, Official, Part, Record, Tenant, Visitor};
use crate::backup::rebuild::{Origin, Rebuild, Rebuilt};
use crate::backup::set::{shown, verify};
use crate::operation::Progress;
use crate::store::keeper::Kept;

/// What folders of restores are called.
pub(super) const PREFIX: &str = "restore-";
/// No restore takes as long: a folder that is older is of one that was killed.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A new store as a file of this machine; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Version of Kubernetes that it is of.
    pub(super) kubernetes: Option<SmolStr>,
    /// Number of objects by kind.
    pub(super) counts: BTreeMap<SmolStr, u64>,
    /// The key by which the tokens of its service accounts are checked, where it is in the backup.
    pub(super) signing_key: Option<Vec<u8>>,
    /// The revision from which the backup was taken: what runs afterwards has a later one.
    pub(super) revision: i64,
    /// The store.
    pub(super) rebuilt: Rebuilt,
    pub(super) _folder: TempDir,
}

/// Reads the backup to its end, and then again to make a store of it: what it is made of is known to be whole. `raise` is how far
/// its revision is raised, and `living` are the UIDs of pods that run on the host: the others begin anew. Answers whose backup it was, and
/// when it was begun, too.
pub(super) async fn prepare(
    request: &Request,
    (kept, raise): (Kept, i64),
    living: BTreeSet<SmolStr>,
    progress: &Progress,
) -> Result<(Header, Prepared), RestoreError> {
    progress.waiting("reading it to its end");
    let expected = Some(&request.expected);
    let found = verify(&request.at, &request.name, &request.identities, expected).await?.found;
    if let Found::Official(official) = &found
        && !official.skipped.is_empty()
    {
        return Err(RestoreError::Unfit(format!(
            "the snapshot says that {} keys of its database are to be left out, which cannot be done from outside of etcd: take a snapshot with keys",
            official.skipped.len()
        )));
    }
    progress.check()?;
    clear(&request.scratch, SystemTime::now());
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&request.scratch);
    let folder = folder.map_err(|why| scratch(&request.scratch, &why))?;
    let path = folder.path().join(kept.sent());
    let revision = revision(&found);
    let rebuild = Rebuild::begin(kept.engine(), origin(&found), &path).map_err(|why| scratch(&path, &why))?;
    progress.waiting("making a store of it");
    let official = matches!(found, Found::Official(_));
    let maker = Maker { rebuild, living, official, signing_key: None };
    let (_, maker) = shown(&request.at, &request.name, &request.identities, expected, maker).await?;
    let Maker { rebuild, signing_key, .. } = maker;
    let raised = revision.saturating_add(raise).max(unseen());
    let finished = tokio::task::spawn_blocking(move || rebuild.finish(raised)).await;
    let finished = finished.map_err(|broken| scratch(&path, &broken))?;
    let rebuilt = finished.map_err(|why| scratch(&path, &why))?;
    let (header, kubernetes, counts) = told(found, &request.expected);
    Ok((header, Prepared { kubernetes, counts, signing_key, revision, rebuilt, _folder: folder }))
}

/// A revision that nobody has seen, of a store that can have been made again of nothing meanwhile: milliseconds go faster than any store
/// counts.
pub(super) fn unseen() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// Removes what killed restores have left: it holds Secrets. What cannot be removed is in nobody's way.
pub(super) fn clear(scratch: &Path, now: SystemTime) {
    for entry in fs::read_dir(scratch).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|meta| meta.modified());
        let old = modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > LONGEST));
        if old && entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

pub(super) fn scratch(file: &Path, why: &impl std::fmt::Display) -> RestoreError {
    RestoreError::Scratch { file: file.to_owned(), why: why.to_smolstr() }
}

fn origin(found: &Found) -> Origin {
    match found {
        Found::Backup { manifest, .. } => Origin::of(&manifest.contents.store),
        Found::Official(_) => Origin::Untold,
    }
}

fn revision(found: &Found) -> i64 {
    match found {
        Found::Backup { manifest, .. } => manifest.contents.store.revision,
        Found::Official(official) => official.revision.unwrap_or_default(),
    }
}

fn told(found: Found, expected: &Tenant) -> (Header, Option<SmolStr>, BTreeMap<SmolStr, u64>) {
    let tenant = found.tenant();
    match found {
        Found::Backup { manifest, .. } => {
            let Manifest { header, contents, counts, .. } = *manifest;
            (header, contents.kubernetes, counts)
        }
        Found::Official(Official { counts, .. }) => {
            let tenant = tenant.unwrap_or_else(|| expected.clone());
            // It does not say when it was taken.
            (Header::new(tenant, chrono::DateTime::UNIX_EPOCH), None, counts)
        }
    }
}

/// Makes the store, and keeps what tells whether tokens stay valid.
struct Maker {
    rebuild: Rebuild,
    living: BTreeSet<SmolStr>,
    official: bool,
    signing_key: Option<Vec<u8>>,
}

impl Visitor for Maker {
    fn document(&mut self, part: Part, bytes: &[u8]) -> Result<(), SmolStr> {
        if part == Part::Keys {
            let secrets: Vec<Value> = serde_json::from_slice(bytes).map_err(|why| why.to_smolstr())?;
            self.signing_key = secrets.iter().find_map(signing_key);
        }
        Ok(())
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), SmolStr> {
        let value = anew::value(record.key, record.value, &self.living);
        self.rebuild.record(Record { value: &value, ..record })
    }

    fn snapshot(&mut self, bytes: &[u8]) -> Result<(), SmolStr> {
        // Beside keys it is the same once more, in a form that cannot be changed.
        if self.official { self.rebuild.snapshot(bytes) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_restores_have_left_is_removed_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        for folder in ["restore-a", "somebody's"] {
            fs::create_dir(scratch.path().join(folder)).unwrap();
            fs::write(scratch.path().join(folder).join("state.db"), "secrets").unwrap();
        }
        let there = || {
            let entries = fs::read_dir(scratch.path()).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>()
        };
        clear(scratch.path(), SystemTime::now());
        assert_eq!(there().len(), 2, "one that may still run stays");
        clear(scratch.path(), SystemTime::now() + 2 * LONGEST);
        assert_eq!(there(), BTreeSet::from(["somebody's".into()]));
        clear(&scratch.path().join("nowhere"), SystemTime::now());
    }
}
