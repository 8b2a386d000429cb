//! Where two states of an object differ, with what is secret hidden. Pure.

use serde_json::Value;

use crate::secrecy;

/// A place at which two states differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, such as `spec.template.spec.containers[web].image`.
    pub path: String,
    /// What is there now, as JSON; values of Secrets only by their length.
    pub now: Option<String>,
    /// What was in the backup.
    pub then: Option<String>,
}

/// What the server keeps of metadata, or is no wish of anybody.
const OWN: [&str; 8] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];
/// More of a value is not shown.
const LONGEST: usize = 200;

/// A value, and how it may be shown.
#[derive(Clone, Copy)]
struct Side<'a> {
    value: Option<&'a Value>,
    shown: Option<&'a Value>,
}

impl<'a> Side<'a> {
    fn child(self, of: impl Fn(&'a Value) -> Option<&'a Value>) -> Self {
        Side { value: self.value.and_then(&of), shown: self.shown.and_then(of) }
    }
}

/// Where they differ, in the order of the keys. Without an object there is now, everything that it would have.
pub(super) fn differences(now: Option<&Value>, then: &Value) -> Vec<Difference> {
    let hidden = |value: &Value| {
        let mut value = value.clone();
        secrecy::hide_in_object(&mut value);
        value
    };
    let (shown_now, shown_then) = (now.map(hidden), hidden(then));
    let now = Side { value: now, shown: shown_now.as_ref() };
    let then = Side { value: Some(then), shown: Some(&shown_then) };
    let mut all = Vec::new();
    walk("", now, then, &mut all);
    all
}

fn walk(path: &str, now: Side<'_>, then: Side<'_>, all: &mut Vec<Difference>) {
    if now.value == then.value {
        return;
    }
    match (now.value, then.value) {
        // That there is an empty one, or none, is a difference of its own.
        (Some(Value::Object(_)) | None, Some(Value::Object(_))) | (Some(Value::Object(_)), None)
            if !keys(now.value, then.value).is_empty() =>
        {
            for key in keys(now.value, then.value) {
                let own = match path {
                    "" => matches!(key, "status" | "apiVersion" | "kind"),
                    "metadata" => {
                        OWN.contains(&key) || (now.value.is_none() && matches!(key, "name" | "namespace"))
                    }
                    _ => false,
                };
                if !own {
                    let of = |value| Value::get(value, key);
                    walk(&join(path, key), now.child(of), then.child(of), all);
                }
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (at, item) in new.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str);
                let path = name.map_or_else(|| format!("{path}[{at}]"), |name| format!("{path}[{name}]"));
                let of = |value| Value::get(value, at);
                walk(&path, now.child(of), then.child(of), all);
            }
        }
        _ => all.push(Difference {
            path: path.to_owned(),
            now: now.shown.map(brief),
            then: then.shown.map(brief),
        }),
    }
}

/// A key with dots in it, such as that of a label, stays one.
fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains('.')) {
        (true, _) => key.to_owned(),
        (false, true) => format!("{path}[{key}]"),
        (false, false) => format!("{path}.{key}"),
    }
}

fn keys<'a>(now: Option<&'a Value>, then: Option<&'a Value>) -> Vec<&'a str> {
    let keys =
        |value: Option<&'a Value>| value.and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
    let mut all: Vec<&str> = keys(now).chain(keys(then)).map(String::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(now: Option<&Value>, then: &Value) -> Vec<String> {
        let line = |it: Difference| {
            format!("{}: {} -> {}", it.path, it.now.unwrap_or("-".into()), it.then.unwrap_or("-".into()))
        };
        differences(now, then).into_iter().map(line).collect()
    }

    #[test]
    fn places_are_told_with_what_was_and_what_will_be() {
        let now = json!({"kind": "Deployment", "metadata": {"uid": "a", "labels": {"app.kubernetes.io/name": "x"}},
            "spec": {"containers": [{"name": "web", "image": "a"}], "list": [1], "gone": {"a": 1}}, "status": {"a": 1}});
        let then = json!({"kind": "Deployment", "metadata": {"uid": "b", "labels": {"app.kubernetes.io/name": "y"}},
            "spec": {"containers": [{"name": "web", "image": "b"}], "list": [1, 2], "replicas": 3}, "status": {"a": 2}});
        assert_eq!(
            told(Some(&now), &then),
            [
                "metadata.labels[app.kubernetes.io/name]: \"x\" -> \"y\"",
                "spec.containers[web].image: \"a\" -> \"b\"",
                "spec.gone.a: 1 -> -",
                "spec.list: [1] -> [1,2]",
                "spec.replicas: - -> 3",
            ]
        );
        assert!(told(Some(&now), &now).is_empty());
        let with = json!({"spec": {"volume": {}}});
        assert_eq!(told(Some(&json!({"spec": {"a": 1}})), &with), ["spec.a: 1 -> -", "spec.volume: - -> {}"]);
        let new = json!({"metadata": {"name": "n", "creationTimestamp": "x", "labels": {"a": "b"}}, "data": {"k": "v"}});
        assert_eq!(told(None, &new), ["data.k: - -> \"v\"", "metadata.labels.a: - -> \"b\""]);
    }

    #[test]
    fn a_secret_tells_its_keys_and_no_value() {
        let secret = |a: &str| json!({"kind": "Secret", "data": {"a": a, "same": "c2FtZQ=="}});
        assert_eq!(
            told(Some(&secret("aHVudGVyMg==")), &secret("aHVudGVyMw==")),
            ["data.a: \"(hidden, 12 bytes)\" -> \"(hidden, 12 bytes)\""],
            "another value of the same length is another value"
        );
        let all = told(None, &secret("aHVudGVyMg==")).join("\n")
            + &told(Some(&json!({"kind": "Secret"})), &secret("x")).join("\n");
        assert!(all.contains("data.a") && !all.contains("aHVudGVyMg") && !all.contains("c2FtZQ"), "{all}");
    }

    #[test]
    fn long_values_are_cut() {
        let value = json!({"kind": "ConfigMap", "data": {"k": "ä".repeat(10_000)}});
        let [one] = &differences(None, &value)[..] else { unreachable!() };
        assert!(
            one.then.as_ref().is_some_and(|then| then.len() < 500 && then.ends_with("bytes)")),
            "{one:?}"
        );
    }
}
