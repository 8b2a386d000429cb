//! The name of a kind of object inside the store.

use smol_str::SmolStr;
use std::fmt;

/// Group and plural of a resource, without a version: `deployments.apps`, `pods`.
///
/// Every served version of a kind reads and writes the same stored objects, so the store never asks for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gr {
    /// API group; empty for the core group.
    pub group: SmolStr,
    /// Plural name as it stands in URLs.
    pub plural: SmolStr,
}

impl Gr {
    /// A resource of any group, from constants.
    pub const fn new_static(group: &'static str, plural: &'static str) -> Self {
        Self { group: SmolStr::new_static(group), plural: SmolStr::new_static(plural) }
    }

    /// A resource of the core group, from a constant.
    pub const fn core(plural: &'static str) -> Self {
        Self::new_static("", plural)
    }

    /// A resource of any group.
    pub fn new(group: impl Into<SmolStr>, plural: impl Into<SmolStr>) -> Self {
        Self { group: group.into(), plural: plural.into() }
    }
}

/// As the real server writes it in messages: `pods`, `deployments.apps`.
impl fmt::Display for Gr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group.as_str() {
            "" => f.write_str(&self.plural),
            group => write!(f, "{}.{group}", self.plural),
        }
    }
}
