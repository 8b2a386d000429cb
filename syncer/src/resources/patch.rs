//! Writes of a pair, put together.

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;

use super::life;
use crate::engine::key::Side;
use crate::engine::mirror::At;
use crate::engine::plan::{Part, Write};

/// The merge patch of one object of the pair, with what its metadata lacks; none when nothing changes.
pub(super) fn merge(
    at: &At<'_>,
    resource: &Resource,
    side: Side,
    of: &Lean,
    mut change: Value,
    meta: Option<Value>,
) -> Option<Write> {
    if let Some(meta) = meta {
        change["metadata"] = meta;
    }
    part(at, resource, side, of, Part::Main, change)
}

/// The merge patch of the tenant's status; none when nothing changes.
pub(super) fn status(at: &At<'_>, resource: &Resource, v: &Lean, change: Option<Value>) -> Option<Write> {
    part(at, resource, Side::Virtual, v, Part::Status, json!({"status": change?}))
}

fn part(at: &At<'_>, resource: &Resource, side: Side, of: &Lean, part: Part, change: Value) -> Option<Write> {
    let changes = change.as_object().is_some_and(|change| !change.is_empty());
    changes.then(|| Write::merge(side, life::object(at, side, resource), of, part, change))
}

/// An object of a kind with these fields, none of which are null.
pub(super) fn object<'a>(
    resource: &Resource,
    metadata: Value,
    fields: impl IntoIterator<Item = (&'a str, Value)>,
) -> Value {
    let mut body = json!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": metadata});
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
        body[name] = value;
    }
    body
}
