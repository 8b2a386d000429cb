//! Who owns which field after a write that is no apply.

use super::metadata::{self, set, unset};
use super::options::WriteOptions;
use crate::fields::{Manager, Managers, Operation, update};
use crate::kinds::Kind;
use serde_json::Value;
use smol_str::SmolStr;

/// Fields that a write to a path cannot touch, so that nobody owns them by it.
pub(crate) fn reset_fields(kind: &Kind, subresource: &str) -> &'static [&'static str] {
    match subresource {
        "" if kind.subresource("status").is_some() => &["status"],
        "status" if kind.is_custom() => &["spec", "metadata"],
        "status" => &["spec"],
        _ => &[],
    }
}

/// Brings `metadata.managedFields` up to date. A write that names no manager leaves it as it is.
pub(super) fn track(
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
    let managers = update(old, new, kind.schema(), known.unwrap_or_default(), &manager, reset, now);
    if managers.is_empty() {
        unset(new, "managedFields");
    } else {
        set(new, "managedFields", managers.to_wire());
    }
}
