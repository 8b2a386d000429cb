//! Writes of roles and bindings: nobody grants what they do not hold.

use serde_json::{Value, json};

use super::Call;
use super::auth::Roles;
use crate::access::{self, Wish, escalation};
use crate::status::Status;
use crate::store::Object;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Refuses what would give more than the one who asks has; `old` is what is there. Whoever may `escalate` roles, or `bind` the role
/// in question, may do so.
///
/// # Errors
/// 403 with the rights that are missing; 404 when a binding names a role that is not there.
pub(super) fn check(call: &Call, old: Option<&Object>, new: &Value) -> Result<(), Status> {
    if call.gr.group != GROUP || !call.target.subresource.is_empty() || call.user.is_master() {
        return Ok(());
    }
    // Only now: it is unpacked for this.
    let old = old.map(Object::value);
    let old = old.as_ref();
    if old.is_some_and(|old| without_collection(old) == without_collection(new)) {
        return Ok(());
    }
    match call.gr.plural.as_str() {
        "roles" | "clusterroles" => role(call, new),
        _ => binding(call, old, new),
    }
}

/// An object without what the garbage collector changes and what the server fills in.
fn without_collection(object: &Value) -> Value {
    const LEFT_OUT: [&str; 7] = [
        "ownerReferences",
        "finalizers",
        "managedFields",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
    ];
    let mut object = object.clone();
    if let Some(object) = object.as_object_mut() {
        object.retain(|key, _| !matches!(key.as_str(), "kind" | "apiVersion"));
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
    }
    object
}

fn role(call: &Call, new: &Value) -> Result<(), Status> {
    let name = new["metadata"]["name"].as_str().unwrap_or_default();
    if may(call, "escalate", call.gr.plural.as_str(), name) {
        return Ok(());
    }
    refuse(call, name, &new["rules"])?;
    let selectors = new["aggregationRule"]["clusterRoleSelectors"].as_array();
    if selectors.is_none_or(Vec::is_empty) {
        return Ok(());
    }
    // What an aggregated role comes to is for others to say: it may be anything.
    let everything = json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]);
    let why = "must have cluster-admin privileges to use the aggregationRule";
    refuse(call, name, &everything).map_err(|_| Status::forbidden(&call.gr, name, why))
}

fn binding(call: &Call, old: Option<&Value>, new: &Value) -> Result<(), Status> {
    // It names its role for ever; a change of that is refused elsewhere.
    let role = old.map_or(&new["roleRef"], |old| &old["roleRef"]);
    let name = role["name"].as_str().unwrap_or_default();
    let plural = if role["kind"] == "ClusterRole" { "clusterroles" } else { "roles" };
    if may(call, "bind", plural, name) {
        return Ok(());
    }
    let roles = Roles(call.store());
    let rules = escalation::bound(&roles, call.namespace().unwrap_or_default(), role);
    let rules = rules.ok_or_else(|| Status::not_found(&call.gr, name))?;
    refuse(call, new["metadata"]["name"].as_str().unwrap_or_default(), &rules)
}

fn may(call: &Call, verb: &str, resource: &str, name: &str) -> bool {
    let namespace = call.namespace().unwrap_or_default();
    let wish = Wish::Resource { verb, group: GROUP, resource, subresource: "", namespace, name };
    access::allowed(&Roles(call.store()), &call.user, &wish)
}

fn refuse(call: &Call, name: &str, rules: &Value) -> Result<(), Status> {
    let namespace = call.namespace().unwrap_or_default();
    match escalation::refusal(&Roles(call.store()), &call.user, namespace, rules) {
        None => Ok(()),
        Some(why) => Err(Status::forbidden(&call.gr, name, why)),
    }
}
