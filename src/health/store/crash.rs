//! What a store says when it cannot start: lines of its log, and what they come to.

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// What is on its volume is not a store any more. Nothing but another store helps.
    Corrupt,
    /// There is no room for it. What it holds is whole.
    Full,
    /// Its volume is not there, or cannot be written. What it holds may be whole.
    Volume,
}

/// Words of kine and etcd, in small letters, and of the libraries that they store with: the texts of SQLite's result codes
/// (`sqlite3ErrStr` in `main.c`), of bbolt (`errors/errors.go`), and of etcd's `wal`, `snap`, `etcdserver` and `raft`.
const WORDS: [(&str, Trouble); 21] = [
    ("database disk image is malformed", Trouble::Corrupt),
    ("file is not a database", Trouble::Corrupt),
    ("malformed database schema", Trouble::Corrupt),
    ("invalid database", Trouble::Corrupt),
    ("file size too small", Trouble::Corrupt),
    ("checksum error", Trouble::Corrupt),
    ("crc mismatch", Trouble::Corrupt),
    ("wal: file not found", Trouble::Corrupt),
    ("wal: slice bounds out of range", Trouble::Corrupt),
    ("failed to recover v3 backend from snapshot", Trouble::Corrupt),
    ("failed to find database snapshot file", Trouble::Corrupt),
    ("was the raft log corrupted, truncated, or lost", Trouble::Corrupt),
    ("freepages: failed to get all reachable pages", Trouble::Corrupt),
    ("found data inconsistency with peers", Trouble::Corrupt),
    ("database or disk is full", Trouble::Full),
    ("no space left on device", Trouble::Full),
    ("database space exceeded", Trouble::Full),
    ("disk i/o error", Trouble::Volume),
    ("unable to open database file", Trouble::Volume),
    ("attempt to write a readonly database", Trouble::Volume),
    ("read-only file system", Trouble::Volume),
];

/// What a line of a store's log says is wrong, if it says that. Where it speaks of several things, the worst.
pub fn trouble(line: &str) -> Option<Trouble> {
    let line = line.to_lowercase();
    WORDS.iter().filter(|(words, _)| line.contains(words)).map(|(_, trouble)| *trouble).min()
}

/// What is to be done about a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Another takes its place.
    Replace,
    /// Its volume is seen to; what it holds may be whole.
    Mend(Trouble),
    /// Nothing: it answers, and says nothing of trouble.
    Nothing,
    /// It is not known: it neither answers nor says why.
    Unclear,
}

/// What is to be done, by what was said and whether it answers. Trouble with the volume comes first where nothing is known to be broken.
pub fn remedy(said: impl IntoIterator<Item = Trouble>, answers: bool) -> Remedy {
    match (said.into_iter().min(), answers) {
        (Some(Trouble::Corrupt), _) => Remedy::Replace,
        // It got over it.
        (_, true) => Remedy::Nothing,
        (Some(trouble), false) => Remedy::Mend(trouble),
        (None, false) => Remedy::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_taken_at_their_word() {
        for (line, expected) in [
            (
                r#"time="2026-11-22T09:00:00Z" level=fatal msg="building kine: database disk image is malformed""#,
                Some(Trouble::Corrupt),
            ),
            ("level=error msg=\"file is not a database\"", Some(Trouble::Corrupt)),
            (
                r#"{"level":"panic","caller":"backend/backend.go:198","msg":"failed to open database","error":"invalid database"}"#,
                Some(Trouble::Corrupt),
            ),
            (
                r#"{"level":"fatal","msg":"failed to read WAL","error":"walpb: crc mismatch"}"#,
                Some(Trouble::Corrupt),
            ),
            (
                "tocommit(7) is out of range [lastIndex(0)]. Was the raft log corrupted, truncated, or lost?",
                Some(Trouble::Corrupt),
            ),
            ("database or disk is full", Some(Trouble::Full)),
            ("write /var/lib/etcd/member/wal/1.tmp: no space left on device", Some(Trouble::Full)),
            ("etcdserver: mvcc: database space exceeded", Some(Trouble::Full)),
            ("disk I/O error: no space left on device", Some(Trouble::Full)),
            ("unable to open database file: no such file or directory", Some(Trouble::Volume)),
            ("database is locked", None),
            ("slow SQL: took 1.2s", None),
            ("", None),
        ] {
            assert_eq!(trouble(line), expected, "{line}");
        }
    }

    #[test]
    fn only_what_is_broken_is_replaced() {
        use Trouble::{Corrupt, Full, Volume};
        for (said, answers, expected) in [
            (vec![Full, Corrupt], false, Remedy::Replace),
            (vec![Corrupt], true, Remedy::Replace),
            (vec![Volume, Full], false, Remedy::Mend(Full)),
            (vec![Full], true, Remedy::Nothing),
            (vec![], true, Remedy::Nothing),
            (vec![], false, Remedy::Unclear),
        ] {
            assert_eq!(remedy(said.clone(), answers), expected, "{said:?} {answers}");
        }
    }
}
