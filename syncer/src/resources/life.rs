//! Coming and going of a pair: the same for nearly every kind.

use v9s::cluster::lean::Lean;
use v9s::cluster::{ObjectRef, Resource};
pub use v9s::provision::values::settings::HostDeletion;
use v9s::wire::annotation;

use crate::engine::key::Side;
use crate::engine::mirror::At;
use crate::engine::plan::{Absence, Plan, Write};
use crate::translate::owned;

/// Where a pair is in its life.
#[derive(Debug)]
pub enum Life<'a> {
    /// The host's object is to be created for this one.
    Create(&'a Lean),
    /// Both are there: the virtual one and the host's.
    Agree(&'a Lean, &'a Lean),
    /// There is nothing to decide for the kind.
    Decided(Plan),
}

/// What a kind says of a pair's life.
#[derive(Debug, Clone, Copy)]
pub struct Ways<'a> {
    /// The kind.
    pub resource: &'a Resource,
    /// Whether the tenant's object is to be on the host at all.
    pub wanted: bool,
    /// What follows when the host's object is deleted there.
    pub host_deletion: HostDeletion,
    /// Whether a host's object made for a predecessor of the same name is taken over rather than replaced.
    pub adopts: bool,
}

impl<'a> Ways<'a> {
    /// Every object of the tenant's is on the host, and each has its own.
    pub fn plain(resource: &'a Resource, host_deletion: HostDeletion) -> Self {
        Ways { resource, wanted: true, host_deletion, adopts: false }
    }
}

/// Decides about coming and going. Deletions go through the engine's gate.
pub fn of<'a>(at: &At<'a>, ways: Ways<'_>) -> Life<'a> {
    match (at.v, at.h) {
        (None, None) => Life::Decided(Plan::nothing()),
        (None, Some(h)) => Life::Decided(withdraw(at, ways.resource, h, at.absence)),
        (Some(v), None) if v.metadata.deletion_timestamp.is_some() || !ways.wanted => {
            Life::Decided(Plan::nothing())
        }
        (Some(v), None) => match (ways.host_deletion, at.absence) {
            (HostDeletion::Propagate, Absence::Seen) => {
                let target = virtual_object(at, ways.resource);
                Life::Decided(Plan::write(Write::delete(Side::Virtual, target, v, at.absence)))
            }
            _ => Life::Create(v),
        },
        (Some(v), Some(h)) => {
            if v.metadata.deletion_timestamp.is_some() {
                return Life::Decided(withdraw(at, ways.resource, h, Absence::Seen));
            }
            if !owned::is_for(h, v) && !ways.adopts {
                return Life::Decided(withdraw(at, ways.resource, h, Absence::Replaced));
            }
            if !ways.wanted {
                return Life::Decided(withdraw(at, ways.resource, h, Absence::Unwanted));
            }
            if h.metadata.deletion_timestamp.is_some() {
                // What comes after it is gone is decided then.
                return Life::Decided(Plan::wait("the object on the host is being deleted"));
            }
            Life::Agree(v, h)
        }
    }
}

/// Deletes the host's object, unless that is under way or it is marked to stay.
pub fn withdraw(at: &At<'_>, resource: &Resource, h: &Lean, because: Absence) -> Plan {
    if h.metadata.deletion_timestamp.is_some() || h.metadata.annotation(annotation::SKIP_BACKSYNC).is_some() {
        return Plan::nothing();
    }
    Plan::write(Write::delete(Side::Host, host_object(at, resource), h, because))
}

/// The object of a pair on a side.
pub fn object(at: &At<'_>, side: Side, resource: &Resource) -> ObjectRef {
    match side {
        Side::Host => host_object(at, resource),
        Side::Virtual => virtual_object(at, resource),
    }
}

/// The host's object of a pair.
pub fn host_object(at: &At<'_>, resource: &Resource) -> ObjectRef {
    let name = match at.h {
        Some(h) => h.metadata.name.clone(),
        None => at.ctx.names.host_name(&at.key.object).as_str().into(),
    };
    let namespace = resource.namespaced.then(|| at.ctx.host_namespace.clone());
    ObjectRef { resource: resource.clone(), namespace, name }
}

/// The tenant's object of a pair.
pub fn virtual_object(at: &At<'_>, resource: &Resource) -> ObjectRef {
    let v9s::names::VirtualName { namespace, name } = at.key.object.clone();
    ObjectRef { resource: resource.clone(), namespace, name }
}
