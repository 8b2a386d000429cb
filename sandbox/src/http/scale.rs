//! The `scale` subresource: replicas of whatever has them.

use super::Call;
use super::accept::Form;
use super::apply;
use super::body::{self, Body};
use super::decode::{check_kind_is, content_type, read_value};
use super::encode::Include;
use super::typing::Walk;
use super::write::{self, APPLY_PATCH, JSON_PATCH, MERGE_PATCH};
use crate::custom::{self, Shown};
use crate::kinds::{ScalePaths, catalog};
use crate::patch;
use crate::status::{FieldError, Status};
use crate::store::{Gr, Object, WriteOptions, place};
use crate::table;
use http::Response;
use serde_json::{Map, Value, json};

/// `GET`.
pub(super) fn get(call: &Call) -> Result<Response<Body>, Status> {
    let object = call.store().get(&call.gr, call.namespace(), call.name())?;
    if let Some(paths) = paths(call)
        && custom::replicas(paths, &call.kind.show(object.value())).is_none()
    {
        let path = &paths.spec_replicas_path;
        return Err(Status::internal(format!("the spec replicas field {:?} does not exist", path.as_str())));
    }
    show(call, &scale(call, &object))
}

/// A scale in the form that the client asked for.
fn show(call: &Call, scale: &Value) -> Result<Response<Body>, Status> {
    let partial = |version: &str| {
        json!({
            "kind": "PartialObjectMetadata", "apiVersion": format!("meta.k8s.io/{version}"),
            "metadata": scale["metadata"],
        })
    };
    let Form::Table(version) = call.form else {
        return Ok(match call.form {
            Form::Metadata(version) => body::value(200, &partial(version)),
            _ => body::value(200, scale),
        });
    };
    let (columns, cells) = table::scale(scale, call.store().clock().now());
    let object = match Include::parse(call.query.text("includeObject"))? {
        Include::None => Value::Null,
        Include::Metadata => partial(version),
        Include::Object => scale.clone(),
    };
    let table = json!({
        "kind": "Table", "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": {"resourceVersion": scale["metadata"]["resourceVersion"]},
        "columnDefinitions": columns, "rows": [{"cells": cells, "object": object}],
    });
    Ok(body::value(200, &table))
}

/// `PUT`.
pub(super) fn replace(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let options = write::options(call, "UpdateOptions")?;
    let wanted = read_value(call, body)?;
    check_kind_is(call, &wanted, "autoscaling/v1", "Scale")?;
    check_types(&wanted)?;
    write_replicas(call, &options, Through::Put, |_| Ok(wanted.clone()))
}

/// The values of a Scale are of their types.
fn check_types(scale: &Value) -> Result<(), Status> {
    let schema = catalog::named("io.k8s.api.autoscaling.v1.Scale").unwrap_or_else(|| catalog::anything());
    let why = Walk::over(schema, &mut scale.clone(), "Scale").wrong;
    let refused =
        |why| Status::bad_request(format!("Scale in version \"v1\" cannot be handled as a Scale: {why}"));
    why.map_or(Ok(()), |why| Err(refused(why)))
}

/// How a Scale came.
#[derive(Clone, Copy)]
enum Through {
    Put,
    Patch,
}

/// A Scale that says what it scales must say what the path says.
fn check_identity(call: &Call, through: Through, wanted: &Value, current: &Object) -> Result<(), Status> {
    write::check_name(call, wanted)?;
    let text = |key: &str| wanted["metadata"][key].as_str().unwrap_or_default();
    let (namespace, uid) = (text("namespace"), text("uid"));
    if !namespace.is_empty() && namespace != current.namespace() {
        let why = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Status::bad_request(why));
    }
    if uid.is_empty() || uid == current.uid() {
        return Ok(());
    }
    match through {
        // So the real server says it, down to where it keeps the object.
        Through::Put => {
            let place = place(&call.kind, call.namespace(), call.name());
            Err(Status::conflict(&call.gr, call.name(), Status::other_uid(&place, uid, current.uid())))
        }
        Through::Patch if call.kind.is_custom() => Ok(()),
        Through::Patch => {
            let gr = Gr { plural: format!("{}/scale", call.gr.plural).into(), ..call.gr.clone() };
            let why = format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                current.uid()
            );
            Err(Status::conflict(&gr, call.name(), why))
        }
    }
}

/// `PATCH`.
pub(super) fn patch(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    if content_type(call) == APPLY_PATCH {
        return apply(call, body);
    }
    let options = write::options(call, "PatchOptions")?;
    let change: Value = serde_json::from_slice(body)
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    match content_type(call) {
        JSON_PATCH => write_replicas(call, &options, Through::Patch, |scale| {
            patch::json(scale, &change).map_err(|error| write::refuse_patch(call, scale, error))
        }),
        // No list is merged by key in a Scale, so both types come to the same.
        MERGE_PATCH | write::STRATEGIC_PATCH => {
            write_replicas(call, &options, Through::Patch, |scale| Ok(patch::merge(scale, &change)))
        }
        _ => Err(Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")),
    }
}

/// Server-side apply: the manager owns the replicas of the object itself, under the name of the subresource.
fn apply(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let manager = apply::manager(call)?;
    let options = WriteOptions { applied: true, ..write::options(call, "PatchOptions")? };
    let given = apply::read(call, body, &apply::What::scale())?;
    write::check_named(call, &given)?;
    let mut applied = json!({"apiVersion": call.kind.api_version(), "kind": call.kind.kind, "metadata": {}});
    if let Some(version) = given["metadata"].get("resourceVersion") {
        applied["metadata"]["resourceVersion"] = version.clone();
    }
    if let Some(replicas) = given["spec"]["replicas"].as_i64() {
        check(call, replicas)?;
        write_to(call, &mut applied, replicas);
    }
    let object = call.store().update(
        &call.gr,
        call.namespace(),
        call.name(),
        "scale",
        &options,
        |current, live| {
            check_identity(call, Through::Patch, &given, current)?;
            let mut live = call.kind.show(live);
            write::name_kind(call, &mut live);
            let merged = apply::merge(call, Some(live), &applied, &manager, Some(&apply::What::scale()));
            write::to_stored(call, merged?)
        },
    )?;
    show(call, &scale(call, &object))
}

fn check(call: &Call, replicas: i64) -> Result<(), Status> {
    if replicas >= 0 {
        return Ok(());
    }
    let error = FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
    Err(Status::invalid("autoscaling", "Scale", call.name(), vec![error]))
}

fn write_to(call: &Call, object: &mut Value, replicas: i64) {
    match paths(call) {
        Some(paths) => custom::set_replicas(paths, object, replicas),
        None => object["spec"]["replicas"] = json!(replicas),
    }
}

fn write_replicas(
    call: &Call,
    options: &WriteOptions,
    through: Through,
    wanted: impl Fn(&Value) -> Result<Value, Status>,
) -> Result<Response<Body>, Status> {
    let object = call.store().update(
        &call.gr,
        call.namespace(),
        call.name(),
        "scale",
        options,
        |current, mut object| {
            let wanted = wanted(&scale(call, current))?;
            check_identity(call, through, &wanted, current)?;
            let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or(0);
            check(call, replicas)?;
            let given = wanted["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            if !given.is_empty() {
                object["metadata"]["resourceVersion"] = json!(given);
            }
            write_to(call, &mut object, replicas);
            Ok(object)
        },
    )?;
    show(call, &scale(call, &object))
}

/// Where a custom resource has its replicas.
fn paths(call: &Call) -> Option<&ScalePaths> {
    call.kind.custom.as_ref()?.scale.as_ref()
}

/// The `Scale` of an object. Zero replicas are left out of `spec`, as the real server does.
fn scale(call: &Call, object: &Object) -> Value {
    let value = call.kind.show(object.value());
    let mut metadata = Map::new();
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(field) = value["metadata"].get(key) {
            metadata.insert(key.to_owned(), field.clone());
        }
    }
    let shown = match paths(call) {
        Some(paths) => custom::scale_of(paths, &value),
        None => Shown {
            wanted: value["spec"]["replicas"].as_i64().unwrap_or(0),
            present: value["status"]["replicas"].as_i64().unwrap_or(0),
            selector: selector_text(&value["spec"]["selector"]),
        },
    };
    let mut spec = json!({});
    if shown.wanted != 0 {
        spec["replicas"] = json!(shown.wanted);
    }
    let mut status = json!({"replicas": shown.present});
    if !shown.selector.is_empty() {
        status["selector"] = json!(shown.selector);
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status})
}

/// A selector as text: `app=web,tier in (a,b)`. ReplicationControllers have a plain map.
fn selector_text(selector: &Value) -> String {
    let is_structured = selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some();
    let labels = if is_structured { &selector["matchLabels"] } else { selector };
    let mut terms: Vec<(String, String)> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), format!("{key}={}", value.as_str().unwrap_or_default())))
        .collect();
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let mut values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        let term = match expression["operator"].as_str().unwrap_or_default() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        };
        terms.push((key.to_owned(), term));
    }
    terms.sort();
    terms.into_iter().map(|(_, term)| term).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_written_as_text() {
        let cases = [
            (json!({"matchLabels": {"b": "2", "a": "1"}}), "a=1,b=2"),
            (json!({"app": "rc"}), "app=rc"),
            (
                json!({"matchLabels": {"m": "1"}, "matchExpressions": [
                    {"key": "z", "operator": "Exists"}, {"key": "a", "operator": "In", "values": ["y", "x"]},
                    {"key": "n", "operator": "DoesNotExist"}]}),
                "a in (x,y),m=1,!n,z",
            ),
            (json!(null), ""),
        ];
        for (selector, expected) in cases {
            assert_eq!(selector_text(&selector), expected);
        }
    }
}
