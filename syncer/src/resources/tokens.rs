//! Service account tokens of pods: one Secret beside each pod on the host, owned by it, renewed before they expire.
//!
//! Tokens are asked of the virtual API server, bound to the virtual pod: they die with it. The Secret goes with the host's
//! pod, by the garbage collector of the host.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use v9s::cluster::lean::Lean;
use v9s::cluster::{ObjectRef, Resource};
use v9s::names::VirtualName;
use v9s::wire::{TOKENS_CONTROLLER, annotation, label};

use super::pods::claims;
use crate::context::Context;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source};
use crate::engine::plan::{Plan, TokenClaim, TokenWrite, Write};
use crate::translate::owned::kind_mark;

/// Tokens are renewed when this share of their life is left, as kubelets do it.
const LEFT: f64 = 0.2;
/// And at this age, however long they live.
const OLDEST: TimeDelta = TimeDelta::hours(24);

/// Secrets with the tokens of pods.
pub struct Tokens;

impl Mirror for Tokens {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        let (marker, controller) = (label::MANAGED_BY, label::CONTROLLED_BY);
        let selector = format!("{marker}={},{controller}={TOKENS_CONTROLLER}", ctx.names.marker());
        (side == Side::Host).then(|| Source {
            labels: Some(selector),
            namespace: Some(ctx.host_namespace.clone()),
            // The tokens themselves are nobody's business.
            metadata_only: true,
            ..Source::all(Resource::SECRETS)
        })
    }

    fn keep(&self, _: Side, object: Lean) -> Lean {
        object.without(&["apiVersion", "kind", "data", "stringData", "type"])
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        let meta = &host.metadata;
        if meta.label(label::CONTROLLED_BY) != Some(TOKENS_CONTROLLER)
            || meta.label(label::MANAGED_BY) != Some(ctx.names.marker())
        {
            return Origin::Foreign("it does not hold tokens of this virtual cluster");
        }
        let says = |key: &str| meta.annotation(key).filter(|value| !value.is_empty());
        let (Some(name), Some(namespace)) =
            (says(annotation::OBJECT_NAME), says(annotation::OBJECT_NAMESPACE))
        else {
            return Origin::Foreign("no annotation says which pod it was made for");
        };
        let pod = VirtualName::namespaced(namespace, name);
        match claims::secret_name(ctx, &pod).as_str() == meta.name {
            true => Origin::Ours(pod),
            false => Origin::Foreign("it does not bear the name that its pod's would have"),
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Some(key) = at.other("pods", at.key.object.clone()) else { return Plan::nothing() };
        let (Some(v), Some(h)) = (at.view.get(Side::Virtual, &key), at.view.get(Side::Host, &key)) else {
            return Plan::nothing();
        };
        let ending = |pod: &Lean| pod.metadata.deletion_timestamp.is_some();
        let of_this = h.metadata.annotation(annotation::OBJECT_UID) == Some(v.metadata.uid.as_str());
        if ending(v) || ending(h) || !of_this {
            return Plan::nothing();
        }
        let spec = crate::engine::mirror::field(Some(v), "spec");
        let claims = claims::of(&spec);
        let Some(shortest) = claims.iter().map(|claim| claim.seconds).min() else { return Plan::nothing() };
        let current = at.h.filter(|secret| is_of(secret, v, h));
        let due = current.and_then(|secret| due(secret, shortest));
        match due {
            Some(due) if due > at.now => {
                Plan::nothing().again_after((due - at.now).to_std().unwrap_or(Duration::ZERO))
            }
            _ => Plan::write(Write::Tokens(Box::new(write(at, v, h, claims::account(&spec), claims)))),
        }
    }
}

/// Whether a Secret holds the tokens of this very pod, and goes with it.
pub(super) fn is_of(secret: &Lean, v: &Lean, h: &Lean) -> bool {
    let owners = secret.metadata.other("ownerReferences").map(|raw| raw.get()).unwrap_or_default();
    secret.metadata.annotation(annotation::OBJECT_UID) == Some(v.metadata.uid.as_str())
        && owners.contains(h.metadata.uid.as_str())
}

/// When the tokens of a Secret are to be renewed; none when that is not known.
fn due(secret: &Lean, seconds: u64) -> Option<DateTime<Utc>> {
    let expires = secret.metadata.annotation(annotation::TOKENS_EXPIRE)?;
    let expires = DateTime::parse_from_rfc3339(expires).ok()?.with_timezone(&Utc);
    let life = TimeDelta::seconds(i64::try_from(seconds).ok()?);
    let left = TimeDelta::milliseconds((life.num_milliseconds() as f64 * LEFT) as i64);
    Some((expires - left).min(expires - life + OLDEST))
}

fn write(at: &At<'_>, v: &Lean, h: &Lean, account: &str, claims: Vec<TokenClaim>) -> TokenWrite {
    let ctx = at.ctx;
    let pod = &at.key.object;
    let name = claims::secret_name(ctx, pod);
    let namespace = pod.namespace.clone().unwrap_or_default();
    let body = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": name.as_str(), "namespace": ctx.host_namespace,
            "labels": {
                label::MANAGED_BY: ctx.names.marker(), label::NAMESPACE: namespace,
                label::CONTROLLED_BY: TOKENS_CONTROLLER,
            },
            "annotations": {
                annotation::OBJECT_NAME: pod.name, annotation::OBJECT_NAMESPACE: namespace,
                annotation::OBJECT_UID: v.metadata.uid, annotation::OBJECT_KIND: kind_mark(&Resource::PODS),
                annotation::OBJECT_HOST_NAME: name.as_str(), annotation::OBJECT_HOST_NAMESPACE: ctx.host_namespace,
            },
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": h.metadata.name, "uid": h.metadata.uid}],
        },
    });
    TokenWrite {
        namespace,
        account: account.into(),
        pod: pod.name.clone(),
        pod_uid: v.metadata.uid.clone(),
        claims,
        secret: ObjectRef::namespaced(Resource::SECRETS, ctx.host_namespace.clone(), name.as_str()),
        body,
        revision: at.h.map(|secret| secret.metadata.resource_version.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::Absence;
    use crate::resources::fixture::{World, lean};
    use serde_json::Value;

    const NOW: &str = "2026-01-01T12:00:00Z";

    fn world() -> World {
        let mut world = World::new(&["pods", "tokens"]);
        world.now = NOW.parse().unwrap();
        world
    }

    fn pod(world: &mut World, projected: bool) {
        let token =
            json!({"serviceAccountToken": {"path": "t", "audience": "vault", "expirationSeconds": 1000}});
        let volumes =
            if projected { json!([{"name": "v", "projected": {"sources": [token]}}]) } else { json!([]) };
        world.put(
            Side::Virtual,
            "pods",
            "shop/web",
            json!({"metadata": {"uid": "v1"},
            "spec": {"serviceAccountName": "web", "volumes": volumes}}),
        );
        world.put(
            Side::Host,
            "pods",
            "shop/web",
            json!({"metadata": {"name": "web-x-shop-x-t", "uid": "h1",
            "annotations": {annotation::OBJECT_UID: "v1"}}, "spec": {}}),
        );
    }

    fn secret(expires: &str, of: &str, owner: &str) -> Value {
        json!({"metadata": {"name": "web-sa-token-x-shop-x-t",
            "annotations": {annotation::OBJECT_UID: of, annotation::TOKENS_EXPIRE: expires},
            "ownerReferences": [{"kind": "Pod", "uid": owner}]}})
    }

    fn tokens(plan: &Plan) -> &TokenWrite {
        match plan.writes.as_slice() {
            [Write::Tokens(tokens)] => tokens,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pod_gets_the_tokens_it_asked_for_in_a_secret_that_goes_with_it() {
        let mut world = world();
        pod(&mut world, true);
        let plan = world.plan_with(&Tokens, "tokens", "shop/web", Absence::Missing);
        let tokens = tokens(&plan);
        assert_eq!(
            (tokens.account.as_str(), tokens.pod.as_str(), tokens.pod_uid.as_str()),
            ("web", "web", "v1")
        );
        assert_eq!(
            (tokens.claims[0].audiences.as_slice(), tokens.claims[0].seconds),
            (&["vault".into()][..], 1000)
        );
        assert_eq!(tokens.secret.name, "web-sa-token-x-shop-x-t");
        assert_eq!(tokens.body["metadata"]["ownerReferences"][0]["uid"], "h1");
        assert_eq!(tokens.revision, None);
        let written = lean(&tokens.body);
        assert_eq!(Tokens.origin(&world.ctx, &written), Origin::Ours(VirtualName::namespaced("shop", "web")));
    }

    #[test]
    fn tokens_are_renewed_with_a_fifth_of_their_life_left() {
        let mut world = world();
        pod(&mut world, true);
        world.put(Side::Host, "tokens", "shop/web", secret("2026-01-01T12:10:00Z", "v1", "h1"));
        let plan = world.plan_with(&Tokens, "tokens", "shop/web", Absence::Missing);
        assert_eq!(plan, Plan::nothing().again_after(Duration::from_secs(400)), "ten minutes less 200 s");
        for (expires, of, owner) in [
            ("2026-01-01T12:03:19Z", "v1", "h1"),
            ("2026-01-01T13:00:00Z", "another", "h1"),
            ("2026-01-01T13:00:00Z", "v1", "former"),
            ("nonsense", "v1", "h1"),
        ] {
            let mut world = self::world();
            pod(&mut world, true);
            world.put(Side::Host, "tokens", "shop/web", secret(expires, of, owner));
            let plan = world.plan_with(&Tokens, "tokens", "shop/web", Absence::Missing);
            // The revision of the third object that was put.
            assert_eq!(tokens(&plan).revision.as_deref(), Some("103"), "{expires} {of} {owner}");
        }
    }

    #[test]
    fn a_token_of_a_year_is_renewed_every_day() {
        let secret = lean(&secret("2027-01-01T12:00:00Z", "v1", "h1"));
        assert_eq!(due(&secret, 365 * 24 * 3600).unwrap().to_rfc3339(), "2026-01-02T12:00:00+00:00");
    }

    #[test]
    fn nothing_is_written_for_pods_that_ask_for_none_or_are_ending() {
        let mut world = world();
        pod(&mut world, false);
        assert_eq!(world.plan_with(&Tokens, "tokens", "shop/web", Absence::Missing), Plan::nothing());
        pod(&mut world, true);
        world.put(Side::Host, "pods", "shop/web", json!({"metadata": {"name": "web-x-shop-x-t", "uid": "h1",
            "resourceVersion": "9", "deletionTimestamp": NOW, "annotations": {annotation::OBJECT_UID: "v1"}}}));
        assert_eq!(world.plan_with(&Tokens, "tokens", "shop/web", Absence::Missing), Plan::nothing());
    }

    #[test]
    fn a_tenants_secret_of_that_name_is_not_taken_for_tokens() {
        let world = world();
        let theirs = lean(&json!({"metadata": {"name": "web-sa-token-x-shop-x-t",
            "labels": {label::MANAGED_BY: "t"}, "annotations": {annotation::OBJECT_NAME: "web-sa-token"}}}));
        assert!(matches!(Tokens.origin(&world.ctx, &theirs), Origin::Foreign(_)));
    }
}
