//! Addresses and node ports of Services.

mod families;
mod ports;
mod ranges;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::super::family::Family;
use crate::controllers::{Key, SERVICES};
use crate::status::{FieldError, Status};
use crate::store::{Operation, Review, Store, is_open};
pub use ranges::Ipv6Range;
pub(crate) use ranges::Ranges;

/// What is taken.
#[derive(Debug)]
pub(crate) struct Addresses {
    ranges: Ranges,
    filled: bool,
    ips: HashMap<IpAddr, Key>,
    ports: HashMap<i64, Key>,
}

impl Addresses {
    pub(crate) fn new(ranges: Ranges) -> Self {
        Addresses { ranges, filled: false, ips: HashMap::new(), ports: HashMap::new() }
    }

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
        self.ports.extend(ports::held(service).map(|port| (port, key.clone())));
    }

    /// Whether a Service other than this one has an address. One that is gone has none: without controllers nobody
    /// gives it back.
    fn has_ip(&self, store: &Store, ip: IpAddr, asking: &Key) -> bool {
        self.ips.get(&ip).is_some_and(|key| {
            key != asking && holds(store, key, |service| ips(service).any(|held| held == ip))
        })
    }

    fn free_ip(&self, store: &Store, family: Family, asking: &Key) -> Option<IpAddr> {
        let span = self.ranges.span(family);
        let start = store.chance().below(span.max(1));
        self.ranges.candidates(family, start).find(|ip| !self.has_ip(store, *ip, asking))
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

fn ips(service: &Value) -> impl Iterator<Item = IpAddr> {
    let list = service["spec"]["clusterIPs"].as_array().into_iter().flatten();
    let single = std::iter::once(&service["spec"]["clusterIP"]);
    list.chain(single).filter_map(|ip| ip.as_str()?.parse().ok())
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn needs_ip(spec: &Value) -> bool {
    text(spec, "type") != "ExternalName"
}

/// The texts of a list.
fn list(spec: &Value, key: &str) -> Vec<String> {
    let all = spec[key].as_array().into_iter().flatten();
    all.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn is_headless(spec: &Value) -> bool {
    text(spec, "clusterIP") == "None"
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
        drop_addresses(old, service);
        ports::drop(old, service);
        drop_with_type(old, service);
    }
    normalize(review.old, service);
    if let Some(old) = review.old {
        keep(old, service);
        ports::keep(old, service);
    }
    let asking = Key::new(review.namespace, review.name);
    let invalid = |problems| Status::invalid("", "Service", review.name, problems);
    families::settle(&taken.ranges, review.old, service).map_err(invalid)?;
    allocate_ips(&taken, store, &asking, review, service)?;
    let mut problems = review.old.map(|old| families::changed(old, service)).unwrap_or_default();
    problems.extend(ports::check(&taken, store, &asking, review.old, service));
    if !problems.is_empty() {
        return Err(invalid(problems));
    }
    ports::allot(&taken, store, &asking, review.old, service)?;
    if !review.options.dry_run {
        taken.claim(service);
    }
    if review.operation == Operation::Update && !needs_ip(&service["spec"]) {
        let Some(spec) = service["spec"].as_object_mut() else { return Ok(()) };
        spec.remove("internalTrafficPolicy");
    }
    Ok(())
}

/// A Service that turns into one without addresses gives them back, unless the update names other ones.
fn drop_addresses(old: &Value, service: &mut Value) {
    if !needs_ip(&old["spec"]) || needs_ip(&service["spec"]) {
        return;
    }
    let same = |key: &str| old["spec"][key] == service["spec"][key] || service["spec"][key].is_null();
    let unchanged: Vec<&str> =
        ["clusterIPs", "ipFamilies", "ipFamilyPolicy"].into_iter().filter(|key| same(key)).collect();
    let Some(spec) = service["spec"].as_object_mut() else { return };
    for key in unchanged {
        spec.remove(key);
        if key == "clusterIPs" {
            spec.remove("clusterIP");
        }
    }
}

/// Older clients know one address, newer ones a list that begins with it: what only one of them says holds for both.
fn normalize(old: Option<&Value>, service: &mut Value) {
    let single = text(&service["spec"], "clusterIP").to_owned();
    let ips = list(&service["spec"], "clusterIPs");
    let Some(old) = old else {
        if !single.is_empty() && ips.is_empty() {
            service["spec"]["clusterIPs"] = json!([single]);
        }
        return;
    };
    let (before, were) = (text(&old["spec"], "clusterIP"), list(&old["spec"], "clusterIPs"));
    if !were.is_empty() && ips.is_empty() && before == single {
        service["spec"]["clusterIPs"] = json!(were);
    }
    if before == single || list(&service["spec"], "clusterIPs") != were {
        return;
    }
    let spec = service["spec"].as_object_mut();
    match (before.is_empty(), single.is_empty()) {
        (false, true) => {
            spec.map(|spec| spec.remove("clusterIPs"));
        }
        _ => {
            spec.map(|spec| spec.insert("clusterIPs".to_owned(), json!([single])));
        }
    }
}

/// An update that does not mention what was allocated keeps it.
fn keep(old: &Value, service: &mut Value) {
    if needs_ip(&service["spec"]) && needs_ip(&old["spec"]) {
        if text(&service["spec"], "clusterIP").is_empty() && !text(&old["spec"], "clusterIP").is_empty() {
            service["spec"]["clusterIP"] = old["spec"]["clusterIP"].clone();
        }
        if list(&service["spec"], "clusterIPs").is_empty() && !list(&old["spec"], "clusterIPs").is_empty() {
            service["spec"]["clusterIPs"] = old["spec"]["clusterIPs"].clone();
        }
    }
}

/// A Service that turns into another type forgets what only the old one has, unless the update says something else of
/// it; what a load balancer has told of it is forgotten in any case.
fn drop_with_type(old: &Value, service: &mut Value) {
    let balanced = |service: &Value| text(&service["spec"], "type") == "LoadBalancer";
    let outside = |service: &Value| is_open(&service["spec"]);
    let left = |has: &dyn Fn(&Value) -> bool| has(old) && !has(service);
    let (no_balancer, inside) = (left(&balanced), left(&outside));
    let of_balancers = ["allocateLoadBalancerNodePorts", "loadBalancerClass"];
    let lost =
        of_balancers.into_iter().filter(|_| no_balancer).chain(inside.then_some("externalTrafficPolicy"));
    let lost: Vec<&str> = lost.filter(|key| old["spec"][key] == service["spec"][key]).collect();
    if let Some(spec) = service["spec"].as_object_mut() {
        spec.retain(|key, _| !lost.contains(&key.as_str()));
    }
    if !balanced(service) {
        service["status"]["loadBalancer"] = json!({});
    }
}

/// Gives a Service an address of each of its families that it has none of yet.
fn allocate_ips(
    taken: &Addresses,
    store: &Store,
    asking: &Key,
    review: &Review<'_>,
    service: &mut Value,
) -> Result<(), Status> {
    let old = review.old.map(|old| &old["spec"]).filter(|spec| needs_ip(spec));
    let had = old.map(|spec| list(spec, "clusterIPs")).unwrap_or_default();
    let headless = is_headless(&service["spec"]) || old.is_some_and(is_headless);
    if !needs_ip(&service["spec"]) || headless || families::is_settled(review.old, service) {
        return Ok(());
    }
    let mut ips = list(&service["spec"], "clusterIPs");
    let named = json!(ips).to_string();
    for (index, family) in list(&service["spec"], "ipFamilies").iter().enumerate() {
        let Some(family) = Family::named(family) else { continue };
        match ips.get(index).cloned() {
            // What it has it keeps; that it may not change is said elsewhere.
            Some(_) if index < had.len() => {}
            Some(ip) => {
                if let Some(why) = unavailable(taken, store, asking, &ip) {
                    let why = format!("failed to allocate IP {ip}: {why}");
                    let error = FieldError::invalid("spec.clusterIPs", &named, &why);
                    return Err(Status::invalid("", "Service", review.name, vec![error]));
                }
            }
            None => {
                let ip = taken.free_ip(store, family, asking).ok_or_else(|| full("serviceIP"))?;
                ips.push(ip.to_string());
            }
        }
    }
    if let Some(first) = ips.first() {
        service["spec"]["clusterIP"] = json!(first);
        service["spec"]["clusterIPs"] = json!(ips);
    }
    Ok(())
}

/// Why an address cannot be had; None when it can.
fn unavailable(taken: &Addresses, store: &Store, asking: &Key, ip: &str) -> Option<String> {
    let address: IpAddr = ip.parse().ok()?;
    if !taken.ranges.hold(address) {
        return Some("the provided network does not match the current range".to_owned());
    }
    taken.has_ip(store, address, asking).then(|| "provided IP is already allocated".to_owned())
}

fn full(what: &str) -> Status {
    let message = format!("Internal error occurred: failed to allocate a {what}: range is full");
    Status::new(500, "InternalError", message)
}
