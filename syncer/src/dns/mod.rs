//! DNS of the virtual cluster: CoreDNS, as a workload of the tenant's own.
//!
//! The leader applies its objects in `kube-system` and looks at them again and again: what is missing comes back, what
//! somebody has changed on purpose stays as it is, field by field ([`Applier`]). Its pods are mirrored as all others, and
//! ask the virtual API server with their own account.

mod corefile;
mod objects;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use v9s::cluster::Cluster;
use v9s::provision::values::Settings;

use crate::applier::Applier;
use crate::engine::Engine;

/// How often the objects are looked at.
const CHECK: Duration = Duration::from_secs(30);
/// The same while one of them cannot be applied.
const RETRY: Duration = Duration::from_secs(2);

/// What is deployed, and how often it is looked at.
#[derive(Debug, Clone)]
pub struct Dns {
    /// The objects, in their order.
    pub objects: Vec<Value>,
    /// Time between two looks.
    pub check: Duration,
}

impl Dns {
    /// What the settings want; none when somebody else sees to it.
    pub fn of(settings: &Settings) -> Option<Dns> {
        let coredns = settings.control_plane.coredns.as_ref()?;
        let own = coredns.manifests.expose();
        let objects = match own.is_empty() {
            true => objects::objects(
                coredns,
                &settings.networking.cluster_domain,
                settings.control_plane.advanced.default_image_registry.as_deref(),
            ),
            false => own.clone(),
        };
        Some(Dns { objects, check: CHECK })
    }
}

/// Keeps DNS deployed until it is stopped.
pub async fn run(dns: Dns, tenant: Cluster, engine: Arc<Engine>, stop: CancellationToken) {
    // Whether it ends by itself is no question: it does not.
    let _ = stop.run_until_cancelled(keep(dns, tenant, engine)).await;
}

async fn keep(dns: Dns, tenant: Cluster, engine: Arc<Engine>) {
    let mut applier = Applier::new(tenant, "DNS of the virtual cluster", dns.objects);
    loop {
        let all_there = engine.suspended().is_some() || applier.look().await.is_none();
        sleep(if all_there { dns.check } else { RETRY.min(dns.check) }).await;
    }
}
