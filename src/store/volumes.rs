//! How full the volumes of a store are, as the kubelets of its pods tell.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde::Deserialize;
use smol_str::SmolStr;

use super::Store;
use super::open::PodPlace;
use crate::cluster::{Cluster, Failure};
use crate::health::store::Volume;
use crate::known::Known;

/// What a kubelet tells of its pods, as much of it as is needed.
#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    pods: Vec<PodStats>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStats {
    pod_ref: PodName,
    #[serde(default, rename = "volume")]
    volumes: Vec<VolumeStats>,
}

#[derive(Deserialize)]
struct PodName {
    name: SmolStr,
    namespace: SmolStr,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeStats {
    used_bytes: Option<u64>,
    capacity_bytes: Option<u64>,
    pvc_ref: Option<ClaimName>,
}

#[derive(Deserialize)]
struct ClaimName {
    name: SmolStr,
}

impl Store {
    /// Its volumes, by pod and claim. The question does not arise where it is on none that v9s can name.
    pub async fn volumes(&self) -> Known<Vec<Volume>> {
        let Some(cluster) = &self.cluster else { return Known::NotApplicable };
        if self.pods.iter().all(|pod| pod.claims.is_empty()) {
            return Known::NotApplicable;
        }
        let nodes: BTreeSet<&SmolStr> = self
            .pods
            .iter()
            .filter(|pod| !pod.claims.is_empty())
            .filter_map(|pod| pod.node.as_ref())
            .collect();
        let told = join_all(nodes.into_iter().map(|node| summary(cluster, node))).await;
        let mut volumes = Vec::new();
        for summary in told {
            match summary {
                Err(why) => return Known::No(why),
                Ok(summary) => volumes.extend(of_pods(summary, &self.namespace, &self.pods)),
            }
        }
        volumes.sort_by(|a, b| (&a.pod, &a.claim).cmp(&(&b.pod, &b.claim)));
        if volumes.is_empty() {
            Known::unknown("the kubelet tells nothing of its volumes")
        } else {
            Known::Yes(volumes)
        }
    }
}

async fn summary(cluster: &Cluster, node: &str) -> Result<Summary, SmolStr> {
    let what = |failure: Failure| {
        smol_str::format_smolstr!(
            "{}",
            cluster.error(format!("read the volumes of node {node} (get nodes/proxy)"), failure)
        )
    };
    let request = http::Request::get(format!("/api/v1/nodes/{node}/proxy/stats/summary")).body(Vec::new());
    let request = request.map_err(|_| SmolStr::new_static("the name of its node is none"))?;
    cluster.json::<Summary>(request).await.map_err(what)
}

fn of_pods(summary: Summary, namespace: &str, pods: &[PodPlace]) -> Vec<Volume> {
    let mut found = Vec::new();
    for stats in summary.pods.into_iter().filter(|stats| stats.pod_ref.namespace == namespace) {
        let Some(pod) = pods.iter().find(|pod| pod.name == stats.pod_ref.name) else { continue };
        for volume in stats.volumes {
            if let (Some(used), Some(capacity), Some(claim)) =
                (volume.used_bytes, volume.capacity_bytes, volume.pvc_ref)
                && pod.claims.contains(&claim.name)
            {
                found.push(Volume { pod: pod.name.clone(), claim: claim.name, used, capacity });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_claims_of_its_own_pods_are_its_volumes() {
        let volume = |claim: &str| json!({"name": "v", "usedBytes": 7, "capacityBytes": 10, "pvcRef": {"name": claim, "namespace": "team"}});
        let summary = json!({"node": {}, "pods": [
            {"podRef": {"name": "shop-etcd-0", "namespace": "team", "uid": "u"},
             "volume": [volume("data-shop-etcd-0"), volume("backups"), {"name": "empty", "usedBytes": 1, "capacityBytes": 2}]},
            {"podRef": {"name": "shop-etcd-0", "namespace": "other"}, "volume": [volume("data-shop-etcd-0")]},
            {"podRef": {"name": "web", "namespace": "team"}, "volume": [volume("data-shop-etcd-0")]},
            {"podRef": {"name": "bare", "namespace": "team"}},
        ]});
        let pods = [PodPlace {
            name: "shop-etcd-0".into(),
            uid: "u".into(),
            node: Some("n".into()),
            claims: vec!["data-shop-etcd-0".into()],
        }];
        let found = of_pods(serde_json::from_value(summary).unwrap(), "team", &pods);
        let expected =
            Volume { pod: "shop-etcd-0".into(), claim: "data-shop-etcd-0".into(), used: 7, capacity: 10 };
        assert_eq!(found, [expected]);
    }
}
