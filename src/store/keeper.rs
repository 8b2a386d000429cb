//! The language of the keeper: the companion's program that holds the volume of a store while nobody else runs on it.
//!
//! It lives in a pod for the time of a restore and listens on the pod's loopback interface, which only a port-forward reaches. Each
//! question and each answer is one frame: its length in four bytes, big-endian, and then JSON. The bytes of a file follow the frame that
//! announces them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use super::Engine;
use crate::wire::{ETCD_CONTAINER, KINE_CONTAINER};

/// Port on which it listens.
pub const PORT: u16 = 2399;
/// Folder on the volume that is the keeper's; of each restore it holds a folder by its name.
pub const FOLDER: &str = ".v9s-restore";
/// The most that a frame may hold, in bytes.
pub const FRAME: u32 = 64 << 10;

/// Bytes that must stay free on a volume besides a new store: the old one is written to until it stops.
pub const SPARE: u64 = 16 << 20;

/// What one restore is called: in pods, on the volume, and in the mark on the control plane. Its characters fit everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct RestoreId(SmolStr);

impl RestoreId {
    /// As many characters at most.
    const LONGEST: usize = 20;
}

impl FromStr for RestoreId {
    type Err = SmolStr;

    fn from_str(text: &str) -> Result<Self, SmolStr> {
        let fits = !text.is_empty()
            && text.len() <= RestoreId::LONGEST
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if fits {
            Ok(RestoreId(text.into()))
        } else {
            Err(format_smolstr!(
                "{text:?} names no restore: 1 to {} small letters and digits",
                RestoreId::LONGEST
            ))
        }
    }
}

impl TryFrom<SmolStr> for RestoreId {
    type Error = SmolStr;

    fn try_from(text: SmolStr) -> Result<Self, SmolStr> {
        text.parse()
    }
}

impl From<RestoreId> for SmolStr {
    fn from(id: RestoreId) -> SmolStr {
        id.0
    }
}

impl fmt::Display for RestoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which store lies on the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// kine's SQLite: `state.db` and what belongs to it.
    Sqlite,
    /// A member of etcd: `member`.
    Etcd,
}

impl Kept {
    /// What of the volume is the store, the one without which there is none first.
    pub fn entries(self) -> &'static [&'static str] {
        match self {
            Kept::Sqlite => &["state.db", "state.db-wal", "state.db-shm", "state.db-journal"],
            Kept::Etcd => &["member"],
        }
    }

    /// As what a new one is sent.
    pub fn sent(self) -> &'static str {
        match self {
            Kept::Sqlite => "state.db",
            Kept::Etcd => "snapshot.db",
        }
    }

    /// Where the new store lies in the folder of a restore, as etcdutl or the sender makes it.
    pub fn prepared(self) -> &'static str {
        match self {
            Kept::Sqlite => "new",
            Kept::Etcd => "new/data",
        }
    }

    /// Room that a new one takes beside the old one, in bytes, when what is sent has this length.
    pub fn needs(self, length: u64) -> u64 {
        match self {
            Kept::Sqlite => length,
            // A member is made of what is sent, beside it.
            Kept::Etcd => length.saturating_mul(2),
        }
    }

    /// Container whose program keeps it.
    pub fn container(self) -> &'static str {
        match self {
            Kept::Sqlite => KINE_CONTAINER,
            Kept::Etcd => ETCD_CONTAINER,
        }
    }

    /// What speaks for it.
    pub fn engine(self) -> Engine {
        match self {
            Kept::Sqlite => Engine::Kine,
            Kept::Etcd => Engine::Etcd,
        }
    }

    /// The word on the keeper's command line.
    pub fn word(self) -> &'static str {
        match self {
            Kept::Sqlite => "sqlite",
            Kept::Etcd => "etcd",
        }
    }
}

/// What the keeper is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase")]
pub enum Ask {
    /// What is on the volume.
    Look,
    /// Take a new store; its bytes follow when the answer is [`Answer::Go`].
    Receive {
        /// The restore that it is for.
        restore: RestoreId,
        /// How many bytes.
        length: u64,
        /// Their SHA-256 in hexadecimal digits.
        sha256: SmolStr,
    },
    /// Put the new store in the place of the old one, which is kept.
    Swap {
        /// The restore.
        restore: RestoreId,
    },
    /// Put the old one back, however far the swap came.
    Undo {
        /// The restore.
        restore: RestoreId,
    },
    /// Remove what is kept of a restore: the old store once all is well, or what was never put in place.
    Forget {
        /// The restore.
        restore: RestoreId,
    },
    /// End, so that the next container of the pod may begin.
    End,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "camelCase")]
pub enum Answer {
    /// What is there.
    Seen(Seen),
    /// Send it.
    Go,
    /// It is done, or was done before.
    Done,
    /// It is not done, and nothing was changed by that.
    Refused {
        /// Why.
        why: SmolStr,
    },
}

/// What is on a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Bytes that are free for it.
    pub free: u64,
    /// Bytes of the store that is in place; none when there is none.
    pub store: Option<u64>,
    /// Restores of which something is kept.
    pub restores: Vec<RestoreId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_named_by_what_fits_everywhere() {
        for fits in ["a", "20261122t090000", "0123456789abcdefghij"] {
            assert!(fits.parse::<RestoreId>().is_ok(), "{fits}");
        }
        for odd in ["", "../x", "a/b", "A", "a-b", "0123456789abcdefghijk", "a\0"] {
            assert!(odd.parse::<RestoreId>().is_err(), "{odd:?}");
            assert!(
                serde_json::from_value::<RestoreId>(odd.into()).is_err(),
                "nor by what came over the wire: {odd:?}"
            );
        }
    }

    #[test]
    fn questions_are_what_the_program_reads() {
        let restore: RestoreId = "r1".parse().unwrap();
        let ask = Ask::Receive { restore, length: 3, sha256: "ab".into() };
        let text = serde_json::to_string(&ask).unwrap();
        assert_eq!(text, r#"{"ask":"receive","restore":"r1","length":3,"sha256":"ab"}"#);
        assert_eq!(serde_json::from_str::<Ask>(&text).unwrap(), ask);
    }
}
