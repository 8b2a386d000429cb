//! What a person answered last where they are asked again and again: where backups go, and who opens them.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Answers that are offered the next time. None of them is a secret: of keys there are public ones and names of files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Habits {
    /// Where backups go: a folder, or `s3://BUCKET/PREFIX`.
    pub to: String,
    /// Who can read them, as it was typed.
    pub readers: String,
    /// The file with the identity that opens them.
    pub identity: String,
}

impl Habits {
    /// What was kept; nothing where nothing was, or what is there cannot be understood.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read(path).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The same with what is answered now; what is not answered stays.
    #[must_use]
    pub fn with(self, now: &Habits) -> Self {
        let or = |now: &str, before: String| if now.is_empty() { before } else { now.to_owned() };
        Habits {
            to: or(&now.to, self.to),
            readers: or(&now.readers, self.readers),
            identity: or(&now.identity, self.identity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_takes_the_place_of_the_last_one_and_silence_of_none() {
        let before = Habits { to: "/a".into(), readers: "age1x".into(), identity: String::new() };
        let now = Habits { to: "/b".into(), identity: "/key".into(), ..Habits::default() };
        let both = Habits { to: "/b".into(), readers: "age1x".into(), identity: "/key".into() };
        assert_eq!(before.with(&now), both);
    }

    #[test]
    fn what_cannot_be_understood_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("habits.json");
        assert_eq!(Habits::read(&path), Habits::default());
        for text in ["", "[]", "{\"to\": 7}"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Habits::read(&path), Habits::default(), "{text}");
        }
        std::fs::write(&path, "{\"to\": \"/b\", \"later\": true}").unwrap();
        assert_eq!(Habits::read(&path).to, "/b");
    }
}
