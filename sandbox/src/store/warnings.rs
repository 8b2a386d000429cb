//! What clients are warned of in objects that they write.

use crate::kinds::Kind;
use serde_json::Value;

/// About a change: what does not concern the writer is left out.
pub(super) fn of_update(kind: &Kind, subresource: &str, new: &Value, old: &Value) -> Vec<String> {
    let services = kind.group.is_empty() && kind.plural == "services";
    let pods = kind.group.is_empty() && kind.plural == "pods";
    let changed = new["metadata"]["generation"] != old["metadata"]["generation"];
    match subresource {
        "" | "scale" if !pods && (services || changed) => of_object(kind, new),
        _ => Vec::new(),
    }
}

/// About a new object.
pub(super) fn of_object(kind: &Kind, object: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    if kind.group.is_empty() && kind.plural == "services" {
        of_service(&object["spec"], &mut warnings);
    }
    let pods = match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => Some("spec"),
        ("apps", "deployments" | "replicasets" | "daemonsets" | "statefulsets") | ("batch", "jobs") => {
            Some("spec.template.spec")
        }
        ("batch", "cronjobs") => Some("spec.jobTemplate.spec.template.spec"),
        _ => None,
    };
    if let Some(path) = pods {
        let spec = object.pointer(&format!("/{}", path.replace('.', "/")));
        let spec = spec.unwrap_or(&Value::Null);
        warnings.extend(repeated_ports(path, spec));
        warnings.extend(repeated_names(path, spec));
    }
    warnings
}

fn of_service(spec: &Value, warnings: &mut Vec<String>) {
    let set = |key: &str| spec[key].as_str().is_some_and(|text| !text.is_empty());
    let outside = spec["externalIPs"].as_array().is_some_and(|ips| !ips.is_empty());
    let by_name = spec["type"] == "ExternalName";
    let headless = spec["clusterIP"] == "None" && !by_name;
    let affine = spec["sessionAffinity"].as_str().is_some_and(|affinity| affinity != "None");
    for (given, text) in [
        (headless && set("loadBalancerIP"), "spec.loadBalancerIP is ignored for headless services"),
        (headless && outside, "spec.externalIPs is ignored for headless services"),
        (headless && affine, "spec.SessionAffinity is ignored for headless services"),
        (
            outside && !headless && !by_name,
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
        ),
        (by_name && outside, "spec.externalIPs is ignored when spec.type is \"ExternalName\""),
        (
            !by_name && set("externalName"),
            "spec.externalName is ignored when spec.type is not \"ExternalName\"",
        ),
    ] {
        if given {
            warnings.push(text.to_owned());
        }
    }
}

/// Ports that more than one container, or one container twice, has.
fn repeated_ports(path: &str, spec: &Value) -> Vec<String> {
    let mut seen: Vec<(String, Value, Value)> = Vec::new();
    let mut warnings = Vec::new();
    for (index, container) in spec["containers"].as_array().into_iter().flatten().enumerate() {
        for (at, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
            let place = format!("{path}.containers[{index}].ports[{at}]");
            let (number, protocol) = (port["containerPort"].clone(), port["protocol"].clone());
            match seen.iter().find(|(_, n, p)| *n == number && *p == protocol) {
                Some((first, ..)) => {
                    warnings.push(format!("{place}: duplicate port definition with {first}"))
                }
                None => seen.push((place, number, protocol)),
            }
        }
    }
    warnings
}

/// Names of ports that more than one has.
fn repeated_names(path: &str, spec: &Value) -> Vec<String> {
    let mut seen: Vec<(String, &str)> = Vec::new();
    let mut warnings = Vec::new();
    for (index, container) in spec["containers"].as_array().into_iter().flatten().enumerate() {
        for (at, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
            let place = format!("{path}.containers[{index}].ports[{at}]");
            let Some(name) = port["name"].as_str().filter(|name| !name.is_empty()) else { continue };
            match seen.iter().find(|(_, known)| *known == name) {
                Some((first, _)) => warnings.push(format!(
                    "{place}: duplicate port name {name:?} with {first}, services and probes that select ports by name will use {first}"
                )),
                None => seen.push((place, name)),
            }
        }
    }
    warnings
}
