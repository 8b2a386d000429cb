//! From client-side to server-side apply: `kubectl` used to keep what it applied in an annotation. When it applies on
//! the server, it takes over what that annotation says, without a conflict with itself.

use serde_json::Value;

use super::apply::Conflict;
use super::typed::{compare, fields_of};
use crate::kinds::Schema;

/// The manager for whom the annotation counts.
pub const KUBECTL: &str = "kubectl";
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The conflicts about fields that the annotation does not claim, or that somebody has changed since.
pub fn foreign_to_last_applied(conflicts: Vec<Conflict>, live: &Value, schema: &Schema) -> Vec<Conflict> {
    let last = live["metadata"]["annotations"][ANNOTATION].as_str();
    let Some(last): Option<Value> = last.and_then(|text| serde_json::from_str(text).ok()) else {
        return conflicts;
    };
    let changes = compare(&last, live, schema);
    let claimed = fields_of(&last, schema).difference(&changes.modified).difference(&changes.removed);
    let claimed = claimed.paths();
    conflicts.into_iter().filter(|conflict| !claimed.contains(&conflict.field)).collect()
}

/// Where the annotation is, it goes on saying what was applied last.
pub fn renew_last_applied(object: &mut Value, applied: &Value) {
    if object["metadata"]["annotations"].get(ANNOTATION).is_none() {
        return;
    }
    let mut applied = applied.clone();
    if let Some(annotations) = applied.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
    }
    object["metadata"]["annotations"][ANNOTATION] = Value::String(format!("{applied}\n"));
}

#[cfg(test)]
mod tests {
    use super::super::{Manager, Operation};
    use super::*;
    use crate::kinds::Kinds;
    use serde_json::json;

    #[test]
    fn what_the_annotation_claims_is_no_conflict_unless_it_changed() {
        let schema = Kinds::builtin().by_word("cm").unwrap().schema();
        let last = json!({"data": {"a": "1", "b": "1"}}).to_string();
        let live =
            json!({"metadata": {"annotations": {ANNOTATION: last}}, "data": {"a": "1", "b": "2", "c": "3"}});
        let conflict = |field: &str| Conflict {
            manager: Manager {
                name: "kubectl-client-side-apply".into(),
                operation: Operation::Update,
                api_version: "v1".into(),
                subresource: "".into(),
            },
            field: field.to_owned(),
        };
        let all = [".data.a", ".data.b", ".data.c"].map(conflict).to_vec();
        let foreign = foreign_to_last_applied(all, &live, schema);
        let foreign: Vec<&str> = foreign.iter().map(|conflict| conflict.field.as_str()).collect();
        assert_eq!(foreign, [".data.b", ".data.c"]);
    }

    #[test]
    fn the_annotation_is_renewed_where_it_is() {
        let applied = json!({"data": {"a": "2"}});
        let mut object = json!({"metadata": {"annotations": {ANNOTATION: "old"}}});
        renew_last_applied(&mut object, &applied);
        assert_eq!(object["metadata"]["annotations"][ANNOTATION], "{\"data\":{\"a\":\"2\"}}\n");
        let mut without = json!({"metadata": {"annotations": {}}});
        renew_last_applied(&mut without, &applied);
        assert_eq!(without, json!({"metadata": {"annotations": {}}}));
    }
}
