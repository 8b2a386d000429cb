//! Custom resources, in either direction: which of their fields name other objects is configured.

mod definition;
mod path;
mod served;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::{annotation, label};

use super::from_host::Mapping;
use super::life::{HostDeletion, Ways};
use super::pushed::{Desired, Pushed, status_of_host};
use super::shown::{Face, Shown};
use crate::context::Context;
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{At, Kinds, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;
use crate::translate::selector::{Within, confined, confined_map};
use crate::translate::{diff, owned};

pub(super) use definition::Definition;
pub use path::Path;
pub use served::served;

/// A kind of custom resources that is mirrored.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomResource {
    /// The kind, in a version that both servers serve.
    pub resource: Resource,
    /// Where its objects come from.
    pub direction: Direction,
}

/// Where custom resources come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Direction {
    /// The tenant's go to the host.
    ToHost(Box<ToHost>),
    /// Cluster-scoped ones of the host are shown.
    FromHost {
        /// Which of them, as a label selector in a list request; none for all.
        labels: Option<String>,
    },
    /// Namespaced ones of the host are shown.
    FromNamespaces(Vec<Mapping>),
}

/// How a tenant's custom resources go to the host.
#[derive(Debug, Clone, PartialEq)]
pub struct ToHost {
    /// What is rewritten.
    pub references: Vec<Reference>,
    /// Fields that the host decides about: they come back.
    pub back: Vec<Path>,
    /// The status comes back.
    pub status: bool,
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

/// A field that means something else on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Where it is.
    pub path: Path,
    /// What it means.
    pub to: Meaning,
}

/// What a field means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// The name of an object of the same namespace; or a mapping with `name`, and perhaps `namespace`, of any object of
    /// the tenant.
    Name {
        /// Its kind in the registry, `secrets`, where it is only mirrored when something uses it.
        kind: Option<SmolStr>,
    },
    /// The name of a cluster-scoped object of the tenant.
    ClusterScopedName,
    /// A namespace: there is only one on the host.
    Namespace,
    /// A label selector over objects of the same namespace.
    Selector,
    /// A map of labels that selects objects of the same namespace.
    Labels,
}

/// Fields of every object that are not its content.
const NO_CONTENT: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// A tenant's custom resources on the host.
pub(super) struct Custom {
    pub(super) resource: Resource,
    pub(super) how: ToHost,
}

impl Mirror for Custom {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        let resource = self.resource.clone();
        Some(match resource.namespaced {
            true => Source::mirrored(resource, side, ctx),
            false => Source::mirrored_cluster_scoped(resource, side, ctx),
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        match self.resource.namespaced {
            true => owned::origin(ctx, &self.resource, host),
            false => owned::origin_cluster_scoped(ctx, &self.resource, host),
        }
    }

    fn uses(
        &self,
        _: &Context,
        object: &VirtualName,
        side: Side,
        held: &Lean,
        kinds: &dyn Kinds,
    ) -> Vec<Key> {
        if side == Side::Host || self.how.references.is_empty() {
            return Vec::new();
        }
        let mut content = content(held);
        let mut uses = Vec::new();
        for reference in &self.how.references {
            let Meaning::Name { kind: Some(kind) } = &reference.to else { continue };
            let Some(kind) = kinds.id(kind) else { continue };
            let namespace = object.namespace.as_deref().unwrap_or_default();
            reference.path.each(&mut content, &mut |value| {
                uses.extend(named(namespace, value).map(|name| Key::new(kind, name)));
            });
        }
        uses
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let ways = Ways::plain(&self.resource, self.how.host_deletion);
        let status: Option<fn(&Lean, &Lean) -> Value> =
            if self.how.status { Some(status_of_host) } else { None };
        Pushed { ways, immutable: &[], status }.plan(at, |v, h| Ok(self.desired(at, v, h)))
    }
}

impl Custom {
    fn desired(&self, at: &At<'_>, v: &Lean, h: Option<&Lean>) -> Desired {
        let mine = content(v);
        let mut wanted = mine.clone();
        if v.metadata.annotation(annotation::SKIP_TRANSLATE) != Some("true") {
            for reference in &self.how.references {
                reference.path.each(&mut wanted, &mut |value| translate(at, &reference.to, value));
            }
        }
        let mut for_virtual = mine.clone();
        if let Some(theirs) = h.map(content) {
            for path in &self.how.back {
                path.copy(&theirs, &mut wanted);
                path.copy(&theirs, &mut for_virtual);
            }
        }
        let back = diff::to_become(&mine, &for_virtual);
        // What the tenant has taken out altogether.
        for (name, _) in h.map(content).map(top_level).unwrap_or_default() {
            if wanted.get(name.as_str()).is_none() {
                wanted[name.as_str()] = Value::Null;
            }
        }
        Desired { fields: top_level(wanted), back, ..Desired::default() }
    }
}

fn translate(at: &At<'_>, meaning: &Meaning, value: &mut Value) {
    let namespace = at.key.object.namespace.as_deref().unwrap_or_default();
    let on_host = |name: VirtualName| json!(at.ctx.names.host_name(&name).as_str());
    if let (Meaning::Name { .. }, Some(name)) = (meaning, named(namespace, value))
        && value.is_object()
    {
        value["name"] = on_host(name);
        if !value["namespace"].is_null() {
            value["namespace"] = json!(at.ctx.host_namespace);
        }
        return;
    }
    let named = value.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    *value = match (meaning, named) {
        (Meaning::Name { .. }, Some(name)) => on_host(VirtualName::namespaced(namespace, name)),
        (Meaning::ClusterScopedName, Some(name)) => on_host(VirtualName::cluster_scoped(name)),
        (Meaning::Namespace, Some(_)) => json!(at.ctx.host_namespace),
        (Meaning::Selector, _) if value.is_object() => confined(at.ctx, value, Within::Namespace(namespace)),
        (Meaning::Labels, _) if value.is_object() => confined_map(at.ctx, value, namespace),
        _ => return,
    };
}

/// The object that a name, or a mapping with one, stands for.
fn named(namespace: &str, value: &Value) -> Option<VirtualName> {
    let (name, of) = match value {
        Value::Object(fields) => (fields.get("name")?, fields.get("namespace").and_then(Value::as_str)),
        name => (name, None),
    };
    let name = name.as_str().filter(|name| !name.is_empty())?;
    let namespace = of.filter(|of| !of.is_empty()).unwrap_or(namespace);
    Some(VirtualName::namespaced(namespace, name))
}

/// The host's custom resources, for a tenant to read.
pub(super) struct CustomFromHost {
    pub(super) resource: Resource,
    /// Which cluster-scoped ones.
    pub(super) labels: Option<String>,
    /// Which namespaced ones.
    pub(super) mapping: Option<Mapping>,
}

impl Mirror for CustomFromHost {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(match &self.mapping {
            Some(mapping) => mapping.source(&self.resource, side, ctx),
            None => Source {
                labels: self.labels.clone().filter(|_| side == Side::Host),
                ..Source::all(self.resource.clone())
            },
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        match &self.mapping {
            Some(mapping) => mapping.origin(ctx, host),
            None if host.metadata.label(label::MANAGED_BY).is_some() => {
                Origin::Foreign("a tenant has made it")
            }
            None => Origin::Ours(VirtualName::cluster_scoped(host.metadata.name.clone())),
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let shown = Shown { resource: &self.resource, immutable: &[], completed: &[] };
        shown.plan(at, |h| {
            let mut face = Face::of(h, []);
            face.fields = top_level(content(h));
            // What the tenant's object has besides is to go.
            let gone = at.v.map(content).map(top_level).unwrap_or_default();
            let gone = gone.into_iter().filter(|(name, _)| h.field(name).is_none());
            let gone: Vec<_> = gone.map(|(name, _)| (name, Value::Null)).collect();
            face.fields.extend(gone);
            let status = field(Some(h), "status");
            face.status = (!status.is_null()).then_some(status);
            Some(face)
        })
    }
}

/// All top-level fields that are content.
fn content(object: &Lean) -> Value {
    let mut content = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = content.as_object_mut() {
        fields.retain(|name, _| !NO_CONTENT.contains(&name.as_str()));
    }
    content
}

fn top_level(content: Value) -> Vec<(SmolStr, Value)> {
    let Value::Object(fields) = content else { return Vec::new() };
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}
