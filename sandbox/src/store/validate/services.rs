//! Services: what their fields may say, and what goes with which type. Addresses and families are checked where they are
//! allotted.
//!
//! Source: `pkg/apis/core/validation` of Kubernetes 1.36.

use super::{containers, selectors};
use crate::names;
use crate::status::FieldError;
use serde_json::{Value, json};
use std::net::IpAddr;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const AFFINITIES: [&str; 2] = ["ClientIP", "None"];
const POLICIES: [&str; 2] = ["Cluster", "Local"];
const DISTRIBUTIONS: [&str; 3] = ["PreferClose", "PreferSameZone", "PreferSameNode"];
/// A day.
const LONGEST_AFFINITY: i64 = 86_400;
const OF_A_BALANCER: &str = "may only be used when `type` is 'LoadBalancer'";

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn ports(spec: &Value) -> &[Value] {
    spec["ports"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is_headless(spec: &Value) -> bool {
    spec["clusterIPs"] == json!(["None"]) || text(spec, "clusterIP") == "None"
}

fn is_balanced(spec: &Value) -> bool {
    text(spec, "type") == "LoadBalancer"
}

/// Whether it can be reached from outside of the cluster.
pub(crate) fn is_open(spec: &Value) -> bool {
    match text(spec, "type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => spec["externalIPs"].as_array().is_some_and(|ips| !ips.is_empty()),
        _ => false,
    }
}

/// Whether a load balancer has to know which nodes have pods of it.
pub(crate) fn needs_health_check(spec: &Value) -> bool {
    is_balanced(spec) && text(spec, "externalTrafficPolicy") == "Local"
}

/// What is wrong with a Service that was `old` before.
pub(super) fn check(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if let Some(old) = old {
        unchanged(spec, &old["spec"], errors);
    }
    if ports(spec).is_empty() && !is_headless(spec) && text(spec, "type") != "ExternalName" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    address(spec, errors);
    let mut names = Vec::new();
    for (index, port) in ports(spec).iter().enumerate() {
        check_port(port, &format!("spec.ports[{index}]"), ports(spec).len() > 1, &mut names, errors);
    }
    selectors::labels(&spec["selector"], "spec.selector", errors);
    affinity(spec, errors);
    for (index, ip) in spec["externalIPs"].as_array().into_iter().flatten().enumerate() {
        let known =
            old.is_some_and(|old| old["spec"]["externalIPs"].as_array().is_some_and(|all| all.contains(ip)));
        external_ip(ip.as_str().unwrap_or_default(), known, &format!("spec.externalIPs[{index}]"), errors);
    }
    one_of(spec, "type", &TYPES, errors);
    node_ports(spec, errors);
    distinct_ports(spec, errors);
    balancer(spec, errors);
    traffic(spec, errors);
}

/// What may not change as long as the type stays.
fn unchanged(now: &Value, before: &Value, errors: &mut Vec<FieldError>) {
    let class = "loadBalancerClass";
    if is_balanced(now) && is_balanced(before) && now[class] != before[class] {
        let shown = now[class].clone();
        errors.push(FieldError::invalid("spec.loadBalancerClass", shown, "may not change once set"));
    }
    let port = "healthCheckNodePort";
    if needs_health_check(now) && needs_health_check(before) && now[port] != before[port] {
        errors.push(FieldError::forbidden("spec.healthCheckNodePort", "field is immutable"));
    }
}

/// A value has to be there and to be a known one.
fn one_of(spec: &Value, field: &str, known: &[&str], errors: &mut Vec<FieldError>) {
    match text(spec, field) {
        "" => errors.push(FieldError::required(format!("spec.{field}"), "")),
        value if !known.contains(&value) => {
            errors.push(FieldError::not_supported(format!("spec.{field}"), value, known));
        }
        _ => {}
    }
}

/// Who has no address must not need one, and who is a name alone has nothing else.
fn address(spec: &Value, errors: &mut Vec<FieldError>) {
    match text(spec, "type") {
        kind @ ("LoadBalancer" | "NodePort") if is_headless(spec) => {
            let why = format!("may not be set to 'None' for {kind} services");
            errors.push(FieldError::invalid("spec.clusterIPs[0]", "\"None\"", &why));
        }
        "ExternalName" => {
            let some = |key: &str| match &spec[key] {
                Value::Array(all) => !all.is_empty(),
                other => !other.is_null(),
            };
            for key in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"].into_iter().filter(|key| some(key)) {
                let why = "may not be set for ExternalName services";
                errors.push(FieldError::forbidden(format!("spec.{key}"), why));
            }
            let name = text(spec, "externalName");
            match name.strip_suffix('.').unwrap_or(name) {
                "" => errors.push(FieldError::required("spec.externalName", "")),
                name => {
                    let invalid =
                        |why: String| FieldError::invalid("spec.externalName", format!("{name:?}"), &why);
                    errors.extend(names::subdomain(name).map(invalid));
                }
            }
        }
        _ => {}
    }
}

fn check_port<'v>(
    port: &'v Value,
    at: &str,
    named: bool,
    names: &mut Vec<&'v str>,
    errors: &mut Vec<FieldError>,
) {
    match text(port, "name") {
        "" if named => errors.push(FieldError::required(format!("{at}.name"), "")),
        "" => {}
        name => {
            let invalid = |why: String| FieldError::invalid(format!("{at}.name"), format!("{name:?}"), &why);
            errors.extend(names::label(name).map(invalid));
            if names.contains(&name) {
                errors.push(FieldError::duplicate(format!("{at}.name"), name));
            }
            names.push(name);
        }
    }
    let number = port["port"].as_i64().unwrap_or(0);
    check_number(number, &format!("{at}.port"), errors);
    match text(port, "protocol") {
        "" => errors.push(FieldError::required(format!("{at}.protocol"), "")),
        protocol if !PROTOCOLS.contains(&protocol) => {
            errors.push(FieldError::not_supported(format!("{at}.protocol"), protocol, &PROTOCOLS));
        }
        _ => {}
    }
    let field = format!("{at}.targetPort");
    if !port["targetPort"].is_null() {
        containers::port_of(&port["targetPort"], &field, errors);
    }
    if let Some(protocol) = port["appProtocol"].as_str() {
        qualified(protocol, &format!("{at}.appProtocol"), errors);
    }
}

fn check_number(number: i64, field: &str, errors: &mut Vec<FieldError>) {
    if !(1..=65535).contains(&number) {
        errors.push(FieldError::invalid(field, number, "must be between 1 and 65535, inclusive"));
    }
}

fn qualified(value: &str, field: &str, errors: &mut Vec<FieldError>) {
    let invalid = |why: String| FieldError::invalid(field, format!("{value:?}"), &why);
    errors.extend(names::qualified(value).into_iter().map(invalid));
}

/// Whether clients stay with one pod, and for how long.
fn affinity(spec: &Value, errors: &mut Vec<FieldError>) {
    one_of(spec, "sessionAffinity", &AFFINITIES, errors);
    let config = &spec["sessionAffinityConfig"];
    match text(spec, "sessionAffinity") {
        "ClientIP" => {
            let seconds = &config["clientIP"]["timeoutSeconds"];
            if seconds.as_i64().is_some_and(|seconds| seconds <= 0 || seconds > LONGEST_AFFINITY) {
                let field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
                let why = format!("must be greater than 0 and less than {LONGEST_AFFINITY}");
                errors.push(FieldError::invalid(field, seconds, &why));
            }
        }
        "None" if !config.is_null() => {
            let why = "must not be set when session affinity is None";
            errors.push(FieldError::forbidden("spec.sessionAffinityConfig", why));
        }
        _ => {}
    }
}

/// An address from outside is one that can lead here. One that was taken before stays good as a text.
fn external_ip(ip: &str, known: bool, at: &str, errors: &mut Vec<FieldError>) {
    let mut invalid = |why: &str| errors.push(FieldError::invalid(at, format!("{ip:?}"), why));
    let Ok(address) = ip.parse::<IpAddr>() else {
        if !known {
            invalid("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        }
        return;
    };
    if address.is_unspecified() {
        invalid(&format!("may not be unspecified ({ip})"));
    }
    if address.is_loopback() {
        invalid("may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    let (local, multicast) = match address {
        IpAddr::V4(ip) => (ip.is_link_local(), matches!(ip.octets(), [224, 0, 0, _])),
        IpAddr::V6(ip) => (ip.is_unicast_link_local(), ip.segments()[0] & 0xff0f == 0xff02),
    };
    if local {
        invalid("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    if multicast {
        invalid("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
    }
}

/// Ports of nodes: not for who is reached inside alone, and each once for a protocol.
fn node_ports(spec: &Value, errors: &mut Vec<FieldError>) {
    let taken = |port: &Value| port["nodePort"].as_i64().filter(|number| *number != 0);
    let at = |index: usize| format!("spec.ports[{index}].nodePort");
    if text(spec, "type") == "ClusterIP" {
        for (index, _) in ports(spec).iter().enumerate().filter(|(_, port)| taken(port).is_some()) {
            errors.push(FieldError::forbidden(at(index), "may not be used when `type` is 'ClusterIP'"));
        }
    }
    let mut seen: Vec<(&str, i64)> = Vec::new();
    for (index, port) in ports(spec).iter().enumerate() {
        let Some(number) = taken(port) else { continue };
        if seen.contains(&(text(port, "protocol"), number)) {
            let message = format!("Duplicate value: {number}");
            errors.push(FieldError { reason: "FieldValueDuplicate", field: at(index), message });
        }
        seen.push((text(port, "protocol"), number));
    }
}

/// Each port once for a protocol.
fn distinct_ports(spec: &Value, errors: &mut Vec<FieldError>) {
    let key = |port: &Value| (text(port, "protocol").to_owned(), port["port"].as_i64().unwrap_or(0));
    let mut seen = Vec::new();
    for (index, port) in ports(spec).iter().enumerate() {
        let key = key(port);
        if seen.contains(&key) {
            // So the real server shows it: as its own type, with nothing else in it.
            let message = format!(
                "Duplicate value: {{\"Name\":\"\",\"Protocol\":{:?},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                key.0, key.1
            );
            let field = format!("spec.ports[{index}]");
            errors.push(FieldError { reason: "FieldValueDuplicate", field, message });
        }
        seen.push(key);
    }
}

/// What only a load balancer has.
fn balancer(spec: &Value, errors: &mut Vec<FieldError>) {
    let balanced = is_balanced(spec);
    if !balanced && spec["loadBalancerSourceRanges"].as_array().is_some_and(|all| !all.is_empty()) {
        errors.push(FieldError::forbidden("spec.LoadBalancerSourceRanges", OF_A_BALANCER));
    }
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if !balanced && !spec[field].is_null() {
            errors.push(FieldError::forbidden(format!("spec.{field}"), OF_A_BALANCER));
        }
    }
    if let (true, Some(class)) = (balanced, spec["loadBalancerClass"].as_str()) {
        qualified(class, "spec.loadBalancerClass", errors);
    }
}

/// Which way traffic takes, from outside and from inside.
fn traffic(spec: &Value, errors: &mut Vec<FieldError>) {
    let policy = "externalTrafficPolicy";
    match text(spec, policy) {
        "" if !is_open(spec) => {}
        _ if is_open(spec) => one_of(spec, policy, &POLICIES, errors),
        other => {
            let why = "may only be set for externally-accessible services";
            errors.push(FieldError::invalid(format!("spec.{policy}"), format!("{other:?}"), why));
        }
    }
    let (field, port) = ("spec.healthCheckNodePort", spec["healthCheckNodePort"].as_i64().unwrap_or(0));
    match (needs_health_check(spec), port) {
        (true, port) => check_number(port, field, errors),
        (false, 0) => {}
        (false, port) => {
            let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
            errors.push(FieldError::invalid(field, port, why));
        }
    }
    for (field, known) in [("internalTrafficPolicy", &POLICIES[..]), ("trafficDistribution", &DISTRIBUTIONS)]
    {
        if let Some(value) = spec[field].as_str().filter(|value| !known.contains(value)) {
            errors.push(FieldError::not_supported(format!("spec.{field}"), value, known));
        }
    }
}
