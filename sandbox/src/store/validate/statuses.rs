//! What a status may say. It is written by its own path, by controllers mostly, and by whoever stands in for them.

use crate::kinds::Kind;
use crate::names;
use crate::status::FieldError;
use serde_json::Value;
use std::net::IpAddr;

/// What is wrong with the status of an object.
pub(super) fn check(kind: &Kind, new: &Value, errors: &mut Vec<FieldError>) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "namespaces") => namespace(new, errors),
        ("", "services") => service(new, errors),
        ("networking.k8s.io", "ingresses") => balancer(&new["status"]["loadBalancer"], false, errors),
        ("apps", plural @ ("deployments" | "replicasets" | "statefulsets" | "daemonsets")) => {
            counts(plural, &new["status"], errors);
        }
        _ => {}
    }
}

/// A namespace is active until it is being deleted.
fn namespace(new: &Value, errors: &mut Vec<FieldError>) {
    let phase = new["status"]["phase"].as_str().unwrap_or_default();
    let (wanted, how) = match new["metadata"]["deletionTimestamp"].is_null() {
        true => ("Active", "empty"),
        false => ("Terminating", "not empty"),
    };
    if phase != wanted {
        let why = format!("may only be '{wanted}' if `deletionTimestamp` is {how}");
        errors.push(FieldError::invalid("status.Phase", format!("{phase:?}"), &why));
    }
}

fn service(new: &Value, errors: &mut Vec<FieldError>) {
    let balancer_status = &new["status"]["loadBalancer"];
    let reached = balancer_status["ingress"].as_array().is_some_and(|list| !list.is_empty());
    if reached && new["spec"]["type"] != "LoadBalancer" {
        let why = "may only be used when `spec.type` is 'LoadBalancer'";
        errors.push(FieldError::forbidden("status.loadBalancer.ingress", why));
        return;
    }
    balancer(balancer_status, true, errors);
}

/// Where a load balancer is reached; those of Services say how their addresses are meant.
fn balancer(status: &Value, with_mode: bool, errors: &mut Vec<FieldError>) {
    for (index, ingress) in status["ingress"].as_array().into_iter().flatten().enumerate() {
        let field = |key: &str| format!("status.loadBalancer.ingress[{index}].{key}");
        let text = |key: &str| ingress[key].as_str().unwrap_or_default();
        let (address, host) = (text("ip"), text("hostname"));
        if !address.is_empty() && address.parse::<IpAddr>().is_err() {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            errors.push(FieldError::invalid(field("ip"), format!("{address:?}"), why));
        }
        if with_mode {
            match ingress["ipMode"].as_str() {
                None if !address.is_empty() => {
                    errors.push(FieldError::required(field("ipMode"), "must be specified when `ip` is set"));
                }
                Some(_) if address.is_empty() => {
                    let why = "may not be specified when `ip` is not set";
                    errors.push(FieldError::forbidden(field("ipMode"), why));
                }
                Some(mode) if !["Proxy", "VIP"].contains(&mode) => {
                    errors.push(FieldError::not_supported(field("ipMode"), mode, &["Proxy", "VIP"]));
                }
                _ => {}
            }
        }
        if host.is_empty() {
            continue;
        }
        let mut wrong =
            |why: &str| errors.push(FieldError::invalid(field("hostname"), format!("{host:?}"), why));
        if let Some(why) = names::subdomain(host) {
            wrong(&why);
        }
        if host.parse::<IpAddr>().is_ok() {
            wrong("must be a DNS name, not an IP address");
        }
    }
}

/// Counts of pods are no less than nothing, and no part is more than the whole.
fn counts(plural: &str, status: &Value, errors: &mut Vec<FieldError>) {
    // In this order the real server tells them.
    let (all, parts): (&[&str], &[&str]) = match plural {
        "deployments" => (
            &["observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas"],
            &["updatedReplicas", "readyReplicas", "availableReplicas"],
        ),
        "replicasets" => (
            &["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"],
            &["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
        ),
        "statefulsets" => (
            &["replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
            &["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
        ),
        _ => {
            (&["currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"], &[])
        }
    };
    let number = |key: &str| status[key].as_i64().unwrap_or(0);
    for key in all {
        super::jobs::not_negative(&status[*key], &format!("status.{key}"), errors);
    }
    let mut too_many = |key: &str, than: &str| {
        let why = format!("cannot be greater than {than}");
        errors.push(FieldError::invalid(format!("status.{key}"), number(key), &why));
    };
    for key in parts.iter().filter(|key| number(key) > number("replicas")) {
        too_many(key, "status.replicas");
    }
    if !parts.is_empty() && number("availableReplicas") > number("readyReplicas") {
        let ready = if plural == "statefulsets" { "status.readyReplicas" } else { "readyReplicas" };
        too_many("availableReplicas", ready);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;
    use serde_json::json;

    #[test]
    fn a_status_does_not_contradict_itself() {
        let cases: [(&str, Value, &[&str]); 7] = [
            ("deploy", json!({"status": {"replicas": 2, "readyReplicas": 2, "availableReplicas": 1}}), &[]),
            (
                "rs",
                json!({"status": {"availableReplicas": 1}}),
                &["status.availableReplicas", "status.availableReplicas"],
            ),
            ("ds", json!({"status": {"numberReady": -1}}), &["status.numberReady"]),
            (
                "svc",
                json!({"spec": {"type": "ClusterIP"}, "status": {"loadBalancer": {"ingress": [{}]}}}),
                &["status.loadBalancer.ingress"],
            ),
            (
                "svc",
                json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "x"}]}}}),
                &["status.loadBalancer.ingress[0].ip", "status.loadBalancer.ingress[0].ipMode"],
            ),
            ("ns", json!({"metadata": {}, "status": {"phase": "Active"}}), &[]),
            (
                "ns",
                json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Active"}}),
                &["status.Phase"],
            ),
        ];
        for (word, object, expected) in cases {
            let kind = Kinds::builtin().by_word(word).expect("built in");
            let mut errors = Vec::new();
            check(kind, &object, &mut errors);
            let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, expected, "{word} {object}");
        }
    }
}
