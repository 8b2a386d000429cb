//! What a virtual cluster begins with: the objects of `experimental.deploy.vcluster.manifests`, and the groups that may do
//! everything in it (`v9s.access.admins`).
//!
//! The leader applies them once each time it starts, in their order, and tries again until all are there: one may need what
//! another defines. From then on they are the tenant's, who may change them and take them away. What somebody else has changed
//! stays as it is when they are applied again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use v9s::cluster::Cluster;
use v9s::provision::values::Settings;

use crate::applier::Applier;
use crate::engine::Engine;

/// Between two tries.
const RETRY: Duration = Duration::from_secs(2);
/// The part of the companion that tells of trouble with them.
const PART: &str = "manifests";
/// Name of the binding of the groups that may do everything.
const ADMINS: &str = "v9s:admins";

/// The objects, in their order.
pub fn objects(settings: &Settings) -> Vec<Value> {
    let groups = &settings.access.admins;
    let binding = (!groups.is_empty()).then(|| admins(groups));
    binding.into_iter().chain(settings.manifests.expose().iter().cloned()).collect()
}

fn admins(groups: &[String]) -> Value {
    const API: &str = "rbac.authorization.k8s.io";
    let subjects: Vec<Value> =
        groups.iter().map(|group| json!({"kind": "Group", "name": group, "apiGroup": API})).collect();
    json!({
        "apiVersion": format!("{API}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": ADMINS},
        "roleRef": {"apiGroup": API, "kind": "ClusterRole", "name": "cluster-admin"}, "subjects": subjects,
    })
}

/// Applies them, unless it is stopped before.
pub async fn run(objects: Vec<Value>, tenant: Cluster, engine: Arc<Engine>, stop: CancellationToken) {
    // Whether all are there by then is told while it is not so.
    let _ = stop.run_until_cancelled(apply(objects, tenant, engine)).await;
}

async fn apply(objects: Vec<Value>, tenant: Cluster, engine: Arc<Engine>) {
    let mut applier = Applier::new(tenant, "manifests of the virtual cluster", objects);
    loop {
        if engine.suspended().is_none() {
            let trouble = applier.look().await;
            let done = trouble.is_none();
            engine.tell(PART, trouble);
            if done {
                return;
            }
        }
        sleep(RETRY).await;
    }
}
