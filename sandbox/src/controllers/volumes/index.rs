//! All volumes as binding sees them, and which of them a claim gets. Pure but for following events.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

use crate::controllers::{Key, PERSISTENT_VOLUMES, Seen};
use crate::kinds::quantity::Quantity;
use crate::kinds::resources::Resources;
use crate::store::{Change, Object, Selector};

/// The annotation that named the class before there was a field for it; it still counts first.
const CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// `spec.claimRef` of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ClaimRef {
    pub(crate) namespace: SmolStr,
    pub(crate) name: SmolStr,
    /// Empty while the volume is only reserved.
    pub(crate) uid: SmolStr,
}

impl ClaimRef {
    pub(super) fn key(&self) -> Key {
        Key::new(self.namespace.clone(), self.name.clone())
    }
}

/// A volume, as far as binding depends on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Volume {
    pub(crate) name: SmolStr,
    pub(crate) phase: SmolStr,
    pub(crate) class: SmolStr,
    pub(crate) attributes: SmolStr,
    pub(crate) capacity: Quantity,
    pub(crate) modes: Vec<SmolStr>,
    /// `Block`, or else it holds files.
    pub(crate) block: bool,
    pub(crate) deleting: bool,
    pub(crate) claim: Option<ClaimRef>,
    /// `spec.nodeAffinity.required`: the nodes from which it can be reached; none: all.
    pub(crate) affinity: Option<Value>,
    labels: Box<[(SmolStr, SmolStr)]>,
}

/// A claim, as far as binding depends on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim {
    pub(crate) namespace: SmolStr,
    pub(crate) name: SmolStr,
    pub(crate) uid: SmolStr,
    /// Empty: of no class.
    pub(crate) class: SmolStr,
    pub(crate) attributes: SmolStr,
    pub(crate) request: Quantity,
    pub(crate) modes: Vec<SmolStr>,
    pub(crate) block: bool,
    pub(crate) selector: Option<Selector>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Shape {
    spec: Spec,
    status: Status,
}
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    storage_class_name: Option<SmolStr>,
    volume_attributes_class_name: Option<SmolStr>,
    capacity: Resources,
    resources: Requests,
    access_modes: Vec<SmolStr>,
    volume_mode: SmolStr,
    claim_ref: Option<ClaimRef>,
    node_affinity: NodeAffinity,
    selector: Option<Value>,
}
#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeAffinity {
    required: Option<Value>,
}
#[derive(Default, Deserialize)]
#[serde(default)]
struct Requests {
    requests: Resources,
}
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: SmolStr,
}

fn class(object: &Object, field: Option<SmolStr>) -> SmolStr {
    let annotated = object.meta().annotations.get(CLASS).map(SmolStr::new);
    annotated.or(field).unwrap_or_default()
}

impl Volume {
    pub(crate) fn read(object: &Object) -> Self {
        let Shape { spec, status } = object.parse().unwrap_or_default();
        Volume {
            name: object.name().into(),
            phase: status.phase,
            class: class(object, spec.storage_class_name),
            attributes: spec.volume_attributes_class_name.unwrap_or_default(),
            capacity: spec.capacity.get("storage"),
            modes: spec.access_modes,
            block: spec.volume_mode == "Block",
            deleting: object.deleting(),
            claim: spec.claim_ref,
            affinity: spec.node_affinity.required,
            labels: object.labels().into(),
        }
    }

    /// Whether it is a claim's, or kept for it.
    pub(crate) fn belongs_to(&self, claim: &Claim) -> bool {
        let of = |owner: &ClaimRef| {
            owner.name == claim.name
                && owner.namespace == claim.namespace
                && (owner.uid.is_empty() || owner.uid == claim.uid)
        };
        self.claim.as_ref().is_some_and(of)
    }

    fn offers(&self, claim: &Claim) -> bool {
        claim.modes.iter().all(|mode| self.modes.contains(mode))
    }

    /// Why a volume that a claim names does not suit it; None when it does.
    pub(super) fn unsuitable(&self, claim: &Claim) -> Option<String> {
        let why = if self.deleting {
            return Some(format!("the volume is marked for deletion {:?}", self.name));
        } else if self.capacity < claim.request {
            "requested PV is too small"
        } else if self.class != claim.class {
            "storageClassName does not match"
        } else if self.attributes != claim.attributes {
            "volumeAttributesClassName does not match"
        } else if self.block != claim.block {
            "incompatible volumeMode"
        } else if !self.offers(claim) {
            "incompatible accessMode"
        } else {
            return None;
        };
        Some(why.to_owned())
    }
}

impl Claim {
    pub(crate) fn read(object: &Object) -> Self {
        let Shape { spec, .. } = object.parse().unwrap_or_default();
        Claim {
            namespace: object.namespace().into(),
            name: object.name().into(),
            uid: object.uid().into(),
            class: class(object, spec.storage_class_name),
            attributes: spec.volume_attributes_class_name.unwrap_or_default(),
            request: spec.resources.requests.get("storage"),
            modes: spec.access_modes,
            block: spec.volume_mode == "Block",
            selector: spec.selector.as_ref().and_then(Selector::of_label_selector),
        }
    }
}

/// All volumes by name. It follows the events of volumes.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    all: BTreeMap<SmolStr, Volume>,
    /// Those that are kept for a claim.
    kept: HashMap<Key, BTreeSet<SmolStr>>,
    /// Those that are kept for none.
    free: BTreeSet<SmolStr>,
}

impl Volumes {
    pub(crate) fn observe(&mut self, seen: &Seen<'_>) {
        if *seen.gr != PERSISTENT_VOLUMES {
            return;
        }
        match seen.change {
            Change::Deleted => self.remove(seen.object.name()),
            Change::Added | Change::Modified => self.note(seen.object),
        }
    }

    /// Takes note of an own write before its event comes round.
    pub(crate) fn note(&mut self, object: &Object) {
        self.insert(Volume::read(object));
    }

    fn insert(&mut self, volume: Volume) {
        self.remove(&volume.name);
        let name = volume.name.clone();
        match &volume.claim {
            Some(claim) => self.kept.entry(claim.key()).or_default().insert(name.clone()),
            None => self.free.insert(name.clone()),
        };
        self.all.insert(name, volume);
    }

    fn remove(&mut self, name: &str) {
        let Some(volume) = self.all.remove(name) else { return };
        self.free.remove(name);
        let Some(claim) = volume.claim.map(|claim| claim.key()) else { return };
        if let Some(names) = self.kept.get_mut(&claim) {
            names.remove(name);
            if names.is_empty() {
                self.kept.remove(&claim);
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Volume> {
        self.all.get(name)
    }

    /// Names of the volumes that are kept for a claim.
    pub(super) fn kept_for(&self, claim: &Key) -> Vec<SmolStr> {
        self.kept.get(claim).into_iter().flatten().cloned().collect()
    }

    /// The volume for a claim that names none: one that is kept for it, else, unless `only_reserved`, the smallest
    /// free one that suits, of those with the fewest access modes. `reachable` says whether the nodes in question
    /// reach a volume.
    pub(crate) fn best(
        &self,
        claim: &Claim,
        only_reserved: bool,
        reachable: &dyn Fn(&Volume) -> bool,
    ) -> Option<&Volume> {
        let suits = |volume: &&Volume| {
            volume.capacity >= claim.request
                && volume.block == claim.block
                && volume.attributes == claim.attributes
                && !volume.deleting
                && volume.offers(claim)
        };
        let kept =
            self.kept.get(&Key::new(claim.namespace.clone(), claim.name.clone())).into_iter().flatten();
        let kept = kept.filter_map(|name| self.get(name));
        let reserved = kept.filter(suits).find(|volume| volume.belongs_to(claim));
        if reserved.is_some() || only_reserved {
            return reserved.filter(|volume| reachable(volume));
        }
        let selected =
            |volume: &&Volume| claim.selector.as_ref().is_none_or(|selector| selector.means(&volume.labels));
        let free = self.free.iter().filter_map(|name| self.get(name)).filter(suits);
        let free = free.filter(|volume| volume.phase == "Available" && volume.class == claim.class);
        let candidates = free.filter(selected).filter(|volume| reachable(volume));
        candidates.min_by_key(|volume| (volume.modes.len(), volume.capacity, volume.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn quantity(text: &str) -> Quantity {
        Quantity::from_json(&json!(text)).expect("a quantity")
    }

    fn volume(name: &str, size: &str, change: impl Fn(&mut Volume)) -> Volume {
        let mut volume = Volume {
            name: name.into(),
            phase: "Available".into(),
            class: "slow".into(),
            capacity: quantity(size),
            modes: vec!["ReadWriteOnce".into()],
            ..Volume::default()
        };
        change(&mut volume);
        volume
    }

    fn claim() -> Claim {
        Claim {
            namespace: "n".into(),
            name: "c".into(),
            uid: "u".into(),
            class: "slow".into(),
            request: quantity("5Gi"),
            modes: vec!["ReadWriteOnce".into()],
            ..Claim::default()
        }
    }

    fn owner(uid: &str) -> Option<ClaimRef> {
        Some(ClaimRef { namespace: "n".into(), name: "c".into(), uid: uid.into() })
    }

    fn best(volumes: Vec<Volume>, claim: &Claim) -> Option<SmolStr> {
        let mut all = Volumes::default();
        volumes.into_iter().for_each(|volume| all.insert(volume));
        all.best(claim, false, &|volume| volume.affinity.is_none()).map(|volume| volume.name.clone())
    }

    #[test]
    fn a_claim_gets_the_smallest_volume_that_suits() {
        let many = |volume: &mut Volume| volume.modes.push("ReadOnlyMany".into());
        let cases: Vec<(&str, Vec<Volume>, Option<&str>)> = vec![
            ("exact", vec![volume("a", "5Gi", |_| ())], Some("a")),
            ("too small", vec![volume("a", "4Gi", |_| ())], None),
            ("smallest", vec![volume("a", "9Gi", |_| ()), volume("b", "6Gi", |_| ())], Some("b")),
            ("fewest modes", vec![volume("a", "5Gi", many), volume("b", "9Gi", |_| ())], Some("b")),
            ("more modes than asked", vec![volume("a", "5Gi", many)], Some("a")),
            ("other class", vec![volume("a", "5Gi", |v| v.class = "fast".into())], None),
            ("not available", vec![volume("a", "5Gi", |v| v.phase = "Released".into())], None),
            ("going away", vec![volume("a", "5Gi", |v| v.deleting = true)], None),
            ("blocks", vec![volume("a", "5Gi", |v| v.block = true)], None),
            ("out of reach", vec![volume("a", "5Gi", |v| v.affinity = Some(json!({})))], None),
            ("another's", vec![volume("a", "5Gi", |v| v.claim = owner("other"))], None),
            (
                "reserved, though larger and of no class",
                vec![
                    volume("a", "5Gi", |_| ()),
                    volume("b", "9Gi", |v| {
                        v.claim = owner("");
                        v.class = "".into();
                    }),
                ],
                Some("b"),
            ),
        ];
        for (why, volumes, expected) in cases {
            assert_eq!(best(volumes, &claim()).as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn a_selector_chooses_by_labels() {
        let selector = Selector::of_label_selector(&json!({"matchLabels": {"disk": "ssd"}}));
        let claim = Claim { selector, ..claim() };
        let ssd = |volume: &mut Volume| volume.labels = [("disk".into(), "ssd".into())].into();
        assert_eq!(
            best(vec![volume("a", "5Gi", |_| ()), volume("b", "9Gi", ssd)], &claim).as_deref(),
            Some("b")
        );
    }

    #[test]
    fn a_volume_that_is_asked_for_says_why_it_does_not_suit() {
        let cases: Vec<(Volume, Option<&str>)> = vec![
            (volume("a", "5Gi", |_| ()), None),
            (volume("a", "1Gi", |_| ()), Some("requested PV is too small")),
            (volume("a", "5Gi", |v| v.class = "x".into()), Some("storageClassName does not match")),
            (volume("a", "5Gi", |v| v.block = true), Some("incompatible volumeMode")),
            (volume("a", "5Gi", |v| v.modes.clear()), Some("incompatible accessMode")),
            (volume("a", "5Gi", |v| v.deleting = true), Some("the volume is marked for deletion \"a\"")),
        ];
        for (volume, expected) in cases {
            assert_eq!(volume.unsuitable(&claim()).as_deref(), expected);
        }
    }
}
