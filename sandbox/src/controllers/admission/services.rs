//! Addresses and node ports of Services.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::controllers::{Key, SERVICES};
use crate::status::{FieldError, Status};
use crate::store::{Operation, Review, Store};

/// 10.96.0.0/16.
const NETWORK: u32 = 0x0a60_0000;
const SIZE: u32 = 0x1_0000;
const RANGE: &str = "10.96.0.0/16";
/// The first few are for those who want a certain one, such as DNS.
const RESERVED: u32 = 256;
const FIRST_PORT: i64 = 30_000;
const LAST_PORT: i64 = 32_767;

/// What is taken.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    filled: bool,
    ips: HashMap<Ipv4Addr, Key>,
    ports: HashMap<i64, Key>,
}

impl Addresses {
    /// Learns what the Services that are there have taken.
    fn fill(&mut self, store: &Store) {
        if !self.filled {
            self.filled = true;
            for service in store.all(&SERVICES, None) {
                self.claim(&service.value());
            }
        }
    }

    /// Notes what a Service has.
    pub(crate) fn claim(&mut self, service: &Value) {
        let key = key_of(service);
        self.ips.extend(ips(service).map(|ip| (ip, key.clone())));
        self.ports.extend(ports(service).map(|port| (port, key.clone())));
    }

    /// Whether a Service other than this one has an address. One that is gone has none: without controllers nobody
    /// gives it back.
    fn has_ip(&self, store: &Store, ip: Ipv4Addr, asking: &Key) -> bool {
        self.ips.get(&ip).is_some_and(|key| {
            key != asking && holds(store, key, |service| ips(service).any(|held| held == ip))
        })
    }

    fn has_port(&self, store: &Store, port: i64, asking: &Key) -> bool {
        self.ports.get(&port).is_some_and(|key| {
            key != asking && holds(store, key, |service| ports(service).any(|held| held == port))
        })
    }

    fn free_ip(&self, store: &Store, asking: &Key) -> Option<Ipv4Addr> {
        let chance = store.chance();
        let span = SIZE - RESERVED - 1;
        let start = u32::try_from(chance.below(span as usize)).unwrap_or(0);
        let candidates = (0..span).map(|step| Ipv4Addr::from(NETWORK + RESERVED + (start + step) % span));
        candidates.into_iter().find(|ip| !self.has_ip(store, *ip, asking))
    }

    fn free_port(&self, store: &Store, asking: &Key, mine: &HashSet<i64>) -> Option<i64> {
        let chance = store.chance();
        let span = LAST_PORT - FIRST_PORT + 1;
        let start = i64::try_from(chance.below(span as usize)).unwrap_or(0);
        let mut candidates = (0..span).map(|step| FIRST_PORT + (start + step) % span);
        candidates.find(|port| !mine.contains(port) && !self.has_port(store, *port, asking))
    }
}

fn key_of(service: &Value) -> Key {
    let metadata = &service["metadata"];
    Key::new(text(metadata, "namespace"), text(metadata, "name"))
}

/// Whether a Service is there and has something.
fn holds(store: &Store, key: &Key, has: impl Fn(&Value) -> bool) -> bool {
    store.find(&SERVICES, key.namespace(), &key.name).is_some_and(|service| has(&service.value()))
}

fn ips(service: &Value) -> impl Iterator<Item = Ipv4Addr> {
    let list = service["spec"]["clusterIPs"].as_array().into_iter().flatten();
    let single = std::iter::once(&service["spec"]["clusterIP"]);
    list.chain(single).filter_map(|ip| ip.as_str()?.parse().ok())
}

fn ports(service: &Value) -> impl Iterator<Item = i64> {
    let list = service["spec"]["ports"].as_array().into_iter().flatten();
    list.filter_map(|port| port["nodePort"].as_i64()).filter(|port| *port > 0)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn needs_ip(spec: &Value) -> bool {
    text(spec, "type") != "ExternalName"
}

fn needs_ports(spec: &Value) -> bool {
    match text(spec, "type") {
        "NodePort" => true,
        "LoadBalancer" => spec["allocateLoadBalancerNodePorts"] != false,
        _ => false,
    }
}

pub(super) fn admit(
    addresses: &Mutex<Addresses>,
    store: &Store,
    review: &Review<'_>,
    service: &mut Value,
) -> Result<(), Status> {
    let mut taken = addresses.lock().unwrap_or_else(PoisonError::into_inner);
    taken.fill(store);
    if let Some(old) = review.old {
        keep(old, service);
        drop_node_ports(old, service);
        drop_traffic_policy(old, service);
    }
    let asking = Key::new(review.namespace, review.name);
    let problems = check(&taken, store, &asking, review.old, service);
    if !problems.is_empty() {
        return Err(Status::invalid("", "Service", review.name, problems));
    }
    allocate(&taken, store, &asking, service)?;
    if !review.options.dry_run {
        taken.claim(service);
    }
    if review.operation == Operation::Update && !needs_ip(&service["spec"]) {
        let Some(spec) = service["spec"].as_object_mut() else { return Ok(()) };
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
            spec.remove(key);
        }
    }
    Ok(())
}

/// An update that does not mention what was allocated keeps it.
fn keep(old: &Value, service: &mut Value) {
    if !needs_ip(&service["spec"]) || !needs_ip(&old["spec"]) {
        return;
    }
    for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let absent = match &service["spec"][key] {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        if absent && let Some(value) = old["spec"].get(key) {
            service["spec"][key] = value.clone();
        }
    }
    if !needs_ports(&service["spec"]) || !needs_ports(&old["spec"]) {
        return;
    }
    let old_ports = old["spec"]["ports"].as_array().cloned().unwrap_or_default();
    for port in service["spec"]["ports"].as_array_mut().into_iter().flatten() {
        let protocol = |port: &Value| port["protocol"].as_str().unwrap_or("TCP").to_owned();
        let same = |old: &&Value| old["port"] == port["port"] && protocol(old) == protocol(port);
        if port["nodePort"].as_i64().unwrap_or(0) == 0
            && let Some(old) = old_ports.iter().find(same).and_then(|old| old["nodePort"].as_i64())
        {
            port["nodePort"] = json!(old);
        }
    }
}

/// A Service that turns into a type that nobody reaches from outside forgets how traffic from there is routed, unless
/// the update says something else.
fn drop_traffic_policy(old: &Value, service: &mut Value) {
    const POLICY: &str = "externalTrafficPolicy";
    let outside =
        |service: &Value| matches!(service["spec"]["type"].as_str(), Some("NodePort" | "LoadBalancer"));
    let unchanged = old["spec"][POLICY] == service["spec"][POLICY];
    if outside(old)
        && !outside(service)
        && unchanged
        && let Some(spec) = service["spec"].as_object_mut()
    {
        spec.remove(POLICY);
    }
}

/// A Service that turns into a type without node ports gives them back, unless the update names other ones.
fn drop_node_ports(old: &Value, service: &mut Value) {
    let unchanged = ports(old).eq(ports(service));
    if needs_ports(&old["spec"]) && !needs_ports(&service["spec"]) && unchanged {
        for port in service["spec"]["ports"].as_array_mut().into_iter().flatten() {
            if let Some(port) = port.as_object_mut() {
                port.remove("nodePort");
            }
        }
    }
}

/// What a Service wants that cannot be had.
fn check(
    taken: &Addresses,
    store: &Store,
    asking: &Key,
    old: Option<&Value>,
    service: &Value,
) -> Vec<FieldError> {
    let spec = &service["spec"];
    let mut problems = Vec::new();
    let wanted = text(spec, "clusterIP");
    let before = old.filter(|old| needs_ip(&old["spec"])).map(|old| text(&old["spec"], "clusterIP"));
    if let Some(before) = before.filter(|before| needs_ip(spec) && !before.is_empty() && *before != wanted) {
        let shown = format!("[{before:?}]").replace(before, wanted);
        problems.push(FieldError::invalid("spec.clusterIPs[0]", shown, "may not change once set"));
    } else if before != Some(wanted)
        && let Ok(ip) = wanted.parse::<Ipv4Addr>()
    {
        let number = u32::from(ip);
        let shown = format!("[{wanted:?}]");
        if !(NETWORK..NETWORK + SIZE).contains(&number) {
            let why = format!(
                "failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {RANGE}"
            );
            problems.push(FieldError::invalid("spec.clusterIPs", shown, &why));
        } else if taken.has_ip(store, ip, asking) {
            let why = format!("failed to allocate IP {wanted}: provided IP is already allocated");
            problems.push(FieldError::invalid("spec.clusterIPs", shown, &why));
        }
    }
    problems.extend(families(spec));
    let had: Vec<i64> = old.map(|old| ports(old).collect()).unwrap_or_default();
    for (index, port) in spec["ports"].as_array().into_iter().flatten().enumerate() {
        let Some(number) = port["nodePort"].as_i64().filter(|number| *number > 0) else { continue };
        let field = format!("spec.ports[{index}].nodePort");
        if !(FIRST_PORT..=LAST_PORT).contains(&number) {
            let why = format!(
                "provided port is not in the valid range. The range of valid ports is {FIRST_PORT}-{LAST_PORT}"
            );
            problems.push(FieldError::invalid(field, number, &why));
        } else if taken.has_port(store, number, asking) && !had.contains(&number) {
            problems.push(FieldError::invalid(field, number, "provided port is already allocated"));
        }
    }
    problems
}

/// Families of addresses that a Service wants and this host, which has IPv4 alone, cannot give.
fn families(spec: &Value) -> Vec<FieldError> {
    let selects = spec["selector"].as_object().is_some_and(|selector| !selector.is_empty());
    // Whoever needs no address may say what it likes.
    if !needs_ip(spec) || text(spec, "clusterIP") == "None" && !selects {
        return Vec::new();
    }
    let mut problems = Vec::new();
    if text(spec, "ipFamilyPolicy") == "RequireDualStack" {
        let why = "this cluster is not configured for dual-stack services";
        problems.push(FieldError::invalid("spec.ipFamilyPolicy", "\"RequireDualStack\"", why));
    }
    for (index, family) in spec["ipFamilies"].as_array().into_iter().flatten().enumerate() {
        if family != "IPv4" {
            let field = format!("spec.ipFamilies[{index}]");
            problems.push(FieldError::invalid(field, family, "not configured on this cluster"));
        }
    }
    problems
}

fn allocate(taken: &Addresses, store: &Store, asking: &Key, service: &mut Value) -> Result<(), Status> {
    let full = |what: &str| {
        Status::new(
            500,
            "InternalError",
            format!("Internal error occurred: failed to allocate a {what}: range is full"),
        )
    };
    let spec = &mut service["spec"];
    if !needs_ip(spec) {
        return Ok(());
    }
    if text(spec, "clusterIP").is_empty() {
        let first = spec["clusterIPs"][0].as_str().filter(|ip| !ip.is_empty()).map(str::to_owned);
        let ip = match first {
            Some(ip) => ip,
            None => taken.free_ip(store, asking).ok_or_else(|| full("serviceIP"))?.to_string(),
        };
        spec["clusterIP"] = json!(ip);
    }
    if spec["clusterIPs"].as_array().is_none_or(Vec::is_empty) {
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
    }
    let everywhere =
        spec["clusterIP"] == "None" && spec["selector"].as_object().is_none_or(serde_json::Map::is_empty);
    if spec["ipFamilies"].as_array().is_none_or(Vec::is_empty) {
        spec["ipFamilies"] = if everywhere { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) };
    }
    if text(spec, "ipFamilyPolicy").is_empty() {
        spec["ipFamilyPolicy"] = json!(if everywhere { "RequireDualStack" } else { "SingleStack" });
    }
    if !needs_ports(spec) {
        return Ok(());
    }
    let mut mine: HashSet<i64> = HashSet::new();
    for port in spec["ports"].as_array_mut().into_iter().flatten() {
        if port["nodePort"].as_i64().unwrap_or(0) == 0 {
            let free = taken.free_port(store, asking, &mine).ok_or_else(|| full("nodePort"))?;
            mine.insert(free);
            port["nodePort"] = json!(free);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::host;

    fn service(name: &str, spec: Value) -> Value {
        json!({"metadata": {"name": name}, "spec": spec})
    }

    #[test]
    fn services_get_an_address_of_their_own() {
        let mut host = host();
        let spec = || json!({"ports": [{"port": 80}], "selector": {"app": "web"}});
        let one = host.create("svc", service("a", spec()));
        let other = host.create("svc", service("b", spec()));
        let ip = |service: &Value| text(&service["spec"], "clusterIP").to_owned();
        assert!(ip(&one).starts_with("10.96."));
        assert_ne!(ip(&one), ip(&other));
        assert_eq!(one["spec"]["clusterIPs"][0], one["spec"]["clusterIP"]);
        assert_eq!(
            (&one["spec"]["ipFamilies"], &one["spec"]["ipFamilyPolicy"]),
            (&json!(["IPv4"]), &json!("SingleStack"))
        );
    }

    #[test]
    fn what_a_service_gets_depends_on_its_type() {
        let mut host = host();
        let node = host.create(
            "svc",
            service(
                "a",
                json!({"type": "NodePort", "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}),
            ),
        );
        let ports: HashSet<i64> = ports(&node).collect();
        assert_eq!(ports.len(), 2);
        assert!(ports.iter().all(|port| (FIRST_PORT..=LAST_PORT).contains(port)));
        let headless = host.create("svc", service("b", json!({"clusterIP": "None", "selector": {"a": "b"}})));
        assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
        let external = host
            .create("svc", service("c", json!({"type": "ExternalName", "externalName": "x.example.org"})));
        assert!(external["spec"].get("clusterIP").is_none());
    }

    #[test]
    fn an_update_keeps_what_was_allocated_and_cannot_change_it() {
        let mut host = host();
        let before = host.create("svc", service("a", json!({"type": "NodePort", "ports": [{"port": 80}]})));
        host.update("svc", "a", |service| {
            service["spec"] = json!({"type": "NodePort", "ports": [{"port": 80, "name": "web"}]})
        });
        let after = host.find("svc", "a").expect("service");
        assert_eq!(after["spec"]["clusterIP"], before["spec"]["clusterIP"]);
        assert_eq!(after["spec"]["ports"][0]["nodePort"], before["spec"]["ports"][0]["nodePort"]);
        let refusal = host
            .try_update("svc", "a", |service| service["spec"]["clusterIP"] = json!("10.96.7.7"))
            .expect_err("refused");
        assert_eq!(refusal.code, 422);
        assert!(refusal.message.contains("may not change once set"), "{}", refusal.message);
    }

    #[test]
    fn what_is_taken_is_refused_and_comes_back_when_its_service_goes() {
        let mut host = host();
        let wish = || json!({"clusterIP": "10.96.0.10", "type": "NodePort", "ports": [{"port": 53, "nodePort": 30053}]});
        host.create("svc", service("a", wish()));
        let refusal = host.try_create_in("default", "svc", service("b", wish())).expect_err("refused");
        assert!(
            refusal.message.contains("failed to allocate IP 10.96.0.10: provided IP is already allocated"),
            "{}",
            refusal.message
        );
        assert!(
            refusal
                .message
                .contains("spec.ports[0].nodePort: Invalid value: 30053: provided port is already allocated")
        );
        host.settle();
        host.delete("svc", "a");
        host.settle();
        host.create("svc", service("b", wish()));
        let outside = host
            .try_create_in("default", "svc", service("c", json!({"clusterIP": "192.168.0.1"})))
            .expect_err("refused");
        assert!(outside.message.contains("The range of valid IPs is 10.96.0.0/16"), "{}", outside.message);
    }
}
