//! JSON patch (RFC 6902).

use json_patch::{AddOperation, PatchOperation, ReplaceOperation};
use serde_json::Value;

use super::PatchError;

/// Most operations that one patch may have, as in the API server.
const MOST_OPERATIONS: usize = 10_000;

/// Carries out a JSON patch, all of it or nothing.
///
/// # Errors
/// No list of operations, too many of them, or one that does not fit the object.
pub fn json(object: &Value, patch: &Value) -> Result<Value, PatchError> {
    // Objects in a list are a patch; whether they are operations is found out when they are carried out.
    let looks_right = patch.as_array().is_some_and(|all| all.iter().all(Value::is_object));
    let operations: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|e| match looks_right {
            true => PatchError::DoesNotFit(format!("this is no operation: {e}")),
            false => PatchError::Malformed(format!("error decoding patch: {}", no_patch(patch, &e))),
        })?;
    if operations.0.len() > MOST_OPERATIONS {
        let reason = format!(
            "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
            operations.0.len()
        );
        return Err(PatchError::DoesNotFit(reason));
    }
    let mut patched = object.clone();
    for operation in operations.0 {
        let operation = as_the_server_reads_it(operation, &patched);
        json_patch::patch(&mut patched, &[operation]).map_err(|e| {
            let reason = format!("the server rejected our request due to an error in our request: {e}");
            PatchError::DoesNotFit(reason)
        })?;
    }
    Ok(patched)
}

/// Why a value is no list of operations, in Go's words.
fn no_patch(patch: &Value, error: &serde_json::Error) -> String {
    let name = |value: &Value| match value {
        Value::Object(_) => Some("object"),
        Value::String(_) => Some("string"),
        Value::Number(_) => Some("number"),
        Value::Bool(_) => Some("bool"),
        Value::Array(_) => Some("array"),
        Value::Null => None,
    };
    let operation = "handlers.jsonPatchOp";
    let (found, wanted) = match patch.as_array() {
        None => (name(patch), format!("[]{operation}")),
        Some(items) => (items.iter().filter(|item| !item.is_object()).find_map(name), operation.to_owned()),
    };
    match found {
        Some(found) => format!("json: cannot unmarshal {found} into Go value of type {wanted}"),
        None => error.to_string(),
    }
}

/// Replacing a field that an object does not have adds it: so does the library of the real server, against the RFC.
fn as_the_server_reads_it(operation: PatchOperation, object: &Value) -> PatchOperation {
    match operation {
        PatchOperation::Replace(ReplaceOperation { path, value })
            if path.parent().and_then(|parent| parent.resolve(object).ok()).is_some_and(Value::is_object) =>
        {
            PatchOperation::Add(AddOperation { path, value })
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;

    #[test]
    fn operations_are_carried_out_in_order() {
        let object = value!({"data": {"a": "1"}});
        let patch = value!([
            {"op": "test", "path": "/data/a", "value": "1"},
            {"op": "add", "path": "/data/b", "value": "2"},
            {"op": "remove", "path": "/data/a"},
            {"op": "replace", "path": "/data/c", "value": "3"}
        ]);
        assert_eq!(json(&object, &patch), Ok(value!({"data": {"b": "2", "c": "3"}})));
    }

    #[test]
    fn what_does_not_fit_leaves_the_object_alone() {
        let object = value!({"data": {"a": "1"}});
        for patch in [
            value!([{"op": "test", "path": "/data/a", "value": "2"}]),
            value!([{"op": "add", "path": "/missing/b", "value": "2"}]),
            value!([{"op": "remove", "path": "/data/b"}]),
            value!([{"op": "replace", "path": "/missing/b", "value": "2"}]),
        ] {
            assert!(matches!(json(&object, &patch), Err(PatchError::DoesNotFit(_))), "{patch}");
        }
        assert!(matches!(json(&object, &value!({"a": 1})), Err(PatchError::Malformed(_))));
        let many: Vec<Value> =
            (0..=MOST_OPERATIONS).map(|_| value!({"op": "test", "path": "/data/a", "value": "1"})).collect();
        assert!(matches!(json(&object, &Value::Array(many)), Err(PatchError::DoesNotFit(_))));
    }
}
