//! Where two states of an object differ. Pure; no value is ever told.

use serde_json::Value;

/// What the server keeps for itself.
const OWN: [&str; 4] = ["managedFields", "resourceVersion", "generation", "uid"];

/// Paths at which they differ, such as `spec.template.spec.containers[kine].image`, in the order of the keys.
pub(super) fn paths(now: &Value, then: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    for (key, now, then) in members(now, then) {
        if key == "status" {
            continue;
        }
        walk(key.to_owned(), now, then, &mut paths);
    }
    paths
}

fn walk(path: String, now: &Value, then: &Value, paths: &mut Vec<String>) {
    match (now, then) {
        (now, then) if now == then => {}
        (Value::Object(_), Value::Object(_)) => {
            for (key, now, then) in members(now, then) {
                if !(path == "metadata" && OWN.contains(&key)) {
                    walk(format!("{path}.{key}"), now, then, paths);
                }
            }
        }
        (Value::Array(now), Value::Array(then)) if now.len() == then.len() => {
            for (at, (now, then)) in now.iter().zip(then).enumerate() {
                let name = then.get("name").and_then(Value::as_str);
                walk(
                    name.map_or(format!("{path}[{at}]"), |name| format!("{path}[{name}]")),
                    now,
                    then,
                    paths,
                );
            }
        }
        _ => paths.push(path),
    }
}

/// Keys of either, with what each has there.
fn members<'a>(now: &'a Value, then: &'a Value) -> Vec<(&'a str, &'a Value, &'a Value)> {
    const NONE: &Value = &Value::Null;
    let keys = |value: &'a Value| value.as_object().into_iter().flat_map(|map| map.keys());
    let mut all: Vec<&str> = keys(now).chain(keys(then)).map(String::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(|key| (key, now.get(key).unwrap_or(NONE), then.get(key).unwrap_or(NONE))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_told_by_names_and_nothing_of_the_servers() {
        let now = json!({"metadata": {"generation": 1, "labels": {"a": "1"}}, "status": {"replicas": 1}, "spec": {
            "containers": [{"name": "kine", "image": "a", "args": ["x"]}, {"name": "syncer", "image": "b"}]}});
        let then = json!({"metadata": {"generation": 2, "labels": {"a": "1", "b": "2"}}, "status": {}, "spec": {
            "replicas": 2,
            "containers": [{"name": "kine", "image": "a", "args": ["x", "y"]}, {"name": "syncer", "image": "c"}]}});
        assert_eq!(
            paths(&now, &then),
            [
                "metadata.labels.b",
                "spec.containers[kine].args",
                "spec.containers[syncer].image",
                "spec.replicas"
            ]
        );
        assert_eq!(paths(&now, &now), Vec::<String>::new());
    }
}
