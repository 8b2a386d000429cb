//! Service account tokens of a pod: what it asks for, and the file it finds them in.
//!
//! Tokens come from the virtual API server and live in a Secret beside the pod on the host, one key for each audience and
//! lifetime. The kubelet updates the files when the Secret is renewed.

use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};
use v9s::names::{HostName, VirtualName};

use super::CONTAINERS;
use super::refs::{items, items_mut};
use crate::context::Context;
use crate::engine::plan::TokenClaim;

/// Kubernetes' own default.
const SECONDS: u64 = 3600;

/// Name of the Secret on the host with the tokens of a pod.
pub(in crate::resources) fn secret_name(ctx: &Context, pod: &VirtualName) -> HostName {
    let name = format_smolstr!("{}-sa-token", pod.name);
    ctx.names.host_name(&VirtualName { namespace: pod.namespace.clone(), name })
}

/// The tokens that a spec asks for, each audience and lifetime once.
pub(in crate::resources) fn of(spec: &Value) -> Vec<TokenClaim> {
    let mut claims: Vec<TokenClaim> = Vec::new();
    let sources = items(spec, "volumes").flat_map(|volume| items(&volume["projected"], "sources"));
    for source in sources.filter_map(|source| source.get("serviceAccountToken")) {
        let asked = asked(source);
        if !claims.iter().any(|claim| is(claim, &asked)) {
            let key = format_smolstr!("token-{}", claims.len());
            claims.push(TokenClaim { key, audiences: asked.0, seconds: asked.1 });
        }
    }
    claims
}

/// The account of a pod.
pub(in crate::resources) fn account(spec: &Value) -> &str {
    let mut named = ["serviceAccountName", "serviceAccount"].iter().filter_map(|field| spec[*field].as_str());
    named.find(|name| !name.is_empty()).unwrap_or("default")
}

/// Turns projected tokens into files of the Secret.
pub(super) fn rewrite(spec: &mut Value, secret: &HostName) {
    let claims = of(spec);
    let mode = mode(spec);
    for volume in items_mut(spec, "volumes") {
        let Some(projected) = volume.get_mut("projected") else { continue };
        for source in items_mut(projected, "sources") {
            let Some(token) = source.get("serviceAccountToken") else { continue };
            let wanted = asked(token);
            let key = claims.iter().find(|claim| is(claim, &wanted)).map(|claim| claim.key.clone());
            let mut file = json!({"key": key, "path": token["path"]});
            if let Some(mode) = mode {
                file["mode"] = json!(mode);
            }
            *source = json!({"secret": {"name": secret.as_str(), "items": [file]}});
        }
    }
}

/// Whether a spec asks for tokens, without reading it.
pub(super) fn asks(raw: &str) -> bool {
    raw.contains("\"serviceAccountToken\"")
}

fn asked(token: &Value) -> (Vec<SmolStr>, u64) {
    let audience = token["audience"].as_str().filter(|audience| !audience.is_empty());
    (
        audience.map(SmolStr::from).into_iter().collect(),
        token["expirationSeconds"].as_u64().unwrap_or(SECONDS),
    )
}

fn is(claim: &TokenClaim, asked: &(Vec<SmolStr>, u64)) -> bool {
    claim.audiences == asked.0 && claim.seconds == asked.1
}

/// Others in the container need not read a token: kubelets give it to the group of the volumes, or to the user that all
/// containers run as. Of a Secret only the superuser is the owner.
fn mode(spec: &Value) -> Option<u32> {
    let grouped = spec["securityContext"]["fsGroup"].is_u64();
    let of_pod = &spec["securityContext"]["runAsUser"];
    let mut containers = CONTAINERS.into_iter().flat_map(|list| items(spec, list));
    let superuser = containers.all(|container| {
        let user = &container["securityContext"]["runAsUser"];
        if user.is_null() { *of_pod == 0 } else { *user == 0 }
    });
    (grouped || superuser).then_some(0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Value {
        json!({
            "containers": [{"name": "c"}],
            "volumes": [
                {"name": "api", "projected": {"defaultMode": 420, "sources": [
                    {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
                    {"configMap": {"name": "kube-root-ca.crt"}},
                ]}},
                {"name": "vault", "projected": {"sources": [
                    {"serviceAccountToken": {"path": "vault", "audience": "vault", "expirationSeconds": 600}},
                    {"serviceAccountToken": {"path": "again", "expirationSeconds": 3607}},
                    {"serviceAccountToken": {"path": "plain"}},
                ]}},
            ],
        })
    }

    #[test]
    fn each_audience_and_lifetime_is_asked_for_once_and_as_the_pod_wants_it() {
        let claim = |key: &str, audiences: &[&str], seconds| TokenClaim {
            key: key.into(),
            audiences: audiences.iter().map(|audience| SmolStr::from(*audience)).collect(),
            seconds,
        };
        let expected =
            [claim("token-0", &[], 3607), claim("token-1", &["vault"], 600), claim("token-2", &[], 3600)];
        assert_eq!(of(&spec()), expected);
        assert!(asks(&spec().to_string()));
        assert!(!asks("{\"containers\":[]}"));
    }

    #[test]
    fn files_come_from_the_secret_and_nothing_else_changes() {
        let mut spec = spec();
        rewrite(&mut spec, &HostName::as_sent("web-0-sa-token-x-shop-x-t"));
        let file = |key: &str, path: &str| {
            json!({"secret": {"name": "web-0-sa-token-x-shop-x-t",
            "items": [{"key": key, "path": path}]}})
        };
        assert_eq!(
            spec["volumes"][0]["projected"],
            json!({"defaultMode": 420, "sources": [file("token-0", "token"), {"configMap": {"name": "kube-root-ca.crt"}}]})
        );
        assert_eq!(
            spec["volumes"][1]["projected"]["sources"],
            json!([file("token-1", "vault"), file("token-0", "again"), file("token-2", "plain")])
        );
    }

    #[test]
    fn a_token_is_readable_for_those_who_need_it() {
        let cases = [
            (json!({"containers": [{}]}), None),
            (json!({"containers": [{}], "securityContext": {"runAsUser": 1000}}), None),
            (
                json!({"containers": [{}], "securityContext": {"runAsUser": 1000, "fsGroup": 2000}}),
                Some(0o600),
            ),
            (json!({"containers": [{}], "securityContext": {"runAsUser": 0}}), Some(0o600)),
            (
                json!({"containers": [{}, {"securityContext": {"runAsUser": 5}}], "securityContext": {"runAsUser": 0}}),
                None,
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(mode(&spec), expected, "{spec}");
        }
    }

    #[test]
    fn a_pod_without_an_account_has_the_default_one() {
        assert_eq!(account(&json!({})), "default");
        assert_eq!(account(&json!({"serviceAccountName": "", "serviceAccount": "old"})), "old");
        assert_eq!(account(&json!({"serviceAccountName": "web"})), "web");
    }
}
