//! Who owns which field after a write that is no apply.

use super::metadata::{self, set, unset};
use super::options::WriteOptions;
use crate::fields::{Manager, Managers, Operation, give_up, update};
use crate::kinds::{Kind, Kinds};
use serde_json::Value;
use smol_str::SmolStr;
use std::borrow::Cow;

/// Fields that a write to a path cannot touch, so that nobody owns them by it.
pub(crate) fn reset_fields(kind: &Kind, subresource: &str) -> &'static [&'static str] {
    match subresource {
        "" if kind.subresource("status").is_some() => &["status"],
        "status" if kind.is_custom() => &["spec", "metadata"],
        "status" => &["spec"],
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
    let given = new["metadata"]["managedFields"].is_array().then_some(&*new).filter(|_| old.is_some());
    let known = given.or(old).map(|object| Managers::from_wire(&object["metadata"]["managedFields"]));
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
    let known = known.unwrap_or_default();
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

/// A stored object as a version calls its fields.
fn in_version<'v>(kind: &Kind, stored: &'v Value) -> Cow<'v, Value> {
    if kind.has_stored_shape() { Cow::Borrowed(stored) } else { Cow::Owned(kind.show(stored.clone())) }
}
