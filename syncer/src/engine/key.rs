//! What the engine works on: one pair of objects of one kind, named as the tenant names it.

use std::fmt;

use smol_str::SmolStr;
use v9s::names::VirtualName;

/// One of the two API servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The tenant's.
    Virtual,
    /// The one whose nodes run the pods.
    Host,
}

impl Side {
    /// The opposite one.
    pub fn other(self) -> Side {
        match self {
            Side::Virtual => Side::Host,
            Side::Host => Side::Virtual,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Virtual => "virtual",
            Side::Host => "host",
        })
    }
}

/// Place of a mirrored kind in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindId(pub u16);

/// A pair of objects, one on each side, either of which may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// What it is.
    pub kind: KindId,
    /// How the tenant names it.
    pub object: VirtualName,
}

impl Key {
    /// The pair of a kind under this name.
    pub fn new(kind: KindId, object: VirtualName) -> Self {
        Key { kind, object }
    }

    /// The namespace whose turn a work item of this key takes; empty for cluster-scoped objects.
    pub fn lane(&self) -> SmolStr {
        self.object.namespace.clone().unwrap_or_default()
    }
}
