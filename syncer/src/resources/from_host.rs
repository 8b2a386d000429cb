//! ConfigMaps and Secrets of the host that a tenant may read, by `mappings.byName`.

use serde_json::json;
use smol_str::SmolStr;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::{label, name};

use super::shown::{Face, Shown};
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, field};
use crate::engine::plan::Plan;

/// One line of a mapping, `"ns/name": "vns/name"` or `"ns/*": "vns/*"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Namespace on the host; none for the virtual cluster's own.
    pub namespace: Option<SmolStr>,
    /// Namespace for the tenant; it is made when it is missing.
    pub to_namespace: SmolStr,
    /// Name on the host and for the tenant; none for all of the namespace under their own names.
    pub name: Option<(SmolStr, SmolStr)>,
}

impl Mapping {
    /// Where the host's objects are.
    pub(super) fn namespace<'a>(&'a self, ctx: &'a Context) -> &'a SmolStr {
        self.namespace.as_ref().unwrap_or(&ctx.host_namespace)
    }

    /// What is watched of a kind on a side.
    pub(super) fn source(&self, resource: &Resource, side: Side, ctx: &Context) -> Source {
        let name = self.name.as_ref();
        let (namespace, name) = match side {
            Side::Virtual => (&self.to_namespace, name.map(|(_, name)| name)),
            Side::Host => (self.namespace(ctx), name.map(|(name, _)| name)),
        };
        Source {
            namespace: Some(namespace.clone()),
            fields: name.map(|name| format!("metadata.name={name}")),
            labels: (side == Side::Host).then(|| format!("!{}", label::MANAGED_BY)),
            ..Source::all(resource.clone())
        }
    }

    /// Whose an object of the host is.
    pub(super) fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        let meta = &host.metadata;
        if meta.namespace != *self.namespace(ctx) || meta.label(label::MANAGED_BY).is_some() {
            return Origin::Foreign("it is a tenant's, or in another namespace");
        }
        match &self.name {
            Some((name, _)) if meta.name != *name => Origin::Foreign("it is not mapped"),
            Some((_, name)) => Origin::Ours(VirtualName::namespaced(self.to_namespace.clone(), name.clone())),
            None => Origin::Ours(VirtualName::namespaced(self.to_namespace.clone(), meta.name.clone())),
        }
    }
}

/// ConfigMaps or Secrets of one mapping.
pub(super) struct FromHost {
    pub(super) resource: Resource,
    pub(super) mapping: Mapping,
}

/// Every namespace has one, with the keys of its own cluster.
const ROOT_CA: &str = "kube-root-ca.crt";
/// The tenant's token controller would fill, or delete, a Secret of this type.
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";

impl Mirror for FromHost {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(self.mapping.source(&self.resource, side, ctx))
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        if host.metadata.name == ROOT_CA {
            return Origin::Foreign("every namespace has one of its own");
        }
        if host.metadata.namespace == ctx.host_namespace && is_of_control_plane(ctx, host) {
            return Origin::Foreign("it belongs to the control plane: no tenant may read it");
        }
        self.mapping.origin(ctx, host)
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let is_immutable = field(at.v, "immutable") == true;
        let immutable: &[&str] =
            if is_immutable { &["data", "binaryData", "immutable", "type"] } else { &["type"] };
        let shown = Shown { resource: &self.resource, immutable, completed: &[] };
        shown.plan(at, |h| {
            let face = Face::of(h, ["data", "binaryData", "immutable", "type"]);
            Some(match field(Some(h), "type") == TOKEN_TYPE {
                true => face.with("type", json!("Opaque")),
                false => face,
            })
        })
    }
}

/// Keys and configuration of the virtual cluster itself live beside what its tenant may be shown.
fn is_of_control_plane(ctx: &Context, host: &Lean) -> bool {
    let meta = &host.metadata;
    let of = &ctx.vcluster;
    let own = [name::config_secret(of), name::kubeconfig_secret(of), name::certificates_secret(of)];
    own.iter().any(|own| meta.name == own.as_str())
        || meta.label(label::VCLUSTER_NAME).is_some()
        || field(Some(host), "type") == "helm.sh/release.v1"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::fixture::{World, lean, namespaced};

    fn mapping(namespace: Option<&str>, name: Option<(&str, &str)>) -> Mapping {
        Mapping {
            namespace: namespace.map(Into::into),
            to_namespace: "shared".into(),
            name: name.map(|(host, tenant)| (host.into(), tenant.into())),
        }
    }

    fn secrets(mapping: Mapping) -> FromHost {
        FromHost { resource: Resource::SECRETS, mapping }
    }

    #[test]
    fn a_mapping_says_what_is_looked_at_and_under_which_name_it_is_shown() {
        let ctx = World::new(&[]).ctx;
        let object =
            |namespace: &str, name: &str| lean(&json!({"metadata": {"namespace": namespace, "name": name}}));
        let ours = |name: &str| Some(namespaced("shared", name));
        let cases = [
            (mapping(Some("infra"), None), object("infra", "a"), ours("a")),
            (mapping(Some("infra"), Some(("a", "b"))), object("infra", "a"), ours("b")),
            (mapping(Some("infra"), Some(("a", "b"))), object("infra", "c"), None),
            (mapping(None, None), object("tenants", "a"), ours("a")),
            (mapping(None, None), object("infra", "a"), None),
            (mapping(None, None), object("tenants", "t-certs"), None),
            (mapping(None, None), object("tenants", "vc-config-t"), None),
            (mapping(Some("infra"), None), object("infra", ROOT_CA), None),
        ];
        for (mapping, object, expected) in cases {
            let told = secrets(mapping.clone()).origin(&ctx, &object);
            let found = if let Origin::Ours(name) = told { Some(name) } else { None };
            assert_eq!(found, expected, "{mapping:?} {}", object.metadata.name);
        }
        let source = secrets(mapping(Some("infra"), Some(("a", "b")))).source(Side::Host, &ctx).unwrap();
        assert_eq!(
            (source.namespace.as_deref(), source.fields.as_deref()),
            (Some("infra"), Some("metadata.name=a"))
        );
        assert_eq!(
            source.labels.as_deref(),
            Some("!vcluster.loft.sh/managed-by"),
            "what tenants have made is none of it"
        );
    }

    #[test]
    fn it_is_shown_in_a_namespace_of_its_own_mended_and_taken_away() {
        let mirror = secrets(mapping(Some("infra"), None));
        let mut world = World::new(&["secrets", "namespaces"]);
        let key = namespaced("shared", "a");
        let host = json!({"metadata": {"namespace": "infra", "name": "a"}, "data": {"k": "dg=="}, "type": TOKEN_TYPE});
        world.put(Side::Host, "secrets", &key, host);
        assert_eq!(world.settle(&mirror, "secrets", &key).0, 2, "the namespace, too");
        let shown = |world: &World| world.get(Side::Virtual, "secrets", &key);
        assert_eq!(
            (&shown(&world)["data"], &shown(&world)["type"]),
            (&json!({"k": "dg=="}), &json!("Opaque"))
        );
        world.change(Side::Virtual, "secrets", &key, &json!({"data": {"k": "eA==", "more": "eA=="}}));
        assert_eq!(world.settle(&mirror, "secrets", &key).0, 1);
        assert_eq!(shown(&world)["data"], json!({"k": "dg=="}));
        world.change(Side::Virtual, "secrets", &key, &json!({"immutable": true}));
        assert_eq!(world.settle(&mirror, "secrets", &key).0, 2, "what became immutable is made anew");
        world.remove(Side::Host, "secrets", &key);
        world.settle(&mirror, "secrets", &key);
        assert!(shown(&world).is_null());
    }
}
