//! Cluster-scoped classes: the host's are shown under their names, or the tenant's go to the host under names of their own.

use serde_json::Value;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::label;

use super::life::{HostDeletion, Ways};
use super::pushed::{Desired, Pushed};
use super::shown::{Face, Shown};
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source};
use crate::engine::plan::{Note, Plan};
use crate::translate::owned;

/// A kind of classes.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) resource: Resource,
    /// Top-level fields.
    pub(super) fields: &'static [&'static str],
    /// Those that no server lets change.
    pub(super) immutable: &'static [&'static str],
    /// Names that begin with this are every cluster's own; none when empty.
    pub(super) reserved: &'static str,
    /// What is changed for the other side.
    pub(super) edit: fn(&mut Vec<(smol_str::SmolStr, Value)>),
}

impl Class {
    fn is_reserved(&self, name: &str) -> bool {
        !self.reserved.is_empty() && name.starts_with(self.reserved)
    }
}

/// The host's classes, for the tenant to name.
pub(super) struct FromHost {
    pub(super) class: Class,
    /// Which of them, as a label selector of the host; none for all.
    pub(super) labels: Option<String>,
}

/// The tenant's classes, on the host.
pub(super) struct ToHost {
    pub(super) class: Class,
    /// What follows when one is deleted on the host.
    pub(super) host_deletion: HostDeletion,
}

impl Mirror for FromHost {
    fn source(&self, side: Side, _: &Context) -> Option<Source> {
        let labels = self.labels.clone().filter(|_| side == Side::Host);
        Some(Source { labels, ..Source::all(self.class.resource.clone()) })
    }

    fn origin(&self, _: &Context, host: &Lean) -> Origin {
        // What some virtual cluster has pushed is a tenant's, not the host's.
        if host.metadata.label(label::MANAGED_BY).is_some() {
            return Origin::Foreign("a tenant has made it");
        }
        if self.class.is_reserved(&host.metadata.name) {
            return Origin::Foreign("every cluster has it");
        }
        Origin::Ours(VirtualName::cluster_scoped(host.metadata.name.clone()))
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Class { resource, fields, immutable, edit, .. } = &self.class;
        Shown { resource, immutable, completed: &[] }.plan(at, |h| {
            let mut face = Face::of(h, fields.iter().copied());
            edit(&mut face.fields);
            Some(face)
        })
    }
}

impl Mirror for ToHost {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(Source::mirrored_cluster_scoped(self.class.resource.clone(), side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        owned::origin_cluster_scoped(ctx, &self.class.resource, host)
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Class { resource, fields, immutable, edit, .. } = &self.class;
        let wanted = !self.class.is_reserved(&at.key.object.name);
        let ways = Ways { wanted, ..Ways::plain(resource, self.host_deletion) };
        Pushed { ways, immutable, status: None }.plan(at, |v, _| {
            let mut fields = Face::of(v, fields.iter().copied()).fields;
            edit(&mut fields);
            Ok(Desired { fields, ..Desired::default() })
        })
    }
}

/// Refuses an object that names a class which the host does not show to this tenant; fine where all or none are shown.
///
/// # Errors
/// The plan of the object that names it.
pub(super) fn admit(at: &At<'_>, kind: &str, limited: bool, class: Option<&str>) -> Result<(), Plan> {
    let Some(name) = class.filter(|name| limited && !name.is_empty()) else { return Ok(()) };
    let Some(key) = at.other(kind, VirtualName::cluster_scoped(name)) else { return Ok(()) };
    if at.view.get(Side::Host, &key).is_some() {
        return Ok(());
    }
    if !at.view.is_whole(key.kind, Side::Host) {
        return Err(Plan::wait("the classes of the host have not been listed yet"));
    }
    let resource = kind.split('.').next().unwrap_or(kind);
    Err(Plan::refuse(Note::warning(format!("{name} is none of the {resource} that may be used here"))))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resources::fixture::{World, lean};
    use crate::resources::{ingress_classes, priority_classes, runtime_classes, storage_classes};

    fn pushed() -> ToHost {
        ToHost { class: priority_classes::pushed(), host_deletion: HostDeletion::Recreate }
    }

    #[test]
    fn the_hosts_classes_are_shown_mended_and_taken_away() {
        let cases = [
            (
                storage_classes::class(),
                json!({"provisioner": "p", "parameters": {"a": "1"}, "allowVolumeExpansion": true}),
            ),
            (ingress_classes::class(), json!({"spec": {"controller": "example.org/c"}})),
            (
                runtime_classes::class(),
                json!({"handler": "kata", "scheduling": {"nodeSelector": {"kata": "yes"}}}),
            ),
            (priority_classes::shown(), json!({"value": 1000, "description": "d"})),
        ];
        for (class, fields) in cases {
            let mirror = FromHost { class, labels: None };
            let mut world = World::new(&["classes"]);
            let name = VirtualName::cluster_scoped("fast");
            let mut host = fields.clone();
            host["metadata"] =
                json!({"name": "fast", "labels": {"tier": "gold"}, "annotations": {"note": "n"}});
            assert_eq!(mirror.origin(&world.ctx, &lean(&host)), Origin::Ours(name.clone()));
            world.put(Side::Host, "classes", &name, host);
            assert_eq!(world.settle(&mirror, "classes", &name).0, 1);
            let shown = |world: &World| world.get(Side::Virtual, "classes", &name);
            for (field, value) in fields.as_object().unwrap() {
                assert_eq!(&shown(&world)[field], value);
            }
            assert_eq!(shown(&world)["metadata"]["labels"], json!({"tier": "gold"}));

            let tampered = json!({"metadata": {"labels": {"tier": "mine", "more": "x"}}});
            world.change(Side::Virtual, "classes", &name, &tampered);
            assert_eq!(world.settle(&mirror, "classes", &name).0, 1);
            assert_eq!(shown(&world)["metadata"]["labels"], json!({"tier": "gold"}));

            world.remove(Side::Host, "classes", &name);
            assert_eq!(world.settle(&mirror, "classes", &name).0, 1);
            assert!(shown(&world).is_null());
        }
    }

    #[test]
    fn a_tenants_own_class_is_not_taken_away() {
        let mirror = FromHost { class: storage_classes::class(), labels: None };
        let mut world = World::new(&["classes"]);
        world.tenant("classes", json!({"metadata": {"name": "mine"}, "provisioner": "p"}));
        assert_eq!(world.settle(&mirror, "classes", &VirtualName::cluster_scoped("mine")).0, 0);
    }

    #[test]
    fn classes_that_every_cluster_has_stay_where_they_are() {
        let system = json!({"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000});
        let mut world = World::new(&["classes"]);
        world.tenant("classes", system.clone());
        let name = VirtualName::cluster_scoped("system-node-critical");
        assert_eq!(world.settle(&pushed(), "classes", &name).0, 0);
        let shown = FromHost { class: priority_classes::shown(), labels: None };
        assert_eq!(shown.origin(&world.ctx, &lean(&system)), Origin::Foreign("every cluster has it"));
    }

    #[test]
    fn what_no_server_lets_change_is_made_anew() {
        let mirror = FromHost { class: storage_classes::class(), labels: None };
        let mut world = World::new(&["classes"]);
        let name = VirtualName::cluster_scoped("fast");
        world.put(Side::Host, "classes", &name, json!({"metadata": {"name": "fast"}, "provisioner": "new"}));
        world.tenant("classes", json!({"metadata": {"name": "fast", "uid": "old"}, "provisioner": "old"}));
        assert_eq!(world.settle(&mirror, "classes", &name).0, 2);
        let shown = world.get(Side::Virtual, "classes", &name);
        assert_eq!(shown["provisioner"], "new");
        assert_ne!(shown["metadata"]["uid"], "old");
    }

    #[test]
    fn the_tenants_classes_go_to_the_host_under_names_of_their_own() {
        let mut world = World::new(&["classes"]);
        let name = VirtualName::cluster_scoped("fast");
        let mirror = pushed();
        let class = json!({"metadata": {"name": "fast"}, "value": 1_900_000_000, "globalDefault": true, "description": "d"});
        world.tenant("classes", class);
        assert_eq!(world.settle(&mirror, "classes", &name).0, 1);
        let host = world.host("classes", &name);
        assert_eq!(host["metadata"]["name"], "vcluster-fast-x-tenants-x-t");
        assert_eq!((&host["value"], &host["globalDefault"]), (&json!(1_000_000_000), &Value::Null));
        assert_eq!(host["metadata"].get("ownerReferences"), None, "no namespaced object owns it");
        assert_eq!(
            FromHost { class: priority_classes::shown(), labels: None }.origin(&world.ctx, &lean(&host)),
            Origin::Foreign("a tenant has made it")
        );

        world.change(Side::Virtual, "classes", &name, &json!({"description": "new"}));
        assert_eq!(world.settle(&mirror, "classes", &name).0, 1);
        assert_eq!(world.host("classes", &name)["description"], "new");
        world.remove(Side::Virtual, "classes", &name);
        world.settle(&mirror, "classes", &name);
        assert_eq!(world.host("classes", &name), Value::Null);
    }
}
