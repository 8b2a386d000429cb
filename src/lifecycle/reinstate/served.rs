//! Which kinds an API server serves, in the versions in which a backup holds them.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use smol_str::SmolStr;

use crate::cluster::{Cluster, Failure, FailureKind, Resource};

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

#[derive(Deserialize)]
struct Kinds {
    resources: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    name: SmolStr,
    kind: SmolStr,
    namespaced: bool,
}

impl Served {
    /// Asks for each of these versions, such as `apps/v1`.
    pub(super) async fn ask(cluster: &Cluster, versions: &BTreeSet<SmolStr>) -> Self {
        let mut served = Served::default();
        for version in versions {
            match kinds(cluster, version).await {
                Ok(kinds) => served.add(version, kinds),
                Err(failure) if failure.kind == FailureKind::NotFound => {}
                Err(failure) => {
                    served.silent.insert(version.clone(), failure);
                }
            }
        }
        served
    }

    fn add(&mut self, api_version: &SmolStr, kinds: Kinds) {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        for Kind { name, kind, namespaced } in kinds.resources {
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

async fn kinds(cluster: &Cluster, api_version: &str) -> Result<Kinds, Failure> {
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    let request = http::Request::get(format!("{root}/{api_version}")).body(Vec::new());
    cluster.json(request.map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?).await
}
