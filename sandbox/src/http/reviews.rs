//! Questions that are asked by creating an object that is never stored: access, identity, tokens.

use super::Call;
use super::auth::{AUDIENCE, Roles, Tokens, Worth};
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
use std::sync::Arc;

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
        "tokenreviews" => token_review(call, review)?,
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

fn token_review(call: &Call, mut review: Value) -> Result<Value, Status> {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let asked = texts(&review["spec"]["audiences"]);
    let audiences = if asked.is_empty() { vec![AUDIENCE.to_owned()] } else { asked };
    let refused = |error: String| json!({"user": {}, "error": error});
    review["status"] = match call.api.tokens().worth(token, call.store(), &audiences) {
        Worth::User(user, audiences) => {
            json!({"authenticated": true, "user": user.info(), "audiences": audiences})
        }
        Worth::Elsewhere(own) => refused(format!(
            "[invalid bearer token, token audiences {} is invalid for the target audiences {}]",
            listed(&own),
            listed(&audiences)
        )),
        Worth::Nothing => refused("invalid bearer token".into()),
    };
    Ok(review)
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A list as Go writes it: `["a" "b"]`.
fn listed(all: &[String]) -> String {
    let all: Vec<String> = all.iter().map(|one| format!("{one:?}")).collect();
    format!("[{}]", all.join(" "))
}

/// The object that a token is bound to, with the name of its claim.
pub(crate) type Bound = (&'static str, Arc<Object>);

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
    audiences: &[String],
    bound: Option<&Bound>,
) -> Issued {
    let now = store.clock().now();
    let end = now.checked_add_signed(life).unwrap_or(now);
    let audiences = if audiences.is_empty() { vec![AUDIENCE.to_owned()] } else { audiences.to_vec() };
    let id = store.chance().uid();
    let mut claims = json!({
        "aud": audiences, "iss": AUDIENCE, "iat": now.timestamp(), "nbf": now.timestamp(), "exp": end.timestamp(),
        "jti": id,
        "sub": format!("system:serviceaccount:{}:{}", account.namespace(), account.name()),
        "kubernetes.io": {
            "namespace": account.namespace(),
            "serviceaccount": {"name": account.name(), "uid": account.uid()},
        },
    });
    if let Some((kind, object)) = bound {
        claims["kubernetes.io"][*kind] = json!({"name": object.name(), "uid": object.uid()});
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let secret = format!("{}{}", store.chance().uid(), store.chance().uid());
    let header = part(&json!({"alg": "none", "typ": "JWT"}));
    let token = format!("{header}.{}.{}", part(&claims), URL_SAFE_NO_PAD.encode(secret));
    let pod = bound.filter(|(kind, _)| *kind == "pod").map(|(_, pod)| &**pod);
    tokens.insert_for_account(token.clone(), account, end, audiences, &id, pod);
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
    let asked = texts(&request["spec"]["audiences"]);
    let audiences = if asked.is_empty() { vec![AUDIENCE.to_owned()] } else { asked };
    let bound = bound_object(call, &account, &request["spec"]["boundObjectRef"])?;
    let life = TimeDelta::try_seconds(seconds).unwrap_or_default();
    let Issued { token, end } =
        issue(call.store(), call.api.tokens(), &account, life, &audiences, bound.as_ref());
    request["kind"] = json!("TokenRequest");
    request["apiVersion"] = json!("authentication.k8s.io/v1");
    request["metadata"] = json!({
        "name": account.name(), "namespace": account.namespace(), "uid": account.uid(),
        "creationTimestamp": stamp(now),
    });
    request["spec"]["audiences"] = json!(audiences);
    request["spec"]["expirationSeconds"] = json!(seconds);
    if request["spec"].get("boundObjectRef").is_none() {
        request["spec"]["boundObjectRef"] = Value::Null;
    }
    request["status"] = json!({"token": token, "expirationTimestamp": stamp(end)});
    Ok(body::value(201, &request))
}

/// The object that a token is to be bound to. It must be there.
fn bound_object(call: &Call, account: &Object, reference: &Value) -> Result<Option<Bound>, Status> {
    if reference.is_null() {
        return Ok(None);
    }
    let text = |key: &str| reference[key].as_str().unwrap_or_default();
    let (claim, gr, namespace) = match text("kind") {
        "Pod" => ("pod", Gr::core("pods"), call.namespace()),
        "Secret" => ("secret", Gr::core("secrets"), call.namespace()),
        "Node" => ("node", Gr::core("nodes"), None),
        other => {
            let why = format!("cannot bind token to object of type {}, Kind={other}", text("apiVersion"));
            return Err(Status::bad_request(why));
        }
    };
    let object = call.store().get(&gr, namespace, text("name"))?;
    let uid = text("uid");
    if !uid.is_empty() && uid != object.uid() {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict(&gr, object.name(), why));
    }
    if claim == "pod" && object.value()["spec"]["serviceAccountName"] != account.name() {
        let why = format!(
            "cannot bind token for serviceaccount {:?} to pod running with different serviceaccount name.",
            account.name()
        );
        return Err(Status::bad_request(why));
    }
    Ok(Some((claim, object)))
}
