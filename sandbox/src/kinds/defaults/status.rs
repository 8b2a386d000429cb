//! The status an object starts with.

use serde_json::{Value, json};

use super::super::Kind;
use super::super::resources::PodNeeds;

/// Gives an object without status its first one.
pub(super) fn start(kind: &Kind, object: &mut Value) {
    let status = match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => {
            let class = PodNeeds::read(&object["spec"]).quality_of_service();
            json!({"phase": "Pending", "qosClass": class})
        }
        ("", "namespaces") => json!({"phase": "Active"}),
        ("", "persistentvolumes" | "persistentvolumeclaims") => json!({"phase": "Pending"}),
        _ => return,
    };
    object["status"] = status;
}
