//! Rules of single kinds that clients run into: what may not change, what must be there.
//!
//! Source: `pkg/apis/*/validation` of Kubernetes 1.36. The full set is several times the size of this program; these
//! are the rules that tools and people meet when they write what v9s and its companion write.

mod network;
mod rbac;
mod storage;
mod workloads;

use super::signing;
use crate::custom;
use crate::kinds::Kind;
use crate::status::FieldError;
use crate::webhooks;
use serde_json::Value;

/// What is wrong with a new object.
pub(super) fn create(kind: &Kind, new: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if kind.is_custom() {
        return custom::check_object(kind, new, None);
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => pod_spec(&new["spec"], "spec", &mut errors),
        ("certificates.k8s.io", "certificatesigningrequests") => signing::create(new, &mut errors),
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations" | "validatingwebhookconfigurations",
        ) => {
            errors = webhooks::check(new);
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => errors = custom::check_definition(new, None),
        ("", "services") => service(new, &mut errors),
        ("apps", "deployments" | "replicasets" | "daemonsets" | "statefulsets") => {
            workloads::workload(kind, new, &mut errors);
        }
        ("", "secrets") => secret(new, &mut errors),
        ("", "configmaps") => distinct_keys(new, &mut errors),
        ("", "events") => about(new, &mut errors),
        ("networking.k8s.io", "ingressclasses") => network::ingress_class(new, &mut errors),
        ("", "persistentvolumes") => storage::volume(new, &mut errors),
        ("", "persistentvolumeclaims") => storage::claim(new, &mut errors),
        ("networking.k8s.io", "ingresses") => network::ingress(new, &mut errors),
        ("batch", "jobs") => workloads::job(&new["spec"], "spec", &mut errors),
        ("batch", "cronjobs") => workloads::cron_job(new, &mut errors),
        ("storage.k8s.io", "storageclasses")
            if new["provisioner"].as_str().unwrap_or_default().is_empty() =>
        {
            errors.push(FieldError::required("provisioner", ""));
        }
        ("autoscaling", "horizontalpodautoscalers") => workloads::autoscaler(new, &mut errors),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            rbac::binding(kind, new, &mut errors)
        }
        _ => {}
    }
    errors
}

/// What is wrong with a change of an object through this path.
pub(super) fn update(kind: &Kind, subresource: &str, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if kind.is_custom() {
        return custom::check_object(kind, new, Some(old));
    }
    match (kind.group.as_str(), kind.plural.as_str(), subresource) {
        ("certificates.k8s.io", "certificatesigningrequests", _) => signing::update(new, old, &mut errors),
        ("", "pods", "ephemeralcontainers") => debug_containers(new, old, &mut errors),
        _ => {}
    }
    if !matches!(subresource, "" | "scale") {
        return errors;
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "configmaps") => immutable_map(new, old, &["data", "binaryData"], &mut errors),
        ("", "secrets") => {
            immutable_map(new, old, &["data"], &mut errors);
            unchanged(new, old, "/type", "type", &mut errors);
            secret(new, &mut errors);
        }
        ("", "pods") => pod_update(new, old, &mut errors),
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations" | "validatingwebhookconfigurations",
        ) => {
            errors = webhooks::check(new);
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            errors = custom::check_definition(new, Some(old));
        }
        ("", "services") => {
            service(new, &mut errors);
            cluster_ip(new, old, &mut errors);
        }
        ("", "persistentvolumeclaims") => {
            storage::claim(new, &mut errors);
            claim_update(new, old, &mut errors);
        }
        ("apps", "deployments" | "replicasets" | "daemonsets") => {
            unchanged(new, old, "/spec/selector", "spec.selector", &mut errors);
            workloads::workload(kind, new, &mut errors);
        }
        ("apps", "statefulsets") => stateful_set_update(kind, new, old, &mut errors),
        ("batch", "jobs") => {
            unchanged(new, old, "/spec/selector", "spec.selector", &mut errors);
            unchanged(new, old, "/spec/completionMode", "spec.completionMode", &mut errors);
        }
        ("scheduling.k8s.io", "priorityclasses") => {
            if new["value"] != old["value"] {
                errors.push(FieldError::forbidden("value", "may not be changed in an update."));
            }
            unchanged(new, old, "/preemptionPolicy", "preemptionPolicy", &mut errors);
        }
        ("", "events") => about(new, &mut errors),
        ("storage.k8s.io", "storageclasses") => {
            for (path, field) in [
                ("/parameters", "parameters"),
                ("/provisioner", "provisioner"),
                ("/reclaimPolicy", "reclaimPolicy"),
            ] {
                unchanged(new, old, path, field, &mut errors);
            }
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings")
            if new["roleRef"] != old["roleRef"] =>
        {
            // The message shows the fields under their Go names.
            let text = |key: &str| new["roleRef"][key].as_str().unwrap_or_default().to_owned();
            let shown =
                serde_json::json!({"APIGroup": text("apiGroup"), "Kind": text("kind"), "Name": text("name")});
            errors.push(FieldError::invalid("roleRef", shown, "cannot change roleRef"));
        }
        _ => {}
    }
    errors
}

/// An event is in the namespace of what it is about; in `default`, when that is in none.
fn about(new: &Value, errors: &mut Vec<FieldError>) {
    let own = new["metadata"]["namespace"].as_str().unwrap_or_default();
    let about = new["involvedObject"]["namespace"].as_str().unwrap_or_default();
    if own != about && !(about.is_empty() && own == "default") {
        let detail = "does not match event.namespace";
        errors.push(FieldError::invalid("involvedObject.namespace", format!("{about:?}"), detail));
    }
}

/// A ConfigMap has each key once.
fn distinct_keys(new: &Value, errors: &mut Vec<FieldError>) {
    for key in new["data"].as_object().into_iter().flatten().map(|(key, _)| key) {
        if !new["binaryData"][key.as_str()].is_null() {
            let detail = "duplicate of key present in binaryData";
            errors.push(FieldError::invalid(format!("data[{key}]"), format!("{key:?}"), detail));
        }
    }
}

/// Types of secrets that must hold certain keys.
fn secret(new: &Value, errors: &mut Vec<FieldError>) {
    let has = |key: &str| !new["data"][key].is_null();
    let missing = |key: &str| FieldError::required(format!("data[{key}]"), "");
    match new["type"].as_str().unwrap_or_default() {
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            errors.extend([missing("username"), missing("password")]);
        }
        "kubernetes.io/tls" => {
            errors.extend(["tls.crt", "tls.key"].into_iter().filter(|key| !has(key)).map(missing));
        }
        "kubernetes.io/ssh-auth" if !has("ssh-privatekey") => errors.push(missing("ssh-privatekey")),
        "kubernetes.io/dockerconfigjson" if !has(".dockerconfigjson") => {
            errors.push(missing(".dockerconfigjson"))
        }
        "kubernetes.io/dockercfg" if !has(".dockercfg") => errors.push(missing(".dockercfg")),
        _ => {}
    }
}

fn unchanged(new: &Value, old: &Value, path: &str, field: &str, errors: &mut Vec<FieldError>) {
    if new.pointer(path) != old.pointer(path) {
        let shown = new.pointer(path).cloned().unwrap_or_default();
        errors.push(FieldError::invalid(field, shown, "field is immutable"));
    }
}

fn immutable_map(new: &Value, old: &Value, fields: &[&str], errors: &mut Vec<FieldError>) {
    if old["immutable"] != true {
        return;
    }
    let all = fields.iter().copied().chain((new["immutable"] != true).then_some("immutable"));
    for field in all {
        if new[field] != old[field] {
            errors.push(FieldError::forbidden(field, "field is immutable when `immutable` is set"));
        }
    }
}

fn pod_spec(spec: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        errors.push(FieldError::required(format!("{field}.containers"), ""));
    }
    let mut names = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let at = format!("{field}.containers[{index}]");
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(FieldError::required(format!("{at}.name"), ""));
        } else if let Some(why) = crate::names::label(name) {
            errors.push(FieldError::invalid(format!("{at}.name"), format!("{name:?}"), &why));
        } else if names.contains(&name) {
            errors.push(FieldError {
                reason: "FieldValueDuplicate",
                field: format!("{at}.name"),
                message: format!("Duplicate value: {name:?}"),
            });
        }
        names.push(name);
        container_ports(container, &at, errors);
        if container["image"].as_str().unwrap_or_default().is_empty() {
            errors.push(FieldError::required(format!("{at}.image"), ""));
        }
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

fn service(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let ports = spec["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    let headless = spec["clusterIP"] == "None" || spec["type"] == "ExternalName";
    if ports.is_empty() && !headless {
        errors.push(FieldError::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let number = port["port"].as_i64().unwrap_or(0);
        if !(1..=65535).contains(&number) {
            let field = format!("spec.ports[{index}].port");
            errors.push(FieldError::invalid(field, number, "must be between 1 and 65535, inclusive"));
        }
        if ports.len() > 1 && port["name"].as_str().unwrap_or_default().is_empty() {
            errors.push(FieldError::required(format!("spec.ports[{index}].name"), ""));
        }
    }
}

/// A cluster IP stays, unless the Service becomes or was one that has none.
fn cluster_ip(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let (before, after) = (&old["spec"]["clusterIP"], &new["spec"]["clusterIP"]);
    let external = |service: &Value| service["spec"]["type"] == "ExternalName";
    if before.as_str().is_some_and(|ip| !ip.is_empty()) && before != after && !external(new) && !external(old)
    {
        let shown = format!("[]string{{{after}}}");
        errors.push(FieldError::invalid("spec.clusterIPs[0]", shown, "may not change once set"));
    }
}

fn claim_update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let classed = !old["spec"]["storageClassName"].is_null();
    let fixed = |claim: &Value| {
        let mut spec = claim["spec"].as_object().cloned().unwrap_or_default();
        for key in ["volumeAttributesClassName", "volumeName"] {
            spec.remove(key);
        }
        if old["status"]["phase"] == "Bound" {
            spec.remove("resources");
        }
        // A claim that said nothing of its class may be given one.
        if !classed {
            spec.remove("storageClassName");
        }
        spec
    };
    let volume = &old["spec"]["volumeName"];
    let rebound = !volume.is_null() && volume != "" && new["spec"]["volumeName"] != *volume;
    if fixed(new) != fixed(old) || rebound {
        let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(FieldError::forbidden("spec", detail));
    }
    let size = |claim: &Value| {
        crate::kinds::quantity::Quantity::from_json(&claim["spec"]["resources"]["requests"]["storage"])
    };
    if let (Some(new), Some(old)) = (size(new), size(old))
        && new < old
    {
        let detail = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden("spec.resources.requests.storage", detail));
    }
}

fn stateful_set_update(kind: &Kind, new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let fixed = |set: &Value| {
        let mut spec = set["spec"].as_object().cloned().unwrap_or_default();
        for key in [
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
        ] {
            spec.remove(key);
        }
        spec
    };
    if fixed(new) != fixed(old) {
        errors.push(FieldError::forbidden("spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"));
    } else {
        workloads::workload(kind, new, errors);
    }
}

/// Containers for debugging come and never change or go; their names are those of no other.
fn debug_containers(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let list = |pod: &Value, key: &str| pod["spec"][key].as_array().cloned().unwrap_or_default();
    let (now, before) = (list(new, "ephemeralContainers"), list(old, "ephemeralContainers"));
    let others: Vec<Value> = ["containers", "initContainers"]
        .iter()
        .flat_map(|key| list(new, key))
        .map(|container| container["name"].clone())
        .collect();
    for (index, container) in now.iter().enumerate() {
        let earlier = now.iter().take(index).any(|other| other["name"] == container["name"]);
        if others.contains(&container["name"]) || earlier {
            errors.push(FieldError {
                reason: "FieldValueDuplicate",
                field: format!("spec.ephemeralContainers[{index}].name"),
                message: format!("Duplicate value: {}", container["name"]),
            });
        }
    }
    for container in &before {
        let name = &container["name"];
        let why = match now.iter().find(|other| other["name"] == *name) {
            Some(same) if same == container => continue,
            Some(_) => format!("existing ephemeral containers {name} may not be changed"),
            None => format!("existing ephemeral containers {name} may not be removed"),
        };
        errors.push(FieldError::forbidden("spec.ephemeralContainers", &why));
    }
}

fn pod_update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    for list in ["containers", "initContainers"] {
        let count = |pod: &Value| pod["spec"][list].as_array().map_or(0, Vec::len);
        if count(new) != count(old) {
            let detail = match list {
                "containers" => "pod updates may not add or remove containers",
                _ => "pod updates may not add or remove init containers",
            };
            errors.push(FieldError::forbidden(format!("spec.{list}"), detail));
            return;
        }
    }
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        for key in
            ["activeDeadlineSeconds", "tolerations", "schedulingGates", "terminationGracePeriodSeconds"]
        {
            spec[key] = Value::Null;
        }
        spec
    };
    if fixed(new) != fixed(old) {
        errors.push(FieldError::forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"));
    }
}
