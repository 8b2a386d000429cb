//! Creating, replacing, patching.

use super::body::Body;
use super::decode::{complain, content_type, fit, read_object, yaml_complaints};
use super::typing::{unknown_fields, wrong_type};
use super::{Call, strict, warnings, yaml};
use crate::fields::{self, ApplyError, Manager, Managers, Operation};
use crate::patch::{self, PatchError};
use crate::status::{Cause, FieldError, Status};
use crate::store::{WriteOptions, Written, reset_fields};
use http::{Response, header};
use serde_json::{Value, json};
use smol_str::SmolStr;

pub(super) const JSON_PATCH: &str = "application/json-patch+json";
pub(super) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(super) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// `POST` to a collection.
pub(super) fn create(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let options = options(call, "CreateOptions")?;
    let object = read_object(call, body)?;
    let created = call.store().create(&call.gr, call.namespace(), object, &options)?;
    call.warn(warnings::of_object(&call.kind, &created.value()));
    call.show(201, &created)
}

/// `PUT` of an object or of a part of it.
pub(super) fn replace(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let options = options(call, "UpdateOptions")?;
    let object = read_object(call, body)?;
    check_named(call, &object)?;
    let written = call.store().replace(
        &call.gr,
        call.namespace(),
        call.name(),
        &call.target.subresource,
        &object,
        &options,
    )?;
    call.warn(warnings::of_object(&call.kind, &written.object.value()));
    show_written(call, &written)
}

/// `PATCH` in one of four types.
pub(super) fn patch(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let content_type = content_type(call);
    if content_type == APPLY_PATCH {
        return apply(call, body);
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
    let change: Value = serde_json::from_slice(body)
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    if content_type != JSON_PATCH
        && let Some(found) = no_object(&change)
    {
        let into = "Go value of type map[string]interface {}";
        return Err(Status::bad_request(format!("json: cannot unmarshal {found} into {into}")));
    }
    let json_patch = if content_type == JSON_PATCH { "json patch " } else { "" };
    let duplicates: Vec<String> =
        strict::duplicates(body).iter().map(|duplicate| format!("{json_patch}{duplicate}")).collect();
    let written = call.store().update(
        &call.gr,
        call.namespace(),
        call.name(),
        &call.target.subresource,
        &options,
        |_, mut object| {
            name_kind(call, &mut object);
            let patched = match content_type {
                JSON_PATCH => patch::json(&object, &change),
                MERGE_PATCH => Ok(patch::merge(&object, &change)),
                _ => patch::strategic(&object, &change, call.kind.schema()),
            };
            let mut patched = patched.map_err(|error| refuse_patch(call, &object, error))?;
            check_name(call, &patched)?;
            let whole = patched.clone();
            let unknown = fit(call, &mut patched).map_err(|wrong| match content_type {
                STRATEGIC_PATCH => refuse_result(&as_go_prints(&change), &as_converted(&wrong)),
                _ => refuse_result(&whole.to_string(), &wrong),
            })?;
            let complaints = duplicates.iter().cloned().chain(unknown).collect();
            complain(call, complaints, |all| {
                let shown = match content_type {
                    STRATEGIC_PATCH => as_go_prints(&change),
                    _ => whole.to_string(),
                };
                refuse_result(&shown, &format!("strict decoding error: {all}"))
            })?;
            Ok(patched)
        },
    )?;
    call.warn(warnings::of_object(&call.kind, &written.value()));
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

/// What a patch is that is no object, as Go calls it.
fn no_object(patch: &Value) -> Option<&'static str> {
    match patch {
        Value::Object(_) | Value::Null => None,
        Value::Array(_) => Some("array"),
        Value::String(_) => Some("string"),
        Value::Number(_) => Some("number"),
        Value::Bool(_) => Some("bool"),
    }
}

/// A whole object must say the name that the path says.
fn check_named(call: &Call, object: &Value) -> Result<(), Status> {
    if object["metadata"]["name"].as_str().unwrap_or_default().is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            call.name()
        )));
    }
    check_name(call, object)
}

fn check_name(call: &Call, object: &Value) -> Result<(), Status> {
    match object["metadata"]["name"].as_str().unwrap_or_default() {
        name if name.is_empty() || name == call.name() => Ok(()),
        name => Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.name()
        ))),
    }
}

/// Server-side apply: creates what is not there.
fn apply(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let manager = call.query.text("fieldManager");
    if manager.is_empty() {
        let error = FieldError::required("fieldManager", "is required for apply patch");
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", vec![error]));
    }
    let options = WriteOptions { applied: true, ..options(call, "PatchOptions")? };
    let applied = read_applied(call, body)?;
    let manager = Manager {
        name: manager.into(),
        operation: Operation::Apply,
        api_version: call.kind.api_version(),
        subresource: SmolStr::new(&call.target.subresource),
    };
    loop {
        let updated = call.store().update(
            &call.gr,
            call.namespace(),
            call.name(),
            &call.target.subresource,
            &options,
            |_, mut live| {
                name_kind(call, &mut live);
                merge(call, Some(live), &applied, &manager)
            },
        );
        let missing = match updated {
            Ok(object) => {
                call.warn(warnings::of_object(&call.kind, &object.value()));
                return call.show(200, &object);
            }
            Err(status) if status.is_not_found() && call.target.subresource.is_empty() => status,
            Err(status) => return Err(status),
        };
        let mut fresh = merge(call, None, &applied, &manager)?;
        if fresh["metadata"].get("uid").is_some() {
            return Err(Status::conflict(
                &call.gr,
                call.name(),
                "uid mismatch: the provided object specified uid, and no existing object was found",
            ));
        }
        fresh["metadata"]["name"] = json!(call.name());
        match call.store().create(&call.gr, call.namespace(), fresh, &options) {
            Ok(object) => {
                call.warn(warnings::of_object(&call.kind, &object.value()));
                return call.show(201, &object);
            }
            // Somebody made it in between: apply to that.
            Err(status) if status.is_already_exists() => {}
            // Its namespace is missing, not it.
            Err(status) if status.is_not_found() && status.message != missing.message => return Err(status),
            Err(status) => return Err(status),
        }
    }
}

fn merge(call: &Call, live: Option<Value>, applied: &Value, manager: &Manager) -> Result<Value, Status> {
    let managers = live.as_ref().map(|live| Managers::from_wire(&live["metadata"]["managedFields"]));
    let revision = live.as_ref().map(|live| live["metadata"]["resourceVersion"].clone());
    let apply = |force: bool| {
        fields::apply(
            live.as_ref(),
            applied,
            call.kind.schema(),
            managers.clone().unwrap_or_default(),
            manager,
            reset_fields(&call.kind, &call.target.subresource),
            force,
            &call.store().clock().stamp(),
        )
    };
    let result = match (apply(call.query.flag("force")), &live) {
        (Err(ApplyError::Conflicts(conflicts)), Some(live)) if manager.name == fields::KUBECTL => {
            match fields::foreign_to_last_applied(conflicts, live, call.kind.schema()) {
                none if none.is_empty() => apply(true),
                foreign => Err(ApplyError::Conflicts(foreign)),
            }
        }
        (result, _) => result,
    };
    let done = result.map_err(|error| match error {
        ApplyError::Conflicts(conflicts) => {
            let causes = conflicts.iter().map(|conflict| Cause {
                reason: SmolStr::new_static("FieldManagerConflict"),
                message: conflict.cause(),
                field: conflict.field.clone(),
            });
            Status::apply_conflict(fields::conflict_message(&conflicts), causes.collect())
        }
        ApplyError::Malformed(malformed) => Status::new(500, "", malformed.to_string()),
    })?;
    let mut object = done.object;
    if manager.name == fields::KUBECTL {
        fields::renew_last_applied(&mut object, applied);
    }
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"]["managedFields"] = done.managers.to_wire();
    let given = applied["metadata"]["resourceVersion"].as_str().filter(|v| !v.is_empty() && *v != "0");
    if let (None, Some(revision)) = (given, revision) {
        object["metadata"]["resourceVersion"] = revision;
    }
    Ok(object)
}

/// A version as messages show it: that of the core group behind a slash.
fn group_version(api_version: &str) -> String {
    let slash = if api_version.contains('/') { "" } else { "/" };
    format!("{slash}{api_version}")
}

fn read_applied(call: &Call, body: &[u8]) -> Result<Value, Status> {
    let applied =
        yaml::parse(body).map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))?;
    complain(call, yaml_complaints(call, body), |all| {
        Status::bad_request(format!("error strict decoding YAML: error converting YAML to JSON: {all}"))
    })?;
    let text = |key: &str| applied[key].as_str().unwrap_or_default();
    if text("apiVersion") != call.kind.api_version() || text("kind") != call.kind.kind {
        return Err(Status::bad_request(format!(
            "invalid object type: {}, Kind={}",
            group_version(text("apiVersion")),
            text("kind")
        )));
    }
    check_named(call, &applied)?;
    if applied["metadata"]["managedFields"].as_array().is_some_and(|list| !list.is_empty()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let unknown = unknown_fields(call.kind.schema(), &applied);
    let wrong = wrong_type(call.kind.schema(), &applied, &call.kind.kind);
    let undeclared = unknown.first().map(|field| format!(".{field}: field not declared in schema"));
    match undeclared.or(wrong) {
        Some(why) => {
            let object = format!("{}/{}", call.namespace().unwrap_or_default(), call.name());
            let message = format!(
                "failed to create typed patch object ({object}; {}, Kind={}): {why}",
                group_version(text("apiVersion")),
                text("kind")
            );
            Err(Status::new(500, "", message))
        }
        None => Ok(applied),
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
    })
}

fn show_written(call: &Call, written: &Written) -> Result<Response<Body>, Status> {
    call.show(if written.created { 201 } else { 200 }, &written.object)
}

/// Patches may look at and test kind and version.
fn name_kind(call: &Call, object: &mut Value) {
    object["kind"] = json!(call.kind.kind);
    object["apiVersion"] = json!(call.kind.api_version());
}
