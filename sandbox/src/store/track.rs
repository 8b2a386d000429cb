//! Who owns which field after a write that is no apply.

use super::metadata::{self, set, unset};
use super::options::WriteOptions;
use super::strategy;
use crate::fields::{Manager, Managers, Operation, give_up, update};
use crate::kinds::{Kind, Kinds};
use serde_json::Value;
use smol_str::SmolStr;
use std::borrow::Cow;

/// Fields that a write to a path cannot touch, so that nobody owns them by it.
pub(crate) fn reset_fields(kind: &Kind, subresource: &str) -> &'static [&'static str] {
    match subresource {
        "" if kind.subresource("status").is_some() => &["status"],
        "status" if strategy::keeps_metadata(kind) => &["spec", "metadata"],
        "status" => match (kind.group.as_str(), kind.plural.as_str()) {
            ("", "pods") => &["spec", "metadata.deletionTimestamp", "metadata.ownerReferences"],
            ("apps", "deployments") => &["spec", "metadata.labels"],
            _ => &["spec"],
        },
        _ => &[],
    }
}

/// Brings `metadata.managedFields` up to date. A write that names no manager leaves it as it is. Every manager owns
/// fields as the version calls them in which it writes.
pub(super) fn track(
    kinds: &Kinds,
    kind: &Kind,
    subresource: &str,
    old: Option<&Value>,
    new: &mut Value,
    options: &WriteOptions,
    now: &str,
) {
    if options.applied {
        return;
    }
    if options.manager.is_empty() {
        return match old {
            Some(old) => metadata::copy(old, new, "managedFields"),
            None => unset(new, "managedFields"),
        };
    }
    let known = old.map(|old| known(subresource, old, new)).unwrap_or_default();
    // What nobody was known to own stays so until somebody applies.
    if old.is_some() && known.is_empty() {
        return unset(new, "managedFields");
    }
    let manager = Manager {
        name: options.manager.clone(),
        operation: Operation::Update,
        api_version: if options.api_version.is_empty() {
            kind.api_version()
        } else {
            options.api_version.clone()
        },
        subresource: SmolStr::new(subresource),
    };
    let reset = reset_fields(kind, subresource);
    let own = kinds.by_object(&manager.api_version, &kind.kind).map_or(kind, |found| found);
    let live = old.map(|old| in_version(own, old));
    let mut managers =
        update(live.as_deref(), &in_version(own, new), own.schema(), known, &manager, reset, now);
    for version in managers.versions() {
        if let (Some(old), true) = (old, version != manager.api_version) {
            let other = kinds.by_object(&version, &kind.kind).map_or(own, |found| found);
            give_up(
                &mut managers,
                &version,
                &in_version(other, old),
                &in_version(other, new),
                other.schema(),
            );
        }
    }
    if managers.is_empty() {
        unset(new, "managedFields");
    } else {
        set(new, "managedFields", managers.to_wire());
    }
}

/// Who owns what before an update: what it says itself, unless it comes through a subresource or says nothing that can
/// be read. An empty list, or one with nothing in it, means that all is forgotten.
fn known(subresource: &str, old: &Value, new: &Value) -> Managers {
    let known = |object: &Value| Managers::from_wire(&object["metadata"]["managedFields"]);
    if !subresource.is_empty() {
        return known(old);
    }
    if forgets(new) {
        return Managers::default();
    }
    Some(known(new)).filter(|given| !given.is_empty()).unwrap_or_else(|| known(old))
}

/// Whether an object as it is written wants everybody's fields forgotten.
pub(super) fn forgets(written: &Value) -> bool {
    match written["metadata"]["managedFields"].as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([Value::Object(only)]) => only.is_empty(),
        _ => false,
    }
}

/// A stored object as a version calls its fields.
fn in_version<'v>(kind: &Kind, stored: &'v Value) -> Cow<'v, Value> {
    if kind.has_stored_shape() { Cow::Borrowed(stored) } else { Cow::Owned(kind.show(stored.clone())) }
}
