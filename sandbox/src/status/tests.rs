//! Statuses on the wire.

use super::*;

#[test]
fn wire_form_has_what_clients_branch_on() {
    let status = Status::not_found(&Gr::new("apps", "deployments"), "web");
    let json: serde_json::Value = serde_json::from_slice(&status.to_json()).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "deployments.apps \"web\" not found", "reason": "NotFound",
            "details": {"name": "web", "group": "apps", "kind": "deployments"}, "code": 404
        })
    );
}

#[test]
fn several_field_errors_are_listed_in_brackets() {
    let status = Status::invalid(
        "",
        "Pod",
        "p",
        vec![FieldError::required("spec.a", ""), FieldError::invalid("spec.b", "\"x\"", "must be short")],
    );
    assert_eq!(
        status.message,
        "Pod \"p\" is invalid: [spec.a: Required value, spec.b: Invalid value: \"x\": must be short]"
    );
}
