//! Who asks, and whether they may: as a kubelet finds out, by certificates and tokens of the virtual cluster and by its
//! access rules. Nobody is let in unknown.

use std::collections::BTreeMap;

use http::{HeaderMap, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use v9s::cluster::Cluster;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::answer::Refusal;
use super::rights::Rights;
use crate::requests;

/// A user of the virtual cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Caller {
    /// Name.
    #[serde(rename(deserialize = "username", serialize = "user"))]
    pub name: String,
    /// UID, empty where it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Groups.
    pub groups: Vec<String>,
    /// What else is known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Caller {
    /// Whom a verified certificate (DER) names: its common name is the user, its organisations are the groups.
    pub fn of_certificate(certificate: &[u8]) -> Option<Caller> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let subject = certificate.subject();
        let name = subject.iter_common_name().next()?.as_str().ok()?.to_owned();
        let groups = subject.iter_organization().filter_map(|group| group.as_str().ok());
        let groups = groups.chain(["system:authenticated"]).map(str::to_owned).collect();
        (!name.is_empty()).then(|| Caller { name, groups, ..Caller::default() })
    }
}

/// Who asks: the certificate says it, or the token does.
///
/// # Errors
/// 401 when neither is shown or the token is worth nothing; 503 when the virtual API server cannot be asked.
pub async fn identify(
    tenant: &Cluster,
    certificate: Option<&Caller>,
    headers: &HeaderMap,
) -> Result<Caller, Refusal> {
    if let Some(caller) = certificate {
        return Ok(caller.clone());
    }
    let unauthorized = || Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized");
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(bearer).ok_or_else(unauthorized)?;
    let review =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
    let answered: Review<Authentication> =
        ask(tenant, "/apis/authentication.k8s.io/v1/tokenreviews", &review).await?;
    match answered.status {
        Authentication { authenticated: true, user } if !user.name.is_empty() => Ok(user),
        _ => Err(unauthorized()),
    }
}

/// Whether the virtual cluster lets somebody do one of these with a node; without a node, with all of them.
///
/// # Errors
/// 403 when it does not; 503 when the virtual API server cannot be asked.
pub async fn authorise(
    tenant: &Cluster,
    caller: &Caller,
    rights: &Rights,
    node: Option<&str>,
) -> Result<(), Refusal> {
    for subresource in rights.subresources {
        let review = review(caller, rights.verb, subresource, node);
        let answered: Review<Authorization> =
            ask(tenant, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await?;
        if answered.status.allowed && !answered.status.denied {
            return Ok(());
        }
    }
    let wanted: Vec<String> = rights.subresources.iter().map(|name| format!("nodes/{name}")).collect();
    let Rights { verb, .. } = rights;
    Err(Refusal::forbidden(format!(
        "Forbidden (user={}, verb={verb}, resource={})",
        caller.name,
        wanted.join(",")
    )))
}

fn review(caller: &Caller, verb: &str, subresource: &str, node: Option<&str>) -> Value {
    let mut spec = json!(caller);
    spec["resourceAttributes"] =
        json!({"verb": verb, "version": "v1", "resource": "nodes", "subresource": subresource});
    if let Some(node) = node {
        spec["resourceAttributes"]["name"] = json!(node);
    }
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

#[derive(Deserialize)]
struct Review<S> {
    status: S,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Authentication {
    authenticated: bool,
    user: Caller,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Authorization {
    allowed: bool,
    denied: bool,
}

async fn ask<T: DeserializeOwned>(tenant: &Cluster, path: &str, review: &Value) -> Result<T, Refusal> {
    let answered = requests::send(tenant, Method::POST, path, requests::JSON, review).await;
    answered.and_then(|answer| requests::read(&answer)).map_err(|failure| {
        tracing::warn!(%failure, path, "the virtual API server cannot be asked about a caller");
        Refusal::unavailable(
            "who asks, and what they may, cannot be found out: the API server does not answer",
        )
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    fn certificate(names: &[(DnType, &str)]) -> Vec<u8> {
        let mut subject = DistinguishedName::new();
        names.iter().for_each(|(kind, value)| subject.push(kind.clone(), *value));
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = subject;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_names_its_user_and_groups() {
        let shown = certificate(&[(DnType::OrganizationName, "system:masters"), (DnType::CommonName, "api")]);
        let caller = Caller::of_certificate(&shown).unwrap();
        assert_eq!(
            (caller.name.as_str(), caller.groups),
            ("api", vec!["system:masters".to_owned(), "system:authenticated".to_owned()])
        );
        assert_eq!(
            Caller::of_certificate(&certificate(&[(DnType::OrganizationName, "system:masters")])),
            None
        );
        assert_eq!(Caller::of_certificate(b"nonsense"), None);
    }

    #[test]
    fn only_bearer_tokens_are_tokens() {
        let cases = [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("Bearer ", None),
            ("abc", None),
        ];
        for (value, token) in cases {
            assert_eq!(bearer(value), token, "{value}");
        }
    }

    #[test]
    fn a_review_says_all_that_is_known_of_the_caller() {
        let user = r#"{"username": "eve", "uid": "u", "groups": ["g"], "extra": {"scope": ["s"]}}"#;
        let caller: Caller = serde_json::from_str(user).unwrap();
        assert_eq!(
            review(&caller, "get", "stats", Some("node-1"))["spec"],
            json!({"user": "eve", "uid": "u", "groups": ["g"], "extra": {"scope": ["s"]},
                "resourceAttributes": {"verb": "get", "version": "v1", "resource": "nodes", "subresource": "stats", "name": "node-1"}})
        );
    }
}
