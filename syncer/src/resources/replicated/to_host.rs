//! A Service of the tenant under a name of the host's namespace, for others there.

use serde_json::{Value, json};
use v9s::cluster::lean::Lean;
use v9s::cluster::{ObjectRef, Resource};
use v9s::names::VirtualName;
use v9s::wire::{annotation, label};

use super::{CONTROLLER, ToHostLine};
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::{Absence, Part, Plan, Write};
use crate::translate::applied::Applied;
use crate::translate::owned::kind_mark;
use crate::translate::{diff, selector};

/// The host's Service.
pub(in crate::resources) struct ToHost {
    pub(in crate::resources) line: ToHostLine,
}

impl ToHost {
    fn tenants(&self) -> VirtualName {
        VirtualName::namespaced(self.line.namespace.clone(), self.line.name.clone())
    }

    fn spec(&self, ctx: &Context, v: &Lean) -> Value {
        let spec = field(Some(v), "spec");
        let ports = spec["ports"].as_array().into_iter().flatten();
        let ports = ports.map(|port| {
            let mut port = port.clone();
            drop(port.as_object_mut().map(|port| port.remove("nodePort")));
            port
        });
        let mut wanted = json!({"type": "ClusterIP", "ports": ports.collect::<Value>()});
        let selected = selector::confined_map(ctx, &spec["selector"], &self.line.namespace);
        if !selected.is_null() {
            wanted["selector"] = selected;
        }
        if spec["type"] == "ExternalName" {
            wanted["type"] = json!("ExternalName");
            wanted["externalName"] = spec["externalName"].clone();
        } else if spec["clusterIP"] == "None" {
            wanted["clusterIP"] = json!("None");
        }
        wanted
    }

    fn target(&self, at: &At<'_>) -> ObjectRef {
        ObjectRef::namespaced(Resource::SERVICES, at.ctx.host_namespace.clone(), self.line.to_name.clone())
    }

    fn create(&self, at: &At<'_>, v: &Lean) -> Write {
        let spec = self.spec(at.ctx, v);
        let mut metadata = json!({"name": self.line.to_name, "namespace": at.ctx.host_namespace,
            "labels": {label::MANAGED_BY: at.ctx.names.marker(), label::CONTROLLED_BY: CONTROLLER},
            "annotations": {
                annotation::OBJECT_NAME: self.line.name, annotation::OBJECT_NAMESPACE: self.line.namespace,
                annotation::OBJECT_UID: v.metadata.uid, annotation::OBJECT_KIND: kind_mark(&Resource::SERVICES),
                annotation::APPLIED: Applied::default().with("spec", &spec).to_string()}});
        if let Some(uid) = &at.ctx.owner_uid {
            metadata["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "Service", "name": at.ctx.vcluster, "uid": uid}]);
        }
        let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec});
        Write::Create { side: Side::Host, target: self.target(at), body }
    }

    fn agree(&self, at: &At<'_>, v: &Lean, h: &Lean) -> Plan {
        let wanted = self.spec(at.ctx, v);
        let live = field(Some(h), "spec");
        let is_headless = |spec: &Value| spec["clusterIP"] == "None";
        if is_headless(&wanted) != is_headless(&live)
            && live["type"] != "ExternalName"
            && wanted["type"] != "ExternalName"
        {
            return Plan::write(self.delete(at, h, Absence::Replaced));
        }
        let mut change = json!({});
        if let Some(spec) = diff::to_reach(&live, &wanted) {
            change["spec"] = spec;
        }
        // A merge patch adds to a selector, which has to be the tenant's alone.
        if let Some(selector) = diff::to_become(&live["selector"], &wanted["selector"]) {
            change["spec"]["selector"] = selector;
        }
        let applied = Applied::default().with("spec", &wanted).to_string();
        if h.metadata.annotation(annotation::APPLIED) != Some(applied.as_str()) {
            change["metadata"]["annotations"][annotation::APPLIED] = json!(applied);
        }
        if h.metadata.annotation(annotation::OBJECT_UID) != Some(v.metadata.uid.as_str()) {
            change["metadata"]["annotations"][annotation::OBJECT_UID] = json!(v.metadata.uid);
        }
        if change.as_object().is_some_and(serde_json::Map::is_empty) {
            return Plan::nothing();
        }
        Plan::write(Write::merge(Side::Host, self.target(at), h, Part::Main, change))
    }

    fn delete(&self, at: &At<'_>, h: &Lean, because: Absence) -> Write {
        Write::delete(Side::Host, self.target(at), h, because)
    }
}

impl Mirror for ToHost {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        let (namespace, name) = match side {
            Side::Virtual => (&self.line.namespace, &self.line.name),
            Side::Host => (&ctx.host_namespace, &self.line.to_name),
        };
        Some(Source {
            namespace: Some(namespace.clone()),
            fields: Some(format!("metadata.name={name}")),
            ..Source::all(Resource::SERVICES)
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        let meta = &host.metadata;
        let tenants = self.tenants();
        let ours = meta.namespace == ctx.host_namespace
            && meta.name == self.line.to_name
            && meta.label(label::MANAGED_BY) == Some(ctx.names.marker())
            && meta.label(label::CONTROLLED_BY) == Some(CONTROLLER)
            && meta.annotation(annotation::OBJECT_NAME) == Some(tenants.name.as_str())
            && meta.annotation(annotation::OBJECT_NAMESPACE) == tenants.namespace.as_deref();
        match ours {
            true => Origin::Ours(tenants),
            false => Origin::Foreign("it was not made for the Service that is replicated"),
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let going = |object: &Lean| object.metadata.deletion_timestamp.is_some();
        match (at.v, at.h) {
            (_, Some(h)) if going(h) => Plan::wait("the object on the host is being deleted"),
            (Some(v), Some(h)) if !going(v) => self.agree(at, v, h),
            (Some(v), None) if !going(v) => Plan::write(self.create(at, v)),
            (Some(_), Some(h)) => Plan::write(self.delete(at, h, Absence::Seen)),
            (None, Some(h)) => Plan::write(self.delete(at, h, at.absence)),
            _ => Plan::nothing(),
        }
    }
}
