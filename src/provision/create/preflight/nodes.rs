//! Asks the host for its nodes, and for what runs on as few of them as it takes.

use k8s_openapi::api::core::v1::{self as core, PodSpec};
use serde::Deserialize;

use super::amounts::Amounts;
use super::demand::{self, Pods};
use super::room::{self, Node, Placed};
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use crate::known::Known;
use crate::provision::objects::Object;
use crate::wire::annotation;

/// Nodes that are asked for their pods. On a host with more, what is on the others is taken for free.
const ASKED: usize = 32;

#[derive(Deserialize)]
struct OfNode {
    #[serde(default)]
    items: Vec<Running>,
}

#[derive(Deserialize)]
struct Running {
    spec: PodSpec,
}

/// The pods that are still to come.
pub(super) fn waiting(objects: &[Object], missing: &[ObjectRef]) -> Vec<Pods> {
    objects.iter().filter(|object| missing.contains(&object.at)).filter_map(demand::pods).collect()
}

/// The nodes, and what is free on those where pods would go.
pub(super) async fn nodes(cluster: &Cluster, pods: &[Pods]) -> Known<Vec<Node>> {
    let listed: Result<Vec<core::Node>, Failure> = cluster.list(&Resource::NODES, None, None).await;
    let listed = match listed {
        Ok(listed) => listed,
        Err(failure) if failure.kind == FailureKind::Forbidden => {
            return Known::unknown("you may not list nodes");
        }
        Err(failure) => return Known::unknown(format!("nodes cannot be listed: {failure}")),
    };
    let made_up = |node: &core::Node| {
        node.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(annotation::FAKE_NODE))
    };
    if listed.iter().all(made_up) {
        return Known::unknown("the host shows no nodes of its own");
    }
    let mut nodes: Vec<Node> = listed.into_iter().filter(|node| !made_up(node)).map(node).collect();
    for _ in 0..ASKED {
        let Placed::On(on) = room::place(&nodes, pods) else { break };
        let Some(at) = on.into_iter().find(|at| nodes[*at].free.is_none()) else { break };
        match free(cluster, &nodes[at]).await {
            Ok(free) => nodes[at].free = Some(free),
            Err(_) => break,
        }
    }
    Known::Yes(nodes)
}

fn node(node: core::Node) -> Node {
    let (spec, status) = (node.spec.unwrap_or_default(), node.status.unwrap_or_default());
    let ready = status.conditions.iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True");
    Node {
        name: node.metadata.name.unwrap_or_default().into(),
        labels: node.metadata.labels.unwrap_or_default(),
        taints: spec.taints.unwrap_or_default(),
        open: ready && spec.unschedulable != Some(true),
        allocatable: Amounts::of(&status.allocatable.unwrap_or_default()),
        free: None,
    }
}

/// What the pods of a node leave.
async fn free(cluster: &Cluster, node: &Node) -> Result<Amounts, Failure> {
    let fields = format!("spec.nodeName={},status.phase!=Succeeded,status.phase!=Failed", node.name);
    let query = percent_encoding::utf8_percent_encode(&fields, percent_encoding::NON_ALPHANUMERIC);
    let uri = format!("{}?fieldSelector={query}", Resource::PODS.path(None));
    let request = http::Request::get(uri).body(Vec::new());
    let request = request.map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?;
    let running: OfNode = cluster.json(request).await?;
    let mut free = node.allocatable.clone();
    for pod in &running.items {
        let mut asked = demand::of_pod(&pod.spec, &[]).requests;
        asked.fill("pods", 1000);
        free.take(&asked);
    }
    Ok(free)
}
