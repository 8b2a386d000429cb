//! The files of a store on its volume. Every step may be interrupted anywhere and done again: where things lie says how far it came.
//!
//! Of a restore, the folder `.v9s-restore/NAME` holds `new` (what was sent), `old` (what was in place before) and `failed` (a new store
//! that was taken out again). The entry without which there is no store, such as `state.db`, is moved last: until then it is the old
//! store, or none, that is in place.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use v9s::store::keeper::{FOLDER, Kept, RestoreId, SPARE, Seen};

/// A volume with a store that nobody runs on.
#[derive(Debug)]
pub(super) struct Volume {
    root: PathBuf,
    kept: Kept,
}

impl Volume {
    pub(super) fn open(root: &Path, kept: Kept) -> io::Result<Volume> {
        fs::create_dir_all(root.join(FOLDER))?;
        Ok(Volume { root: root.to_owned(), kept })
    }

    /// What is there.
    pub(super) fn look(&self) -> io::Result<Seen> {
        let mut restores = Vec::new();
        for entry in fs::read_dir(self.root.join(FOLDER))? {
            // Others are not ours.
            restores.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RestoreId>().ok()));
        }
        restores.sort();
        let main = self.root.join(self.main());
        let store = if main.exists() { Some(size(&main)?) } else { None };
        Ok(Seen { free: self.free()?, store, restores })
    }

    fn free(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn main(&self) -> &'static str {
        self.kept.entries()[0]
    }

    fn of(&self, restore: &RestoreId) -> PathBuf {
        self.root.join(FOLDER).join(restore.to_string())
    }

    /// Makes room for a new store. What was sent before for the same restore is sent anew.
    pub(super) fn begin(&self, restore: &RestoreId, length: u64) -> io::Result<File> {
        let of = self.of(restore);
        if of.join("old").exists() || of.join("failed").exists() {
            return Err(io::Error::other(format!(
                "restore {restore} has been put in place already: undo it first"
            )));
        }
        let new = of.join("new");
        remove(&new)?;
        let free = self.free()?;
        let needed = self.kept.needs(length);
        if free < needed.saturating_add(SPARE) {
            return Err(io::Error::other(format!(
                "the volume has {free} bytes left, and the new store takes {needed} beside the old one: enlarge the volume"
            )));
        }
        fs::create_dir_all(&new)?;
        File::create_new(new.join(self.kept.sent()))
    }

    /// Writes what is sent to the disk, and compares it. What is not as announced is removed.
    pub(super) fn receive(
        &self,
        mut file: File,
        from: &mut impl Read,
        length: u64,
        sha256: &str,
    ) -> io::Result<()> {
        let (mut left, mut sum, mut buffer) = (length, Sha256::new(), vec![0; 1 << 18]);
        let mut failed = None;
        while left > 0 {
            let piece = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = from.read(&mut buffer[..piece])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left -= read as u64;
            sum.update(&buffer[..read]);
            // The rest is still on its way, and must be taken before anything can be answered.
            if failed.is_none() {
                failed = file.write_all(&buffer[..read]).err();
            }
        }
        if let Some(why) = failed {
            file.set_len(0)?;
            return Err(why);
        }
        let found = HEXLOWER.encode(&sum.finalize());
        if found != sha256 {
            file.set_len(0)?;
            return Err(io::Error::other(format!(
                "other bytes arrived than were sent: {found} instead of {sha256}"
            )));
        }
        file.sync_all()
    }

    /// Puts the new store in place, the old one into `old`.
    pub(super) fn swap(&self, restore: &RestoreId) -> io::Result<()> {
        let of = self.of(restore);
        let (old, new) = (of.join("old"), of.join(self.kept.prepared()).join(self.main()));
        if of.join("failed").exists() {
            return Err(io::Error::other(format!("restore {restore} has been undone")));
        }
        let empty = fs::metadata(&new).is_ok_and(|meta| meta.is_file() && meta.len() == 0);
        match (new.exists() && !empty, old.exists()) {
            // It was moved: that was the last step.
            (false, true) if self.root.join(self.main()).exists() => return Ok(()),
            (false, _) => {
                return Err(io::Error::other(format!("there is no new store of restore {restore}")));
            }
            (true, _) => {}
        }
        fs::create_dir_all(&old)?;
        self.take_out(&old)?;
        sync(&of)?;
        fs::rename(&new, self.root.join(self.main()))?;
        sync(&self.root)
    }

    /// Puts the old store back, however far [`Volume::swap`] came.
    pub(super) fn undo(&self, restore: &RestoreId) -> io::Result<()> {
        let of = self.of(restore);
        let (old, failed) = (of.join("old"), of.join("failed"));
        if !old.exists() {
            // Nothing was moved.
            return Ok(());
        }
        let new = of.join(self.kept.prepared()).join(self.main());
        if !new.exists() && !failed.join(self.main()).exists() {
            fs::create_dir_all(&failed)?;
            self.take_out(&failed)?;
            sync(&of)?;
        }
        // The one that makes it a store comes last.
        for entry in self.kept.entries().iter().rev().filter(|entry| old.join(entry).exists()) {
            fs::rename(old.join(entry), self.root.join(entry))?;
        }
        sync(&self.root)?;
        sync(&of)
    }

    /// Moves the store that is in place to a folder, what makes it a store last.
    fn take_out(&self, to: &Path) -> io::Result<()> {
        for entry in self.kept.entries().iter().rev() {
            let from = self.root.join(entry);
            if !from.exists() {
                continue;
            }
            if to.join(entry).exists() {
                return Err(io::Error::other(format!(
                    "{entry} is in place and kept at the same time: somebody started the virtual cluster meanwhile; move {} away",
                    to.join(entry).display()
                )));
            }
            fs::rename(from, to.join(entry))?;
        }
        sync(&self.root)
    }

    /// Removes what is kept of a restore.
    pub(super) fn forget(&self, restore: &RestoreId) -> io::Result<()> {
        remove(&self.of(restore))?;
        sync(&self.root.join(FOLDER))
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// What was moved in a folder stays moved when the machine loses its power.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn size(path: &Path) -> io::Result<u64> {
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_dir() {
        return Ok(meta.len());
    }
    let mut all = 0;
    for entry in fs::read_dir(path)? {
        all += size(&entry?.path())?;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn restore() -> RestoreId {
        "r1".parse().unwrap()
    }

    /// A volume with an old store, and a new one that was sent.
    fn sent(kept: Kept) -> (tempfile::TempDir, Volume) {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::open(folder.path(), kept).unwrap();
        let of = volume.of(&restore());
        match kept {
            Kept::Sqlite => {
                fs::write(folder.path().join("state.db"), "old").unwrap();
                fs::write(folder.path().join("state.db-wal"), "old wal").unwrap();
                fs::create_dir_all(of.join("new")).unwrap();
                fs::write(of.join("new/state.db"), "new").unwrap();
            }
            Kept::Etcd => {
                fs::create_dir_all(folder.path().join("member/snap")).unwrap();
                fs::write(folder.path().join("member/snap/db"), "old").unwrap();
                fs::create_dir_all(of.join("new/data/member/snap")).unwrap();
                fs::write(of.join("new/data/member/snap/db"), "new").unwrap();
                fs::write(of.join("new/snapshot.db"), "sent").unwrap();
            }
        }
        (folder, volume)
    }

    fn files(at: &Path) -> BTreeMap<String, String> {
        fn walk(at: &Path, below: &str, found: &mut BTreeMap<String, String>) {
            for entry in fs::read_dir(at).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{below}{}", entry.file_name().to_str().unwrap());
                if name == FOLDER {
                    continue;
                }
                if entry.path().is_dir() {
                    walk(&entry.path(), &format!("{name}/"), found);
                } else {
                    found.insert(name, fs::read_to_string(entry.path()).unwrap());
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(at, "", &mut found);
        found
    }

    fn is(at: &Path, expected: &[(&str, &str)]) {
        let expected = expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(files(at), expected);
    }

    const OLD: [(&str, &str); 2] = [("state.db", "old"), ("state.db-wal", "old wal")];

    #[test]
    fn a_new_store_takes_the_place_of_the_old_one_and_gives_it_back() {
        let (folder, volume) = sent(Kept::Sqlite);
        for _ in 0..2 {
            volume.swap(&restore()).unwrap();
            is(folder.path(), &[("state.db", "new")]);
        }
        fs::write(folder.path().join("state.db-wal"), "of the new one").unwrap();
        for _ in 0..2 {
            volume.undo(&restore()).unwrap();
            is(folder.path(), &OLD);
        }
        assert!(volume.swap(&restore()).is_err(), "what was undone is not put in place again");
        volume.forget(&restore()).unwrap();
        assert_eq!(volume.look().unwrap().restores, []);
        is(folder.path(), &OLD);
    }

    #[test]
    fn a_member_of_etcd_is_one_folder() {
        let (folder, volume) = sent(Kept::Etcd);
        volume.swap(&restore()).unwrap();
        is(folder.path(), &[("member/snap/db", "new")]);
        volume.undo(&restore()).unwrap();
        is(folder.path(), &[("member/snap/db", "old")]);
    }

    #[test]
    fn where_there_was_none_there_is_none_afterwards() {
        let (folder, volume) = sent(Kept::Sqlite);
        fs::remove_file(folder.path().join("state.db")).unwrap();
        fs::remove_file(folder.path().join("state.db-wal")).unwrap();
        volume.swap(&restore()).unwrap();
        is(folder.path(), &[("state.db", "new")]);
        volume.undo(&restore()).unwrap();
        is(folder.path(), &[]);
    }

    /// Renames are the only steps; after each of them the program may be killed.
    #[test]
    fn killed_anywhere_it_is_done_again_or_undone() {
        let old = |of: &Path| of.join("old");
        for killed in 0..4 {
            let (folder, volume) = sent(Kept::Sqlite);
            let (root, of) = (folder.path(), volume.of(&restore()));
            let steps: [&dyn Fn(); 3] = [
                &|| {
                    fs::create_dir_all(old(&of)).unwrap();
                    fs::rename(root.join("state.db-wal"), old(&of).join("state.db-wal")).unwrap();
                },
                &|| fs::rename(root.join("state.db"), old(&of).join("state.db")).unwrap(),
                &|| fs::rename(of.join("new/state.db"), root.join("state.db")).unwrap(),
            ];
            steps.iter().take(killed).for_each(|step| step());
            volume.swap(&restore()).unwrap();
            is(root, &[("state.db", "new")]);
        }
        for killed in 0..4 {
            let (folder, volume) = sent(Kept::Sqlite);
            let (root, of) = (folder.path(), volume.of(&restore()));
            volume.swap(&restore()).unwrap();
            let failed = of.join("failed");
            let steps: [&dyn Fn(); 3] = [
                &|| {
                    fs::create_dir_all(&failed).unwrap();
                    fs::rename(root.join("state.db"), failed.join("state.db")).unwrap();
                },
                &|| fs::rename(old(&of).join("state.db-wal"), root.join("state.db-wal")).unwrap(),
                &|| fs::rename(old(&of).join("state.db"), root.join("state.db")).unwrap(),
            ];
            steps.iter().take(killed).for_each(|step| step());
            volume.undo(&restore()).unwrap();
            is(root, &OLD);
        }
        // A swap that came half of its way is undone, too.
        let (folder, volume) = sent(Kept::Sqlite);
        fs::create_dir_all(old(&volume.of(&restore()))).unwrap();
        let wal = old(&volume.of(&restore())).join("state.db-wal");
        fs::rename(folder.path().join("state.db-wal"), wal).unwrap();
        volume.undo(&restore()).unwrap();
        is(folder.path(), &OLD);
    }

    #[test]
    fn a_store_that_somebody_began_meanwhile_is_not_lost() {
        let (folder, volume) = sent(Kept::Sqlite);
        let old = volume.of(&restore()).join("old");
        fs::create_dir_all(&old).unwrap();
        fs::rename(folder.path().join("state.db"), old.join("state.db")).unwrap();
        fs::write(folder.path().join("state.db"), "somebody's").unwrap();
        let why = volume.swap(&restore()).unwrap_err().to_string();
        assert!(why.contains("somebody started"), "{why}");
        assert_eq!(fs::read_to_string(folder.path().join("state.db")).unwrap(), "somebody's");
    }

    #[test]
    fn what_does_not_fit_is_not_begun() {
        let (folder, volume) = sent(Kept::Sqlite);
        let why = volume.begin(&"r2".parse().unwrap(), u64::MAX / 2).unwrap_err().to_string();
        assert!(why.contains("enlarge the volume"), "{why}");
        is(folder.path(), &OLD);
    }
}
