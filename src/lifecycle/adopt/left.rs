//! What does not come back, or not as it was.

use crate::names::VirtualName;

/// One thing that is lost, or another than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What.
    pub what: String,
    /// Why, and what can be done.
    pub why: String,
}

impl Left {
    /// Something, and why.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Left { what: what.into(), why: why.into() }
    }
}

/// Where a Service without a selector leads: its addresses were written by hand, and only a copy of them is on the host.
pub(super) fn endpoints(service: &VirtualName) -> Left {
    Left::new(
        format!("Endpoints and EndpointSlices of services {service}"),
        "it has no selector: where it leads stays on the host and works there; inside it leads nowhere until they are applied again",
    )
}

/// What only lives inside: no host carries it.
const INSIDE: [(&str, &str); 5] = [
    (
        "Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs and CronJobs",
        "only their pods are on a host; whoever deploys them again has them take over the pods whose labels fit",
    ),
    (
        "roles and bindings, service accounts that no pod uses",
        "they are nowhere on a host: accounts exist again, and have no rights until these are applied again",
    ),
    (
        "definitions of custom resources and their objects, webhooks, API services",
        "they are nowhere on a host",
    ),
    ("quotas, limits, labels and annotations of namespaces", "they are nowhere on a host"),
    ("ConfigMaps and Secrets that no pod used", "only what is used is on a host"),
];

/// What is told of every adoption.
pub(super) fn always() -> impl Iterator<Item = Left> {
    INSIDE.iter().map(|(what, why)| Left::new(*what, *why))
}
