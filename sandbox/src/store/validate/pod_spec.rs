//! What pods, and the templates of pods, consist of.

use super::{containers, selectors, storage};
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
    containers::check(containers, &volumes, &format!("{field}.containers"), errors);
    let init = spec["initContainers"].as_array().map(Vec::as_slice).unwrap_or_default();
    containers::check_init(init, containers, &volumes, &format!("{field}.initContainers"), errors);
    one_of(spec, "restartPolicy", &["Always", "OnFailure", "Never"], field, errors);
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    one_of(spec, "dnsPolicy", &policies, field, errors);
    selectors::labels(&spec["nodeSelector"], &format!("{field}.nodeSelector"), errors);
    let deadline = spec["activeDeadlineSeconds"].as_i64();
    if let Some(deadline) = deadline.filter(|seconds| !(1..=i64::from(i32::MAX)).contains(seconds)) {
        let why = format!("must be between 1 and {}, inclusive", i32::MAX);
        errors.push(FieldError::invalid(format!("{field}.activeDeadlineSeconds"), deadline, &why));
    }
    for (index, toleration) in spec["tolerations"].as_array().into_iter().flatten().enumerate() {
        check_toleration(toleration, &format!("{field}.tolerations[{index}]"), errors);
    }
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// A value is one of the known ones, where there is one.
fn one_of(spec: &Value, key: &str, known: &[&str], field: &str, errors: &mut Vec<FieldError>) {
    let value = text(spec, key);
    if !value.is_empty() && !known.contains(&value) {
        errors.push(FieldError::not_supported(format!("{field}.{key}"), value, known));
    }
}

pub(super) fn check_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
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
        errors.push(FieldError::duplicate(format!("{at}.name"), name));
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
