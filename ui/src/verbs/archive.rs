//! Backups that lie somewhere: which there are of a virtual cluster, and whether one is whole.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use smol_str::{SmolStr, format_smolstr};
use v9s::backup::archive::{ArchiveError, Found, Identities, Tenant};
use v9s::backup::destination::Destination;
use v9s::backup::set::{Beside, Card, Verified, VerifyError, browse, verify};
use v9s::fleet::model::VclusterKey;
use v9s::operation::{Operation, Progress};

use super::backup::{destination, from_home};
use super::{Looked, titles};
use crate::app::jobs::{Ended, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::Hands;
use crate::cli::verbs::backup::identities;

/// A good backup that lies somewhere: it was read back when it was written, and still has its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its name there.
    pub file: SmolStr,
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// Bytes.
    pub length: u64,
    /// Whether it takes an identity to read it.
    pub sealed: bool,
    /// Number of keys of the store.
    pub keys: u64,
}

impl From<&Card> for Archive {
    fn from(card: &Card) -> Self {
        Archive {
            file: card.file.clone(),
            at: card.header.began,
            length: card.length,
            sealed: !card.recipients.is_empty(),
            keys: card.keys,
        }
    }
}

/// The good backups of a virtual cluster at a place, the newest first. They are known by namespace and name: a host may be reached by
/// several addresses.
///
/// # Errors
/// A sentence: the place makes no sense, or does not answer.
pub async fn shelf(key: &VclusterKey, at: &str) -> Result<Vec<Archive>, String> {
    let shelf = browse(&destination(at)?).await.map_err(|error| error.to_string())?;
    let own = |card: &&Card| {
        let tenant = &card.header.tenant;
        (&tenant.namespace, &tenant.name) == (&key.namespace, &key.name)
    };
    let mut found: Vec<Archive> = shelf.good().filter(own).map(Archive::from).collect();
    found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.file.cmp(&b.file)));
    Ok(found)
}

/// The identities in a file, as a person writes its name; none for no file. Reads a small file.
pub(super) fn opened(file: &str) -> Result<Identities, String> {
    let files: Vec<PathBuf> = match file.trim() {
        "" => Vec::new(),
        file => vec![from_home(file).into()],
    };
    identities(&files).map_err(|error| format!("{error:#}"))
}

/// One backup of a virtual cluster, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Whose it is.
    pub key: VclusterKey,
    /// Where it lies, as a person writes it.
    pub at: String,
    /// Its name there.
    pub file: SmolStr,
    /// The file with the identity that opens it; empty where none is needed.
    pub identity: String,
}

impl Archived {
    pub(super) fn destination(&self) -> Result<Destination, String> {
        destination(&self.at)
    }

    /// What opens it.
    pub(super) fn identities(&self) -> Result<Identities, String> {
        opened(&self.identity)
    }

    /// Whose it must be, on whichever address its host was reached by.
    pub(super) fn tenant(&self, host: &str) -> Tenant {
        let VclusterKey { namespace, name, .. } = &self.key;
        Tenant { host: host.into(), namespace: namespace.clone(), name: name.clone() }
    }

    /// Whether its name says that it takes an identity.
    pub(super) fn is_sealed(&self) -> bool {
        self.file.ends_with(".age")
    }
}

/// Nothing is written anywhere: there is nothing to ask.
pub(super) fn look(archived: &Archived) -> Result<Looked, String> {
    let (at, identities) = (archived.destination()?, archived.identities()?);
    Ok(Looked::Begin(Arc::new(Verify { archived: archived.clone(), at, identities })))
}

/// Reads a backup to its end.
#[derive(Debug, Clone)]
struct Verify {
    archived: Archived,
    at: Destination,
    identities: Identities,
}

const STEPS: [&str; 1] = ["read every byte of it"];

impl Verify {
    async fn carry_out(self, progress: Progress) -> Result<Outcome, Trouble> {
        let Archived { file, .. } = &self.archived;
        let whose = self.archived.tenant("");
        progress
            .step(0, async {
                progress.waiting(self.at.place().of(file));
                match verify(&self.at, file, &self.identities, Some(&whose)).await {
                    Ok(verified) => Ok(whole(&verified)),
                    Err(error) => Err(Trouble::Said(broken(&error))),
                }
            })
            .await
    }
}

/// What is known of one that is whole.
fn whole(verified: &Verified) -> Outcome {
    let mut told = vec![format!("{} bytes, SHA-256 {}", verified.length, verified.sha256)];
    match &verified.found {
        Found::Backup { manifest, sealed } => {
            let contents = &manifest.contents;
            told.push(format!(
                "taken {} by {}, {}",
                manifest.header.began.format("%Y-%m-%d %H:%M:%S UTC"),
                contents.by.who,
                if *sealed { "encrypted" } else { "not encrypted" }
            ));
            told.push(contents.coverage.sentence(true));
            let (store, keys) = (&contents.store, manifest.keys);
            told.push(format!("{}: {keys} keys at revision {}", store.kind, store.revision));
        }
        Found::Official(official) => {
            told.push(format!("a snapshot of the official program, {} keys", official.keys))
        }
    }
    if verified.card == Beside::Missing {
        told.push("no card lies beside it, which says nothing about the archive".to_owned());
    }
    Outcome::new(Ended::Done, "whole: every byte was read, and every sum fits").with("it is", told)
}

/// Whether it is broken, or that could not be found out.
fn broken(error: &VerifyError) -> String {
    let unknown = matches!(
        error,
        VerifyError::Archive(ArchiveError::Source(_) | ArchiveError::Sealed | ArchiveError::WrongKey)
            | VerifyError::Destination(_)
            | VerifyError::Broken(_)
    );
    let word = if unknown { "it is not known whether it is whole" } else { "it is not whole" };
    format!("{word}: {error}")
}

impl Verb for Verify {
    fn title(&self) -> SmolStr {
        format_smolstr!("verify {}", self.archived.file)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&STEPS)
    }

    fn begin(&self, _: &Hands) -> Begun {
        let verify = self.clone();
        let operation = Operation::start(self.title(), self.steps(), |progress| verify.carry_out(progress));
        Begun::follow(operation, |outcome| outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_backup_is_said_where_it_is_needed() {
        let key = VclusterKey { host: "h".into(), namespace: "team".into(), name: "shop".into() };
        let archived = |file: &str, identity: &str| Archived {
            key: key.clone(),
            at: "/srv/backups".into(),
            file: file.into(),
            identity: identity.into(),
        };
        assert!(archived("team.shop.x.tar.zst.age", "").is_sealed());
        assert!(!archived("team.shop.x.tar.zst", "").is_sealed());
        assert!(archived("x", "").identities().is_ok(), "none is needed until it shows that one is");
        let why = archived("x", "/nowhere/key").identities().unwrap_err();
        assert!(why.contains("/nowhere/key"), "{why}");
    }

    #[test]
    fn what_cannot_be_opened_is_not_called_broken() {
        let sealed = broken(&VerifyError::Archive(ArchiveError::Sealed));
        assert!(sealed.starts_with("it is not known"), "{sealed}");
    }
}
