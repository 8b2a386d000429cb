//! What must never reach a screen, a log or a file: values of Secrets, tokens, passwords.

use serde_json::Value;

/// Annotation of the last `kubectl apply`, which repeats the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Prefix of annotations in which the official syncer keeps service-account tokens in clear (docs/vclusters.md, Annotations).
const TOKEN_PREFIX: &str = "vcluster.loft.sh/token-";

/// Parts of a key's name that say that its value is a secret.
const SECRET_WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "token",
    "datasource",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "secretkey",
];
/// Ends of a key's name that only point to where a secret is.
const POINTERS: [&str; 6] = ["name", "namespace", "ref", "file", "path", "enabled"];

/// Hides what is secret in an object of the API.
pub fn hide_in_object(object: &mut Value) {
    let is_secret = object.get("kind").and_then(Value::as_str) == Some("Secret");
    if is_secret {
        for field in ["data", "stringData"] {
            if let Some(values) = object.get_mut(field).and_then(Value::as_object_mut) {
                values.values_mut().for_each(hide);
            }
        }
    }
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    for (key, value) in annotations.into_iter().flatten() {
        if key.starts_with(TOKEN_PREFIX) || (is_secret && key == LAST_APPLIED) {
            hide(value);
        }
    }
}

/// Hides what is secret in a configuration: values under telling keys, passwords in URLs, manifests of Secrets.
pub fn hide_in_config(value: &mut Value) {
    hide_in(value, false);
}

/// `told`: whether a key above has called all of this a secret.
fn hide_in(value: &mut Value, told: bool) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let pointer = is_pointer(key);
                let told = (told || is_telling(key)) && !pointer;
                hide_in(value, told);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide_in(item, told)),
        Value::String(_) | Value::Number(_) if told => hide(value),
        Value::String(text) => {
            if text.contains("kind: Secret")
                || text.contains("\"kind\":\"Secret\"")
                || text.contains("PRIVATE KEY")
            {
                hide(value);
            } else if let Some(clean) = without_password(text) {
                *text = clean;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_telling(key: &str) -> bool {
    let key: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

fn is_pointer(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    POINTERS.iter().any(|end| key.ends_with(end))
}

/// Says that there is something, and how much, and nothing more.
fn hide(value: &mut Value) {
    let length = match &*value {
        Value::String(text) if text.is_empty() => return,
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    };
    *value = Value::String(format!("(hidden, {length} bytes)"));
}

/// A URL without the password in it, if it has one: `scheme://user:password@host`.
fn without_password(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@')?;
    let (user, _) = user.split_once(':')?;
    Some(format!("{scheme}://{user}:(hidden)@{host}{path}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_shows_its_keys_and_no_value() {
        let mut secret = json!({
            "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "s", "annotations": {LAST_APPLIED: "{\"data\":{\"a\":\"aHVudGVyMg==\"}}", "note": "kept"}},
            "data": {"a": "aHVudGVyMg==", "empty": ""}, "stringData": {"b": "hunter2"},
        });
        hide_in_object(&mut secret);
        let text = secret.to_string();
        assert!(!text.contains("aHVudGVyMg") && !text.contains("hunter2"), "{text}");
        assert!(text.contains("\"a\":\"(hidden, 12 bytes)\"") && text.contains("kept"), "{text}");
    }

    #[test]
    fn a_pod_shows_everything_but_the_tokens_in_its_annotations() {
        let mut pod = json!({
            "kind": "Pod",
            "metadata": {"annotations": {"vcluster.loft.sh/token-abcdefgh": "eyJhbGciOi", LAST_APPLIED: "{}"}},
            "spec": {"containers": []}, "data": {"a": "b"},
        });
        hide_in_object(&mut pod);
        let text = pod.to_string();
        assert!(!text.contains("eyJhbGciOi"), "{text}");
        assert_eq!(pod.pointer("/data/a"), Some(&json!("b")));
    }

    #[test]
    fn a_configuration_hides_what_its_keys_call_secret() {
        let mut config = json!({
            "controlPlane": {"backingStore": {"database": {"external": {
                "enabled": true, "dataSource": "mysql://root:hunter2@tcp(db)/x", "certFile": "/etc/cert"}}}},
            "platform": {"apiKey": {"secretName": "vcluster-platform-api-key", "value": "hunter2"}},
            "experimental": {"deploy": {"vcluster": {"manifests": "kind: Secret\nstringData: {a: hunter2}"}}},
            "etcd": {"endpoint": "https://user:hunter2@etcd:2379/path"},
            "registry": {"password": "hunter2", "passwordSecretRef": "kept"},
            "sync": {"toHost": {"secrets": {"enabled": true}, "pods": {"useSecretsForSATokens": false}}},
        });
        hide_in_config(&mut config);
        let text = config.to_string();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("https://user:(hidden)@etcd:2379/path"), "{text}");
        for kept in [
            "vcluster-platform-api-key",
            "\"passwordSecretRef\":\"kept\"",
            "/etc/cert",
            "\"useSecretsForSATokens\":false",
        ] {
            assert!(text.contains(kept), "{kept} in {text}");
        }
    }

    #[test]
    fn only_urls_with_a_password_are_changed() {
        for (text, expected) in [
            ("postgres://u:p@db/x", Some("postgres://u:(hidden)@db/x")),
            ("https://db/x@y:z", None),
            ("https://user@db/", None),
            ("no url at all", None),
        ] {
            assert_eq!(without_password(text).as_deref(), expected, "{text}");
        }
    }
}
