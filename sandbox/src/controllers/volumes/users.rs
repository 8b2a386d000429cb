//! Which pods use which claims.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use smol_str::SmolStr;

use crate::controllers::{Key, PODS, Seen};
use crate::store::{Change, Object};

/// Pods on nodes by the claims they mount. One that is over still counts: it may be looked at.
#[derive(Debug, Default)]
pub(crate) struct Users {
    by_claim: HashMap<Key, BTreeSet<SmolStr>>,
    by_pod: HashMap<Key, Box<[SmolStr]>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Shape {
    spec: Spec,
}
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: SmolStr,
    volumes: Vec<Volume>,
}
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Volume {
    name: SmolStr,
    persistent_volume_claim: Option<ClaimName>,
    ephemeral: Option<Ephemeral>,
}
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClaimName {
    claim_name: SmolStr,
}
#[derive(Default, Deserialize)]
#[serde(default)]
struct Ephemeral {}

/// Whether the bytes of a pod have one of these fields: most have none, which this tells faster than parsing.
fn mentions(pod: &Object, fields: &[&[u8]]) -> bool {
    let json = pod.json();
    fields.iter().any(|field| json.windows(field.len()).any(|window| window == *field))
}

/// Names of the claims that a pod brings along.
pub(super) fn ephemeral_claims(pod: &Object) -> Vec<SmolStr> {
    if !mentions(pod, &[b"\"ephemeral\""]) {
        return Vec::new();
    }
    let Shape { spec } = pod.parse().unwrap_or_default();
    let own = spec.volumes.into_iter().filter(|volume| volume.ephemeral.is_some());
    own.map(|volume| smol_str::format_smolstr!("{}-{}", pod.name(), volume.name)).collect()
}

/// Names of the claims that a pod on a node mounts; none while it is on no node.
pub(super) fn claims(pod: &Object) -> Vec<SmolStr> {
    if !mentions(pod, &[b"\"persistentVolumeClaim\"", b"\"ephemeral\""]) {
        return Vec::new();
    }
    let Shape { spec } = pod.parse().unwrap_or_default();
    if spec.node_name.is_empty() {
        return Vec::new();
    }
    let name = |volume: Volume| match (volume.persistent_volume_claim, volume.ephemeral) {
        (Some(claim), _) => Some(claim.claim_name),
        (None, Some(_)) => Some(smol_str::format_smolstr!("{}-{}", pod.name(), volume.name)),
        _ => None,
    };
    spec.volumes.into_iter().filter_map(name).collect()
}

impl Users {
    /// Follows an event.
    pub(crate) fn observe(&mut self, seen: &Seen<'_>) {
        if *seen.gr != PODS {
            return;
        }
        let pod = Key::of(seen.object);
        let new = match seen.change {
            Change::Deleted => Vec::new(),
            Change::Added | Change::Modified => claims(seen.object),
        };
        let old = self.by_pod.get(&pod).cloned().unwrap_or_default();
        if *old == *new {
            return;
        }
        for claim in &new {
            let users = self.by_claim.entry(Key::new(pod.namespace.clone(), claim.clone())).or_default();
            users.insert(pod.name.clone());
        }
        for claim in old.iter().filter(|claim| !new.contains(claim)) {
            let claim = Key::new(pod.namespace.clone(), claim.clone());
            if let Some(users) = self.by_claim.get_mut(&claim) {
                users.remove(&pod.name);
                if users.is_empty() {
                    self.by_claim.remove(&claim);
                }
            }
        }
        match new.is_empty() {
            true => self.by_pod.remove(&pod),
            false => self.by_pod.insert(pod, new.into()),
        };
    }

    /// Whether a pod mounts a claim.
    pub(crate) fn in_use(&self, claim: &Key) -> bool {
        self.by_claim.contains_key(claim)
    }
}
