//! Which requests a webhook wants to see.

use super::config::{Hook, Rule};
use crate::kinds::{Kind, Kinds};
use crate::store::Operation;
use std::sync::Arc;

/// A request as rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'r> {
    pub(super) operation: Operation,
    pub(super) kind: &'r Kind,
    pub(super) subresource: &'r str,
}

/// How an operation is called.
pub(super) fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "CREATE",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
    }
}

/// The kind in whose version the webhook is to see the object; none when it does not want to see the request.
/// `asked` is the version of the request. A webhook that wants another version of the same resource is shown that,
/// unless its match policy says `Exact`.
pub(super) fn wanted(
    hook: &Hook,
    kinds: &Kinds,
    asked: &Arc<Kind>,
    request: Request<'_>,
) -> Option<Arc<Kind>> {
    if hook.rules.iter().any(|rule| covers(rule, request)) {
        return Some(Arc::clone(asked));
    }
    if hook.match_policy == "Exact" {
        return None;
    }
    let same = |other: &&Arc<Kind>| other.stored_as() == asked.stored_as() && other.kind == asked.kind;
    let mut others = kinds.iter().filter(same);
    others
        .find(|other| hook.rules.iter().any(|rule| covers(rule, Request { kind: other, ..request })))
        .cloned()
}

/// Whether a webhook wants to see connections to a subresource.
pub(super) fn wants_connection(hook: &Hook, kind: &Kind, subresource: &str) -> bool {
    hook.rules.iter().any(|rule| covers_operation(rule, "CONNECT", kind, subresource))
}

fn covers(rule: &Rule, request: Request<'_>) -> bool {
    covers_operation(rule, operation_name(request.operation), request.kind, request.subresource)
}

fn covers_operation(rule: &Rule, operation: &str, kind: &Kind, subresource: &str) -> bool {
    let one_of = |list: &[String], name: &str| list.iter().any(|entry| entry == "*" || entry == name);
    let scope = match rule.scope.as_str() {
        "Namespaced" => kind.namespaced,
        "Cluster" => !kind.namespaced,
        _ => true,
    };
    scope
        && one_of(&rule.operations, operation)
        && one_of(&rule.api_groups, &kind.group)
        && one_of(&rule.api_versions, &kind.version)
        && rule.resources.iter().any(|entry| names_resource(entry, &kind.plural, subresource))
}

/// `pods` means the objects only, `pods/*` all their subresources, `*/scale` that of every kind, `*/*` everything.
fn names_resource(entry: &str, plural: &str, subresource: &str) -> bool {
    let (of, sub) = entry.split_once('/').unwrap_or((entry, ""));
    (of == "*" || of == plural) && (sub == subresource || sub == "*")
}

/// Namespaces are chosen by their own labels.
pub(super) fn is_namespace(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.plural == "namespaces"
}
