//! One record for every change that v9s makes on a cluster: a line of JSON in a file that only grows.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// What was changed, where, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it ended.
    pub time: DateTime<Utc>,
    /// Kube context.
    pub context: SmolStr,
    /// URL of the API server.
    pub server: SmolStr,
    /// What was done, such as `delete-pod`.
    pub action: SmolStr,
    /// Kind of the object.
    pub kind: SmolStr,
    /// Its namespace, empty for cluster-scoped kinds.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Its UID, so that a later object of the same name is told apart.
    pub uid: SmolStr,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The server did it.
    Done,
    /// The server did not do it, and why.
    Failed(SmolStr),
    /// Whether the server did it is not known: the answer was lost.
    Unknown(SmolStr),
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLog {
    path: PathBuf,
}

impl AuditLog {
    /// The log at this path; it is made when the first record is written.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        AuditLog { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that a record could be written, before anything is changed.
    ///
    /// # Errors
    /// When the file cannot be opened or made.
    pub fn check(&self) -> io::Result<()> {
        self.open().map(drop)
    }

    /// Writes a record. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record).map_err(io::Error::other)?;
        line.push(b'\n');
        // One write: lines of two programs do not mix.
        self.open()?.write_all(&line)
    }

    fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_lines_that_read_back() {
        let folder = std::env::temp_dir().join(format!("v9s-audit-{}", std::process::id()));
        let log = AuditLog::at(folder.join("deep").join("audit.jsonl"));
        let record = |outcome| Record {
            time: DateTime::UNIX_EPOCH,
            context: "eu".into(),
            server: "https://eu".into(),
            action: "delete-pod".into(),
            kind: "Pod".into(),
            namespace: "team-a".into(),
            name: "web\n0".into(),
            uid: "u1".into(),
            outcome,
        };
        let records = [record(Outcome::Done), record(Outcome::Failed("forbidden".into()))];
        for record in &records {
            log.append(record).unwrap();
        }
        let text = std::fs::read_to_string(log.path()).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let back: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(back, records);
    }

    #[test]
    fn a_log_that_cannot_be_written_says_so_beforehand() {
        assert!(AuditLog::at("/proc/no/such/place/audit.jsonl").check().is_err());
    }
}
