//! The card beside an archive: a small document that is put there last, when the archive was written and read back. Whoever looks for
//! a good backup reads cards and no archives.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::backup::archive::{Contents, Header, Manifest, Recipients, Tenant};

/// What a card says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Name of the archive.
    pub file: SmolStr,
    /// Its length in bytes.
    pub length: u64,
    /// SHA-256 over it, in hexadecimal digits.
    pub sha256: SmolStr,
    /// To whom it is encrypted; to nobody when it can be read by everybody.
    pub recipients: Vec<SmolStr>,
    /// What the archive says of itself.
    #[serde(flatten)]
    pub header: Header,
    /// What was put in.
    #[serde(flatten)]
    pub contents: Contents,
    /// Number of keys of the store.
    pub keys: u64,
    /// Keys by kind of object; empty for an encrypted archive, whose content is nobody's business.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<SmolStr, u64>,
}

/// A card that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CardError {
    /// It cannot be understood.
    #[error("the card {0} makes no sense: {1}")]
    Nonsense(SmolStr, SmolStr),
    /// The archive has other bytes.
    #[error(
        "{file} is not what was written: its card tells of {told}, and there are {found}; take another backup"
    )]
    Other {
        /// The archive.
        file: SmolStr,
        /// Length and sum of the card.
        told: SmolStr,
        /// Length and sum that were found.
        found: SmolStr,
    },
}

/// Behind the name of the archive.
const SUFFIX: &str = ".json";

/// The name of an archive: `NAMESPACE.NAME.TIME.tar.zst`, and `.age` when it is encrypted.
pub fn archive_name(tenant: &Tenant, began: DateTime<Utc>, sealed: bool) -> SmolStr {
    let time = began.format("%Y%m%dT%H%M%S%3fZ").to_string().replace('.', "");
    let seal = if sealed { ".age" } else { "" };
    format_smolstr!("{}.{}.{time}.tar.zst{seal}", tenant.namespace, tenant.name)
}

/// The name of its card.
pub fn card_name(archive: &str) -> SmolStr {
    format_smolstr!("{archive}{SUFFIX}")
}

/// The archive of a card, by its name.
pub(super) fn of_card(name: &str) -> Option<&str> {
    name.strip_suffix(SUFFIX)
}

/// Whether a name is that of an archive.
pub(super) fn is_archive(name: &str) -> bool {
    name.ends_with(".tar.zst") || name.ends_with(".tar.zst.age")
}

impl Card {
    /// Largest size of a card.
    pub(super) const LIMIT: usize = 4 << 20;

    /// The card of an archive that was written and read back.
    pub fn new(file: SmolStr, length: u64, sha256: SmolStr, to: &Recipients, manifest: Manifest) -> Self {
        let Manifest { header, contents, keys, counts, parts: _ } = manifest;
        let counts = if to.seal() { BTreeMap::new() } else { counts };
        Card { file, length, sha256, recipients: to.names(), header, contents, keys, counts }
    }

    /// A card as it is written.
    ///
    /// # Errors
    /// When it is none, or of another archive than its name says.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Card, CardError> {
        let nonsense = |why: SmolStr| CardError::Nonsense(name.into(), why);
        let card: Card = serde_json::from_slice(bytes).map_err(|why| nonsense(format_smolstr!("{why}")))?;
        if card_name(&card.file) != name {
            return Err(nonsense(format_smolstr!("it is of {}", card.file)));
        }
        Ok(card)
    }

    /// Whether an archive has the bytes that this card tells of.
    ///
    /// # Errors
    /// When it has others.
    pub fn fits(&self, length: u64, sha256: &str) -> Result<(), CardError> {
        if self.length == length && self.sha256 == sha256 {
            return Ok(());
        }
        let shown = |length: u64, sum: &str| {
            format_smolstr!("{length} bytes with the sum {}…", sum.chars().take(12).collect::<String>())
        };
        Err(CardError::Other {
            file: self.file.clone(),
            told: shown(self.length, &self.sha256),
            found: shown(length, sha256),
        })
    }
}
