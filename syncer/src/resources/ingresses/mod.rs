//! Ingresses: to the host with the names of Services and Secrets there, the status back.

mod annotations;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::annotation;

use super::life::{HostDeletion, Ways};
use super::pushed::{Desired, Pushed, status_of_host};
use super::{classes, ingress_classes};
use crate::context::Context;
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{At, Kinds, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::translate::owned;

/// Ingresses of the tenant.
pub struct Ingresses {
    /// Only some of the host's classes may be used.
    pub limited: bool,
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

const RESOURCE: Resource = Resource::INGRESSES;

impl Mirror for Ingresses {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored(RESOURCE, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin(ctx, &RESOURCE, host)
    }

    fn uses(
        &self,
        _: &Context,
        object: &VirtualName,
        side: Side,
        held: &Lean,
        kinds: &dyn Kinds,
    ) -> Vec<Key> {
        if side == Side::Host {
            return Vec::new();
        }
        let spec = field(Some(held), "spec");
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let tls = spec["tls"].as_array().into_iter().flatten();
        let secrets = tls
            .filter_map(|tls| tls["secretName"].as_str())
            .map(|name| VirtualName::namespaced(namespace, name))
            .chain(annotations::secrets(namespace, &held.metadata));
        let class = spec["ingressClassName"].as_str().map(VirtualName::cluster_scoped);
        let class = kinds.id(ingress_classes::KIND).zip(class);
        let secret = kinds.id("secrets");
        let secrets = secrets.filter_map(|name| Some(Key::new(secret?, name)));
        secrets.chain(class.map(|(kind, name)| Key::new(kind, name))).collect()
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let resource = &RESOURCE;
        let ways = Ways::plain(resource, self.host_deletion);
        let pushed = Pushed { ways, immutable: &[], status: Some(status_of_host) };
        pushed.plan(at, |v, h| self.desired(at, v, h))
    }
}

impl Ingresses {
    fn desired(&self, at: &At<'_>, v: &Lean, h: Option<&Lean>) -> Result<Desired, Plan> {
        let mut spec = field(Some(v), "spec");
        let class = spec["ingressClassName"].as_str().map(str::to_owned);
        classes::admit(at, ingress_classes::KIND, self.limited, class.as_deref())?;
        let theirs = field(h, "spec");
        // The class that the host's admission chose.
        let chosen = theirs["ingressClassName"].clone();
        let back =
            (class.is_none() && !chosen.is_null()).then(|| json!({"spec": {"ingressClassName": chosen}}));
        if back.is_some() {
            spec["ingressClassName"] = chosen;
        }
        let mut desired = Desired { back, ..Desired::default() };
        if v.metadata.annotation(annotation::SKIP_TRANSLATE) != Some("true") {
            translate(at, &mut spec);
            annotations::translate(at, v, &mut desired.extra);
        }
        desired.fields.push(("spec".into(), spec));
        Ok(desired)
    }
}

fn translate(at: &At<'_>, spec: &mut Value) {
    let paths = |rule: &mut Value| {
        let paths = rule.get_mut("http").and_then(|http| http.get_mut("paths")).and_then(Value::as_array_mut);
        for path in paths.into_iter().flatten() {
            translate_backend(at, &mut path["backend"]);
        }
    };
    spec.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten().for_each(paths);
    if let Some(backend) = spec.get_mut("defaultBackend") {
        translate_backend(at, backend);
    }
    for tls in spec.get_mut("tls").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(secret) = tls.get_mut("secretName") {
            translate_name(at, secret);
        }
    }
}

fn translate_backend(at: &At<'_>, backend: &mut Value) {
    for kind in ["service", "resource"] {
        if let Some(name) = backend.get_mut(kind).and_then(|target| target.get_mut("name")) {
            translate_name(at, name);
        }
    }
}

fn translate_name(at: &At<'_>, name: &mut Value) {
    let Some(text) = name.as_str().filter(|text| !text.is_empty()) else { return };
    let namespace = at.key.object.namespace.as_deref().unwrap_or_default();
    *name = json!(at.ctx.names.host_name(&VirtualName::namespaced(namespace, text)).as_str());
}
