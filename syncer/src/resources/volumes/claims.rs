//! PersistentVolumeClaims.

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::annotation;

use super::VOLUMES;
use crate::context::{Classes, Context};
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{At, Kinds, Mirror, Origin, Source, field};
use crate::engine::plan::{Note, Plan, Write};
use crate::resources::life::{self, HostDeletion, Life, Ways};
use crate::resources::{classes, patch, storage_classes};
use crate::translate::applied::Applied;
use crate::translate::meta::{self, Extra};
use crate::translate::{diff, owned};

/// Claims of the tenant.
pub struct Claims {
    /// Where storage classes come from.
    pub classes: Classes,
    /// Only some of the host's classes may be used.
    pub limited: bool,
    /// Volumes are mirrored, too, rather than made up.
    pub real_volumes: bool,
    /// What follows when one is deleted on the host.
    pub host_deletion: HostDeletion,
}

/// What may be changed in a claim's life.
const CHANGING: [&str; 2] = ["resources", "volumeAttributesClassName"];

impl Mirror for Claims {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored(Resource::PERSISTENT_VOLUME_CLAIMS, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin(ctx, &Resource::PERSISTENT_VOLUME_CLAIMS, host)
    }

    fn uses(&self, _: &Context, _: &VirtualName, side: Side, held: &Lean, kinds: &dyn Kinds) -> Vec<Key> {
        let spec = field(Some(held), "spec");
        let mut uses = Vec::new();
        let mut add = |kind: &str, name: &Value| {
            let name = name.as_str().filter(|name| !name.is_empty());
            let key = kinds.id(kind).zip(name);
            uses.extend(key.map(|(kind, name)| Key::new(kind, VirtualName::cluster_scoped(name))));
        };
        match side {
            Side::Virtual => {
                add(VOLUMES, &spec["volumeName"]);
                add(storage_classes::KIND, &spec["storageClassName"]);
            }
            // What the host has bound it to is looked at before the tenant is told.
            Side::Host => add(VOLUMES, &spec["volumeName"]),
        }
        uses
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let resource = &Resource::PERSISTENT_VOLUME_CLAIMS;
        let ways = Ways { adopts: true, ..Ways::plain(resource, self.host_deletion) };
        match life::of(at, ways) {
            Life::Decided(plan) => plan,
            Life::Create(v) => self.create(at, v),
            Life::Agree(v, h) => self.agree(at, v, h),
        }
    }
}

impl Claims {
    fn create(&self, at: &At<'_>, v: &Lean) -> Plan {
        let spec = field(Some(v), "spec");
        let limited = self.limited && self.classes == Classes::FromHost;
        let class = spec["storageClassName"].as_str();
        if let Err(refused) = classes::admit(at, storage_classes::KIND, limited, class) {
            return refused;
        }
        let resource = &Resource::PERSISTENT_VOLUME_CLAIMS;
        let metadata = meta::to_create(at.ctx, resource, at.key, v, &extra(&spec));
        let body = patch::object(resource, metadata, [("spec", self.to_host(at, &spec))]);
        Plan::write(Write::Create { side: Side::Host, target: life::host_object(at, resource), body })
    }

    fn to_host(&self, at: &At<'_>, spec: &Value) -> Value {
        let mut host = spec.clone();
        let cluster_scoped =
            |name: &str| at.ctx.names.host_name(&VirtualName::cluster_scoped(name)).to_string();
        let named = |value: &Value| value.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        if let Some(class) = named(&spec["storageClassName"])
            && self.classes == Classes::ToHost
        {
            host["storageClassName"] = json!(cluster_scoped(&class));
        }
        if let Some(volume) = named(&spec["volumeName"]) {
            host["volumeName"] = json!(self.volume_on_host(at, &volume));
        }
        for source in ["dataSource", "dataSourceRef"] {
            let Some(translated) = translated_source(at, &spec[source]) else { continue };
            host[source] = translated;
        }
        if let Some(host) = host.as_object_mut() {
            host.retain(|_, value| !value.is_null());
        }
        host
    }

    /// Name on the host of a volume that the tenant names.
    fn volume_on_host(&self, at: &At<'_>, volume: &str) -> String {
        let name = VirtualName::cluster_scoped(volume);
        let shown = at.other(VOLUMES, name.clone()).and_then(|key| at.view.get(Side::Virtual, &key));
        match shown.and_then(|volume| volume.metadata.annotation(annotation::HOST_PV)) {
            Some(host) => host.to_owned(),
            None if self.real_volumes => at.ctx.names.host_name(&name).to_string(),
            None => volume.to_owned(),
        }
    }

    fn agree(&self, at: &At<'_>, v: &Lean, h: &Lean) -> Plan {
        let resource = &Resource::PERSISTENT_VOLUME_CLAIMS;
        let (mine, theirs) = (field(Some(v), "spec"), field(Some(h), "spec"));
        let bound_to =
            |spec: &Value| spec["volumeName"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        let given = bound_to(&theirs).map(|host| self.volume_of_tenant(at, host));
        let (mut for_host, mut for_virtual) = (json!({}), json!({}));
        match (bound_to(&mine), &given) {
            (None, Some(given)) => for_virtual["spec"] = json!({"volumeName": given}),
            (Some(mine), Some(given)) if mine != *given => {
                let why = format!(
                    "the host has bound this claim to {given} rather than {mine}: delete it, or have an administrator bind the volume again"
                );
                return Plan::refuse(Note { warning: true, reason: "VolumeNameDiffers", message: why });
            }
            _ => {}
        }
        let applied = Applied::parse(h.metadata.annotation(annotation::APPLIED));
        for name in CHANGING {
            let translated = mine[name].clone();
            if applied.changed(name, &translated)
                && let Some(change) = diff::to_become(&theirs[name], &translated)
            {
                for_host["spec"][name] = change;
            }
        }
        let agreement = meta::agree(at.ctx, resource, at.key, v, h, &extra(&mine));
        let volume =
            given.as_ref().and_then(|name| at.other(VOLUMES, VirtualName::cluster_scoped(name.as_str())));
        let shown = volume.is_none_or(|key| at.view.get(Side::Virtual, &key).is_some());
        let write = patch::merge(at, resource, Side::Virtual, v, for_virtual, agreement.virtual_side)
            .or_else(|| {
                // A claim is only bound when its volume can be looked at.
                let change =
                    diff::to_become(&field(Some(v), "status"), &field(Some(h), "status")).filter(|_| shown);
                patch::status(at, resource, v, change)
            });
        let for_host = patch::merge(at, resource, Side::Host, h, for_host, agreement.host);
        Plan { writes: write.into_iter().chain(for_host).collect(), ..Plan::default() }
    }

    /// Name for the tenant of a volume on the host: its own, where the tenant has made it.
    fn volume_of_tenant(&self, at: &At<'_>, host: String) -> String {
        let kind = at.kinds.id(VOLUMES).filter(|_| self.real_volumes);
        kind.and_then(|kind| at.view.key_of_host(kind, &host)).map_or(host, |key| key.object.name.to_string())
    }
}

fn extra(spec: &Value) -> Extra {
    let applied = CHANGING.iter().fold(Applied::default(), |applied, name| applied.with(name, &spec[*name]));
    Extra { applied, ..Extra::default() }
}

/// What a claim is filled from: another claim of the tenant under its name on the host; anything else keeps its name.
fn translated_source(at: &At<'_>, source: &Value) -> Option<Value> {
    if source["kind"] != "PersistentVolumeClaim" {
        return None;
    }
    let own = at.key.object.namespace.as_deref();
    let namespace = source["namespace"].as_str().or(own).unwrap_or_default();
    let claim = VirtualName::namespaced(namespace, source["name"].as_str().unwrap_or_default());
    let mut translated = source.clone();
    translated["name"] = json!(at.ctx.names.host_name(&claim).as_str());
    // All namespaces of the tenant are one there.
    drop(translated.as_object_mut().map(|source| source.remove("namespace")));
    Some(translated)
}
