//! Parts of Kubernetes' own types inside `vcluster.yaml`: checked by the types themselves.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::node::{Content, Node};
use super::problem::{Path, Problem, Step};

/// A type of Kubernetes by its name.
pub(super) struct Fragment {
    pub name: &'static str,
    /// What the type makes of a value: without the keys that it does not know. None when it does not fit.
    fits: fn(&Value) -> Option<Value>,
}

fn through<T: DeserializeOwned + Serialize>(value: &Value) -> Option<Value> {
    serde_json::to_value(serde_json::from_value::<T>(value.clone()).ok()?).ok()
}

macro_rules! fragments {
    ($($name:literal: $type:ty,)*) => { [$(Fragment { name: $name, fits: through::<$type> }),*] };
}

static FRAGMENTS: [Fragment; 21] = fragments! {
    "Affinity": core::Affinity,
    "Container": core::Container,
    "EnvVar": core::EnvVar,
    "HostAlias": core::HostAlias,
    "IngressSpec": networking::IngressSpec,
    "IntOrString": IntOrString,
    "LocalObjectReference": core::LocalObjectReference,
    "NetworkPolicyEgressRule": networking::NetworkPolicyEgressRule,
    "NetworkPolicyIngressRule": networking::NetworkPolicyIngressRule,
    "PersistentVolumeClaim": core::PersistentVolumeClaim,
    "PodDNSConfig": core::PodDNSConfig,
    "PodSecurityContext": core::PodSecurityContext,
    "PolicyRule": PolicyRule,
    "ResourceRequirements": core::ResourceRequirements,
    "ScopeSelector": core::ScopeSelector,
    "SecurityContext": core::SecurityContext,
    "ServiceSpec": core::ServiceSpec,
    "Toleration": core::Toleration,
    "TopologySpreadConstraint": core::TopologySpreadConstraint,
    "Volume": core::Volume,
    "VolumeMount": core::VolumeMount,
};

impl std::fmt::Debug for Fragment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Types of one name are one type.
impl PartialEq for Fragment {
    fn eq(&self, other: &Fragment) -> bool {
        self.name == other.name
    }
}

impl Fragment {
    /// A type by its name.
    pub fn named(name: &str) -> Option<&'static Fragment> {
        FRAGMENTS.iter().find(|fragment| fragment.name == name)
    }

    /// The value as JSON; None, mostly with a problem, when it does not fit.
    pub fn read(&self, node: &Node, path: &Path, problems: &mut Vec<Problem>) -> Option<Value> {
        let value = node.to_json();
        match (self.fits)(&value) {
            Some(kept) => {
                unknown_keys(node, &kept, path, problems);
                Some(value)
            }
            None => {
                let (culprit, path) = self.culprit(node, path)?;
                let what = format!("does not fit {} of Kubernetes: found {}", self.name, culprit.kind());
                problems.push(Problem::new(culprit.at, path, what));
                None
            }
        }
    }

    /// The innermost value without which the rest would fit. None when that is no single one.
    fn culprit<'n>(&self, root: &'n Node, path: &Path) -> Option<(&'n Node, Path)> {
        let fits_without = |inner: &Path| (self.fits)(&without(root, inner).to_json()).is_some();
        let (mut node, mut inner) = (root, Path::default());
        while let Some((value, step)) =
            children(node).find(|(_, step)| fits_without(&inner.step(step.clone())))
        {
            (node, inner) = (value, inner.step(step));
        }
        let whole = inner.steps().iter().fold(path.clone(), |path, step| path.step(step.clone()));
        (whole != *path).then_some((node, whole))
    }
}

fn children(node: &Node) -> impl Iterator<Item = (&Node, Step)> {
    let members = node.members().iter().map(|member| (&member.value, Step::Key(member.key.clone())));
    members.chain(node.items().iter().enumerate().map(|(index, item)| (item, Step::Item(index))))
}

/// A copy in which the value at a path is missing.
fn without(node: &Node, path: &Path) -> Node {
    fn walk(node: &Node, path: &Path, goal: &Path) -> Option<Node> {
        if path == goal {
            return None;
        }
        let content = match &node.content {
            Content::Map(members) => Content::Map(
                members
                    .iter()
                    .filter_map(|member| {
                        let value = walk(&member.value, &path.key(&member.key), goal)?;
                        Some(super::node::Member { value, ..member.clone() })
                    })
                    .collect(),
            ),
            Content::List(items) => Content::List(
                items
                    .iter()
                    .enumerate()
                    .filter_map(|(index, item)| walk(item, &path.item(index), goal))
                    .collect(),
            ),
            other => other.clone(),
        };
        Some(Node { at: node.at, content })
    }
    walk(node, &Path::default(), path).unwrap_or_else(|| node.clone())
}

/// Types drop the keys that they do not know: what is gone was none of theirs.
fn unknown_keys(node: &Node, kept: &Value, path: &Path, problems: &mut Vec<Problem>) {
    for member in node.members().iter().filter(|member| !member.value.is_null()) {
        let path = path.key(&member.key);
        match kept.get(&member.key) {
            Some(kept) => unknown_keys(&member.value, kept, &path, problems),
            None => problems.push(Problem::new(member.at, path, "unknown key")),
        }
    }
    for (index, item) in node.items().iter().enumerate() {
        if let Some(kept) = kept.get(index) {
            unknown_keys(item, kept, &path.item(index), problems);
        }
    }
}
