//! Making a script that shows a difference as small as it can be.

use serde_json::Value;

use crate::script::{Script, Step};

/// Scripts that are a little smaller, the boldest cuts first.
pub fn smaller(script: &Script) -> Vec<Script> {
    let mut all = Vec::new();
    let steps = &script.0;
    if steps.len() > 3 {
        all.push(Script(steps[steps.len() / 2..].to_vec()));
        all.push(Script(steps[..steps.len() / 2].to_vec()));
    }
    if steps.len() > 1 {
        for at in 0..steps.len() {
            let mut fewer = steps.clone();
            fewer.remove(at);
            all.push(Script(fewer));
        }
    }
    for (at, step) in steps.iter().enumerate() {
        for simpler in simpler(step) {
            let mut changed = steps.clone();
            changed[at] = simpler;
            all.push(Script(changed));
        }
    }
    all
}

/// The same request with less in it.
fn simpler(step: &Step) -> Vec<Step> {
    let mut all = Vec::new();
    if !step.accept.is_empty() {
        all.push(Step { accept: String::new(), ..step.clone() });
    }
    if let Some((path, query)) = step.path.split_once('?') {
        let parts: Vec<&str> = query.split('&').collect();
        for at in 0..parts.len() {
            let mut fewer = parts.clone();
            let part = fewer.remove(at);
            // Without the latter, a list of cluster-wide objects shows those of other scripts.
            if part == "watch=true" || part.contains("metadata.name%3D$NS") {
                continue;
            }
            let query = fewer.join("&");
            let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
            all.push(Step { path, ..step.clone() });
        }
    }
    if let Some(body) = &step.body {
        for less in less(body) {
            all.push(Step { body: Some(less), ..step.clone() });
        }
    }
    all
}

/// The same tree without one of its parts.
fn less(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    match value {
        Value::Object(fields) => {
            for key in fields.keys().filter(|key| *key != "$LAST" && *key != "with") {
                let mut fewer = fields.clone();
                fewer.remove(key);
                all.push(Value::Object(fewer));
            }
            for (key, inner) in fields {
                for less in less(inner) {
                    let mut changed = fields.clone();
                    changed.insert(key.clone(), less);
                    all.push(Value::Object(changed));
                }
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(at);
                all.push(Value::Array(fewer));
            }
            for (at, inner) in items.iter().enumerate() {
                for less in less(inner) {
                    let mut changed = items.clone();
                    changed[at] = less;
                    all.push(Value::Array(changed));
                }
            }
        }
        _ => {}
    }
    all
}
