//! What the host has and a tenant may read: kept as on the host, whatever the tenant does to it.

use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::lean::Lean;
use v9s::cluster::{ObjectRef, Resource};
use v9s::names::VirtualName;
use v9s::wire::annotation;

use super::{life, patch};
use crate::engine::key::Side;
use crate::engine::mirror::{At, field};
use crate::engine::plan::{Absence, Plan, Write};
use crate::translate::applied::Applied;
use crate::translate::diff;
use crate::translate::meta::{self, Texts};

/// What the tenant sees of an object of the host.
#[derive(Debug, Default)]
pub(super) struct Face {
    /// Top-level fields.
    pub(super) fields: Vec<(SmolStr, Value)>,
    /// Labels.
    pub(super) labels: Texts,
    /// Annotations.
    pub(super) annotations: Texts,
    /// The status, where the kind has one that is shown.
    pub(super) status: Option<Value>,
}

impl Face {
    /// These fields as they are, and labels and annotations but the syncer's own.
    pub(super) fn of<'a>(h: &Lean, fields: impl IntoIterator<Item = &'a str>) -> Self {
        Face {
            fields: fields.into_iter().map(|name| (name.into(), field(Some(h), name))).collect(),
            labels: meta::foreign_texts(&h.metadata.labels),
            annotations: meta::foreign_texts(&h.metadata.annotations),
            status: None,
        }
    }

    /// Changes a field.
    pub(super) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((SmolStr::new_static(name), value));
        self
    }

    /// Digests of it, as the tenant's object carries them.
    pub(super) fn applied(&self) -> Applied {
        let fields = self.fields.iter().filter(|(_, value)| !value.is_null());
        fields.fold(Applied::default().with("labels", &self.labels), |applied, (name, value)| {
            applied.with(name, value)
        })
    }
}

/// How a kind is shown.
pub(super) struct Shown<'a> {
    pub(super) resource: &'a Resource,
    /// Fields that no server lets change: the tenant's object is replaced.
    pub(super) immutable: &'static [&'static str],
    /// Fields that the tenant's server completes: what is not wanted in them stays.
    pub(super) completed: &'static [&'static str],
}

impl Shown<'_> {
    /// The plan of a pair; no face means that the tenant is not to see it.
    pub(super) fn plan(&self, at: &At<'_>, face: impl FnOnce(&Lean) -> Option<Face>) -> Plan {
        let going = |object: &Lean| object.metadata.deletion_timestamp.is_some();
        match (at.v, at.h) {
            (_, Some(h)) if going(h) => Plan::nothing(),
            (Some(v), _) if going(v) => Plan::nothing(),
            (v, Some(h)) => match (v, face(h)) {
                (Some(v), Some(face)) => self.agree(at, v, &face),
                (None, Some(face)) => self.create(at, &face),
                (Some(v), None) => self.withdraw(at, v, Absence::Unwanted),
                (None, None) => Plan::nothing(),
            },
            (Some(v), None) => self.withdraw(at, v, at.absence),
            (None, None) => Plan::nothing(),
        }
    }

    /// Only what we have made goes: a tenant may have objects of the kind that the host has never had.
    fn withdraw(&self, at: &At<'_>, v: &Lean, because: Absence) -> Plan {
        match v.metadata.annotation(annotation::APPLIED) {
            Some(_) => self.delete(at, v, because),
            None => Plan::nothing(),
        }
    }

    fn delete(&self, at: &At<'_>, v: &Lean, because: Absence) -> Plan {
        Plan::write(Write::delete(Side::Virtual, life::virtual_object(at, self.resource), v, because))
    }

    fn create(&self, at: &At<'_>, face: &Face) -> Plan {
        let mut annotations = face.annotations.clone();
        annotations.insert(annotation::APPLIED.into(), face.applied().to_string());
        let VirtualName { namespace, name } = &at.key.object;
        let mut metadata = json!({"name": name, "labels": face.labels, "annotations": annotations});
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        let fields = face.fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let body = patch::object(self.resource, metadata, fields);
        let target = life::virtual_object(at, self.resource);
        let create = Write::Create { side: Side::Virtual, target, body };
        let namespace = namespace.as_ref().and_then(|namespace| missing_namespace(at, namespace));
        Plan { writes: namespace.into_iter().chain([create]).collect(), ..Plan::default() }
    }

    fn agree(&self, at: &At<'_>, v: &Lean, face: &Face) -> Plan {
        let mut change = json!({});
        for (name, wanted) in &face.fields {
            let live = field(Some(v), name);
            let differs = match self.completed.contains(&name.as_str()) {
                true => diff::to_reach(&live, wanted),
                false => diff::to_become(&live, wanted),
            };
            let Some(differs) = differs else { continue };
            if self.immutable.contains(&name.as_str()) {
                return self.delete(at, v, Absence::Replaced);
            }
            change[name.as_str()] = differs;
        }
        let mut annotations = face.annotations.clone();
        let own = meta::own_texts(&v.metadata.annotations);
        annotations.extend(own.into_iter().filter(|(key, _)| key != annotation::APPLIED));
        annotations.insert(annotation::APPLIED.into(), face.applied().to_string());
        let mut metadata = json!({});
        if let Some(labels) = diff::of_maps(meta::texts(&v.metadata.labels), &face.labels) {
            metadata["labels"] = labels;
        }
        if let Some(annotations) = diff::of_maps(meta::texts(&v.metadata.annotations), &annotations) {
            metadata["annotations"] = annotations;
        }
        let metadata = metadata.as_object().is_some_and(|meta| !meta.is_empty()).then_some(metadata);
        let write = patch::merge(at, self.resource, Side::Virtual, v, change, metadata).or_else(|| {
            let change = diff::to_become(&field(Some(v), "status"), face.status.as_ref()?);
            patch::status(at, self.resource, v, change)
        });
        Plan { writes: write.into_iter().collect(), ..Plan::default() }
    }
}

/// The creation of a namespace of the tenant that is not there.
fn missing_namespace(at: &At<'_>, namespace: &SmolStr) -> Option<Write> {
    let key = at.other("namespaces", VirtualName::cluster_scoped(namespace.clone()))?;
    if at.view.get(Side::Virtual, &key).is_some() {
        return None;
    }
    let target = ObjectRef { resource: Resource::NAMESPACES, namespace: None, name: namespace.clone() };
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    Some(Write::Ensure { side: Side::Virtual, target, body })
}
