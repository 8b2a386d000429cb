//! Claims of devices.

use serde_json::Value;

use super::{fill, items};

/// The devices that a claim asks for: one of each kind, where it does not say how many.
pub(super) fn claim(spec: &mut Value) {
    let Some(devices) = spec.get_mut("devices") else { return };
    for request in items(devices, "requests") {
        if let Some(exactly) = request.get_mut("exactly").filter(|exactly| exactly.is_object()) {
            amount(exactly);
        }
        for alternative in items(request, "firstAvailable") {
            amount(alternative);
        }
    }
}

fn amount(request: &mut Value) {
    fill(request, "allocationMode", "ExactCount");
    if request["allocationMode"] == "ExactCount" && request["count"].as_i64().unwrap_or(0) == 0 {
        request["count"] = 1.into();
    }
}
