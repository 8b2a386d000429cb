//! What the API server fills in when a client leaves it out, per kind. Pure functions over JSON.
//!
//! A client that compares what it sent with what it reads back sees all of this. Source: the defaulting functions
//! under `pkg/apis` and the strategies under `pkg/registry` of Kubernetes 1.36.

mod devices;
mod flows;
mod network;
mod pod;
mod status;
mod storage;
mod workloads;

pub use workloads::job_selector;

use serde_json::{Map, Value, json};

use super::Kind;
use super::quantity::Quantity;
use super::schema::{Schema, Shape, Text};
use super::zeros;

/// Fills in what is left out of an object that is created or updated, and writes quantities canonically. Doing it
/// twice changes nothing. On create, when the status that came with it has been dropped, this also gives the
/// status an object starts with.
pub fn apply_defaults(kind: &Kind, object: &mut Value) {
    if let Some(custom) = &kind.custom {
        // Only metadata has types of its own there; a null elsewhere may be meant.
        if let (Some(metadata), Some(property)) =
            (object.get_mut("metadata"), kind.schema().field("metadata"))
        {
            normalize(property.schema(), metadata);
        }
        crate::custom::fill_in(&custom.schema, object);
        return;
    }
    normalize(kind.schema(), object);
    let without_status = object.get("status").is_none();
    zeros::settle(kind.schema(), object);
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => pod::pod(object),
        ("", "podtemplates") => pod::template(&mut object["template"]),
        ("", "replicationcontrollers") => workloads::replication_controller(object),
        ("", "services") => network::service(object),
        ("", "endpoints") => network::endpoints(object),
        ("", "namespaces") => namespace(object),
        ("", "secrets") => secret(object),
        ("", "limitranges") => storage::limit_range(object),
        ("", "persistentvolumes") => storage::volume(object),
        ("", "persistentvolumeclaims") => storage::claim(object),
        ("", "nodes") => node(object),
        ("", "events") => event(object, "involvedObject", "reportingComponent", &["source"]),
        ("events.k8s.io", "events") => {
            event(object, "regarding", "reportingController", &["deprecatedSource"])
        }
        ("apps", "deployments") => workloads::deployment(object),
        ("apps", "replicasets") => workloads::replica_set(object),
        ("apps", "statefulsets") => workloads::stateful_set(object),
        ("apps", "daemonsets") => workloads::daemon_set(object),
        ("batch", "jobs") => workloads::job(object),
        ("batch", "cronjobs") => workloads::cron_job(object),
        ("networking.k8s.io", "networkpolicies") => network::policy(object),
        ("networking.k8s.io", "ingressclasses") => network::ingress_class(object),
        ("discovery.k8s.io", "endpointslices") => network::endpoint_slice(object),
        ("autoscaling", "horizontalpodautoscalers") => workloads::autoscaler(object, &kind.version),
        ("storage.k8s.io", "storageclasses") => storage::class(object),
        ("storage.k8s.io", "csidrivers") => storage::driver(object),
        ("resource.k8s.io", "resourceclaims") => devices::claim(&mut object["spec"]),
        ("resource.k8s.io", "resourceclaimtemplates") => devices::claim(&mut object["spec"]["spec"]),
        ("flowcontrol.apiserver.k8s.io", "flowschemas") => flows::schema(object),
        ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations") => flows::level(object),
        ("scheduling.k8s.io", "priorityclasses") => {
            fill(object, "preemptionPolicy", "PreemptLowerPriority");
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => role_binding(object),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations") => {
            crate::webhooks::set_defaults(object, true);
        }
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations") => {
            crate::webhooks::set_defaults(object, false);
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => crate::custom::set_defaults(object),
        _ => {}
    }
    if without_status {
        status::start(kind, object);
    }
    zeros::settle(kind.schema(), object);
}

/// Sets a field when it is absent, null or empty text.
fn fill(object: &mut Value, key: &str, default: impl Into<Value>) {
    fill_with(object, key, || default.into());
}

fn fill_with(object: &mut Value, key: &str, default: impl FnOnce() -> Value) {
    if let Some(fields) = object.as_object_mut() {
        let absent = match fields.get(key) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(_) => false,
        };
        if absent {
            fields.insert(key.to_owned(), default());
        }
    }
}

/// The object at a key, made when absent. None when the parent is no object.
fn section<'v>(object: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    fill_with(object, key, || json!({}));
    object.get_mut(key).filter(|section| section.is_object())
}

/// The items of a list; none when there is no list.
fn items<'v>(object: &'v mut Value, key: &str) -> impl Iterator<Item = &'v mut Value> {
    object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Writes quantities in their canonical form and drops nulls, as decoding into typed fields does.
fn normalize(schema: &Schema, value: &mut Value) {
    match &schema.shape {
        Shape::Quantity => {
            if let Some(quantity) = Quantity::from_json(value) {
                *value = quantity.rounded_to_millis().to_string().into();
            }
        }
        Shape::Struct(known) => {
            let Some(fields) = value.as_object_mut() else { return };
            fields.retain(|name, value| !value.is_null() || keeps_null(known, name));
            for (name, value) in fields {
                if let Some(property) = known.fields.get(name.as_str()) {
                    normalize(property.schema(), value);
                }
            }
        }
        Shape::Map { value: inner, .. } => {
            let schema = inner.schema();
            if matches!(schema.shape, Shape::Text(_) | Shape::Any) {
                return;
            }
            value.as_object_mut().into_iter().flatten().for_each(|(_, value)| normalize(schema, value));
        }
        Shape::List { item, .. } => {
            let schema = item.schema();
            value.as_array_mut().into_iter().flatten().for_each(|value| normalize(schema, value));
        }
        _ => {}
    }
}

/// Unknown fields and nullable ones keep an explicit null; so do times, which Go writes as null when unset.
fn keeps_null(known: &super::Struct, name: &str) -> bool {
    match known.fields.get(name) {
        Some(property) => {
            let schema = property.schema();
            schema.nullable || matches!(schema.shape, Shape::Any | Shape::Text(Text::Time))
        }
        None => true,
    }
}

fn namespace(object: &mut Value) {
    let Some(name) = object["metadata"]["name"].as_str().map(str::to_owned).filter(|name| !name.is_empty())
    else {
        return;
    };
    if let Some(labels) = section(&mut object["metadata"], "labels") {
        labels["kubernetes.io/metadata.name"] = name.into();
    }
}

fn secret(object: &mut Value) {
    fill(object, "type", "Opaque");
    if let Some(Value::Object(plain)) = object.as_object_mut().and_then(|fields| fields.remove("stringData"))
    {
        let Some(data) = section(object, "data") else { return };
        for (key, text) in plain {
            if let Some(text) = text.as_str() {
                data[key] = base64_of(text.as_bytes()).into();
            }
        }
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn node(object: &mut Value) {
    section(object, "spec");
    let Some(status) = section(object, "status") else { return };
    if let Some(capacity) = status.get("capacity").cloned() {
        fill(status, "allocatable", capacity);
    }
    fill(status, "daemonEndpoints", json!({"kubeletEndpoint": {"Port": 0}}));
    let Some(info) = section(status, "nodeInfo") else { return };
    for key in [
        "architecture",
        "bootID",
        "containerRuntimeVersion",
        "kernelVersion",
        "kubeProxyVersion",
        "kubeletVersion",
        "machineID",
        "operatingSystem",
        "osImage",
        "systemUUID",
    ] {
        fill(info, key, "");
    }
}

/// Fields of events that Go always writes.
fn event(object: &mut Value, about: &str, reporter: &str, objects: &[&str]) {
    let prefix = if about == "regarding" { "deprecatedF" } else { "f" };
    let last = if about == "regarding" { "deprecatedLastTimestamp" } else { "lastTimestamp" };
    let Some(fields) = object.as_object_mut() else { return };
    fields.entry(format!("{prefix}irstTimestamp")).or_insert(Value::Null);
    fields.entry(last).or_insert(Value::Null);
    fields.entry("eventTime").or_insert(Value::Null);
    if about == "involvedObject" {
        fields.entry(reporter).or_insert_with(|| "".into());
        fields.entry("reportingInstance").or_insert_with(|| "".into());
    }
    for key in objects.iter().chain([&about]) {
        fields.entry(*key).or_insert_with(|| Value::Object(Map::new()));
    }
}

fn role_binding(object: &mut Value) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    if let Some(role) = object.get_mut("roleRef") {
        fill(role, "apiGroup", GROUP);
    }
    for subject in items(object, "subjects") {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            fill(subject, "apiGroup", GROUP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Custom, KindSchema, Kinds};
    use std::sync::Arc;

    /// The object as it is read back after a create.
    pub(super) fn created(word: &str, mut object: Value) -> Value {
        let kind = Kinds::builtin().by_word(word).expect("built in");
        apply_defaults(kind, &mut object);
        let mut again = object.clone();
        apply_defaults(kind, &mut again);
        assert_eq!(again, object, "defaulting twice changes nothing");
        object
    }

    #[test]
    fn quantities_are_canonical_wherever_they_are() {
        let quota = created(
            "quota",
            json!({"metadata": {}, "spec": {"hard": {
            "requests.cpu": "1000m", "memory": 1073741824u64, "pods": 10, "count/pods": "5"}}}),
        );
        let expected = json!({"requests.cpu": "1", "memory": "1073741824", "pods": "10", "count/pods": "5"});
        assert_eq!(quota["spec"]["hard"], expected);
    }

    #[test]
    fn namespaces_know_their_name_and_phase() {
        let namespace = created("ns", json!({"metadata": {"name": "blue"}}));
        assert_eq!(namespace["metadata"]["labels"]["kubernetes.io/metadata.name"], "blue");
        assert_eq!(namespace["status"], json!({"phase": "Active"}));
    }

    #[test]
    fn plain_text_of_a_secret_becomes_data() {
        let secret = created("secrets", json!({"stringData": {"a": "b"}, "data": {"c": "ZA=="}}));
        assert_eq!(secret["data"], json!({"a": "Yg==", "c": "ZA=="}));
        assert_eq!(secret["type"], "Opaque");
        assert!(secret.get("stringData").is_none());
    }

    #[test]
    fn subjects_of_a_binding_get_their_group() {
        let binding = created(
            "rolebindings",
            json!({"roleRef": {"kind": "Role", "name": "r"},
            "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]}),
        );
        assert_eq!(binding["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
        assert_eq!(binding["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
        assert!(binding["subjects"][1].get("apiGroup").is_none());
    }

    #[test]
    fn nulls_mean_absent_in_typed_fields() {
        let map = created("cm", json!({"metadata": {"name": "a", "labels": null}, "data": null}));
        assert_eq!(map, json!({"metadata": {"name": "a"}}));
    }

    #[test]
    fn custom_resources_take_defaults_from_their_schema() {
        let schema = json!({"type": "object", "properties": {
            "spec": {"type": "object", "default": {}, "properties": {
                "size": {"type": "integer", "default": 3},
                "parts": {"type": "array", "items": {"type": "object", "properties": {
                    "on": {"type": "boolean", "default": true}}}}}}}});
        let mut kind = (**Kinds::builtin().by_word("cm").expect("built in")).clone();
        kind.schema = KindSchema::Own(Arc::new(Schema::of_custom_resource(&schema)));
        kind.custom = Some(Arc::new(Custom { schema: Arc::new(schema), ..Custom::default() }));
        let mut object = json!({"metadata": {"name": "w"}});
        apply_defaults(&kind, &mut object);
        assert_eq!(object, json!({"metadata": {"name": "w"}, "spec": {"size": 3}}));
        let mut object = json!({"spec": {"size": 1, "parts": [{}, {"on": false}]}});
        apply_defaults(&kind, &mut object);
        assert_eq!(object["spec"], json!({"size": 1, "parts": [{"on": true}, {"on": false}]}));
    }
}
