//! Roles and their bindings.

use crate::kinds::Kind;
use crate::status::FieldError;
use serde_json::{Value, json};

const GROUP: &str = "rbac.authorization.k8s.io";

/// A binding names a role and subjects that can be.
pub(super) fn binding(kind: &Kind, new: &Value, errors: &mut Vec<FieldError>) {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let role = &new["roleRef"];
    if text(role, "apiGroup") != GROUP {
        errors.push(FieldError::not_supported("roleRef.apiGroup", &text(role, "apiGroup"), &[GROUP]));
    }
    let kinds: &[&str] = if kind.namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&text(role, "kind").as_str()) {
        errors.push(FieldError::not_supported("roleRef.kind", &text(role, "kind"), kinds));
    }
    if text(role, "name").is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    }
    for (index, subject) in new["subjects"].as_array().into_iter().flatten().enumerate() {
        let at = |key: &str| format!("subjects[{index}].{key}");
        if text(subject, "name").is_empty() {
            errors.push(FieldError::required(at("name"), ""));
        }
        match text(subject, "kind").as_str() {
            "ServiceAccount" => {
                if text(subject, "namespace").is_empty() {
                    errors.push(FieldError::required(at("namespace"), ""));
                }
            }
            "User" | "Group" => {
                if text(subject, "apiGroup") != GROUP {
                    errors.push(FieldError::not_supported(
                        at("apiGroup"),
                        &text(subject, "apiGroup"),
                        &[GROUP],
                    ));
                }
            }
            other => {
                errors.push(FieldError::not_supported(
                    at("kind"),
                    other,
                    &["ServiceAccount", "User", "Group"],
                ));
            }
        }
    }
}

/// A binding keeps its role.
pub(super) fn binding_update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    if new["roleRef"] != old["roleRef"] {
        // The message shows the fields under their Go names.
        let text = |key: &str| new["roleRef"][key].as_str().unwrap_or_default();
        let shown = json!({"APIGroup": text("apiGroup"), "Kind": text("kind"), "Name": text("name")});
        errors.push(FieldError::invalid("roleRef", shown, "cannot change roleRef"));
    }
}
