//! PersistentVolumes, mirrored: those that the host made for claims of the tenant are shown, those of the tenant go to the
//! host under names of their own.

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::{annotation, label};

use super::{CLAIMS, fake};
use crate::context::{Classes, Context};
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::resources::life::{HostDeletion, Ways};
use crate::resources::pushed::{Desired, Pushed, status_of_host};
use crate::resources::shown::{Face, Shown};
use crate::translate::{diff, owned};

/// Volumes of the tenant and of the host.
pub struct Volumes {
    /// Where storage classes come from.
    pub classes: Classes,
    /// What follows when one of the tenant's is deleted on the host.
    pub host_deletion: HostDeletion,
}

const RESOURCE: Resource = Resource::PERSISTENT_VOLUMES;

impl Mirror for Volumes {
    fn source(&self, _: Side, _: &Context) -> Option<Source> {
        Some(Source::all(RESOURCE))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        if host.metadata.label(label::MANAGED_BY).is_some() {
            return owned::origin_cluster_scoped(ctx, &RESOURCE, host);
        }
        let claim = &field(Some(host), "spec")["claimRef"];
        match claim["namespace"] == ctx.host_namespace.as_str() {
            true => Origin::Ours(VirtualName::cluster_scoped(host.metadata.name.clone())),
            false => Origin::Foreign("it is bound to no claim of this virtual cluster"),
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let made_by_host = |v: &Lean| v.metadata.annotation(annotation::HOST_PV).is_some();
        match (at.v, at.h) {
            (Some(v), None) if made_by_host(v) => fake::release(at, v),
            (Some(v), None) if v.metadata.deletion_timestamp.is_some() => fake::unbind(at, v),
            (v, Some(h)) if h.metadata.label(label::MANAGED_BY).is_none() => match v {
                Some(v) if !made_by_host(v) => {
                    Plan::wait("a volume of the host bears the name of one of the tenant's")
                }
                _ => self.show(at, v.is_some(), h),
            },
            _ => self.push(at),
        }
    }
}

impl Volumes {
    fn show(&self, at: &At<'_>, is_shown: bool, h: &Lean) -> Plan {
        let spec = field(Some(h), "spec");
        let claim = claim_of(at, &spec);
        if claim.is_none() && !is_shown {
            // Of a claim that the host's namespace has besides.
            return Plan::nothing();
        }
        Shown { resource: &RESOURCE, immutable: &[], completed: &[] }.plan(at, |h| {
            let mut face = Face::of(h, []);
            let mut shown = spec.clone();
            match claim.map(|claim| reference(at, &claim)) {
                Some(Some(reference)) => shown["claimRef"] = reference,
                // The claim is gone, and nobody knows its name any more.
                _ => shown["claimRef"] = before(at).unwrap_or_default(),
            }
            if let Some(class) = self.class_of_tenant(at, &spec["storageClassName"]) {
                shown["storageClassName"] = class;
            }
            without_secrets(&mut shown);
            face.fields.push(("spec".into(), shown));
            face.annotations.insert(annotation::HOST_PV.into(), h.metadata.name.to_string());
            face.status = Some(field(Some(h), "status"));
            Some(face)
        })
    }

    fn push(&self, at: &At<'_>) -> Plan {
        let resource = &RESOURCE;
        let ways = Ways { adopts: true, ..Ways::plain(resource, self.host_deletion) };
        Pushed { ways, immutable: &[], status: Some(status_of_host) }.plan(at, |v, h| {
            let mut spec = field(Some(v), "spec");
            let theirs = field(h, "spec");
            let claimed = spec["claimRef"].take();
            let mut back = None;
            if theirs["claimRef"].is_object() {
                spec["claimRef"] = theirs["claimRef"].clone();
                let bound = claim_of(at, &theirs).and_then(|claim| reference(at, &claim));
                back = bound.and_then(|bound| diff::to_reach(&claimed, &bound));
            } else if let Some(claim) = claimed.as_object() {
                let named = |field: &str| claim.get(field).and_then(Value::as_str).unwrap_or_default();
                let claim = VirtualName::namespaced(named("namespace"), named("name"));
                spec["claimRef"] = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                    "namespace": at.ctx.host_namespace, "name": at.ctx.names.host_name(&claim).as_str()});
            } else {
                drop(spec.as_object_mut().map(|spec| spec.remove("claimRef")));
            }
            if let (Classes::ToHost, Some(class)) = (self.classes, spec["storageClassName"].as_str())
                && !class.is_empty()
            {
                let class = VirtualName::cluster_scoped(class);
                spec["storageClassName"] = json!(at.ctx.names.host_name(&class).as_str());
            }
            let back = back.map(|claim| json!({"spec": {"claimRef": claim}}));
            Ok(Desired { back, ..Desired::of([("spec", spec)]) })
        })
    }

    fn class_of_tenant(&self, at: &At<'_>, class: &Value) -> Option<Value> {
        let kind = at.kinds.id(crate::resources::storage_classes::KIND)?;
        let name = class.as_str().filter(|_| self.classes == Classes::ToHost)?;
        at.view.key_of_host(kind, name).map(|key| json!(key.object.name))
    }
}

/// The tenant's claim that a volume of the host is bound to.
fn claim_of(at: &At<'_>, spec: &Value) -> Option<Key> {
    at.view.key_of_host(at.kinds.id(CLAIMS)?, spec["claimRef"]["name"].as_str()?)
}

fn reference(at: &At<'_>, claim: &Key) -> Option<Value> {
    let meta = &at.view.get(Side::Virtual, claim)?.metadata;
    Some(
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": meta.namespace, "name": meta.name,
        "uid": meta.uid}),
    )
}

fn before(at: &At<'_>) -> Option<Value> {
    field(at.v, "spec").get("claimRef").cloned()
}

/// Secrets by which the host mounts a volume are no business of a tenant's.
fn without_secrets(value: &mut Value) {
    let is_secret = |name: &str| name.ends_with("SecretRef") || name == "secretRef";
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !is_secret(name));
        fields.values_mut().for_each(without_secrets);
    }
}
