//! What becomes of what a virtual cluster stores when its pods end.
//!
//! A store in a folder of a pod (`emptyDir`, or the container's own) goes with the pod. That is meant for clusters of one run of
//! tests, and is a surprise to everybody else: stopping or replacing those pods is asked for in other words than usual.

use smol_str::{SmolStr, format_smolstr};

use crate::cluster::Cluster;
use crate::fleet::config;
use crate::fleet::model::Store;
use crate::target::{Part, Target};
use crate::wire::App;

/// Where it is when no pod runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Memory {
    /// On volumes, or with somebody else.
    Kept,
    /// Nowhere: it goes with the pods of these workloads.
    Lost(Vec<SmolStr>),
    /// No volume is seen, and the configuration that could say more cannot be read.
    Unknown(SmolStr),
}

/// Looks where the virtual cluster stores what it stores.
pub async fn look(cluster: &Cluster, target: &Target) -> Memory {
    if of_parts(target) == Memory::Kept {
        return Memory::Kept;
    }
    let store = match cluster.vcluster_config(&target.namespace, &target.name).await {
        Ok(text) => {
            config::read(text.as_bytes()).map(|settings| settings.store).ok_or("it is not YAML".into())
        }
        Err(error) => Err(format_smolstr!("{error}")),
    };
    judge(target, store)
}

/// The workloads that hold the store, where it is one of their pods': a deployed etcd before the control plane.
fn holders(target: &Target) -> impl Iterator<Item = &Part> {
    let etcd = target.parts.iter().any(|part| part.app == App::Etcd);
    target.parts.iter().filter(move |part| (part.app == App::Etcd) == etcd)
}

fn of_parts(target: &Target) -> Memory {
    let lost: Vec<SmolStr> = holders(target)
        .filter(|part| !part.durable)
        .map(|part| format_smolstr!("{}", part.object()))
        .collect();
    if lost.is_empty() { Memory::Kept } else { Memory::Lost(lost) }
}

fn judge(target: &Target, store: Result<Store, SmolStr>) -> Memory {
    match (of_parts(target), store) {
        (Memory::Lost(_), Ok(Store::ExternalEtcd | Store::ExternalDatabase)) => Memory::Kept,
        (Memory::Lost(_), Err(why)) => Memory::Unknown(why),
        (memory, _) => memory,
    }
}

impl Memory {
    /// What is lost when all pods of these workloads end, and why, as the end of "it would lose"; None when nothing is.
    pub(super) fn lost_with<'p>(&self, ending: impl Iterator<Item = &'p Part>) -> Option<String> {
        let ending: Vec<SmolStr> = ending.map(|part| format_smolstr!("{}", part.object())).collect();
        match self {
            _ if ending.is_empty() => None,
            Memory::Lost(parts) if parts.iter().any(|part| ending.contains(part)) => {
                Some(format!("every object in it: {} stores in its pods, without a volume", parts.join(", ")))
            }
            Memory::Unknown(why) => Some(format!(
                "perhaps every object in it: no volume is seen, and it is not known where it stores ({why})"
            )),
            Memory::Kept | Memory::Lost(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::tests::{alone, etcd, plane};

    #[test]
    fn a_store_is_kept_by_a_volume_or_by_somebody_else() {
        let bare = |part: Part| Part { durable: false, ..part };
        let lost = |parts: &[&str]| Memory::Lost(parts.iter().map(|part| (*part).into()).collect());
        let (inside, outside) = (Ok(Store::EmbeddedDatabase), Ok(Store::ExternalDatabase));
        for (case, parts, store, expected) in [
            ("a volume", vec![plane(1)], inside.clone(), Memory::Kept),
            (
                "a volume, and nobody says what it is for",
                vec![plane(1)],
                Err("forbidden".into()),
                Memory::Kept,
            ),
            ("none", vec![bare(plane(1))], inside, lost(&["StatefulSet team/shop"])),
            ("none, and a database elsewhere", vec![bare(plane(1))], outside, Memory::Kept),
            ("none, and etcd elsewhere", vec![bare(plane(1))], Ok(Store::ExternalEtcd), Memory::Kept),
            (
                "none, and nobody says",
                vec![bare(plane(1))],
                Err("forbidden".into()),
                Memory::Unknown("forbidden".into()),
            ),
            ("etcd has one", vec![bare(plane(1)), etcd()], Ok(Store::DeployedEtcd), Memory::Kept),
            (
                "etcd has none",
                vec![plane(1), bare(etcd())],
                Ok(Store::DeployedEtcd),
                lost(&["StatefulSet team/shop-etcd"]),
            ),
        ] {
            assert_eq!(judge(&alone(parts), store), expected, "{case}");
        }
    }

    #[test]
    fn what_would_be_lost_is_told_of_those_pods_that_hold_it() {
        let lost = Memory::Lost(vec!["StatefulSet team/shop".into()]);
        let unknown = Memory::Unknown("forbidden".into());
        let (holder, other) = (plane(1), etcd());
        let loses = |memory: &Memory, ending: &[&Part]| memory.lost_with(ending.iter().copied()).is_some();
        assert!(loses(&lost, &[&other, &holder]) && !loses(&lost, &[&other]) && !loses(&lost, &[]));
        assert!(loses(&unknown, &[&other]) && !loses(&unknown, &[]));
        assert!(!loses(&Memory::Kept, &[&holder]));
    }
}
