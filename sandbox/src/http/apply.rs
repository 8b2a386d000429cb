//! Server-side apply.

use super::body::Body;
use super::decode::{complain, yaml_complaints};
use super::typing::{unknown_fields, wrong_type};
use super::{Call, granting, write, yaml};
use crate::fields::{self, ApplyError, Manager, Managers, Operation};
use crate::kinds::{Custom, Schema, catalog};
use crate::status::{Cause, FieldError, Status};
use crate::store::{WriteOptions, reset_fields};
use http::Response;
use serde_json::{Value, json};
use smol_str::SmolStr;

/// Server-side apply: creates what is not there.
pub(super) fn apply(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let manager = manager(call)?;
    let options = WriteOptions { applied: true, ..write::options(call, "PatchOptions")? };
    let applied = read(call, body, &What::object(call))?;
    loop {
        let updated = call.store().update(
            &call.gr,
            call.namespace(),
            call.name(),
            &call.target.subresource,
            &options,
            |current, live| {
                let mut live = call.kind.show(live);
                write::name_kind(call, &mut live);
                let merged = merge(call, Some(live), &applied, &manager, None)?;
                write::check_named(call, &merged)?;
                let merged = write::to_stored(call, merged)?;
                granting::check(call, Some(current), &merged)?;
                Ok(merged)
            },
        );
        let missing = match updated {
            Ok(object) => return call.show(200, &object),
            Err(status) if status.is_not_found() && creates(call) => status,
            Err(status) if status.is_not_found() => {
                write::check_named(call, &applied)?;
                return Err(status);
            }
            Err(status) => return Err(status),
        };
        let fresh = merge(call, None, &applied, &manager, None)?;
        write::check_named(call, &fresh)?;
        if fresh["metadata"].get("uid").is_some() {
            return Err(Status::conflict(
                &call.gr,
                call.name(),
                "uid mismatch: the provided object specified uid, and no existing object was found",
            ));
        }
        let fresh = write::to_stored(call, fresh)?;
        granting::check(call, None, &fresh)?;
        match call.store().create(&call.gr, call.namespace(), fresh, &options) {
            Ok(object) => return call.show(201, &object),
            // Somebody made it in between: apply to that.
            Err(status) if status.is_already_exists() => {}
            // Its namespace is missing, not it.
            Err(status) if status.is_not_found() && status.message != missing.message => return Err(status),
            Err(status) => return Err(status),
        }
    }
}

/// Whether applying creates what is missing. What a replace creates comes into being by its status, too.
fn creates(call: &Call) -> bool {
    match call.target.subresource.as_str() {
        "" => true,
        "status" => call.kind.allows_create_on_update(),
        _ => false,
    }
}

/// The type of what is applied.
pub(super) struct What<'s> {
    api_version: SmolStr,
    kind: SmolStr,
    schema: &'s Schema,
    custom: Option<&'s Custom>,
}

impl<'s> What<'s> {
    /// An object of the call's kind.
    fn object(call: &'s Call) -> Self {
        let kind = &call.kind;
        Self {
            api_version: kind.api_version(),
            kind: kind.kind.clone(),
            schema: kind.schema(),
            custom: kind.custom.as_deref(),
        }
    }

    /// A Scale, whatever the kind.
    pub(super) fn scale() -> Self {
        let schema = catalog::named("io.k8s.api.autoscaling.v1.Scale").unwrap_or_else(|| catalog::anything());
        Self { api_version: "autoscaling/v1".into(), kind: "Scale".into(), schema, custom: None }
    }
}

/// Who applies.
pub(super) fn manager(call: &Call) -> Result<Manager, Status> {
    let name = call.query.text("fieldManager");
    if name.is_empty() {
        let error = FieldError::required("fieldManager", "is required for apply patch");
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", vec![error]));
    }
    Ok(Manager {
        name: name.into(),
        operation: Operation::Apply,
        api_version: call.kind.api_version(),
        subresource: SmolStr::new(&call.target.subresource),
    })
}

/// Merges what is applied into the live object. Conflicts name the owners of fields as if they had written `seen`.
pub(super) fn merge(
    call: &Call,
    live: Option<Value>,
    applied: &Value,
    manager: &Manager,
    seen: Option<&What<'_>>,
) -> Result<Value, Status> {
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
        ApplyError::Conflicts(mut conflicts) => {
            for conflict in &mut conflicts {
                if let Some(what) = seen {
                    conflict.manager.api_version.clone_from(&what.api_version);
                    conflict.manager.subresource = SmolStr::default();
                    conflict.field = ".spec.replicas".to_owned();
                }
            }
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

/// Reads what is applied and refuses what its type does not know.
pub(super) fn read(call: &Call, body: &[u8], what: &What<'_>) -> Result<Value, Status> {
    let applied =
        yaml::parse(body).map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))?;
    complain(call, yaml_complaints(call, body), |all| {
        Status::bad_request(format!("error strict decoding YAML: error converting YAML to JSON: {all}"))
    })?;
    let text = |key: &str| applied[key].as_str().unwrap_or_default();
    if text("apiVersion") != what.api_version || text("kind") != what.kind {
        return Err(Status::bad_request(format!(
            "invalid object type: {}, Kind={}",
            group_version(text("apiVersion")),
            text("kind")
        )));
    }
    if applied["metadata"]["managedFields"].as_array().is_some_and(|list| !list.is_empty()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let unknown = unknown_fields(what.schema, what.custom, &applied);
    let wrong = wrong_type(what.schema, &applied, &what.kind);
    let undeclared = unknown.first().map(|field| format!(".{field}: field not declared in schema"));
    match undeclared.or(wrong) {
        Some(why) => {
            // The object is named by what it says of itself.
            let namespace = if what.kind == call.kind.kind { call.namespace() } else { None };
            let namespace = namespace.or(applied["metadata"]["namespace"].as_str()).unwrap_or_default();
            let message = format!(
                "failed to create typed patch object ({namespace}/{}; {}, Kind={}): {why}",
                call.name(),
                group_version(text("apiVersion")),
                text("kind")
            );
            Err(Status::new(500, "", message))
        }
        None => Ok(applied),
    }
}
