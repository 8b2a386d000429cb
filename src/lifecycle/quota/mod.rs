//! The quota of a virtual cluster's namespace: what it is and who takes it, and other limits, of which the effect is known before.
//!
//! What `vcluster.yaml` of a virtual cluster that v9s made says is changed there as well, as the next `edit` would otherwise write over it.
//! What the official chart made is changed on the object, and who made it is told how it stays.

mod look;
mod plan;
mod preview;
#[cfg(test)]
mod tests;
mod through;
mod write;

use std::collections::BTreeMap;

use smol_str::SmolStr;

pub use look::look;
pub use plan::{Owner, QuotaPlan, plan, so_already};
pub use preview::{KeyChange, amount};
pub use through::through;
pub use write::{STEPS, carry_out, start};

use crate::cluster::{ObjectRef, Resource};
use crate::health::quota::{Blocked, Demand};
use crate::known::Known;
use crate::target::Claims;

/// What a namespace has of quotas, and what takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its ResourceQuotas, by name.
    pub quotas: Vec<Quota>,
    /// Who asks for what.
    pub demand: Known<Demand>,
    /// Pods that do not start for want of room.
    pub blocked: Known<Vec<Blocked>>,
}

/// One ResourceQuota.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// Its name.
    pub name: SmolStr,
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its UID.
    pub uid: SmolStr,
    /// The state that was looked at.
    pub resource_version: SmolStr,
    /// The virtual cluster that it was made for, by its labels.
    pub release: Option<SmolStr>,
    /// Who deploys it, by its own marks.
    pub claims: Claims,
    /// It counts some pods only.
    pub scoped: bool,
    /// Limits by key, as its specification has them.
    pub hard: BTreeMap<SmolStr, SmolStr>,
    /// What is used, as far as the host has counted.
    pub used: BTreeMap<SmolStr, SmolStr>,
}

impl Quota {
    /// As an object.
    pub fn object(&self) -> ObjectRef {
        ObjectRef::namespaced(Resource::RESOURCE_QUOTAS, self.namespace.clone(), self.name.clone())
    }
}

/// Other limits for one quota.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Which one; where it is not said, the one that has the keys, or the only one.
    pub quota: Option<SmolStr>,
    /// Limits by key; None takes one away.
    pub set: BTreeMap<SmolStr, Option<SmolStr>>,
}
