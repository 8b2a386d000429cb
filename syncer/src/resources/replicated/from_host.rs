//! A Service of the host under a name of the tenant's: headless, with slices that lead where the host's leads.

use std::net::IpAddr;

use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::label;

use super::{CONTROLLER, FromHostLine};
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{Affects, At, Mirror, Origin, Source, field};
use crate::engine::plan::{Note, Plan};
use crate::resources::shown::{Face, Shown};
use crate::translate::meta::Texts;

/// Names the Service that a slice belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Names who makes a slice.
const SLICE_MANAGER: &str = "endpointslice.kubernetes.io/managed-by";

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::resources) enum Family {
    V4,
    V6,
}

impl Family {
    fn name(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    fn has(self, address: &str) -> bool {
        address.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4() == (self == Family::V4))
    }
}

impl FromHostLine {
    fn namespace<'a>(&'a self, ctx: &'a Context) -> &'a SmolStr {
        self.namespace.as_ref().unwrap_or(&ctx.host_namespace)
    }

    fn tenants(&self) -> VirtualName {
        VirtualName::namespaced(self.to_namespace.clone(), self.to_name.clone())
    }

    fn host_service(&self, ctx: &Context) -> Source {
        Source {
            namespace: Some(self.namespace(ctx).clone()),
            fields: Some(format!("metadata.name={}", self.name)),
            ..Source::all(Resource::SERVICES)
        }
    }

    fn tenants_object(&self, resource: Resource, name: &str) -> Source {
        Source {
            namespace: Some(self.to_namespace.clone()),
            fields: Some(format!("metadata.name={name}")),
            ..Source::all(resource)
        }
    }

    fn origin(&self, ctx: &Context, host: &Lean, tenants: VirtualName) -> Origin {
        match host.metadata.namespace == *self.namespace(ctx) && host.metadata.name == self.name {
            true => Origin::Ours(tenants),
            false => Origin::Foreign("it is not the Service that is replicated"),
        }
    }

    fn slice_labels(&self) -> Texts {
        [
            (label::CONTROLLED_BY, CONTROLLER),
            (SERVICE_NAME, self.to_name.as_str()),
            (SLICE_MANAGER, CONTROLLER),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }
}

/// The tenant's Service.
pub(in crate::resources) struct Replica {
    pub(in crate::resources) line: FromHostLine,
    /// The slices that depend on it in the registry.
    pub(in crate::resources) headless: String,
}

impl Mirror for Replica {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(match side {
            Side::Virtual => self.line.tenants_object(Resource::SERVICES, &self.line.to_name),
            Side::Host => self.line.host_service(ctx),
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        self.line.origin(ctx, host, self.line.tenants())
    }

    fn affects(&self, changed: &At<'_>, side: Side) -> Affects {
        match changed.kinds.id(&self.headless).filter(|_| side == Side::Host) {
            Some(kind) => Affects::Kind(kind),
            None => Affects::None,
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        if at.v.is_some_and(|v| v.metadata.label(label::CONTROLLED_BY) != Some(CONTROLLER)) {
            let why = "this Service is not replaced by the one that is configured to be replicated here: it is somebody's own";
            return Plan::refuse(Note::warning(why));
        }
        Shown { resource: &Resource::SERVICES, immutable: &[], completed: &["spec"] }.plan(at, |h| {
            let spec = field(Some(h), "spec");
            let spec = match spec["type"] == "ExternalName" {
                true => json!({"type": "ExternalName", "externalName": spec["externalName"]}),
                false => json!({"type": "ClusterIP", "clusterIP": "None", "ports": ports(&spec)}),
            };
            let labels = Texts::from([(label::CONTROLLED_BY.into(), CONTROLLER.into())]);
            Some(Face { fields: vec![("spec".into(), spec)], labels, ..Face::default() })
        })
    }
}

/// As the Service of the host offers them: nothing is changed on the way to it.
fn ports(spec: &Value) -> Value {
    let ports = spec["ports"].as_array().into_iter().flatten();
    let offered = ports.map(|port| {
        let mut offered =
            json!({"port": port["port"], "targetPort": port["port"], "protocol": port["protocol"]});
        for name in ["name", "appProtocol"] {
            if !port[name].is_null() {
                offered[name] = port[name].clone();
            }
        }
        offered
    });
    offered.collect()
}

/// A slice with the addresses of the host's Service of one family.
pub(in crate::resources) struct Addresses {
    pub(in crate::resources) line: FromHostLine,
    pub(in crate::resources) family: Family,
}

impl Addresses {
    fn name(&self) -> SmolStr {
        format_smolstr!("{}-{}", self.line.to_name, self.family.name().to_ascii_lowercase())
    }
}

impl Mirror for Addresses {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(match side {
            Side::Virtual => self.line.tenants_object(Resource::ENDPOINT_SLICES, &self.name()),
            Side::Host => self.line.host_service(ctx),
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        self.line.origin(ctx, host, VirtualName::namespaced(self.line.to_namespace.clone(), self.name()))
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        slices(&Resource::ENDPOINT_SLICES).plan(at, |h| {
            let spec = field(Some(h), "spec");
            let mut all = spec["clusterIPs"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let address = all.find(|address| self.family.has(address))?;
            let ports = spec["ports"].as_array().into_iter().flatten();
            let ports: Value = ports
                .map(|port| json!({"name": port["name"].as_str().unwrap_or_default(), "port": port["port"], "protocol": port["protocol"]}))
                .collect();
            let endpoints = json!([{"addresses": [address], "conditions": {"ready": true}}]);
            Some(face(&self.line, self.family.name().into(), endpoints, ports))
        })
    }
}

/// The slices of a headless Service of the host.
pub(in crate::resources) struct HeadlessAddresses {
    pub(in crate::resources) line: FromHostLine,
    /// The Service in the registry.
    pub(in crate::resources) service: String,
}

impl Mirror for HeadlessAddresses {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        let (namespace, labels) = match side {
            Side::Virtual => {
                let labels =
                    format!("{SERVICE_NAME}={},{}={CONTROLLER}", self.line.to_name, label::CONTROLLED_BY);
                (self.line.to_namespace.clone(), labels)
            }
            Side::Host => (self.line.namespace(ctx).clone(), format!("{SERVICE_NAME}={}", self.line.name)),
        };
        Some(Source {
            namespace: Some(namespace),
            labels: Some(labels),
            ..Source::all(Resource::ENDPOINT_SLICES)
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        let meta = &host.metadata;
        if meta.namespace != *self.line.namespace(ctx)
            || meta.label(SERVICE_NAME) != Some(self.line.name.as_str())
        {
            return Origin::Foreign("it is no slice of the Service that is replicated");
        }
        // Called after the Service, with letters of chance behind it.
        let chance = meta.name.rsplit_once('-').map_or(meta.name.as_str(), |(_, chance)| chance);
        let name = format_smolstr!("{}-{chance}", self.line.to_name);
        Origin::Ours(VirtualName::namespaced(self.line.to_namespace.clone(), name))
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        // Made of the addresses of a Service that has some: not one of these.
        if at.h.is_none()
            && [Family::V4, Family::V6]
                .iter()
                .any(|family| at.key.object.name == of_family(&self.line, *family))
        {
            return Plan::nothing();
        }
        let service =
            at.other(&self.service, self.line.tenants()).and_then(|key| at.view.get(Side::Host, &key));
        if service.is_none() && at.h.is_some() {
            return Plan::wait("the Service that is replicated is not there");
        }
        let headless = field(service, "spec")["clusterIP"] == "None";
        slices(&Resource::ENDPOINT_SLICES).plan(at, |h| {
            let mut endpoints = field(Some(h), "endpoints");
            for endpoint in endpoints.as_array_mut().into_iter().flatten() {
                for name in ["targetRef", "nodeName", "zone", "hints"] {
                    drop(endpoint.as_object_mut().map(|endpoint| endpoint.remove(name)));
                }
            }
            let kind = field(Some(h), "addressType");
            headless.then(|| face(&self.line, kind, endpoints, field(Some(h), "ports")))
        })
    }
}

fn of_family(line: &FromHostLine, family: Family) -> SmolStr {
    Addresses { line: line.clone(), family }.name()
}

fn slices(resource: &Resource) -> Shown<'_> {
    Shown { resource, immutable: &["addressType"], completed: &["endpoints", "ports"] }
}

fn face(line: &FromHostLine, kind: Value, endpoints: Value, ports: Value) -> Face {
    let fields = vec![("addressType".into(), kind), ("endpoints".into(), endpoints), ("ports".into(), ports)];
    Face { fields, labels: line.slice_labels(), ..Face::default() }
}
