//! PriorityClasses.

use serde_json::{Value, json};
use v9s::cluster::Resource;

use super::classes::Class;

/// Kind in the registry.
pub(super) const KIND: &str = "priorityclasses.scheduling.k8s.io";
/// Above it are classes of the system, which a tenant's pods do not come before.
const HIGHEST: i64 = 1_000_000_000;

/// Those that every API server makes for its system's pods.
const RESERVED: &str = "system-";
const FIELDS: &[&str] = &["value", "globalDefault", "description", "preemptionPolicy"];
const IMMUTABLE: &[&str] = &["value", "preemptionPolicy"];

/// The tenant's on the host: none is the default of strangers there, and none is higher than any of a user.
pub(super) fn pushed() -> Class {
    Class {
        resource: Resource::PRIORITY_CLASSES,
        fields: FIELDS,
        immutable: IMMUTABLE,
        reserved: RESERVED,
        edit: |fields| {
            for (name, value) in fields {
                match name.as_str() {
                    "value" => *value = json!(value.as_i64().unwrap_or_default().min(HIGHEST)),
                    // Servers leave out what is false.
                    "globalDefault" => *value = Value::Null,
                    _ => {}
                }
            }
        },
    }
}

/// The host's as the tenant sees them.
pub(super) fn shown() -> Class {
    Class {
        resource: Resource::PRIORITY_CLASSES,
        fields: FIELDS,
        immutable: IMMUTABLE,
        reserved: RESERVED,
        edit: |_| {},
    }
}
