//! What pods, and the templates of pods, consist of.

use super::storage;
use crate::names;
use crate::status::FieldError;
use serde_json::Value;

/// What a volume can be; in this order the real server looks.
const SOURCES: [&str; 30] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// What every pod and every template of one has. `field` holds its spec; `more` are volumes that somebody adds to it.
pub(super) fn check(spec: &Value, field: &str, more: &[&str], errors: &mut Vec<FieldError>) {
    let mut volumes = more.to_vec();
    for (index, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        volumes.extend(check_volume(volume, &format!("{field}.volumes[{index}]"), &volumes, more, errors));
    }
    let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        errors.push(FieldError::required(format!("{field}.containers"), ""));
    }
    let mut seen = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let at = format!("{field}.containers[{index}]");
        let name = text(container, "name");
        check_name(name, &format!("{at}.name"), errors);
        container_ports(container, &at, errors);
        if text(container, "image").is_empty() {
            errors.push(FieldError::required(format!("{at}.image"), ""));
        }
        mounts(container, &at, &volumes, errors);
        if seen.contains(&name) && !name.is_empty() {
            errors.push(duplicate(format!("{at}.name"), name));
        }
        seen.push(name);
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            handler(
                &container[probe],
                &["exec", "httpGet", "tcpSocket", "grpc"],
                &format!("{at}.{probe}"),
                errors,
            );
        }
    }
    for (index, toleration) in spec["tolerations"].as_array().into_iter().flatten().enumerate() {
        check_toleration(toleration, &format!("{field}.tolerations[{index}]"), errors);
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn duplicate(field: String, name: &str) -> FieldError {
    FieldError { reason: "FieldValueDuplicate", field, message: format!("Duplicate value: {name:?}") }
}

fn check_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if name.is_empty() {
        errors.push(FieldError::required(field, ""));
    } else if let Some(why) = names::label(name) {
        errors.push(FieldError::invalid(field, format!("{name:?}"), &why));
    }
}

/// The name of a volume with which nothing is wrong; what claims of the template bring along replaces what is called
/// the same.
fn check_volume<'v>(
    volume: &'v Value,
    at: &str,
    known: &[&str],
    more: &[&str],
    errors: &mut Vec<FieldError>,
) -> Option<&'v str> {
    let before = errors.len();
    let name = text(volume, "name");
    if more.contains(&name) {
        return None;
    }
    let mut given = SOURCES.into_iter().filter(|source| volume[*source].is_object());
    match given.next() {
        Some(source) => check_source(source, volume, at, errors),
        None => errors.push(FieldError::required(at, "must specify a volume type")),
    }
    for source in given {
        let why = "may not specify more than 1 volume type";
        errors.push(FieldError::forbidden(format!("{at}.{source}"), why));
    }
    check_name(name, &format!("{at}.name"), errors);
    if known.contains(&name) {
        errors.push(duplicate(format!("{at}.name"), name));
    }
    (errors.len() == before).then_some(name)
}

fn check_source(source: &str, volume: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let key = match source {
        "secret" => "secretName",
        "persistentVolumeClaim" => "claimName",
        "configMap" => "name",
        "hostPath" => return storage::host_path(volume, &format!("{at}.hostPath"), errors),
        "ephemeral" => {
            let at = format!("{at}.ephemeral.volumeClaimTemplate");
            return match &volume["ephemeral"]["volumeClaimTemplate"] {
                Value::Object(template) => {
                    let spec = template.get("spec").unwrap_or(&Value::Null);
                    storage::claim(spec, &format!("{at}.spec"), errors);
                }
                _ => errors.push(FieldError::required(at, "")),
            };
        }
        _ => return,
    };
    if text(&volume[source], key).is_empty() {
        errors.push(FieldError::required(format!("{at}.{source}.{key}"), ""));
    }
}

/// What is mounted is a volume, each at a place of its own.
fn mounts(container: &Value, at: &str, volumes: &[&str], errors: &mut Vec<FieldError>) {
    let mut places = Vec::new();
    for (index, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let field = |key: &str| format!("{at}.volumeMounts[{index}].{key}");
        let (name, place) = (text(mount, "name"), text(mount, "mountPath"));
        if name.is_empty() {
            errors.push(FieldError::required(field("name"), ""));
        }
        if !volumes.contains(&name) {
            let message = format!("Not found: {name:?}");
            errors.push(FieldError { reason: "FieldValueNotFound", field: field("name"), message });
        }
        if place.is_empty() {
            errors.push(FieldError::required(field("mountPath"), ""));
        }
        if places.contains(&place) {
            errors.push(FieldError::invalid(field("mountPath"), format!("{place:?}"), "must be unique"));
        }
        places.push(place);
    }
}

fn container_ports(container: &Value, at: &str, errors: &mut Vec<FieldError>) {
    for (index, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
        for (key, required) in [("containerPort", true), ("hostPort", false)] {
            let field = format!("{at}.ports[{index}].{key}");
            match port[key].as_i64().unwrap_or_default() {
                0 if required => errors.push(FieldError::required(field, "")),
                0..=65535 => {}
                other => {
                    let why = "must be between 1 and 65535, inclusive";
                    errors.push(FieldError::invalid(field, other, why));
                }
            }
        }
    }
}

/// What looks after a container does so in one way.
fn handler(wanted: &Value, ways: &[&str], at: &str, errors: &mut Vec<FieldError>) {
    if !wanted.is_object() {
        return;
    }
    let mut given = ways.iter().filter(|way| wanted[**way].is_object());
    match given.next() {
        None => errors.push(FieldError::required(at, "must specify a handler type")),
        Some(&"exec") if wanted["exec"]["command"].as_array().is_none_or(Vec::is_empty) => {
            errors.push(FieldError::required(format!("{at}.exec.command"), ""));
        }
        Some(_) => {}
    }
    for way in given {
        let why = "may not specify more than 1 handler type";
        errors.push(FieldError::forbidden(format!("{at}.{way}"), why));
    }
}

fn check_toleration(toleration: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let (key, operator, value) =
        (text(toleration, "key"), text(toleration, "operator"), text(toleration, "value"));
    let field = |key: &str| format!("{at}.{key}");
    if !key.is_empty() {
        for why in names::qualified(key) {
            errors.push(FieldError::invalid(field("key"), format!("{key:?}"), &why));
        }
    } else if operator != "Exists" {
        let why =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.push(FieldError::invalid(field("operator"), format!("{operator:?}"), why));
    }
    let effect = text(toleration, "effect");
    if !toleration["tolerationSeconds"].is_null() && effect != "NoExecute" {
        let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(FieldError::invalid(field("effect"), format!("{effect:?}"), why));
    }
    match operator {
        "" | "Equal" => {
            if let Some(why) = names::label_value(value) {
                errors.push(FieldError::invalid(field("operator"), format!("{value:?}"), &why));
            }
        }
        "Exists" if !value.is_empty() => {
            let why = "value must be empty when `operator` is 'Exists'";
            errors.push(FieldError::invalid(field("operator"), format!("{value:?}"), why));
        }
        "Exists" => {}
        "Lt" | "Gt" => {
            let known = ["Equal", "Exists", "Lt", "Gt"];
            errors.push(FieldError::not_supported(field("operator"), operator, &known));
        }
        other => errors.push(FieldError::not_supported(field("operator"), other, &["Equal", "Exists"])),
    }
    let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    if !effect.is_empty() && !effects.contains(&effect) {
        errors.push(FieldError::not_supported(field("effect"), effect, &effects));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_mounted_is_there() {
        let spec = |volumes: Value, mounts: Value| json!({"volumes": volumes, "containers": [{"name": "a", "image": "i", "volumeMounts": mounts}]});
        let at = "spec.containers[0].volumeMounts[0].name";
        let cases: [(Value, &[&str], &[&str]); 8] = [
            (
                spec(json!([{"name": "v", "emptyDir": {}}]), json!([{"name": "v", "mountPath": "/v"}])),
                &[],
                &[],
            ),
            (spec(json!([]), json!([{"name": "v", "mountPath": "/v"}])), &[], &[at]),
            (spec(json!([]), json!([{"name": "v", "mountPath": "/v"}])), &["v"], &[]),
            (spec(json!([{"emptyDir": {}}]), json!([])), &[], &["spec.volumes[0].name"]),
            (spec(json!([{"name": "v"}]), json!([])), &[], &["spec.volumes[0]"]),
            (
                spec(json!([{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}]), json!([])),
                &[],
                &["spec.volumes[0].secret"],
            ),
            (
                spec(json!([{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]), json!([])),
                &[],
                &["spec.volumes[1].name"],
            ),
            (
                spec(
                    json!([{"name": "v", "emptyDir": {}}]),
                    json!([{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/v"}]),
                ),
                &[],
                &["spec.containers[0].volumeMounts[1].mountPath"],
            ),
        ];
        for (spec, more, expected) in cases {
            let mut errors = Vec::new();
            check(&spec, "spec", more, &mut errors);
            let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, expected, "{spec}");
        }
    }

    #[test]
    fn tolerations_say_what_they_tolerate() {
        let cases: [(Value, &[&str]); 5] = [
            (json!({"operator": "Exists"}), &[]),
            (json!({}), &["t.operator"]),
            (json!({"key": "a", "operator": "Exists", "value": "b"}), &["t.operator"]),
            (json!({"key": "a", "tolerationSeconds": 5}), &["t.effect"]),
            (json!({"key": "a", "effect": "Odd"}), &["t.effect"]),
        ];
        for (toleration, expected) in cases {
            let mut errors = Vec::new();
            check_toleration(&toleration, "t", &mut errors);
            let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, expected, "{toleration}");
        }
    }
}
