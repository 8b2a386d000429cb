//! `networking`.

use std::fmt;

use super::mapping::{is_dns_label, is_dns_subdomain};
use crate::provision::values::cidr::Cidr;
use crate::provision::values::view::View;

/// Addresses and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networking {
    /// Addresses of pods that the virtual control plane is told; one block, or one of each family.
    pub pod_cidr: Vec<Cidr>,
    /// Addresses of the host's Services; empty when they are to be found out.
    pub service_cidr: Vec<Cidr>,
    /// Services that are known in both clusters.
    pub replicate_services: ReplicateServices,
    /// Domain of the Services of the virtual cluster.
    pub cluster_domain: String,
    /// How kubelets are reached from the virtual cluster.
    pub proxy_kubelets: ProxyKubelets,
}

/// Services that are known in both clusters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplicateServices {
    /// Of the virtual cluster, on the host: the namespace on the host is that of the virtual cluster.
    pub to_host: Vec<ReplicatedService<ServiceRef, String>>,
    /// Of the host, in the virtual cluster: without a namespace it is the virtual cluster's own.
    pub from_host: Vec<ReplicatedService<HostServiceRef, ServiceRef>>,
}

/// A Service of one side and its name on the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicatedService<From, To> {
    /// The Service.
    pub from: From,
    /// What it is on the other side.
    pub to: To,
}

/// A Service by namespace and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRef {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// A Service of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostServiceRef {
    /// Namespace; the virtual cluster's own when None.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

/// By what a kubelet is reached from the virtual cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyKubelets {
    /// Nodes have a host name that leads to the syncer.
    pub by_hostname: bool,
    /// Nodes have an address that leads to the syncer.
    pub by_ip: bool,
}

impl fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Networking {
    pub(super) fn of(view: &View) -> Networking {
        let networking = view.at("networking");
        let cidrs = |view: &View, dotted: &str| -> Vec<Cidr> {
            view.texts(dotted).iter().filter_map(|text| Cidr::parse(text)).collect()
        };
        let (service_cidr, older) = (cidrs(&networking, "serviceCIDR"), cidrs(view, "serviceCIDR"));
        if !older.is_empty() && !service_cidr.is_empty() && older != service_cidr {
            view.contradict(
                "serviceCIDR",
                "the same setting, with another value",
                &networking,
                "serviceCIDR",
            );
        }
        let domain = networking.text("advanced.clusterDomain");
        if !is_dns_subdomain(&domain) {
            networking.complain("advanced.clusterDomain", "expected a domain such as cluster.local");
        }
        Networking {
            pod_cidr: cidrs(&networking, "podCIDR"),
            service_cidr: if service_cidr.is_empty() { older } else { service_cidr },
            replicate_services: ReplicateServices::of(&networking.at("replicateServices")),
            cluster_domain: domain,
            proxy_kubelets: ProxyKubelets {
                by_hostname: networking.flag("advanced.proxyKubelets.byHostname"),
                by_ip: networking.flag("advanced.proxyKubelets.byIP"),
            },
        }
    }
}

impl ReplicateServices {
    fn of(view: &View) -> ReplicateServices {
        let mut to_host: Vec<ReplicatedService<ServiceRef, String>> = Vec::new();
        for item in view.items("toHost") {
            let from = service(&item.text("from"))
                .and_then(|(namespace, name)| namespace.map(|namespace| ServiceRef { namespace, name }));
            let to =
                service(&item.text("to")).filter(|(namespace, _)| namespace.is_none()).map(|(_, name)| name);
            if from.is_none() {
                item.complain("from", "expected NAMESPACE/NAME of a Service in the virtual cluster");
            }
            if to.is_none() {
                item.complain("to", "expected NAME: it is always in the namespace of the virtual cluster");
            }
            if to.as_ref().is_some_and(|to| to_host.iter().any(|other| other.to == *to)) {
                item.complain("to", "given twice: two Services cannot become one");
            }
            to_host.extend(from.zip(to).map(|(from, to)| ReplicatedService { from, to }));
        }
        let mut from_host: Vec<ReplicatedService<HostServiceRef, ServiceRef>> = Vec::new();
        for item in view.items("fromHost") {
            let from =
                service(&item.text("from")).map(|(namespace, name)| HostServiceRef { namespace, name });
            let to = service(&item.text("to"))
                .and_then(|(namespace, name)| namespace.map(|namespace| ServiceRef { namespace, name }));
            if from.is_none() {
                item.complain("from", "expected NAMESPACE/NAME of a Service on the host, or NAME");
            }
            if to.is_none() {
                item.complain("to", "expected NAMESPACE/NAME in the virtual cluster");
            }
            if to.as_ref().is_some_and(|to| from_host.iter().any(|other| other.to == *to)) {
                item.complain("to", "given twice: two Services cannot become one");
            }
            from_host.extend(from.zip(to).map(|(from, to)| ReplicatedService { from, to }));
        }
        ReplicateServices { to_host, from_host }
    }
}

/// `NAMESPACE/NAME` or `NAME`.
fn service(text: &str) -> Option<(Option<String>, String)> {
    let (namespace, name) = match text.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, text),
    };
    (namespace.is_none_or(is_dns_label) && is_dns_label(name))
        .then(|| (namespace.map(str::to_owned), name.to_owned()))
}
