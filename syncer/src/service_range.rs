//! Where both API servers give Services their addresses: the tenant's must be able to give those of the host.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;
use tokio::time::sleep;
use v9s::cluster::{Cluster, Failure, ObjectRef, Resource};
use v9s::provision::service_range::{ServiceRange, find};
use v9s::provision::values::settings::Networking;
use v9s::wire::annotation;

use crate::engine::Engine;
use crate::requests::{self, MERGE_PATCH};

/// How often both are asked again.
const CHECK: Duration = Duration::from_secs(300);

/// Whom to ask.
#[derive(Debug, Clone)]
pub struct Sides {
    /// The virtual cluster.
    pub tenant: Cluster,
    /// Its host.
    pub host: Cluster,
    /// The Service of the virtual cluster, on which is remembered what was found out.
    pub service: ObjectRef,
    /// What is configured for the host; empty when it is to be found out.
    pub configured: ServiceRange,
}

/// What is known of both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    /// Of the virtual API server; empty while it is not known.
    pub tenant: ServiceRange,
    /// Of the host's; empty while it is not known.
    pub host: ServiceRange,
}

#[derive(Deserialize)]
struct Service {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    annotations: BTreeMap<String, SmolStr>,
}

#[derive(Deserialize, Default)]
struct Spec {
    #[serde(rename = "clusterIPs", default)]
    cluster_ips: Vec<SmolStr>,
}

impl Service {
    fn addresses(&self) -> Vec<IpAddr> {
        self.spec.cluster_ips.iter().filter_map(|address| address.parse().ok()).collect()
    }
}

/// What `networking.serviceCIDR` says.
pub fn configured(networking: &Networking) -> ServiceRange {
    ServiceRange { blocks: networking.service_cidr.clone() }
}

/// The range of the host: as configured, else as its API server says it.
///
/// # Errors
/// What the host said instead.
pub async fn of_host(sides: &Sides) -> Result<ServiceRange, Failure> {
    if !sides.configured.blocks.is_empty() {
        return Ok(sides.configured.clone());
    }
    let (host, path) = (&sides.host, sides.service.path());
    let service: Service = requests::get(host, &path).await?;
    let remembered = service.metadata.annotations.get(annotation::SERVICE_CIDR).map(SmolStr::as_str);
    let namespace = sides.service.namespace.as_deref().unwrap_or_default();
    let known = remembered.and_then(ServiceRange::parse);
    let found = find(host, namespace, &service.addresses(), known).await?;
    let text = found.to_string();
    if !text.is_empty() && remembered != Some(text.as_str()) {
        let change = json!({"metadata": {"annotations": {annotation::SERVICE_CIDR: text}}});
        requests::send(host, Method::PATCH, &path, MERGE_PATCH, &change).await?;
    }
    Ok(found)
}

async fn of_tenant(sides: &Sides) -> Result<ServiceRange, Failure> {
    let api = ObjectRef::namespaced(Resource::SERVICES, "default", "kubernetes");
    let known = requests::get::<Service>(&sides.tenant, &api.path()).await.map(|api| api.addresses());
    find(&sides.tenant, "default", &known.unwrap_or_default(), None).await
}

/// Asks both. What cannot be learnt stays unknown, with a word in the log.
pub async fn learn(sides: &Sides) -> Ranges {
    let (tenant, host) = tokio::join!(of_tenant(sides), of_host(sides));
    let known = |range: Result<ServiceRange, Failure>, which: &str| {
        range.unwrap_or_else(|failure| {
            tracing::warn!(%failure, which, "the addresses of Services cannot be found out");
            ServiceRange::default()
        })
    };
    Ranges { tenant: known(tenant, "virtual"), host: known(host, "host") }
}

/// What is wrong with both, and what to do about it.
pub fn trouble(ranges: &Ranges) -> Option<String> {
    let Ranges { tenant, host } = ranges;
    if tenant.blocks.is_empty() || host.blocks.is_empty() {
        return None;
    }
    // Of a family that the tenant does not have no address is asked for.
    let host = host.clone().of_families_in(tenant);
    let lacking = if host.blocks.is_empty() { ranges.host.blocks.clone() } else { tenant.lacks(&host) };
    let lacking = ServiceRange { blocks: lacking };
    (!lacking.blocks.is_empty()).then(|| {
        format!(
            "the virtual API server gives Services addresses of {tenant}, the host of {lacking}: Services whose address \
             on the host is not in the virtual range keep one that leads nowhere; start the virtual API server with \
             --service-cluster-ip-range={}",
            ranges.host.flag()
        )
    })
}

/// Tells the engine what is wrong, now and again.
pub async fn keep_telling(sides: Sides, mut ranges: Ranges, engine: Arc<Engine>) {
    loop {
        let trouble = trouble(&ranges);
        if let Some(trouble) = &trouble {
            tracing::error!(%trouble, "addresses of Services");
        }
        engine.tell("service range", trouble);
        sleep(CHECK).await;
        ranges = learn(&sides).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_range_without_the_hosts_is_told_with_what_to_do() {
        let ranges = |tenant: &str, host: &str| {
            let read = |text: &str| ServiceRange::parse(text).unwrap_or_default();
            Ranges { tenant: read(tenant), host: read(host) }
        };
        for (tenant, host) in [
            ("10.96.0.0/16", "10.96.0.0/16"),
            ("10.96.0.0/12", "10.96.0.0/16"),
            ("10.96.0.0/16", "10.96.0.0/16,fd00:96::/112"),
            ("", "10.96.0.0/16"),
            ("10.96.0.0/16", ""),
        ] {
            assert_eq!(trouble(&ranges(tenant, host)), None, "{tenant} on {host}");
        }
        for (tenant, host, advice) in [
            ("10.96.0.0/16", "10.43.0.0/16", "--service-cluster-ip-range=10.43.0.0/16"),
            ("10.96.0.0/16", "10.96.0.0/12", "--service-cluster-ip-range=10.96.0.0/12"),
            ("fd00:96::/112", "10.96.0.0/12", "--service-cluster-ip-range=10.96.0.0/12"),
        ] {
            let told = trouble(&ranges(tenant, host)).unwrap();
            assert!(told.ends_with(advice), "{told}");
        }
    }
}
