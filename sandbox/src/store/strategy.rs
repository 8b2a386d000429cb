//! What Kubernetes keeps in code per kind when an object is written: starting states, fields that only one side
//! may write, when the generation moves.

use super::metadata;
use crate::custom;
use crate::kinds::defaults::{apply_defaults, job_selector};
use crate::kinds::{Generation, Kind, StatusOnCreate, TEMPLATE_GENERATION};
use serde_json::{Map, Value, json};

/// Brings a new object into the state in which its kind starts.
pub(super) fn prepare_create(kind: &Kind, object: &mut Value) {
    if kind.status_on_create() == StatusOnCreate::Dropped {
        remove(object, "status");
    }
    // Kinds that do not count keep what they are given.
    if kind.generation() != Generation::Absent {
        metadata::set(object, "generation", json!(1));
    }
    if is_namespace(kind) {
        // Only the finalize subresource takes it away.
        let mut finalizers = object["spec"]["finalizers"].as_array().cloned().unwrap_or_default();
        if !finalizers.contains(&json!("kubernetes")) {
            finalizers.push(json!("kubernetes"));
        }
        object["spec"] = json!({"finalizers": finalizers});
    }
    if kind.group == "batch" && kind.plural == "jobs" {
        job_selector(object);
    }
    apply_defaults(kind, object);
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "persistentvolumes") => {
            object["status"]["lastPhaseTransitionTime"] = object["metadata"]["creationTimestamp"].clone()
        }
        ("apps", "daemonsets") => template_generation(object, None),
        ("apps", "statefulsets") => drop_max_unavailable(object),
        _ => {}
    }
}

/// How many pods of a StatefulSet may be away at once is behind a gate that is closed by default in this version.
fn drop_max_unavailable(set: &mut Value) {
    if let Some(rolling) = set.pointer_mut("/spec/updateStrategy/rollingUpdate") {
        remove(rolling, "maxUnavailable");
    }
}

/// DaemonSets count the changes of their template.
fn template_generation(new: &mut Value, old: Option<&Value>) {
    let of = |object: &Value| -> i64 {
        let text = object["metadata"]["annotations"][TEMPLATE_GENERATION].as_str();
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let generation = match old {
        None => of(new).max(1),
        Some(old) => of(old) + i64::from(new["spec"]["template"] != old["spec"]["template"]),
    };
    if !new["metadata"]["annotations"].is_object() {
        new["metadata"]["annotations"] = json!({});
    }
    new["metadata"]["annotations"][TEMPLATE_GENERATION] = json!(generation.to_string());
}

/// What even an object that is stored as it is cannot do without.
pub(super) fn seed(kind: &Kind, object: &mut Value) {
    if kind.generation() != Generation::Absent && object["metadata"]["generation"].is_null() {
        metadata::set(object, "generation", json!(1));
    }
    if is_namespace(kind) {
        apply_defaults(kind, object);
        if object["metadata"]["deletionTimestamp"].is_null() && object["spec"]["finalizers"].is_null() {
            object["spec"] = json!({"finalizers": ["kubernetes"]});
        }
    }
}

/// Brings an update into line with what this path may change. `subresource` is empty for the object itself.
pub(super) fn prepare_update(kind: &Kind, subresource: &str, new: &mut Value, old: &Value) {
    let counts_anyway = lists_nothing(kind, new);
    match subresource {
        "" if kind.subresource("status").is_some() => copy(old, new, "status"),
        "status" => only_status(kind, new, old),
        "ephemeralcontainers" => only_at(new, old, "/spec/ephemeralContainers"),
        "finalize" => {
            only_at(new, old, "/spec/finalizers");
            if new["spec"]["finalizers"].as_array().is_some_and(Vec::is_empty) {
                remove(&mut new["spec"], "finalizers");
            }
        }
        "approval" => only_at(new, old, "/status/conditions"),
        "resize" => only_resources(new, old),
        _ => {}
    }
    if is_namespace(kind) && subresource.is_empty() {
        copy(old, new, "spec");
    }
    apply_defaults(kind, new);
    if custom::is_definition(kind) && subresource.is_empty() {
        custom::remember_storage(new);
    }
    if (kind.group.as_str(), kind.plural.as_str()) == ("apps", "statefulsets") {
        drop_max_unavailable(new);
    }
    metadata::copy(old, new, "generation");
    // Being bound to a node is no wish of a pod's owner.
    let counts = counts_anyway || content_changed(kind, new, old);
    if !matches!(subresource, "status" | "binding") && counts {
        bump_generation(new);
    }
}

/// Whether a network policy is written with a list of rules that is empty: that is stored as no list, and counts as a
/// change each time.
fn lists_nothing(kind: &Kind, new: &Value) -> bool {
    (kind.group.as_str(), kind.plural.as_str()) == ("networking.k8s.io", "networkpolicies")
        && ["ingress", "egress"].into_iter().any(|key| new["spec"][key].as_array().is_some_and(Vec::is_empty))
}

/// Counts the template of a DaemonSet, whoever has written it.
pub(super) fn count_template(kind: &Kind, new: &mut Value, old: &Value) {
    if (kind.group.as_str(), kind.plural.as_str()) == ("apps", "daemonsets") {
        template_generation(new, Some(old));
    }
}

/// Where the real server keeps an object, which it tells in messages about the store. Source: the `storage` packages of
/// Kubernetes 1.36.
pub(crate) fn place(kind: &Kind, namespace: Option<&str>, name: &str) -> String {
    let folder = match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "services") => "services/specs".to_owned(),
        ("", "endpoints") => "services/endpoints".to_owned(),
        ("", "nodes") => "minions".to_owned(),
        ("", "replicationcontrollers") => "controllers".to_owned(),
        ("networking.k8s.io", "ingresses") => "ingress".to_owned(),
        (group, plural) if kind.is_custom() || group.starts_with("api") => format!("{group}/{plural}"),
        (_, plural) => plural.to_owned(),
    };
    let namespace = namespace.filter(|_| kind.namespaced).map(|namespace| format!("/{namespace}"));
    format!("/registry/{folder}{}/{name}", namespace.unwrap_or_default())
}

/// Counts the generation up by one, where the object has one.
pub(super) fn bump_generation(object: &mut Value) {
    if let Some(generation) = object["metadata"]["generation"].as_i64().filter(|n| *n > 0) {
        metadata::set(object, "generation", json!(generation + 1));
    }
}

/// A write to `/status` changes nothing else; most built-in kinds let metadata through.
fn only_status(kind: &Kind, new: &mut Value, old: &Value) {
    if let (Some(fields), Some(present)) = (new.as_object_mut(), old.as_object()) {
        fields.retain(|key, _| matches!(key.as_str(), "metadata" | "status") || present.contains_key(key));
        for (key, value) in present {
            // Most writers leave the rest as it is, and comparing costs less than copying.
            if !matches!(key.as_str(), "metadata" | "status") && fields.get(key) != Some(value) {
                fields.insert(key.clone(), value.clone());
            }
        }
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        // Old kubelets wrote nonsense there.
        ("", "pods") => metadata::copy(old, new, "ownerReferences"),
        ("apps", "deployments") => metadata::copy(old, new, "labels"),
        _ => {}
    }
    if !keeps_metadata(kind) {
        return;
    }
    let own = ["resourceVersion", "managedFields"].map(|key| (key, new["metadata"][key].take()));
    copy(old, new, "metadata");
    for (key, value) in own {
        metadata::set(new, key, value);
    }
}

/// Whether a write to the status of a kind leaves all metadata as they are: custom kinds, and built-in ones of late.
pub(super) fn keeps_metadata(kind: &Kind) -> bool {
    kind.is_custom()
        || matches!(
            (kind.group.as_str(), kind.plural.as_str()),
            ("resource.k8s.io", _)
                | ("networking.k8s.io", "servicecidrs")
                | ("storage.k8s.io", "volumeattachments")
                | ("admissionregistration.k8s.io", "validatingadmissionpolicies")
        )
}

/// A write that changes one field and nothing else, whatever else it says.
fn only_at(new: &mut Value, old: &Value, path: &str) {
    let field = new.pointer(path).cloned();
    keep_all_but_tracking(new, old);
    let Some((parent, name)) = path.rsplit_once('/') else { return };
    match (new.pointer_mut(parent), field) {
        (Some(parent), Some(field)) => parent[name] = field,
        (Some(parent), None) => remove(parent, name),
        _ => {}
    }
}

/// A resize changes the resources of containers by their position, and how they are resized.
fn only_resources(new: &mut Value, old: &Value) {
    let wanted = new["spec"].clone();
    keep_all_but_tracking(new, old);
    for list in ["containers", "initContainers"] {
        for (index, container) in new["spec"][list].as_array_mut().into_iter().flatten().enumerate() {
            for key in ["resources", "resizePolicy"] {
                if let Some(field) = wanted[list][index].get(key) {
                    container[key] = field.clone();
                }
            }
        }
    }
}

/// The old object under the resource version and with the managers that the new one names.
fn keep_all_but_tracking(new: &mut Value, old: &Value) {
    let metadata = new["metadata"].clone();
    *new = old.clone();
    for key in ["resourceVersion", "managedFields"] {
        if let Some(field) = metadata.get(key) {
            metadata::set(new, key, field.clone());
        }
    }
}

fn content_changed(kind: &Kind, new: &Value, old: &Value) -> bool {
    let extra: &[&str] = match kind.generation() {
        Generation::Absent | Generation::Constant => return false,
        Generation::Content => &[],
        Generation::ContentAndAnnotations => &["annotations"],
        Generation::ContentAndLabels => &["labels"],
    };
    fn content(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
        let fields = object.as_object().into_iter().flatten();
        fields.filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status" | "kind" | "apiVersion"))
    }
    fn present(object: &Value) -> Vec<(&String, &Value)> {
        content(object).filter(|(_, value)| !is_nothing(value)).collect()
    }
    let (now, before) = (present(new), present(old));
    let same = now.len() == before.len()
        && now.iter().zip(&before).all(|((key, new), (name, old))| key == name && alike(new, old));
    !same || extra.iter().any(|key| new["metadata"][key] != old["metadata"][key])
}

/// Whether a value is absent as Go sees it.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Whether two values are the same where an empty list is no list.
fn alike(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            let within = |a: &Map<String, Value>, b: &Map<String, Value>| {
                a.iter().all(|(key, value)| match b.get(key) {
                    Some(other) => alike(value, other),
                    None => is_nothing(value),
                })
            };
            within(new, old) && old.iter().all(|(key, value)| new.contains_key(key) || is_nothing(value))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| alike(new, old))
        }
        (new, old) => new == old || (is_nothing(new) && is_nothing(old)),
    }
}

/// Whether the kind is that of namespaces, which have finalizers of their own.
pub(super) fn is_namespace(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.plural == "namespaces"
}

/// Whether the real server stores a new object in another form than it shows, so that the first write that changes
/// nothing is one all the same: claims, which it stores without a phase, and Jobs that were given no labels, which take
/// those of their template whenever they are read.
pub(super) fn is_settled_later(kind: &Kind, given: &Value) -> bool {
    let unlabelled =
        |object: &Value| object["metadata"]["labels"].as_object().is_none_or(serde_json::Map::is_empty);
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "persistentvolumeclaims") => true,
        ("batch", "jobs") => unlabelled(given) && unlabelled(&given["spec"]["template"]),
        _ => false,
    }
}

fn remove(object: &mut Value, key: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(key);
    }
}

fn copy(from: &Value, to: &mut Value, key: &str) {
    match from.get(key) {
        Some(value) => to[key] = value.clone(),
        None => remove(to, key),
    }
}
