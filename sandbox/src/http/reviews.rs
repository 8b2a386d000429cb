//! Questions that are asked by creating an object that is never stored: access, identity, tokens.

use super::Call;
use super::auth::{Roles, Tokens};
use super::body::{self, Body};
use super::decode::{check_kind, read_value};
use crate::access;
use crate::clock::stamp;
use crate::status::{FieldError, Status};
use crate::store::{Gr, Object, Store};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use http::Response;
use serde_json::{Value, json};

/// Whom tokens are for unless they say otherwise.
const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";
/// Life of a token that asks for none in particular, in seconds.
const TOKEN_LIFE: i64 = 3600;

/// Whether creating this kind asks a question.
pub(super) fn is_review(call: &Call) -> bool {
    matches!(
        (call.gr.group.as_str(), call.gr.plural.as_str()),
        ("authorization.k8s.io", _) | ("authentication.k8s.io", _)
    )
}

/// `POST` of a review.
pub(super) fn answer(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let mut review = read_value(call, body)?;
    check_kind(call, &review)?;
    review["kind"] = json!(call.kind.kind);
    review["apiVersion"] = json!(call.kind.api_version());
    if !review["metadata"].is_object() {
        review["metadata"] = json!({});
    }
    let roles = Roles(call.store());
    let answered = match call.gr.plural.as_str() {
        "selfsubjectrulesreviews" => access::rules_review(&roles, &call.user, review),
        "selfsubjectreviews" => {
            review["metadata"]["creationTimestamp"] = json!(call.store().clock().stamp());
            access::self_review(&call.user, review)
        }
        "tokenreviews" => token_review(call, review),
        _ => {
            if let Some(namespace) = call.namespace() {
                review["spec"]["resourceAttributes"]["namespace"] = json!(namespace);
            }
            access::access_review(&roles, &call.user, review).map_err(|why| {
                let (field, message) = why.split_once(": ").unwrap_or(("spec", &why));
                let error = FieldError {
                    reason: "FieldValueInvalid",
                    field: field.to_owned(),
                    message: message.to_owned(),
                };
                Status::invalid(&call.kind.group, &call.kind.kind, "", vec![error])
            })?
        }
    };
    Ok(body::value(201, &answered))
}

fn token_review(call: &Call, mut review: Value) -> Value {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    review["status"] = match call.api.tokens().user(token, call.store()) {
        Some(user) => json!({
            "authenticated": true,
            "user": {"username": user.name, "groups": user.groups},
            "audiences": [AUDIENCE],
        }),
        None => json!({"user": {}, "error": "invalid bearer token"}),
    };
    review
}

/// A token, and when it ends.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) end: DateTime<Utc>,
}

/// Issues a token of a service account; for the API server itself where no audiences are named.
pub(crate) fn issue(
    store: &Store,
    tokens: &Tokens,
    account: &Object,
    life: TimeDelta,
    audiences: &[Value],
) -> Issued {
    let now = store.clock().now();
    let end = now.checked_add_signed(life).unwrap_or(now);
    let audiences = if audiences.is_empty() { vec![json!(AUDIENCE)] } else { audiences.to_vec() };
    let claims = json!({
        "aud": audiences, "iss": AUDIENCE, "iat": now.timestamp(), "nbf": now.timestamp(), "exp": end.timestamp(),
        "sub": format!("system:serviceaccount:{}:{}", account.namespace(), account.name()),
        "kubernetes.io": {
            "namespace": account.namespace(),
            "serviceaccount": {"name": account.name(), "uid": account.uid()},
        },
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let secret = format!("{}{}", store.chance().uid(), store.chance().uid());
    let header = part(&json!({"alg": "none", "typ": "JWT"}));
    let token = format!("{header}.{}.{}", part(&claims), URL_SAFE_NO_PAD.encode(secret));
    tokens.insert_for_account(token.clone(), account, end);
    Issued { token, end }
}

/// `POST` of `serviceaccounts/token`.
pub(super) fn token(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let mut request = read_value(call, body)?;
    let account = call.store().get(&Gr::core("serviceaccounts"), call.namespace(), call.name())?;
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(TOKEN_LIFE);
    if seconds < 600 {
        let error = FieldError::invalid(
            "spec.expirationSeconds",
            seconds,
            "may not specify a duration less than 10 minutes",
        );
        return Err(Status::invalid("authentication.k8s.io", "TokenRequest", "", vec![error]));
    }
    let now = call.store().clock().now();
    let audiences = request["spec"]["audiences"].as_array().filter(|list| !list.is_empty()).cloned();
    let audiences = audiences.unwrap_or_else(|| vec![json!(AUDIENCE)]);
    let life = TimeDelta::try_seconds(seconds).unwrap_or_default();
    let Issued { token, end } = issue(call.store(), call.api.tokens(), &account, life, &audiences);
    request["kind"] = json!("TokenRequest");
    request["apiVersion"] = json!("authentication.k8s.io/v1");
    request["metadata"] = json!({
        "name": account.name(), "namespace": account.namespace(), "creationTimestamp": stamp(now),
    });
    request["spec"]["audiences"] = Value::Array(audiences);
    request["spec"]["expirationSeconds"] = json!(seconds);
    request["status"] = json!({"token": token, "expirationTimestamp": stamp(end)});
    Ok(body::value(201, &request))
}
