//! The pods behind a Service, and what is said of them. Pure.

use serde_json::{Value, json};

use super::super::family::Family;
use super::super::workload::condition;

/// The families of a Service; those of its address, or both, where it does not say.
pub(super) fn families_of(service: &Value) -> Vec<Family> {
    let spec = &service["spec"];
    let named = spec["ipFamilies"].as_array().into_iter().flatten();
    let named: Vec<Family> =
        [Family::V4, Family::V6].into_iter().filter(|f| named.clone().any(|n| n == f.name())).collect();
    if !named.is_empty() {
        return named;
    }
    match spec["clusterIP"].as_str().and_then(Family::of_text) {
        Some(family) => vec![family],
        None => vec![Family::V4, Family::V6],
    }
}

/// A pod that a Service selects.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Candidate {
    pub(super) pod: Value,
    pub(super) deleting: bool,
    /// Its node, where there is one.
    pub(super) node: Option<Value>,
}

impl Candidate {
    fn text(&self, path: &str) -> &str {
        self.pod.pointer(path).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    pub(super) fn node_name(&self) -> &str {
        self.text("/spec/nodeName")
    }

    /// Whether it can be reached at all: it has an address and is not over.
    pub(super) fn is_there(&self) -> bool {
        let over = matches!(self.text("/status/phase"), "Succeeded" | "Failed");
        !over && (!self.text("/status/podIP").is_empty() || !self.addresses().is_empty())
    }

    pub(super) fn ready(&self) -> bool {
        condition(&self.pod["status"], "Ready").is_some_and(|ready| ready["status"] == "True")
    }

    fn addresses(&self) -> Vec<&str> {
        let all = self.pod["status"]["podIPs"].as_array().into_iter().flatten();
        all.filter_map(|address| address["ip"].as_str()).collect()
    }

    pub(super) fn addresses_of(&self, family: Family) -> Vec<&str> {
        self.addresses().into_iter().filter(|address| Family::of_text(address) == Some(family)).collect()
    }

    pub(super) fn reference(&self) -> Value {
        json!({"kind": "Pod", "namespace": self.text("/metadata/namespace"), "name": self.name(),
            "uid": self.text("/metadata/uid")})
    }

    /// The name under which it is found below the Service; None where it has none there.
    pub(super) fn hostname(&self, service: &Value) -> Option<&str> {
        let (name, below) = (self.text("/spec/hostname"), self.text("/spec/subdomain"));
        (!name.is_empty() && service["metadata"]["name"] == below).then_some(name)
    }

    /// What a slice of a family says of it; None where it has no address of that family.
    pub(super) fn in_slice(&self, service: &Value, family: Family) -> Option<Value> {
        let addresses = self.addresses_of(family);
        if addresses.is_empty() {
            return None;
        }
        let early = service["spec"]["publishNotReadyAddresses"] == true;
        // Whoever is on its way out is never ready, unless that does not matter.
        let ready = early || self.ready() && !self.deleting;
        let mut endpoint = json!({
            "addresses": addresses,
            "conditions": {"ready": ready, "serving": self.ready(), "terminating": self.deleting},
            "targetRef": self.reference(),
        });
        if !self.node_name().is_empty() {
            endpoint["nodeName"] = json!(self.node_name());
        }
        let zone = self.node.as_ref().map(|node| &node["metadata"]["labels"]["topology.kubernetes.io/zone"]);
        if let Some(zone) = zone.and_then(Value::as_str).filter(|zone| !zone.is_empty()) {
            endpoint["zone"] = json!(zone);
        }
        if let Some(name) = self.hostname(service) {
            endpoint["hostname"] = json!(name);
        }
        Some(endpoint)
    }
}

/// The ports of a Service as a pod has them; named ports are looked up in its containers.
pub(super) fn ports(service: &Value, pod: &Value) -> Vec<Value> {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    ports
        .filter_map(|port| {
            let number = number(port, pod)?;
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            let name = port["name"].as_str().unwrap_or_default();
            let mut all = json!({"name": name, "port": number, "protocol": protocol});
            if let Some(application) = port.get("appProtocol") {
                all["appProtocol"] = application.clone();
            }
            Some(all)
        })
        .collect()
}

fn number(port: &Value, pod: &Value) -> Option<Value> {
    match &port["targetPort"] {
        Value::Number(number) => Some(Value::Number(number.clone())),
        Value::String(name) => {
            let restartable = |container: &&Value| container["restartPolicy"] == "Always";
            let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
            let sidecars = pod["spec"]["initContainers"].as_array().into_iter().flatten().filter(restartable);
            let mut ports =
                containers.chain(sidecars).flat_map(|container| container["ports"].as_array()).flatten();
            let protocol = |of: &Value| of["protocol"].as_str().unwrap_or("TCP").to_owned();
            let same = |found: &&Value| found["name"] == name.as_str() && protocol(found) == protocol(port);
            ports.find(same).map(|found| found["containerPort"].clone())
        }
        _ => Some(port["port"].clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(status: Value, deleting: bool) -> Candidate {
        let pod = json!({"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {"nodeName": "a", "hostname": "h",
            "subdomain": "s"}, "status": status});
        let node = json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "z"}}});
        Candidate { pod, deleting, node: Some(node) }
    }

    #[test]
    fn whoever_goes_still_serves_and_is_not_ready() {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let status = |conditions: &Value| json!({"podIPs": [{"ip": "10.1.0.1"}, {"ip": "fd00::1"}], "conditions": conditions});
        let plain = json!({"metadata": {"name": "s"}, "spec": {}});
        let early = json!({"metadata": {"name": "other"}, "spec": {"publishNotReadyAddresses": true}});
        let cases = [
            (candidate(status(&ready), false), &plain, [true, true, false]),
            (candidate(status(&ready), true), &plain, [false, true, true]),
            (candidate(status(&json!([])), false), &plain, [false, false, false]),
            (candidate(status(&json!([])), true), &early, [true, false, true]),
        ];
        for (candidate, service, [ready, serving, terminating]) in cases {
            let shown = candidate.in_slice(service, Family::V6).expect("an address");
            assert_eq!(shown["addresses"], json!(["fd00::1"]));
            assert_eq!(
                shown["conditions"],
                json!({"ready": ready, "serving": serving, "terminating": terminating})
            );
            assert_eq!(
                (&shown["zone"], shown.get("hostname").is_some()),
                (&json!("z"), service["metadata"]["name"] == "s")
            );
        }
    }

    #[test]
    fn who_has_no_address_or_is_over_is_not_there() {
        let cases = [
            (json!({"podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}]}), true),
            (json!({}), false),
            (json!({"podIP": "10.1.0.1", "phase": "Failed"}), false),
            (json!({"podIP": "10.1.0.1", "phase": "Pending"}), true),
        ];
        for (status, there) in cases {
            assert_eq!(candidate(status.clone(), false).is_there(), there, "{status}");
        }
    }

    #[test]
    fn families_are_those_of_the_service() {
        let cases = [
            (json!({"ipFamilies": ["IPv6", "IPv4"]}), vec![Family::V4, Family::V6]),
            (json!({"ipFamilies": ["IPv6"]}), vec![Family::V6]),
            (json!({"clusterIP": "10.96.0.9"}), vec![Family::V4]),
            (json!({"clusterIP": "None"}), vec![Family::V4, Family::V6]),
        ];
        for (spec, expected) in cases {
            assert_eq!(families_of(&json!({"spec": spec})), expected, "{spec}");
        }
    }

    #[test]
    fn named_ports_are_those_of_the_same_protocol() {
        let pod = json!({"spec": {"containers": [{"ports": [{"name": "dns", "containerPort": 53},
            {"name": "dns", "containerPort": 5353, "protocol": "UDP"}]}]}});
        let service = json!({"spec": {"ports": [{"name": "u", "port": 1, "targetPort": "dns", "protocol": "UDP"},
            {"name": "t", "port": 2, "targetPort": "dns"}, {"name": "none", "port": 3, "targetPort": "missing"},
            {"name": "same", "port": 4}]}});
        let found: Vec<Value> = ports(&service, &pod).iter().map(|port| port["port"].clone()).collect();
        assert_eq!(found, [json!(5353), json!(53), json!(4)]);
    }
}
