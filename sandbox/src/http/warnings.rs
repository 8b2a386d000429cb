//! What clients are warned of although they get what they ask for.

use crate::kinds::Kind;
use serde_json::Value;

/// About using a kind at all.
pub(super) fn of_kind(kind: &Kind) -> Vec<String> {
    let text = match (kind.group.as_str(), kind.version.as_str(), kind.plural.as_str()) {
        ("", "v1", "componentstatuses") => "v1 ComponentStatus is deprecated in v1.19+",
        ("", "v1", "endpoints") => {
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
        }
        _ => return Vec::new(),
    };
    vec![text.to_owned()]
}

/// About what was written.
pub(super) fn of_object(kind: &Kind, object: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    if kind.group.is_empty() && kind.plural == "services" {
        let outside = object["spec"]["externalIPs"].as_array().is_some_and(|ips| !ips.is_empty());
        if outside {
            let text = "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
            warnings.push(text.to_owned());
        }
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
        warnings.extend(repeated_ports(path, spec.unwrap_or(&Value::Null)));
    }
    warnings
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
