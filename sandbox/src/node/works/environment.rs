//! The environment of a container, references resolved. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

/// Reads an object of the pod's namespace: `configmaps` or `secrets`, and a name.
pub(super) type Lookup<'l> = &'l dyn Fn(&str, &str) -> Option<Value>;

/// The environment that a container (its spec) gets. What is referred to and not there is left out.
pub(super) fn environment(pod: &Value, container: &Value, lookup: Lookup<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let prefix = source["prefix"].as_str().unwrap_or_default();
        for (key, resource) in [("configMapRef", "configmaps"), ("secretRef", "secrets")] {
            let Some(object) = source[key]["name"].as_str().and_then(|name| lookup(resource, name)) else {
                continue;
            };
            for key in object["data"].as_object().into_iter().flatten().map(|(key, _)| key) {
                if let Some(value) = entry(resource, &object, key) {
                    all.insert(format!("{prefix}{key}"), value);
                }
            }
        }
    }
    for variable in container["env"].as_array().into_iter().flatten() {
        let Some(name) = variable["name"].as_str() else { continue };
        let value = match variable["value"].as_str() {
            Some(text) => Some(expand(text, &all)),
            None => referred(pod, &variable["valueFrom"], lookup),
        };
        if let Some(value) = value.or_else(|| variable.get("valueFrom").is_none().then(String::new)) {
            all.insert(name.to_owned(), value);
        }
    }
    all
}

fn referred(pod: &Value, from: &Value, lookup: Lookup<'_>) -> Option<String> {
    if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
        return field(pod, path);
    }
    for (key, resource) in [("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")] {
        if let Some(name) = from[key]["name"].as_str() {
            return entry(resource, &lookup(resource, name)?, from[key]["key"].as_str()?);
        }
    }
    None
}

fn entry(resource: &str, object: &Value, key: &str) -> Option<String> {
    use base64::Engine as _;
    let text = object["data"][key].as_str()?;
    if resource == "configmaps" {
        return Some(text.to_owned());
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A field of a pod as the downward API names it.
fn field(pod: &Value, path: &str) -> Option<String> {
    if let Some((list, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let list = list.strip_prefix("metadata.")?;
        return Some(pod["metadata"][list][key].as_str().unwrap_or_default().to_owned());
    }
    let pointer = format!("/{}", path.replace('.', "/"));
    let known =
        ["metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName"];
    let status = ["status.hostIP", "status.podIP"];
    let known = known.contains(&path) || status.contains(&path);
    known.then(|| pod.pointer(&pointer).and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Replaces `$(NAME)` by what is known of it; `$$` stands for a dollar.
fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            match known.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_come_from_everywhere() {
        let pod = json!({"metadata": {"name": "p", "namespace": "n", "labels": {"a/b": "l"}}, "status": {"podIP": "10.0.0.1"}});
        let container = json!({
        "envFrom": [{"prefix": "C_", "configMapRef": {"name": "c"}}, {"secretRef": {"name": "ghost"}}],
        "env": [
            {"name": "PLAIN", "value": "v"},
            {"name": "EMPTY"},
            {"name": "BOTH", "value": "$(PLAIN)-$(C_K)-$(NONE)-$$(PLAIN)-$5"},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a/b']"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "GHOST", "valueFrom": {"secretKeyRef": {"name": "ghost", "key": "k"}}},
        ]});
        let lookup = |resource: &str, name: &str| match (resource, name) {
            ("configmaps", "c") => Some(json!({"data": {"K": "from map"}})),
            ("secrets", "s") => Some(json!({"data": {"k": "aGlkZGVu"}})),
            _ => None,
        };
        let all = environment(&pod, &container, &lookup);
        let shown: Vec<String> = all.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let expected = [
            "BOTH=v-from map-$(NONE)-$(PLAIN)-$5",
            "C_K=from map",
            "EMPTY=",
            "IP=10.0.0.1",
            "LABEL=l",
            "NAME=p",
            "PLAIN=v",
            "SECRET=hidden",
        ];
        assert_eq!(shown, expected);
    }
}
