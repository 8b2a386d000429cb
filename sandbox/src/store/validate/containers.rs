//! Containers of pods and of their templates.
//!
//! Source: `pkg/apis/core/validation` of Kubernetes 1.36.

use super::pod_spec::{check_name, text};
use crate::kinds::quantity::Quantity;
use crate::names;
use crate::status::FieldError;
use serde_json::Value;

const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];
const MESSAGE_POLICIES: [&str; 2] = ["File", "FallbackToLogsOnError"];
/// What a container can have besides what comes from somebody's domain.
const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
/// What is known besides, for quotas.
const COUNTED: [&str; 17] = [
    "configmaps",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// The containers that do the work; `volumes` are what they may mount, `at` is the field that holds them.
pub(super) fn check(containers: &[Value], volumes: &[&str], at: &str, errors: &mut Vec<FieldError>) {
    let mut seen = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let at = format!("{at}[{index}]");
        common(container, volumes, &at, errors);
        let name = text(container, "name");
        if seen.contains(&name) && !name.is_empty() {
            errors.push(FieldError::duplicate(format!("{at}.name"), name));
        }
        seen.push(name);
        for probe in PROBES {
            probed(&container[probe], &format!("{at}.{probe}"), errors);
        }
    }
}

/// Those that run before; who is looked after is one that stays.
pub(super) fn check_init(
    containers: &[Value],
    others: &[Value],
    volumes: &[&str],
    at: &str,
    errors: &mut Vec<FieldError>,
) {
    let mut seen: Vec<&str> = others.iter().map(|other| text(other, "name")).collect();
    for (index, container) in containers.iter().enumerate() {
        let at = format!("{at}[{index}]");
        common(container, volumes, &at, errors);
        let name = text(container, "name");
        if seen.contains(&name) {
            errors.push(FieldError::duplicate(format!("{at}.name"), name));
        } else if !name.is_empty() {
            seen.push(name);
        }
        if text(container, "restartPolicy") == "Always" {
            for probe in PROBES {
                probed(&container[probe], &format!("{at}.{probe}"), errors);
            }
            continue;
        }
        for key in ["lifecycle"].into_iter().chain(PROBES).filter(|key| !container[*key].is_null()) {
            let why = "may not be set for init containers without restartPolicy=Always";
            errors.push(FieldError::forbidden(format!("{at}.{key}"), why));
        }
    }
}

/// What holds for containers of every sort.
fn common(container: &Value, volumes: &[&str], at: &str, errors: &mut Vec<FieldError>) {
    check_name(text(container, "name"), &format!("{at}.name"), errors);
    if text(container, "image").is_empty() {
        errors.push(FieldError::required(format!("{at}.image"), ""));
    }
    one_of(container, "terminationMessagePolicy", &MESSAGE_POLICIES, at, errors);
    ports(container, at, errors);
    environment(container, at, errors);
    mounts(container, at, volumes, errors);
    one_of(container, "imagePullPolicy", &PULL_POLICIES, at, errors);
    resources(&container["resources"], &format!("{at}.resources"), errors);
}

fn one_of(container: &Value, key: &str, known: &[&str], at: &str, errors: &mut Vec<FieldError>) {
    let value = text(container, key);
    if !value.is_empty() && !known.contains(&value) {
        errors.push(FieldError::not_supported(format!("{at}.{key}"), value, known));
    }
}

/// Variables have names.
fn environment(container: &Value, at: &str, errors: &mut Vec<FieldError>) {
    for (index, variable) in container["env"].as_array().into_iter().flatten().enumerate() {
        let field = format!("{at}.env[{index}].name");
        let name = text(variable, "name");
        if name.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if !name.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=') {
            let why = "a valid environment variable name must consist only of printable ASCII characters other than '='";
            errors.push(FieldError::invalid(field, format!("{name:?}"), why));
        }
        if !text(variable, "value").is_empty() && variable["valueFrom"].is_object() {
            let why = "may not be specified when `value` is not empty";
            errors.push(FieldError::invalid(format!("{at}.env[{index}].valueFrom"), "\"\"", why));
        }
    }
}

/// Amounts are of something known, and nobody asks for more than is allowed.
fn resources(resources: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let amounts = |key: &str| resources[key].as_object().into_iter().flatten();
    let shared = |name: &str| {
        (!name.contains('/') || name.contains("kubernetes.io/")) && !name.starts_with("hugepages-")
    };
    for (name, amount) in amounts("limits") {
        check_amount(name, amount, &format!("{at}.limits[{name}]"), errors);
    }
    for (name, amount) in amounts("requests") {
        check_amount(name, amount, &format!("{at}.requests[{name}]"), errors);
        let limit = &resources["limits"][name];
        let (Some(wanted), Some(most)) = (Quantity::from_json(amount), Quantity::from_json(limit)) else {
            if limit.is_null() && !shared(name) {
                let why = "Limit must be set for non overcommitable resources";
                errors.push(FieldError::required(format!("{at}.limits"), why));
            }
            continue;
        };
        let how = match shared(name) {
            false if wanted != most => "equal to",
            true if wanted > most => "less than or equal to",
            _ => continue,
        };
        let why = format!("must be {how} {name} limit of {}", shown(limit));
        errors.push(FieldError::invalid(format!("{at}.requests"), format!("{:?}", shown(amount)), &why));
    }
}

/// An amount as it is written.
fn shown(amount: &Value) -> String {
    amount.as_str().map_or_else(|| amount.to_string(), str::to_owned)
}

fn check_amount(name: &str, amount: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let mut reasons = names::qualified(name);
    let own = name.contains('/') || name.starts_with("hugepages-");
    if reasons.is_empty() && !own && !RESOURCES.contains(&name) && !COUNTED.contains(&name) {
        reasons.push("must be a standard resource type or fully qualified".to_owned());
    }
    if !own && !RESOURCES.contains(&name) {
        reasons.push("must be a standard resource for containers".to_owned());
    }
    for why in reasons {
        errors.push(FieldError::invalid(at, format!("{name:?}"), &why));
    }
    if Quantity::from_json(amount).is_some_and(|amount| !amount.is_zero() && !amount.is_positive()) {
        let why = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(at, format!("{:?}", shown(amount)), why));
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

fn ports(container: &Value, at: &str, errors: &mut Vec<FieldError>) {
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
fn probed(wanted: &Value, at: &str, errors: &mut Vec<FieldError>) {
    const WAYS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];
    if !wanted.is_object() {
        return;
    }
    let mut given = WAYS.into_iter().filter(|way| wanted[*way].is_object());
    match given.next() {
        None => errors.push(FieldError::required(at, "must specify a handler type")),
        Some("exec") if wanted["exec"]["command"].as_array().is_none_or(Vec::is_empty) => {
            errors.push(FieldError::required(format!("{at}.exec.command"), ""));
        }
        Some(way @ ("httpGet" | "tcpSocket" | "grpc")) => {
            port_of(&wanted[way]["port"], &format!("{at}.{way}.port"), errors);
        }
        Some(_) => {}
    }
    for way in given {
        let why = "may not specify more than 1 handler type";
        errors.push(FieldError::forbidden(format!("{at}.{way}"), why));
    }
}

/// A port is a number, or the name of one of the container's; who says nothing says zero.
pub(super) fn port_of(port: &Value, field: &str, errors: &mut Vec<FieldError>) {
    match port {
        Value::String(name) => {
            let invalid = |why: &str| FieldError::invalid(field, format!("{name:?}"), why);
            errors.extend(names::port(name).into_iter().map(invalid));
        }
        port => {
            let number = port.as_i64().unwrap_or(0);
            if !(1..=65535).contains(&number) {
                errors.push(FieldError::invalid(field, number, "must be between 1 and 65535, inclusive"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wrong(content: Value) -> Vec<String> {
        let mut container = json!({"name": "a", "image": "i"});
        for (key, value) in content.as_object().into_iter().flatten() {
            container[key] = value.clone();
        }
        let mut errors = Vec::new();
        check(&[container], &[], "c", &mut errors);
        errors.into_iter().map(|error| format!("{}: {}", error.field, error.message)).collect()
    }

    #[test]
    fn nobody_asks_for_more_than_is_allowed() {
        let cases: [(Value, &[&str]); 6] = [
            (json!({"requests": {"cpu": "500m"}, "limits": {"cpu": "0.5"}}), &[]),
            (
                json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
                &[
                    "c[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
                ],
            ),
            (
                json!({"requests": {"x.y/gpu": "1"}, "limits": {"x.y/gpu": "2"}}),
                &["c[0].resources.requests: Invalid value: \"1\": must be equal to x.y/gpu limit of 2"],
            ),
            (
                json!({"requests": {"x.y/gpu": "1"}}),
                &[
                    "c[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
                ],
            ),
            (
                json!({"limits": {"odd": "1"}}),
                &[
                    "c[0].resources.limits[odd]: Invalid value: \"odd\": must be a standard resource type or fully qualified",
                    "c[0].resources.limits[odd]: Invalid value: \"odd\": must be a standard resource for containers",
                ],
            ),
            (
                json!({"limits": {"cpu": "-1"}}),
                &["c[0].resources.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"],
            ),
        ];
        for (resources, expected) in cases {
            assert_eq!(wrong(json!({"resources": resources})), expected, "{resources}");
        }
    }

    #[test]
    fn who_runs_before_has_another_name_and_is_not_looked_after() {
        let main = [json!({"name": "a", "image": "i"})];
        let init = [
            json!({"name": "a", "image": "i", "livenessProbe": {"exec": {"command": ["x"]}}}),
            json!({"name": "b", "image": "i", "restartPolicy": "Always", "livenessProbe": {"exec": {"command": ["x"]}}}),
        ];
        let mut errors = Vec::new();
        check_init(&init, &main, &[], "i", &mut errors);
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["i[0].name", "i[0].livenessProbe"]);
    }
}
