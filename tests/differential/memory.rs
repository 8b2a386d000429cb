//! What a script has learned from a host so far, to fill in the places of its texts.

use std::collections::HashMap;

use serde_json::Value;

/// Objects as last seen, and the last page token.
#[derive(Debug, Default)]
pub struct Memory {
    namespace: String,
    next: String,
    objects: HashMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    first: String,
    last: Value,
}

impl Memory {
    pub fn new(namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..Self::default() }
    }

    /// Takes note of an answer to a request for a path.
    pub fn learn(&mut self, path: &str, answer: &Value) {
        if let Some(next) = answer["metadata"]["continue"].as_str() {
            self.next = next.to_owned();
        }
        let (Some(_), Some(version), Some(name)) = (
            answer["metadata"]["uid"].as_str(),
            answer["metadata"]["resourceVersion"].as_str(),
            answer["metadata"]["name"].as_str(),
        ) else {
            return;
        };
        if answer["kind"] == "Scale" || answer["kind"] == "PartialObjectMetadata" {
            return;
        }
        let Some(resource) = resource(path) else { return };
        let key = format!("{resource}/{}", name.replace(&self.namespace, "$NS"));
        let first = version.to_owned();
        let seen = self.objects.entry(key).or_insert(Seen { first, last: Value::Null });
        seen.last = answer.clone();
    }

    /// A text with its places filled in. What is not known yet becomes something that no host has.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = text.replace("$NS", &self.namespace).replace("$NEXT", &self.next);
        for (place, unknown) in
            [("$RV(", "1"), ("$OLD(", "1"), ("$UID(", "00000000-0000-0000-0000-000000000001")]
        {
            while let Some(start) = filled.find(place) {
                let Some(length) = filled[start..].find(')') else { break };
                let key = filled[start + place.len()..start + length].replace(&self.namespace, "$NS");
                let value = self.objects.get(&key).map(|seen| match place {
                    "$OLD(" => seen.first.clone(),
                    "$RV(" => text_of(&seen.last["metadata"]["resourceVersion"]),
                    _ => text_of(&seen.last["metadata"]["uid"]),
                });
                filled.replace_range(start..=start + length, value.as_deref().unwrap_or(unknown));
            }
        }
        filled
    }

    /// A body with its places filled in.
    pub fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => items.iter().map(|item| self.fill_value(item)).collect(),
            Value::Object(fields) => {
                if let Some(key) = fields.get("$LAST").and_then(Value::as_str) {
                    let mut last = self.objects.get(key).map(|seen| seen.last.clone()).unwrap_or_default();
                    merge(&mut last, &self.fill_value(&fields["with"]));
                    return last;
                }
                fields.iter().map(|(key, value)| (self.fill(key), self.fill_value(value))).collect()
            }
            other => other.clone(),
        }
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// The resource that a path is about.
fn resource(path: &str) -> Option<&str> {
    let path = path.split('?').next()?;
    let mut parts = path.split('/').skip(1);
    match parts.next()? {
        "api" => parts.next()?,
        _ => {
            parts.next()?;
            parts.next()?
        }
    };
    let resource = parts.next()?;
    if resource != "namespaces" {
        return Some(resource);
    }
    let _namespace = parts.next();
    match parts.next() {
        None | Some("status" | "finalize") => Some(resource),
        Some(inner) => Some(inner),
    }
}
