//! What a pod depends on, on the host: who makes it, quotas, nodes, claims.

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, ResourceQuota, Volume};
use k8s_openapi::api::storage::v1::StorageClass;
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::{Gathering, one};
use crate::cluster::{ObjectRef, Resource};
use crate::explain::facts::{Claim, Facts, Workload};
use crate::explain::pod;
use crate::known::Known;
use crate::target::{Kind, Target};
use crate::wire::label;

/// Claims that are looked at, at most.
const CLAIMS: usize = 16;

/// Metadata of a ReplicaSet.
#[derive(Deserialize)]
struct Owned {
    metadata: OwnedMeta,
}

#[derive(Deserialize)]
struct OwnedMeta {
    name: SmolStr,
    uid: SmolStr,
}

impl Gathering<'_> {
    /// Who is to make the pods of a control plane, and what is said of that.
    pub(super) async fn workload(&self, target: &Target) -> Known<Workload> {
        let Some(part) = target.control_plane() else { return Known::unknown("there is no control plane") };
        let mut uids = vec![part.uid.clone()];
        if part.kind == Kind::Deployment {
            let selector = format!("{}={}", label::RELEASE, target.name);
            let sets = self
                .host
                .list_metadata::<Owned>(&Resource::REPLICA_SETS, Some(&target.namespace), Some(&selector))
                .await;
            match sets {
                Ok(sets) => uids.extend(
                    sets.into_iter()
                        .map(|set| set.metadata)
                        .filter(|set| set.name.starts_with(part.name.as_str()))
                        .map(|set| set.uid),
                ),
                Err(failure) => return Known::unknown(format_smolstr!("{failure}")),
            }
        }
        let mut all = Vec::new();
        for uid in uids {
            match self.host.events_of(&target.namespace, &uid).await {
                Ok(events) => all.extend(events),
                Err(error) => return Known::unknown(format_smolstr!("{}", error.failure)),
            }
        }
        Known::Yes(Workload { wanted: part.replicas, events: all })
    }

    /// What a pod that is not well depends on, on the host.
    pub(super) async fn around(&self, facts: &mut Facts, namespace: &str) {
        if pod::is_well(facts) {
            return;
        }
        let Some(pod) = facts.host_pod() else {
            facts.quotas = self.quotas(namespace).await;
            return;
        };
        let (nodes, claims) = tokio::join!(self.nodes(pod), self.claims(pod, namespace));
        (facts.nodes, facts.claims) = (nodes, claims);
    }

    pub(super) async fn quotas(&self, namespace: &str) -> Known<Vec<ResourceQuota>> {
        match self.host.list(&Resource::RESOURCE_QUOTAS, Some(namespace), None).await {
            Ok(all) => Known::Yes(all),
            Err(failure) => Known::unknown(format_smolstr!("{failure}")),
        }
    }

    /// The node that the pod is on, or all of them while it waits for one.
    async fn nodes(&self, pod: &Pod) -> Known<Vec<Node>> {
        if let Some(name) = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) {
            let node = ObjectRef::cluster_scoped(Resource::NODES, name);
            return one::<Node>(self.host, &node).await.map(|node| node.into_iter().collect());
        }
        match self.host.list(&Resource::NODES, None, None).await {
            Ok(all) => Known::Yes(all),
            Err(failure) => Known::unknown(format_smolstr!("{failure}")),
        }
    }

    async fn claims(&self, pod: &Pod, namespace: &str) -> Known<Vec<Claim>> {
        let named = |volume: &Volume| match (&volume.persistent_volume_claim, &volume.ephemeral) {
            (Some(claim), _) => Some(claim.claim_name.clone()),
            (None, Some(_)) => {
                Some(format!("{}-{}", pod.metadata.name.as_deref().unwrap_or_default(), volume.name))
            }
            (None, None) => None,
        };
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let names: Vec<String> = volumes.filter_map(named).take(CLAIMS).collect();
        let all = join_all(names.iter().map(|name| self.claim(namespace, name))).await;
        let mut claims = Vec::new();
        for claim in all {
            match claim {
                Known::Yes(claim) => claims.push(claim),
                Known::No(why) => return Known::No(why),
                Known::NotApplicable => {}
            }
        }
        Known::Yes(claims)
    }

    async fn claim(&self, namespace: &str, name: &str) -> Known<Claim> {
        let object = ObjectRef::namespaced(Resource::PERSISTENT_VOLUME_CLAIMS, namespace, name);
        let claim: Option<PersistentVolumeClaim> = match one(self.host, &object).await {
            Known::Yes(claim) => claim,
            Known::No(why) => return Known::No(why),
            Known::NotApplicable => return Known::NotApplicable,
        };
        let uid = claim.as_ref().and_then(|claim| claim.metadata.uid.clone());
        let events = match uid {
            // Events are a help, and their absence is none.
            Some(uid) => self.host.events_of(namespace, &uid).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let class = claim.as_ref().and_then(|claim| claim.spec.as_ref()?.storage_class_name.clone());
        let provisioner = match class.filter(|class| !class.is_empty()) {
            None => Known::NotApplicable,
            Some(class) => {
                let class = ObjectRef::cluster_scoped(Resource::STORAGE_CLASSES, class);
                one::<StorageClass>(self.host, &class)
                    .await
                    .map(|class| class.map(|class| class.provisioner.into()))
            }
        };
        Known::Yes(Claim { name: name.into(), claim, events, provisioner })
    }
}
