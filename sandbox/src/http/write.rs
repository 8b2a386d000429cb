//! Creating, replacing, patching.

use super::body::Body;
use super::decode::{complain, content_type, fit, read_object};
use super::{Call, apply, decode, granting, strict};
use crate::custom;
use crate::patch::{self, PatchError};
use crate::status::{FieldError, Status};
use crate::store::{WriteOptions, Written};
use http::{Response, header};
use serde_json::{Value, json};

pub(super) const JSON_PATCH: &str = "application/json-patch+json";
pub(super) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(super) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
pub(super) const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// `POST` to a collection.
pub(super) fn create(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let options = options(call, "CreateOptions")?;
    let mut object = to_stored(call, read_object(call, body)?)?;
    if is_signing_request(call) {
        // Who asks is not for them to say.
        for key in ["username", "uid", "groups", "extra"] {
            match call.user.info().get(key) {
                Some(value) => object["spec"][key] = value.clone(),
                None => {
                    object["spec"].as_object_mut().map(|spec| spec.remove(key));
                }
            }
        }
    }
    distinct_owners(call, &mut object, false);
    granting::check(call, None, &object)?;
    let created = call.store().create(&call.gr, call.namespace(), object, &options)?;
    call.show(201, &created)
}

/// `PUT` of an object or of a part of it.
pub(super) fn replace(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let options = options(call, "UpdateOptions")?;
    let object = read_object(call, body)?;
    check_named(call, &object)?;
    let mut object = to_stored(call, object)?;
    distinct_owners(call, &mut object, false);
    if let Some(old) = call.store().find(&call.gr, call.namespace(), call.name()) {
        granting::check(call, Some(&old), &object)?;
    }
    let written = call.store().replace(
        &call.gr,
        call.namespace(),
        call.name(),
        &call.target.subresource,
        &object,
        &options,
    )?;
    show_written(call, &written)
}

/// `PATCH` in one of four types.
pub(super) fn patch(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let content_type = content_type(call);
    if content_type == APPLY_PATCH {
        return apply::apply(call, body);
    }
    let known = match content_type {
        JSON_PATCH | MERGE_PATCH => true,
        STRATEGIC_PATCH => !call.kind.is_custom(),
        _ => false,
    };
    if !known {
        let mut status = Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
        status.details = Some(Box::default());
        return Err(status);
    }
    if call.query.get("force").is_some() {
        let error = FieldError::forbidden("force", "may not be specified for non-apply patch");
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", vec![error]));
    }
    let options = options(call, "PatchOptions")?;
    // What cannot be read is refused once the object is found.
    let undecoded = if content_type == STRATEGIC_PATCH { "" } else { "error decoding patch: " };
    let change: Result<Value, Status> = serde_json::from_slice(body)
        .map_err(|error| Status::bad_request(format!("{undecoded}{}", decode::go_error(body, &error))));
    let json_patch = if content_type == JSON_PATCH { "json patch " } else { "" };
    let duplicates: Vec<String> =
        strict::duplicates(body).iter().map(|duplicate| format!("{json_patch}{duplicate}")).collect();
    let written = call.store().update(
        &call.gr,
        call.namespace(),
        call.name(),
        &call.target.subresource,
        &options,
        |current, mut object| {
            let change = change.as_ref().map_err(Status::clone)?;
            if content_type != JSON_PATCH
                && let Some(found) = no_object(change)
            {
                let into = "Go value of type map[string]interface {}";
                let why = format!("{undecoded}json: cannot unmarshal {found} into {into}");
                return Err(Status::bad_request(why));
            }
            object = call.kind.show(object);
            name_kind(call, &mut object);
            let patched = match content_type {
                JSON_PATCH => patch::json(&object, change),
                MERGE_PATCH => Ok(patch::merge(&object, change)),
                _ => patch::strategic(&object, change, call.kind.schema()),
            };
            let mut patched = patched.map_err(|error| refuse_patch(call, &object, error))?;
            check_named(call, &patched)?;
            let whole = patched.clone();
            let unknown = fit(call, &mut patched).map_err(|wrong| match content_type {
                STRATEGIC_PATCH => refuse_result(&as_go_prints(change), &as_converted(&wrong)),
                _ => refuse_result(&whole.to_string(), &wrong),
            })?;
            let complaints = duplicates.iter().cloned().chain(unknown).collect();
            complain(call, complaints, |all| {
                let shown = match content_type {
                    STRATEGIC_PATCH => as_go_prints(change),
                    _ => whole.to_string(),
                };
                refuse_result(&shown, &format!("strict decoding error: {all}"))
            })?;
            let mut patched = to_stored(call, patched)?;
            distinct_owners(call, &mut patched, true);
            granting::check(call, Some(current), &patched)?;
            Ok(patched)
        },
    )?;
    call.show(200, &written)
}

/// A patch that is none (400) or that does not fit the object (422).
pub(super) fn refuse_patch(call: &Call, object: &Value, error: PatchError) -> Status {
    match error {
        PatchError::Malformed(why) => Status::bad_request(why),
        PatchError::DoesNotFit(why) if why.starts_with("The allowed maximum") => {
            Status::new(413, "RequestEntityTooLarge", why)
        }
        PatchError::DoesNotFit(why) => {
            tracing::debug!(%why, kind = %call.kind, name = %object["metadata"]["name"], "a patch does not fit");
            let message = "the server rejected our request due to an error in our request";
            let mut status = Status::new(422, "Invalid", message);
            status.details = Some(Box::default());
            status
        }
    }
}

/// A value as Go prints it when nobody tells it how.
fn as_go_prints(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(as_go_prints).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}:{}", as_go_prints(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}

/// A patch whose result is no object of the kind.
fn refuse_result(shown: &str, wrong: &str) -> Status {
    let shown = Value::String(shown.to_owned());
    Status::invalid("", "", "", vec![FieldError::invalid("patch", shown, wrong)])
}

/// What Go's decoder says of a value of the wrong type, in the words of the conversion that strategic patches go
/// through.
fn as_converted(decoded: &str) -> String {
    let parts = decoded.strip_prefix("json: cannot unmarshal ").and_then(|rest| rest.split_once(" into "));
    let Some((found, wanted)) =
        parts.and_then(|(found, rest)| Some((found, rest.rsplit_once(" of type ")?.1)))
    else {
        return decoded.to_owned();
    };
    let found = match found {
        "array" => "[]interface {}",
        "object" => "map[string]interface {}",
        other if other.starts_with("number ") => "float64",
        "number" => "int64",
        other => other,
    };
    format!("cannot convert {found} to {wanted}")
}

/// What a value is that is no object, as Go calls it.
pub(super) fn no_object(patch: &Value) -> Option<&'static str> {
    match patch {
        Value::Object(_) | Value::Null => None,
        Value::Array(_) => Some("array"),
        Value::String(_) => Some("string"),
        Value::Number(_) => Some("number"),
        Value::Bool(_) => Some("bool"),
    }
}

/// A whole object must say the name that the path says.
pub(super) fn check_named(call: &Call, object: &Value) -> Result<(), Status> {
    if object["metadata"]["name"].as_str().unwrap_or_default().is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            call.name()
        )));
    }
    check_name(call, object)
}

pub(super) fn check_name(call: &Call, object: &Value) -> Result<(), Status> {
    match object["metadata"]["name"].as_str().unwrap_or_default() {
        name if name.is_empty() || name == call.name() => Ok(()),
        name => Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.name()
        ))),
    }
}

/// How a create, replace or patch is meant.
pub(super) fn options(call: &Call, kind: &str) -> Result<WriteOptions, Status> {
    let named = call.query.text("fieldManager");
    if named.len() > 128 {
        let error = FieldError {
            reason: "FieldValueTooLong",
            field: "fieldManager".into(),
            message: "Too long: may not be more than 128 bytes".into(),
        };
        return Err(Status::invalid("meta.k8s.io", kind, "", vec![error]));
    }
    let agent = call.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("unknown");
    let from_agent = agent.split('/').next().unwrap_or_default();
    Ok(WriteOptions {
        dry_run: call.query.dry_run(kind)?,
        manager: if named.is_empty() { from_agent.chars().take(128).collect() } else { named.into() },
        api_version: call.kind.api_version(),
        applied: false,
        origin: Some(call.origin()),
    })
}

fn show_written(call: &Call, written: &Written) -> Result<Response<Body>, Status> {
    call.show(if written.created { 201 } else { 200 }, &written.object)
}

/// Keeps each owner once, and warns of those that are told twice; `patched`: by a patch and not by the object as it came.
pub(super) fn distinct_owners(call: &Call, object: &mut Value, patched: bool) {
    let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() else { return };
    let (mut kept, mut twice): (Vec<Value>, Vec<String>) = (Vec::new(), Vec::new());
    for owner in owners.drain(..) {
        if kept.contains(&owner) {
            twice.push(owner["uid"].as_str().unwrap_or_default().to_owned());
        } else {
            kept.push(owner);
        }
    }
    *owners = kept;
    if !twice.is_empty() {
        let when = if patched { " after mutating admission happens" } else { "" };
        call.warn(vec![format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            twice.join(", ")
        )]);
    }
}

fn is_signing_request(call: &Call) -> bool {
    call.gr.group == "certificates.k8s.io" && call.gr.plural == "certificatesigningrequests"
}

/// What is stored of an object of this call's version.
pub(super) fn to_stored(call: &Call, object: Value) -> Result<Value, Status> {
    let converted_by_webhook = object["spec"]["conversion"]["strategy"] == "Webhook";
    if converted_by_webhook && custom::is_definition(&call.kind) {
        // Versions that only a webhook can tell apart would be served as if they were the same.
        return Err(Status::not_implemented("conversion of custom resources by webhooks"));
    }
    Ok(call.kind.to_stored(object))
}

/// Patches may look at and test kind and version.
pub(super) fn name_kind(call: &Call, object: &mut Value) {
    object["kind"] = json!(call.kind.kind);
    object["apiVersion"] = json!(call.kind.api_version());
}
