//! Which kinds an API server serves, in the versions in which a backup holds them.

use std::collections::{BTreeSet, HashMap};

use smol_str::SmolStr;

use crate::cluster::{Cluster, Failure, FailureKind, Resource, ServedKind};

/// What was found out.
#[derive(Debug, Clone, Default)]
pub(super) struct Served {
    kinds: HashMap<(SmolStr, SmolStr), Resource>,
    silent: HashMap<SmolStr, Failure>,
}

/// What is known of a kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found<'a> {
    Served(&'a Resource),
    /// There is no such kind in this version.
    Not,
    /// Nobody tells.
    Unknown(&'a Failure),
}

impl Served {
    /// Asks for each of these versions, such as `apps/v1`.
    pub(super) async fn ask(cluster: &Cluster, versions: &BTreeSet<SmolStr>) -> Self {
        let mut served = Served::default();
        for version in versions {
            match cluster.kinds_of(version).await {
                Ok(kinds) => served.add(version, kinds),
                Err(failure) if failure.kind == FailureKind::NotFound => {}
                Err(failure) => {
                    served.silent.insert(version.clone(), failure);
                }
            }
        }
        served
    }

    fn add(&mut self, api_version: &SmolStr, kinds: Vec<ServedKind>) {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        for ServedKind { name, kind, namespaced, .. } in kinds {
            // Behind a slash is a part of an object.
            if !name.contains('/') {
                let resource = Resource {
                    group: group.into(),
                    version: version.into(),
                    plural: name,
                    kind: kind.clone(),
                    namespaced,
                };
                self.kinds.insert((api_version.clone(), kind), resource);
            }
        }
    }

    /// Nothing is known of a group any more: its definition is another now.
    pub(super) fn forget(&mut self, group: &str) {
        self.kinds.retain(|_, resource| resource.group != group);
    }

    pub(super) fn of(&self, api_version: &SmolStr, kind: &SmolStr) -> Found<'_> {
        match (self.kinds.get(&(api_version.clone(), kind.clone())), self.silent.get(api_version)) {
            (Some(resource), _) => Found::Served(resource),
            (None, Some(failure)) => Found::Unknown(failure),
            (None, None) => Found::Not,
        }
    }
}
