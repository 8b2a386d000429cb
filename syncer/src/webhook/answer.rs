//! What the tenant's Service gets of the host's. Pure.

use std::net::IpAddr;

use serde_json::{Value, json};
use v9s::provision::service_range::ServiceRange;

use super::question::Wanted;
use crate::resources::services::number_of;

/// The addresses that the tenant's API server can take over, the primary one first; none when it can take none. A
/// server of one family takes the first address alone.
pub(super) fn addresses(host_spec: &Value, range: &ServiceRange) -> Vec<String> {
    let list = host_spec["clusterIPs"].as_array().into_iter().flatten();
    let possible = |text: &&str| match text.parse::<IpAddr>() {
        Ok(address) => range.blocks.is_empty() || range.holds(address),
        Err(_) => false,
    };
    list.filter_map(Value::as_str).take_while(possible).map(str::to_owned).collect()
}

/// The changes that give the tenant's Service these addresses, the families and ports of nodes that go with them, and
/// its name where it was made here.
pub(super) fn steps(wanted: &Wanted, host_spec: &Value, addresses: &[String]) -> Vec<Value> {
    let mut steps = Vec::new();
    let mut add = |path: String, value: Value| steps.push(json!({"op": "add", "path": path, "value": value}));
    if wanted.named {
        add("/metadata/name".into(), json!(wanted.asked.key.object.name));
    }
    if let Some(first) = addresses.first() {
        add("/spec/clusterIP".into(), json!(first));
        add("/spec/clusterIPs".into(), json!(addresses));
        let families: Vec<&Value> =
            host_spec["ipFamilies"].as_array().into_iter().flatten().take(addresses.len()).collect();
        add("/spec/ipFamilies".into(), json!(families));
    }
    for (at, port) in wanted.object["spec"]["ports"].as_array().into_iter().flatten().enumerate() {
        if let (None, Some(number)) =
            (port["nodePort"].as_u64().filter(|number| *number > 0), number_of(host_spec, port))
        {
            add(format!("/spec/ports/{at}/nodePort"), json!(number));
        }
    }
    steps
}

/// Whether a refusal of the host is about something that the tenant has asked for itself: an address, a family or a port
/// of nodes. Anything else the tenant's API server judges on its own, in its own words.
pub(super) fn is_about_what_was_asked(wanted: &Wanted, message: &str) -> bool {
    let spec = &wanted.object["spec"];
    let asked = |name: &str| match &spec[name] {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    let numbered =
        spec["ports"].as_array().into_iter().flatten().any(|port| port["nodePort"].as_u64() > Some(0));
    let addressed = asked("clusterIP") || asked("clusterIPs");
    let families = asked("ipFamilies") || asked("ipFamilyPolicy");
    (addressed && message.contains("spec.clusterIP"))
        || (families && (message.contains("spec.ipFamil") || message.contains("spec.clusterIPs")))
        || (numbered && message.contains(".nodePort"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::key::{Key, KindId};
    use crate::resources::services::reserved::Asked;
    use v9s::names::VirtualName;

    fn wanted(spec: Value) -> Wanted {
        let object = json!({"metadata": {"name": "web"}, "spec": spec});
        let lean = serde_json::from_str(&object.to_string()).unwrap();
        let key = Key::new(KindId(0), VirtualName::namespaced("shop", "web"));
        Wanted { asked: Asked { key, object: lean }, object, named: false, new: true }
    }

    fn range(text: &str) -> ServiceRange {
        ServiceRange::parse(text).unwrap()
    }

    #[test]
    fn only_addresses_that_the_tenants_server_takes_are_given() {
        let host = json!({"clusterIPs": ["10.96.0.9", "fd00:96::9"], "ipFamilies": ["IPv4", "IPv6"]});
        for (tenant, expected) in [
            ("10.96.0.0/16,fd00:96::/112", 2),
            ("10.96.0.0/16", 1),
            ("10.0.0.0/8", 1),
            ("10.97.0.0/16", 0),
            ("fd00:96::/112", 0),
        ] {
            assert_eq!(addresses(&host, &range(tenant)).len(), expected, "{tenant}");
        }
        assert_eq!(addresses(&host, &ServiceRange::default()).len(), 2, "not known is not refused");
        assert!(addresses(&json!({"clusterIPs": ["None"]}), &range("10.96.0.0/16")).is_empty());
    }

    #[test]
    fn the_tenant_gets_addresses_families_and_ports_in_its_own_order() {
        let wanted = wanted(json!({"type": "NodePort", "ports": [
            {"port": 81, "protocol": "UDP"}, {"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 80, "protocol": "UDP"}]}));
        let host = json!({"clusterIPs": ["10.96.0.9"], "ipFamilies": ["IPv4", "IPv6"], "ports": [
            {"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 80, "protocol": "UDP", "nodePort": 31001},
            {"port": 81, "protocol": "UDP", "nodePort": 31002}]});
        let steps = steps(&wanted, &host, &["10.96.0.9".into()]);
        let paths: Vec<(&str, &Value)> =
            steps.iter().map(|step| (step["path"].as_str().unwrap(), &step["value"])).collect();
        assert_eq!(
            paths,
            [
                ("/spec/clusterIP", &json!("10.96.0.9")),
                ("/spec/clusterIPs", &json!(["10.96.0.9"])),
                ("/spec/ipFamilies", &json!(["IPv4"])),
                ("/spec/ports/0/nodePort", &json!(31002)),
                ("/spec/ports/2/nodePort", &json!(31001)),
            ]
        );
    }

    #[test]
    fn a_refusal_is_passed_on_only_when_the_tenant_asked_for_what_is_refused() {
        let taken = "Service \"web\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.0.9\"]: failed to allocate IP 10.96.0.9: provided IP is already allocated";
        let port = "Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated";
        let single = "Service \"web\" is invalid: spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services";
        let name = "Service \"web\" is invalid: spec.ports[0].name: Required value";
        let plain = json!({"type": "ClusterIP", "clusterIP": "", "ports": [{"port": 80}]});
        for (spec, message, expected) in [
            (plain.clone(), taken, false),
            (json!({"clusterIP": "10.96.0.9"}), taken, true),
            (json!({"clusterIP": "10.96.0.9"}), name, false),
            (json!({"ports": [{"port": 80, "nodePort": 30080}]}), port, true),
            (plain.clone(), port, false),
            (json!({"ipFamilyPolicy": "RequireDualStack"}), single, true),
            (plain, single, false),
        ] {
            assert_eq!(
                is_about_what_was_asked(&wanted(spec.clone()), message),
                expected,
                "{spec}: {message}"
            );
        }
    }
}
