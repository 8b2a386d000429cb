//! What may not change while a virtual cluster lives, each with the reason. Pure.

use std::mem::discriminant;

use crate::provision::values::Settings;
use crate::provision::values::settings::{BackingStore, DataVolume, DeployedEtcd, Persistence};

/// The settings that differ and may not, each with why and what to do instead.
pub fn fixed(before: &Settings, after: &Settings) -> Vec<String> {
    let (then, now) = (&before.control_plane, &after.control_plane);
    if discriminant(&then.store) != discriminant(&now.store) {
        // Claims follow from it: they are not told as well.
        return vec![
            "controlPlane.backingStore may not change: what is stored would stay behind in the old store; make another virtual \
             cluster and move to it"
                .to_owned(),
        ];
    }
    let mut refused = Vec::new();
    let mut unless = |same: bool, path: &str, why: &str| {
        if !same {
            refused.push(format!("{path} may not change: {why}"));
        }
    };
    unless(
        same_claim(&then.workload.persistence, &now.workload.persistence),
        "controlPlane.statefulSet.persistence",
        "a StatefulSet keeps the claims that it was made with; enlarge the claims themselves if their class allows it",
    );
    unless(
        then.workload.scheduling.ordered == now.workload.scheduling.ordered,
        "controlPlane.statefulSet.scheduling.podManagementPolicy",
        "a StatefulSet keeps it",
    );
    if let (BackingStore::DeployedEtcd(then), BackingStore::DeployedEtcd(now)) = (&then.store, &now.store) {
        etcd(then, now, &mut unless);
    }
    let (then, now) = (&before.networking, &after.networking);
    unless(
        then.service_cidr == now.service_cidr,
        "networking.serviceCIDR",
        "the tenant's Services have their addresses from it",
    );
    unless(
        then.cluster_domain == now.cluster_domain,
        "networking.advanced.clusterDomain",
        "it is in certificates and in what the tenant's pods were told",
    );
    refused
}

fn etcd(then: &DeployedEtcd, now: &DeployedEtcd, unless: &mut impl FnMut(bool, &str, &str)) {
    const SET: &str = "controlPlane.backingStore.etcd.deploy.statefulSet";
    unless(
        then.replicas == now.replicas,
        &format!("{SET}.highAvailability.replicas"),
        "members must be told to each other before one is added or taken away",
    );
    unless(
        same_claim(&then.persistence, &now.persistence),
        &format!("{SET}.persistence"),
        "a StatefulSet keeps the claims that it was made with; enlarge the claims themselves if their class allows it",
    );
    unless(
        then.scheduling.ordered == now.scheduling.ordered,
        &format!("{SET}.scheduling.podManagementPolicy"),
        "a StatefulSet keeps it",
    );
}

/// What becomes of claims when the StatefulSet is deleted may change, the claims themselves may not.
fn same_claim(then: &Persistence, now: &Persistence) -> bool {
    match (&then.data, &now.data) {
        (DataVolume::Claim(then), DataVolume::Claim(now)) => {
            (&then.size, &then.storage_class, &then.access_modes)
                == (&now.size, &now.storage_class, &now.access_modes)
        }
        (DataVolume::Passing(_), DataVolume::Passing(_)) => true,
        (then, now) => then == now,
    }
}
