//! Bodies of requests: read, checked against the kind, cleared of what the kind does not have.

use super::typing::Walk;
use super::{Call, strict, yaml};
use crate::kinds::{KindSchema, Kinds};
use crate::status::Status;
use crate::wire::{self, WireError};
use http::header;
use serde_json::Value;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// What a client wants to happen to fields that do not exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Validation {
    Ignore,
    Warn,
    Strict,
}

impl Validation {
    fn of(call: &Call) -> Self {
        match call.query.text("fieldValidation") {
            "Ignore" => Self::Ignore,
            "Strict" => Self::Strict,
            _ => Self::Warn,
        }
    }
}

/// The type of a request's body.
pub(super) fn content_type(call: &Call) -> &str {
    let header = call.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim()
}

/// A body in JSON, YAML or protobuf.
pub(super) fn read_value(call: &Call, body: &[u8]) -> Result<Value, Status> {
    let parsed = match content_type(call) {
        "" | "application/json" => serde_json::from_slice(body).map_err(|error| error.to_string()),
        "application/yaml" => yaml::parse(body),
        PROTOBUF => return read_protobuf(call, body),
        _ => {
            return Err(Status::unsupported_media_type(&["application/json", "application/yaml", PROTOBUF]));
        }
    };
    match parsed {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(unrecognized(call, body, "the body is no object")),
        Err(error) => Err(unrecognized(call, body, &error)),
    }
}

/// A body as typed Go clients send it.
fn read_protobuf(call: &Call, body: &[u8]) -> Result<Value, Status> {
    let kinds = call.store().kinds();
    wire::decode(body, |api_version, kind| schema_name(&kinds, api_version, kind)).map_err(
        |error| match error {
            WireError::UnknownKind { .. } => {
                Status::bad_request(format!("{error} in scheme \"pkg/api/legacyscheme/scheme.go:30\""))
            }
            error => Status::bad_request(error.to_string()),
        },
    )
}

/// The OpenAPI name of what a body holds: a kind, or what only requests carry.
fn schema_name(kinds: &Kinds, api_version: &str, kind: &str) -> Option<String> {
    if kind == "DeleteOptions" {
        return Some("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions".to_owned());
    }
    match kinds.by_object(api_version, kind).map(|kind| &kind.schema) {
        Some(KindSchema::BuiltIn(name)) => Some(name.to_string()),
        // Custom resources have no protobuf form.
        Some(KindSchema::Own(_)) => None,
        None => {
            let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
            let package = group.split('.').next().unwrap_or_default();
            Some(format!("io.k8s.api.{package}.{version}.{kind}"))
        }
    }
}

/// Why a text is no JSON, in Go's words as far as its first letter tells.
pub(super) fn go_error(text: &[u8], error: &serde_json::Error) -> String {
    let Some((first, rest)) = text.trim_ascii_start().split_first() else {
        return "unexpected end of JSON input".to_owned();
    };
    let said = error.to_string();
    let place = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1));
    let letter = place.and_then(|line| line.get(error.column().saturating_sub(1)));
    if let Some(letter) = letter.filter(|_| said.starts_with("trailing characters")) {
        return format!("invalid character '{}' after top-level value", char::from(*letter));
    }
    let literal = ["null", "true", "false"].into_iter().find(|word| word.as_bytes().first() == Some(first));
    let odd = literal.and_then(|word| {
        let letters = rest.iter().zip(word.bytes().skip(1));
        letters
            .map(|(found, wanted)| (*found, wanted))
            .find(|(found, wanted)| found != wanted)
            .map(|odd| (word, odd))
    });
    match (literal, odd) {
        (_, Some((word, (found, wanted)))) => format!(
            "invalid character '{}' in literal {word} (expecting '{}')",
            char::from(found),
            char::from(wanted)
        ),
        (None, _) if !b"{[\"-0123456789".contains(first) => {
            format!("invalid character '{}' looking for beginning of value", char::from(*first))
        }
        _ => said,
    }
}

/// As much of a body as messages show.
fn beginning(body: &[u8]) -> String {
    const SHOWN: usize = 30;
    match body.get(..SHOWN) {
        Some(start) if body.len() > SHOWN => format!("{} ...", String::from_utf8_lossy(start)),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

fn unrecognized(call: &Call, body: &[u8], why: &str) -> Status {
    let shown: String = match body {
        [] => "<empty>".to_owned(),
        body => body.iter().take(64).map(|byte| format!("{byte:02x}")).collect(),
    };
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {why} ({shown})",
        call.kind.kind
    ))
}

/// An object of the kind of this call, as it comes in a create or replace.
pub(super) fn read_object(call: &Call, body: &[u8]) -> Result<Value, Status> {
    let mut object = read_value(call, body)?;
    for key in ["kind", "apiVersion"] {
        let found = match &object[key] {
            Value::Null | Value::String(_) => continue,
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let shown = beginning(body);
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: json: cannot unmarshal {found} into Go struct field .{key} of type string ({shown})",
            call.kind.kind
        )));
    }
    check_kind(call, &object)?;
    let mut complaints = match content_type(call) {
        PROTOBUF => Vec::new(),
        "application/yaml" => {
            let mut all = yaml_complaints(call, body);
            all.extend(complaints(call, object.to_string().as_bytes()));
            all
        }
        _ => complaints(call, body),
    };
    let unknown = fit(call, &mut object)
        .map_err(|wrong| Status::bad_request(format!("{}: {wrong}", cannot_be_handled(call))))?;
    if call.kind.is_custom() {
        complaints.extend(unknown);
    }
    complain(call, complaints, |all| {
        Status::bad_request(format!("{}: strict decoding error: {all}", cannot_be_handled(call)))
    })?;
    Ok(object)
}

/// What strict decoding complains of in a JSON text. What a custom resource does not have is found by its definition.
fn complaints(call: &Call, text: &[u8]) -> Vec<String> {
    if call.kind.is_custom() {
        strict::duplicates(text)
    } else {
        strict::complaints(call.kind.schema(), text)
    }
}

/// The keys that stand twice in a body in YAML, as the client wants to be told.
pub(super) fn yaml_complaints(call: &Call, body: &[u8]) -> Vec<String> {
    let duplicates = yaml::duplicate_keys(body);
    match Validation::of(call) {
        Validation::Strict => yaml::strict_complaint(&duplicates).into_iter().collect(),
        _ => duplicates,
    }
}

/// Refuses or warns of what strict decoding complains of, as the client wishes.
pub(super) fn complain(
    call: &Call,
    complaints: Vec<String>,
    refuse: impl FnOnce(String) -> Status,
) -> Result<(), Status> {
    match Validation::of(call) {
        Validation::Strict if !complaints.is_empty() => Err(refuse(complaints.join(", "))),
        Validation::Warn => {
            call.warn(complaints);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn cannot_be_handled(call: &Call) -> String {
    let kind = &call.kind;
    format!("{} in version {:?} cannot be handled as a {}", kind.kind, kind.version, kind.kind)
}

/// An object that says what it is must be what the path says.
pub(super) fn check_kind(call: &Call, object: &Value) -> Result<(), Status> {
    check_kind_is(call, object, &call.kind.api_version(), &call.kind.kind)
}

/// An object that says what it is must be of this kind in this version.
pub(super) fn check_kind_is(call: &Call, object: &Value, expected: &str, wanted: &str) -> Result<(), Status> {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let expected_group = expected.split_once('/').map_or("", |(group, _)| group);
    let api_version = Some(text("apiVersion")).filter(|v| !v.is_empty()).unwrap_or(expected);
    let kind = Some(text("kind")).filter(|k| !k.is_empty()).unwrap_or(wanted);
    if api_version == expected && kind == wanted {
        return Ok(());
    }
    let kinds = call.store().kinds();
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let refused = |why: String| {
        Err(Status::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {wanted}: {why}"
        )))
    };
    match kinds.by_object(api_version, kind) {
        None => refused(format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
        )),
        Some(found) if found.kind == wanted && found.group == expected_group => {
            Err(Status::bad_request(format!(
                "the API version in the data ({api_version}) does not match the expected API version ({expected})"
            )))
        }
        Some(_) => {
            let group = if expected_group.is_empty() { "core" } else { expected_group };
            refused(format!("converting ({version}.{kind}) to ({group}.{wanted}): unknown conversion"))
        }
    }
}

/// Makes an object fit its kind: fields that it does not have are removed, and told.
///
/// # Errors
/// The first value of the wrong type, in the real server's words.
pub(super) fn fit(call: &Call, object: &mut Value) -> Result<Vec<String>, String> {
    let walk = match &call.kind.custom {
        None => Walk::over(call.kind.schema(), object, &call.kind.kind),
        Some(custom) => Walk::over_custom(call.kind.schema(), custom, object, &call.kind.kind),
    };
    match walk.wrong {
        Some(wrong) => Err(wrong),
        None => Ok(walk.unknown.iter().map(|path| format!("unknown field {path:?}")).collect()),
    }
}
