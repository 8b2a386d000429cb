//! The definition of a custom resource, as the host has it: the tenant's server learns to serve the same.

use serde_json::json;
use smol_str::SmolStr;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::annotation;

use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source};
use crate::engine::plan::Plan;
use crate::resources::shown::{Face, Shown};

/// One definition.
pub(in crate::resources) struct Definition {
    /// `things.example.org`.
    pub(in crate::resources) name: SmolStr,
}

impl Definition {
    /// Of a custom resource.
    pub(in crate::resources) fn of(resource: &Resource) -> Self {
        Definition { name: format!("{}.{}", resource.plural, resource.group).into() }
    }
}

impl Mirror for Definition {
    fn source(&self, _: Side, _: &Context) -> Option<Source> {
        let fields = Some(format!("metadata.name={}", self.name));
        Some(Source { fields, ..Source::all(Resource::CUSTOM_RESOURCE_DEFINITIONS) })
    }

    fn origin(&self, _: &Context, host: &Lean) -> Origin {
        match host.metadata.name == self.name {
            true => Origin::Ours(VirtualName::cluster_scoped(self.name.clone())),
            false => Origin::Foreign("it is not mirrored"),
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Some(h) = at.h else {
            // With it the tenant's server would drop every object of the kind.
            return Plan::wait("the host does not know this kind any more");
        };
        let mut face = Face::of(h, ["spec"]);
        for (_, spec) in &mut face.fields {
            // The host's webhook cannot be reached from the tenant's server.
            spec["conversion"] = json!({"strategy": "None"});
        }
        let shown = at.v.and_then(|v| v.metadata.annotation(annotation::APPLIED));
        // What another version of the server fills in is no difference, unless the host's has changed.
        let completed: &[&str] =
            if shown == Some(face.applied().to_string().as_str()) { &["spec"] } else { &[] };
        let resource = &Resource::CUSTOM_RESOURCE_DEFINITIONS;
        Shown { resource, immutable: &[], completed }.plan(at, |_| Some(face))
    }
}
