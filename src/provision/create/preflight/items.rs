//! Objects of the host, as far as creating looks at them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;
use smol_str::SmolStr;

/// Any object.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub metadata: Meta,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    #[serde(default)]
    pub name: SmolStr,
    #[serde(default)]
    pub uid: SmolStr,
    #[serde(default)]
    pub labels: BTreeMap<SmolStr, SmolStr>,
    #[serde(default)]
    pub annotations: BTreeMap<SmolStr, SmolStr>,
    pub deletion_timestamp: Option<String>,
}

/// A Service.
#[derive(Debug, Deserialize)]
pub(crate) struct ServiceNow {
    pub metadata: Meta,
    #[serde(default)]
    spec: ServiceSpec,
    #[serde(default)]
    status: ServiceStatus,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct ServiceSpec {
    #[serde(rename = "type")]
    kind: SmolStr,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Vec<SmolStr>,
    #[serde(rename = "externalIPs")]
    external_ips: Vec<SmolStr>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ServiceStatus {
    load_balancer: LoadBalancer,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct LoadBalancer {
    ingress: Vec<Balanced>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Balanced {
    ip: SmolStr,
    hostname: SmolStr,
}

impl ServiceNow {
    /// Its addresses in the host's network.
    pub fn cluster_addresses(&self) -> Vec<IpAddr> {
        self.spec.cluster_ips.iter().filter_map(|address| address.parse().ok()).collect()
    }

    /// Everything by which it is reached: those, its outer addresses, and what its load balancer is called. None twice.
    pub fn addresses(&self) -> Vec<SmolStr> {
        let balanced = self.status.load_balancer.ingress.iter().flat_map(|one| [&one.ip, &one.hostname]);
        let outer = self.spec.external_ips.iter().chain(balanced).filter(|one| !one.is_empty()).cloned();
        let own = self.cluster_addresses().into_iter().map(|address| smol_str::format_smolstr!("{address}"));
        let mut seen = BTreeSet::new();
        own.chain(outer).filter(|one| seen.insert(one.clone())).collect()
    }

    /// Whether it waits for a load balancer that has no address yet.
    pub fn awaits_balancer(&self) -> bool {
        self.spec.kind == "LoadBalancer" && self.status.load_balancer.ingress.is_empty()
    }
}
