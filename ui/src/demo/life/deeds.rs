//! What is done to a host.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use v9s::{companion, wire};

use crate::demo::address::Address;
use crate::demo::objects::{micro_timestamp, next_word};
use crate::demo::spec::Tenant;

/// One thing done to a host.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// An object enters with the UID it has: what is put there later refers to it.
    Place(Value),
    /// An object is created as clients do it; the host may refuse.
    Create(Value),
    /// An object changes by a merge patch.
    Patch {
        /// Which.
        address: Address,
        /// The patch.
        patch: Value,
    },
    /// An object is deleted, with the grace that it asks for.
    Delete(Address),
}

impl Deed {
    /// The object it is about.
    pub fn address(&self) -> Address {
        match self {
            Deed::Place(object) | Deed::Create(object) => Address::of(object),
            Deed::Patch { address, .. } | Deed::Delete(address) => address.clone(),
        }
    }
}

/// The companion of a tenant says how it is going.
pub(super) fn tell(tenant: &Tenant, now: DateTime<Utc>) -> Option<Deed> {
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "namespace": tenant.namespace, "name": companion::config_map(&tenant.name) },
    });
    Some(Deed::Patch { address: Address::of(&map), patch: next_word(tenant, now)? })
}

/// The leader of a highly available tenant says that it is alive.
pub(super) fn renew(tenant: &Tenant, now: DateTime<Utc>) -> Option<Deed> {
    if tenant.replicas < 2 || !tenant.serves() {
        return None;
    }
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "namespace": tenant.namespace, "name": wire::name::leader_lease(&tenant.name) },
    });
    let patch = json!({ "spec": { "renewTime": micro_timestamp(now) } });
    Some(Deed::Patch { address: Address::of(&lease), patch })
}
