//! The `scale` subresource of custom resources: replicas and selector stand where the definition says.

use crate::kinds::{Custom, ScalePaths};
use crate::status::FieldError;
use serde_json::{Map, Value, json};

/// What a `Scale` shows of an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Wanted replicas.
    pub(crate) wanted: i64,
    /// Present replicas.
    pub(crate) present: i64,
    /// Selector of the pods, as text.
    pub(crate) selector: String,
}

/// The pointer of a simple JSON path: `.spec.a` is `/spec/a`.
fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

/// How many replicas an object asks for; none when it does not say.
pub(crate) fn replicas(paths: &ScalePaths, object: &Value) -> Option<i64> {
    object.pointer(&pointer(&paths.spec_replicas_path)).and_then(Value::as_i64)
}

/// What a `Scale` shows of an object.
pub(crate) fn scale_of(paths: &ScalePaths, object: &Value) -> Shown {
    let at = |path: &str| object.pointer(&pointer(path));
    let selector = paths.label_selector_path.as_deref().and_then(at).and_then(Value::as_str);
    Shown {
        wanted: replicas(paths, object).unwrap_or(0),
        present: at(&paths.status_replicas_path).and_then(Value::as_i64).unwrap_or(0),
        selector: selector.unwrap_or_default().to_owned(),
    }
}

/// Writes how many replicas an object asks for, making what is missing on the way.
pub(crate) fn set_replicas(paths: &ScalePaths, object: &mut Value, count: i64) {
    let mut place = object;
    for name in paths.spec_replicas_path.split('.').skip(1) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name];
    }
    *place = json!(count);
}

/// Replicas are whole numbers that are not negative.
pub(super) fn check(custom: &Custom, object: &Value) -> Vec<FieldError> {
    let Some(paths) = &custom.scale else { return Vec::new() };
    let mut errors = Vec::new();
    for path in [&paths.spec_replicas_path, &paths.status_replicas_path] {
        let count = object.pointer(&pointer(path)).and_then(Value::as_i64);
        if let Some(count) = count.filter(|count| *count < 0) {
            errors.push(FieldError::invalid(path.as_str(), count, "should be a non-negative integer"));
        }
    }
    errors
}
