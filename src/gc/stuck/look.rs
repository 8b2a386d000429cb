//! Asks the host about what is going and does not go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Deserialize;
use smol_str::SmolStr;

use super::super::claim::Claim;
use super::super::world::{Whose, World};
use super::spaces::{Condition, stuck_space};
use super::{Around, Node, Stuck, is_late, stuck};
use crate::cluster::{Cluster, FailureKind, ObjectRef, Resource};

/// How many of those that do not go are looked into.
const LOOKED_INTO: usize = 100;

/// What is late, and why: objects that claim to belong to virtual clusters, and the namespaces that hold them.
pub(crate) async fn stuck_ones(
    host: &Cluster,
    claims: &[(Claim, Instant)],
    world: &World,
    late: Duration,
) -> Vec<Stuck> {
    let mut found = spaces(host, claims, world, late).await;
    let claims = claims.iter().map(|(claim, _)| claim);
    let slow = claims.filter(|claim| claim.going.is_some_and(|going| is_late(going, world.now, late)));
    let mut nodes: BTreeMap<SmolStr, Node> = BTreeMap::new();
    for claim in slow.take(LOOKED_INTO) {
        let node = match &claim.holds.node {
            None => Node::Unknown,
            Some(name) => match nodes.get(name) {
                Some(node) => *node,
                None => *nodes.entry(name.clone()).or_insert(node(host, name).await),
            },
        };
        let around = Around { node, users: users(host, claim).await };
        found.extend(stuck(claim, world, &around, late));
    }
    found
}

#[derive(Deserialize)]
struct Conditioned {
    #[serde(default)]
    status: Conditions,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Conditions {
    conditions: Vec<Condition>,
}

/// Namespaces that hold something of a virtual cluster.
async fn spaces(host: &Cluster, claims: &[(Claim, Instant)], world: &World, late: Duration) -> Vec<Stuck> {
    let holds = |name: &SmolStr| {
        world.satellites.contains_key(name)
            || world.vclusters.keys().any(|place| place.namespace == *name)
            || claims.iter().any(|(claim, _)| {
                claim.object.namespace.as_ref() == Some(name) && world.whose(claim) != Whose::Nobody
            })
    };
    let slow = world.going.iter().filter(|(name, going)| is_late(**going, world.now, late) && holds(name));
    let mut found = Vec::new();
    for (name, going) in slow.take(LOOKED_INTO) {
        let object = ObjectRef::cluster_scoped(Resource::NAMESPACES, name.clone());
        // What it does not tell is told as not known: it is late in any case.
        let conditions = host.get::<Conditioned>(&object).await.map(|it| it.status.conditions);
        found.extend(stuck_space(name, *going, world.now, &conditions.unwrap_or_default(), late));
    }
    found
}

async fn node(host: &Cluster, name: &SmolStr) -> Node {
    let object = ObjectRef::cluster_scoped(Resource::NODES, name.clone());
    match host.get::<Conditioned>(&object).await {
        Ok(node) => match node.status.conditions.iter().find(|condition| condition.r#type == "Ready") {
            Some(ready) if ready.status == "True" => Node::Ready,
            Some(_) => Node::Silent,
            None => Node::Unknown,
        },
        Err(failure) if failure.kind == FailureKind::NotFound => Node::Gone,
        Err(_) => Node::Unknown,
    }
}

#[derive(Deserialize)]
struct Pod {
    metadata: Named,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Deserialize)]
struct Named {
    name: SmolStr,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodSpec {
    volumes: Vec<Volume>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Volume {
    persistent_volume_claim: Option<ClaimSource>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ClaimSource {
    claim_name: SmolStr,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodStatus {
    phase: SmolStr,
}

#[derive(Deserialize)]
struct Bound {
    #[serde(default)]
    spec: BoundSpec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct BoundSpec {
    claim_ref: Option<ClaimRef>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClaimRef {
    namespace: SmolStr,
    name: SmolStr,
}

/// What uses a claim or a volume; nothing of any other kind, and nothing where that may not be looked at.
async fn users(host: &Cluster, claim: &Claim) -> Vec<ObjectRef> {
    let object = &claim.object;
    if object.resource == Resource::PERSISTENT_VOLUMES {
        let bound = host.get::<Bound>(object).await.ok().and_then(|volume| volume.spec.claim_ref);
        let claims = bound.into_iter();
        return claims
            .map(|it| ObjectRef::namespaced(Resource::PERSISTENT_VOLUME_CLAIMS, it.namespace, it.name))
            .collect();
    }
    let (true, Some(namespace)) = (object.resource == Resource::PERSISTENT_VOLUME_CLAIMS, &object.namespace)
    else {
        return Vec::new();
    };
    let pods: Vec<Pod> = host.list(&Resource::PODS, Some(namespace), None).await.unwrap_or_default();
    let uses = |pod: &Pod| {
        let ended = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        let claims = pod.spec.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref());
        !ended && claims.map(|it| &it.claim_name).any(|name| *name == object.name)
    };
    let names: BTreeSet<SmolStr> = pods.into_iter().filter(uses).map(|pod| pod.metadata.name).collect();
    names.into_iter().map(|name| ObjectRef::namespaced(Resource::PODS, namespace.clone(), name)).collect()
}
