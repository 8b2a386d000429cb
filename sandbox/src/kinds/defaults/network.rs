//! Services, endpoints and policies.

use serde_json::{Value, json};

use super::{fill, items, section};

pub(super) fn service(object: &mut Value) {
    let Some(spec) = section(object, "spec") else { return };
    fill(spec, "sessionAffinity", "None");
    fill(spec, "type", "ClusterIP");
    match spec["sessionAffinity"].as_str() {
        Some("ClientIP") => {
            if spec.pointer("/sessionAffinityConfig/clientIP/timeoutSeconds").is_none() {
                spec["sessionAffinityConfig"] = json!({"clientIP": {"timeoutSeconds": 10800}});
            }
        }
        _ => {
            spec.as_object_mut().map(|spec| spec.remove("sessionAffinityConfig"));
        }
    }
    for port in items(spec, "ports") {
        fill(port, "protocol", "TCP");
        if port["targetPort"] == 0
            || port["targetPort"].as_str() == Some("")
            || port.get("targetPort").is_none()
        {
            port["targetPort"] = port["port"].clone();
        }
    }
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    let outside = matches!(kind.as_str(), "NodePort" | "LoadBalancer")
        || kind == "ClusterIP" && spec["externalIPs"].as_array().is_some_and(|ips| !ips.is_empty());
    if outside {
        fill(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind != "ExternalName" {
        fill(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        fill(spec, "allocateLoadBalancerNodePorts", true);
        if let Some(balancer) = object.pointer_mut("/status/loadBalancer") {
            for ingress in items(balancer, "ingress").filter(|ingress| ingress["ip"].is_string()) {
                fill(ingress, "ipMode", "VIP");
            }
        }
    }
}

pub(super) fn endpoints(object: &mut Value) {
    for port in items(object, "subsets").flat_map(|subset| items(subset, "ports")) {
        fill(port, "protocol", "TCP");
    }
}

pub(super) fn endpoint_slice(object: &mut Value) {
    for port in items(object, "ports") {
        if port.get("name").is_none() {
            port["name"] = "".into();
        }
        fill(port, "protocol", "TCP");
    }
    // Both are required in Go, so an absent list is written as null.
    for key in ["endpoints", "ports"] {
        if object.get(key).is_none() {
            object[key] = Value::Null;
        }
    }
}

pub(super) fn policy(object: &mut Value) {
    let Some(spec) = section(object, "spec") else { return };
    section(spec, "podSelector");
    if spec["policyTypes"].as_array().is_none_or(Vec::is_empty) {
        let egress = spec["egress"].as_array().is_some_and(|rules| !rules.is_empty());
        spec["policyTypes"] = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
    for key in ["ingress", "egress"] {
        for port in items(spec, key).flat_map(|rule| items(rule, "ports")) {
            fill(port, "protocol", "TCP");
        }
    }
}

pub(super) fn ingress_class(object: &mut Value) {
    if let Some(parameters) = object.pointer_mut("/spec/parameters") {
        fill(parameters, "scope", "Cluster");
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::created;
    use super::*;

    #[test]
    fn services_read_back_filled_in() {
        let service =
            created("svc", json!({"spec": {"ports": [{"port": 443}, {"port": 80, "targetPort": "web"}]}}));
        let expected = json!({
            "type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
            "ports": [{"port": 443, "protocol": "TCP", "targetPort": 443},
                {"port": 80, "protocol": "TCP", "targetPort": "web"}],
        });
        assert_eq!(service["spec"], expected);
        assert_eq!(service["status"], json!({"loadBalancer": {}}));
    }

    #[test]
    fn what_a_service_gets_depends_on_its_type() {
        let balancer =
            created("svc", json!({"spec": {"type": "LoadBalancer", "sessionAffinity": "ClientIP"}}));
        assert_eq!(balancer["spec"]["externalTrafficPolicy"], "Cluster");
        assert_eq!(balancer["spec"]["allocateLoadBalancerNodePorts"], true);
        assert_eq!(balancer["spec"]["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"], 10800);
        let external =
            created("svc", json!({"spec": {"type": "ExternalName", "externalName": "a.example.org"}}));
        assert!(external["spec"].get("internalTrafficPolicy").is_none());
    }

    #[test]
    fn policies_say_which_direction_they_mean() {
        let both = created("netpol", json!({"spec": {"egress": [{"ports": [{"port": 53}]}]}}));
        assert_eq!(both["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
        assert_eq!(both["spec"]["egress"][0]["ports"][0]["protocol"], "TCP");
        assert_eq!(created("netpol", json!({"spec": {}}))["spec"]["policyTypes"], json!(["Ingress"]));
    }
}
