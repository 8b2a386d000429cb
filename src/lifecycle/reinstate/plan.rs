//! What would be done with each object, and in which order. Pure.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use smol_str::SmolStr;

use super::Left;
use super::compare::Difference;
use super::head::Live;
use super::pick::Picked;
use super::served::Served;
use super::stored::Stored;
use crate::cluster::{ObjectRef, Resource};
use crate::gc::Inside;

/// All that is to be done.
#[derive(Debug)]
pub struct Plan {
    /// In the order in which it is done.
    pub items: Vec<Item>,
    /// What was chosen and is not brought back.
    pub left: Vec<Left>,
    pub(super) inside: Inside,
    pub(super) served: Served,
}

/// An object, and what is to be done with it.
#[derive(Debug)]
pub struct Item {
    /// Which.
    pub object: ObjectRef,
    /// What.
    pub step: Step,
    /// What else is to be known of it.
    pub notes: Vec<SmolStr>,
    pub(super) stored: Stored,
    pub(super) live: Option<Live>,
}

/// What is to be done with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is not there and comes back.
    Create {
        /// All that it will have; none where that cannot be known before what it needs is there.
        differences: Option<Vec<Difference>>,
    },
    /// It is there and was another.
    Change {
        /// Where it differs.
        differences: Vec<Difference>,
    },
    /// It is as it was.
    Same,
    /// It cannot come back.
    Cannot {
        /// Why.
        why: SmolStr,
    },
}

impl Plan {
    /// How many objects would be written.
    pub fn writes(&self) -> usize {
        self.items.iter().filter(|item| item.step.writes()).count()
    }
}

impl Step {
    /// Whether something is written.
    pub fn writes(&self) -> bool {
        matches!(self, Step::Create { .. } | Step::Change { .. })
    }
}

/// What an object needs before it can come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs<'a> {
    Nothing,
    /// Its kind is not served before this definition is there.
    Definition(&'a Resource),
    /// Its namespace comes back first.
    Namespace,
}

/// What comes back by itself and lets other objects come back.
#[derive(Debug, Default)]
pub(super) struct Coming {
    kinds: HashMap<(SmolStr, SmolStr), Resource>,
    namespaces: BTreeSet<SmolStr>,
}

impl Coming {
    pub(super) fn of(picked: &[Picked]) -> Self {
        let mut coming = Coming::default();
        for Picked { stored, .. } in picked {
            match (stored.group(), stored.kind.as_str()) {
                ("", "Namespace") => {
                    coming.namespaces.insert(stored.meta.name.clone());
                }
                ("apiextensions.k8s.io", "CustomResourceDefinition") => coming.define(stored.spec()),
                _ => {}
            }
        }
        coming
    }

    fn define(&mut self, spec: Option<&Value>) {
        let text = |pointer: &str| spec?.pointer(pointer)?.as_str().map(SmolStr::new);
        let (Some(group), Some(plural), Some(kind)) =
            (text("/group"), text("/names/plural"), text("/names/kind"))
        else {
            return;
        };
        let namespaced = text("/scope").is_some_and(|scope| scope == "Namespaced");
        let versions = spec.and_then(|spec| spec.get("versions")?.as_array()).into_iter().flatten();
        let served = versions.filter(|version| version["served"] == true);
        for version in served.filter_map(|version| version["name"].as_str()) {
            let (group, plural, kind) = (group.clone(), plural.clone(), kind.clone());
            let resource = Resource { group, version: version.into(), plural, kind, namespaced };
            self.kinds.insert((resource.api_version(), resource.kind.clone()), resource);
        }
    }

    pub(super) fn kind(&self, stored: &Stored) -> Option<&Resource> {
        self.kinds.get(&(stored.api_version.clone(), stored.kind.clone()))
    }

    pub(super) fn namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }
}

/// What others need comes first, what looks at every write comes last; what one owns comes behind who owns it.
pub(super) fn rank(stored: &Stored) -> (u8, bool) {
    let rank = match (stored.group(), stored.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => 0,
        ("", "Namespace") => 1,
        ("scheduling.k8s.io" | "storage.k8s.io" | "node.k8s.io", _)
        | (_, "IngressClass" | "GatewayClass") => 2,
        ("", "ServiceAccount" | "Secret" | "ConfigMap" | "LimitRange" | "ResourceQuota") => 3,
        ("rbac.authorization.k8s.io", "ClusterRole" | "Role") => 4,
        ("rbac.authorization.k8s.io", _) => 5,
        ("", "PersistentVolumeClaim" | "Service") => 6,
        ("apps" | "batch", _) | ("", "Pod" | "ReplicationController") => 8,
        ("admissionregistration.k8s.io" | "apiregistration.k8s.io", _) => 9,
        _ => 7,
    };
    (rank, !stored.meta.owner_references.is_empty())
}
