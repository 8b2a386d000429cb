//! How requests to the API server share it.

use serde_json::Value;

use super::fill;

pub(super) fn schema(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").filter(|spec| spec["matchingPrecedence"] == 0) {
        spec["matchingPrecedence"] = Value::Null;
    }
    if let Some(spec) = object.get_mut("spec") {
        fill(spec, "matchingPrecedence", 1000);
    }
}

pub(super) fn level(object: &mut Value) {
    for (key, shares) in [("exempt", 0), ("limited", 30)] {
        if let Some(part) = object.pointer_mut(&format!("/spec/{key}")).filter(|part| part.is_object()) {
            fill(part, "nominalConcurrencyShares", shares);
            fill(part, "lendablePercent", 0);
        }
    }
    if let Some(queuing) = object.pointer_mut("/spec/limited/limitResponse/queuing") {
        for (key, usual) in [("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)] {
            if queuing[key].as_i64().unwrap_or(0) == 0 && queuing.is_object() {
                queuing[key] = usual.into();
            }
        }
    }
}
