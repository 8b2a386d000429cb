//! What is looked at before a probe.

use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

use super::ProbeError;
use crate::cluster::access::Asked;
use crate::cluster::{Cluster, ReadError, Resource};
use crate::health::Isolation;
use crate::health::isolation::{Policy, Spec, Way};
use crate::known::Known;
use crate::target::{Placement, Target};
use crate::wire::SYNCER_CONTAINER;

/// One of the two tenants.
#[derive(Debug, Clone)]
pub struct Side {
    /// Its virtual cluster.
    pub target: Target,
    /// Image of its own companion, and when that is pulled; none where somebody else's syncer mirrors it.
    pub(super) companion: Option<(String, Value)>,
    /// What pods of its control plane need to run where they do.
    pub(super) placement: Placement,
    /// What policies of its namespace let in.
    pub ingress: Known<Way>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Who calls.
    pub from: Side,
    /// Who is called.
    pub to: Side,
    /// What it takes and may not be done.
    pub not_allowed: Vec<Asked>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Meta {
    name: SmolStr,
}

/// Looks at both, on their one host.
///
/// # Errors
/// When the host does not say.
pub async fn look(cluster: &Cluster, from: Target, to: Target) -> Result<Found, ProbeError> {
    let asked = [&from, &to].into_iter().flat_map(needed).collect();
    let not_allowed =
        cluster.not_allowed(asked).await.map_err(|failure| cluster.error("ask what may be done", failure))?;
    Ok(Found { from: side(cluster, from).await?, to: side(cluster, to).await?, not_allowed })
}

fn needed(target: &Target) -> Vec<Asked> {
    let asked = [
        ("create", Resource::JOBS),
        ("patch", Resource::JOBS),
        ("delete", Resource::JOBS),
        ("list", Resource::PODS),
    ];
    let here = |(verb, resource)| Asked { verb, resource, namespace: Some(target.namespace.clone()) };
    asked.map(here).into()
}

async fn side(cluster: &Cluster, target: Target) -> Result<Side, ReadError> {
    let workload = match target.control_plane() {
        Some(plane) => {
            let object = plane.object();
            let read = cluster.get::<Value>(&object).await;
            read.map_err(|failure| cluster.error(format!("read {object}"), failure))?
        }
        None => Value::Null,
    };
    Ok(Side {
        companion: target.is_ours().then(|| companion(&workload)).flatten(),
        placement: Placement::of(&workload),
        ingress: ingress(cluster, &target).await,
        target,
    })
}

fn companion(workload: &Value) -> Option<(String, Value)> {
    let containers = workload["spec"]["template"]["spec"]["containers"].as_array()?;
    let syncer = containers.iter().find(|container| container["name"] == SYNCER_CONTAINER)?;
    Some((syncer["image"].as_str()?.to_owned(), syncer["imagePullPolicy"].clone()))
}

/// It only helps to understand a verdict: what cannot be read is not needed.
async fn ingress(cluster: &Cluster, target: &Target) -> Known<Way> {
    match cluster.list::<Object>(&Resource::NETWORK_POLICIES, Some(&target.namespace), None).await {
        Ok(found) => {
            let policies: Vec<Policy> =
                found.into_iter().map(|object| Policy::of(object.metadata.name, &object.spec)).collect();
            Known::Yes(Isolation::of(&target.name, &policies).ingress)
        }
        Err(failure) => Known::No(smol_str::format_smolstr!("{failure}")),
    }
}

impl Side {
    /// The image of its pods, where none is named.
    pub fn image(&self) -> String {
        match &self.companion {
            Some((image, _)) => image.clone(),
            None => format!("v9s-syncer:{}", env!("CARGO_PKG_VERSION")),
        }
    }
}
