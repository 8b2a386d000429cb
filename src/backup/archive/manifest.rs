//! What an archive says of itself: a few words first, everything at the end.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The word that names the format.
pub const FORMAT: &str = "v9s.io/backup";
/// Its version. A reader refuses later ones.
pub const VERSION: u32 = 1;

/// Whose backup it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// URL of the host's API server.
    pub host: SmolStr,
    /// Host namespace.
    pub namespace: SmolStr,
    /// Name of the virtual cluster.
    pub name: SmolStr,
}

impl Tenant {
    /// Whether it is the same virtual cluster. The host's URL may have changed with the way to it.
    pub fn is(&self, other: &Tenant) -> bool {
        self.namespace == other.namespace && self.name == other.name
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The first entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`]
    pub format: SmolStr,
    /// [`VERSION`]
    pub version: u32,
    /// Whose backup it is.
    pub tenant: Tenant,
    /// When it was begun.
    pub began: DateTime<Utc>,
}

impl Header {
    /// The header of a backup that begins now.
    pub fn new(tenant: Tenant, began: DateTime<Utc>) -> Self {
        Header { format: FORMAT.into(), version: VERSION, tenant, began }
    }
}

/// Who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The person or account, as the machine knows them.
    pub who: SmolStr,
    /// The program with its version.
    pub program: SmolStr,
}

/// What is known of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreFacts {
    /// Its kind in the words of `vcluster.yaml`, such as `embedded-database`.
    pub kind: SmolStr,
    /// What the store says of its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SmolStr>,
    /// The revision at which all keys were read.
    pub revision: i64,
}

/// Whether the data of the tenant's volumes are in the backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volumes {
    /// Claims of the tenant.
    pub claims: u64,
    /// Those whose data are in the backup.
    pub covered: u64,
}

/// What of a virtual cluster a backup covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// All keys of its store.
    pub state: bool,
    /// `vcluster.yaml`.
    pub config: bool,
    /// Certificates and keys.
    pub keys: bool,
    /// Data of volumes.
    pub volumes: Volumes,
}

impl Coverage {
    /// One line for people: `state ✓ config ✓ keys ✗ volumes 0/9`.
    pub fn sentence(&self, ascii: bool) -> String {
        let (yes, no) = if ascii { ("+", "-") } else { ("✓", "✗") };
        let sign = |there| if there { yes } else { no };
        let Volumes { claims, covered } = self.volumes;
        format!(
            "state {} config {} keys {} volumes {covered}/{claims}",
            sign(self.state),
            sign(self.config),
            sign(self.keys)
        )
    }
}

/// A part as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// Its name.
    pub name: SmolStr,
    /// Entries that it takes: 1 for a document.
    pub entries: u32,
    /// Bytes of all of them.
    pub length: u64,
    /// SHA-256 over them, in hexadecimal digits.
    pub sha256: SmolStr,
}

/// What was put into an archive besides bytes: the writer takes it, the manifest tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// When the last part was complete.
    pub ended: DateTime<Utc>,
    /// Who made it.
    pub by: By,
    /// The store.
    pub store: StoreFacts,
    /// Version of the tenant's Kubernetes, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<SmolStr>,
    /// What is covered.
    pub coverage: Coverage,
}

/// The last entry but one: all that the archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The first entry, again.
    #[serde(flatten)]
    pub header: Header,
    /// What was put in.
    #[serde(flatten)]
    pub contents: Contents,
    /// Number of keys.
    pub keys: u64,
    /// Keys by kind of object.
    pub counts: BTreeMap<SmolStr, u64>,
    /// The parts in their order; the header is not among them.
    pub parts: Vec<PartEntry>,
}

impl Manifest {
    /// The part of this name.
    pub fn part(&self, part: super::Part) -> Option<&PartEntry> {
        self.parts.iter().find(|entry| entry.name == part.name())
    }
}

/// Hexadecimal digits of a sum.
pub(in crate::backup) fn hex(sum: &[u8]) -> SmolStr {
    HEXLOWER.encode(sum).into()
}
