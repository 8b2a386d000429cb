//! Volumes that are made up for bound claims, where the host's may not be read: a claim that is bound to nothing looks
//! broken.

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::wire::label;

use super::CLAIMS;
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::{Absence, Plan, Write};
use crate::resources::{life, patch};
use crate::translate::diff;

/// Volumes of the tenant that nobody has looked at on the host.
pub struct FakeVolumes;

const RESOURCE: Resource = Resource::PERSISTENT_VOLUMES;

impl Mirror for FakeVolumes {
    fn source(&self, side: Side, _: &Context) -> Option<Source> {
        (side == Side::Virtual).then(|| Source::all(RESOURCE))
    }

    fn origin(&self, _: &Context, _: &Lean) -> Origin {
        Origin::Foreign("volumes are not mirrored")
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let is_fake = |volume: &Lean| volume.metadata.label(label::FAKE_PV).is_some();
        match (at.v, claim_of(at)) {
            (None, None) => Plan::nothing(),
            // One of the tenant's own.
            (Some(v), _) if !is_fake(v) => Plan::nothing(),
            (None, Some(claim)) => Plan::write(create(at, claim)),
            (Some(v), Some(claim)) if v.metadata.deletion_timestamp.is_none() => agree(at, v, claim),
            (Some(v), Some(_)) => freed(at, v),
            (Some(v), None) => release(at, v),
        }
    }
}

/// The tenant's claim that the host has bound to this volume. Without the host's word a tenant could have any made up.
fn claim_of<'a>(at: &At<'a>) -> Option<&'a Lean> {
    let claims = at.kinds.id(CLAIMS)?;
    let bound = |side: Side, key| {
        let spec = field(at.view.get(side, key), "spec");
        spec["volumeName"] == at.key.object.name.as_str()
    };
    let mut users = at.view.users(at.key).filter(|key| key.kind == claims);
    let key = users.find(|key| bound(Side::Host, key))?;
    at.view.get(Side::Virtual, key).filter(|claim| claim.metadata.deletion_timestamp.is_none())
}

fn create(at: &At<'_>, claim: &Lean) -> Write {
    let metadata = json!({"name": at.key.object.name, "labels": {label::FAKE_PV: "true"}});
    let mut spec = spec(claim);
    if let Some(spec) = spec.as_object_mut() {
        spec.retain(|_, value| !value.is_null());
    }
    spec["flexVolume"] = json!({"driver": "fake"});
    let body = patch::object(&RESOURCE, metadata, [("spec", spec)]);
    Write::Create { side: Side::Virtual, target: life::virtual_object(at, &RESOURCE), body }
}

fn agree(at: &At<'_>, v: &Lean, claim: &Lean) -> Plan {
    let live = field(Some(v), "spec");
    let wanted = spec(claim);
    let mut change = json!({});
    for name in ["capacity", "claimRef"] {
        if let Some(differs) = diff::to_reach(&live[name], &wanted[name]) {
            change["spec"][name] = differs;
        }
    }
    let write = patch::merge(at, &RESOURCE, Side::Virtual, v, change, None).or_else(|| {
        let bound = (field(Some(v), "status")["phase"] != "Bound").then(|| json!({"phase": "Bound"}));
        patch::status(at, &RESOURCE, v, bound)
    });
    Plan { writes: write.into_iter().collect(), ..Plan::default() }
}

/// Takes a volume away that was only shown. Released first: a bound one is protected from deletion.
pub(super) fn release(at: &At<'_>, v: &Lean) -> Plan {
    if v.metadata.deletion_timestamp.is_some() {
        return freed(at, v);
    }
    let unbound = unbind(at, v);
    if !unbound.writes.is_empty() {
        return unbound;
    }
    Plan::write(Write::delete(Side::Virtual, life::virtual_object(at, &RESOURCE), v, Absence::Unwanted))
}

/// Says that a volume is bound no longer.
pub(super) fn unbind(at: &At<'_>, v: &Lean) -> Plan {
    let bound = field(Some(v), "status")["phase"] == "Bound";
    let write = patch::status(at, &RESOURCE, v, bound.then(|| json!({"phase": "Released"})));
    Plan { writes: write.into_iter().collect(), ..Plan::default() }
}

/// Nothing was ever there that a finalizer could protect.
fn freed(at: &At<'_>, v: &Lean) -> Plan {
    if v.metadata.finalizers.is_empty() {
        return Plan::nothing();
    }
    let metadata = Some(json!({"finalizers": null}));
    let write = patch::merge(at, &RESOURCE, Side::Virtual, v, json!({}), metadata);
    Plan { writes: write.into_iter().collect(), ..Plan::default() }
}

fn spec(claim: &Lean) -> Value {
    let (spec, status) = (field(Some(claim), "spec"), field(Some(claim), "status"));
    let capacity = match &status["capacity"] {
        Value::Null => spec["resources"]["requests"].clone(),
        capacity => capacity.clone(),
    };
    let meta = &claim.metadata;
    json!({
        "capacity": capacity,
        "accessModes": spec["accessModes"],
        "storageClassName": spec["storageClassName"],
        "volumeMode": spec["volumeMode"],
        "persistentVolumeReclaimPolicy": "Delete",
        "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": meta.namespace, "name": meta.name,
            "uid": meta.uid},
    })
}
