//! Which kinds an API server serves.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use crate::cluster::{Cluster, Failure, FailureKind, Resource};

/// Requests that are under way at a time.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: SmolStr,
    preferred_version: Version,
}

#[derive(Deserialize)]
struct Version {
    version: SmolStr,
}

#[derive(Deserialize)]
struct Kinds {
    resources: Vec<ServedKind>,
}

/// A kind as a version of the API serves it, or a part of one: then its name has a slash.
#[derive(Deserialize)]
pub(crate) struct ServedKind {
    pub(crate) name: SmolStr,
    pub(crate) kind: SmolStr,
    pub(crate) namespaced: bool,
    #[serde(default)]
    verbs: Vec<SmolStr>,
}

/// Kinds, and those of which nothing is known.
type Catalogue = (Vec<Resource>, Vec<(SmolStr, Failure)>);

impl Cluster {
    /// What is served in a version, such as `apps/v1`.
    pub(crate) async fn kinds_of(&self, api_version: &str) -> Result<Vec<ServedKind>, Failure> {
        let root = if api_version.contains('/') { "/apis" } else { "/api" };
        let kinds: Kinds = get(self, &format!("{root}/{api_version}")).await?;
        Ok(kinds.resources)
    }

    /// All kinds that can be listed and deleted, in the version that the server prefers; and groups that do not answer.
    pub(crate) async fn kinds(&self) -> Result<Catalogue, Failure> {
        let groups: Groups = get(self, "/apis").await?;
        let core = std::iter::once((SmolStr::default(), SmolStr::new_static("v1")));
        let named = groups.groups.into_iter().map(|group| (group.name, group.preferred_version.version));
        let answers: Vec<_> = stream::iter(core.chain(named))
            .map(|(group, version)| async move {
                let api_version = match group.as_str() {
                    "" => version.clone(),
                    group => format_smolstr!("{group}/{version}"),
                };
                let kinds = self.kinds_of(&api_version).await;
                Ok::<_, Failure>((group, version, kinds))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let (mut all, mut unseen) = (Vec::new(), Vec::new());
        for (group, version, kinds) in answers {
            match kinds {
                Ok(kinds) => all.extend(kinds.into_iter().filter(is_kept).map(|served| Resource {
                    group: group.clone(),
                    version: version.clone(),
                    plural: served.name,
                    kind: served.kind,
                    namespaced: served.namespaced,
                })),
                Err(failure) => unseen.push((format_smolstr!("*.{group}"), failure)),
            }
        }
        // The same events under another name; endpoints are told by their slices.
        all.retain(|it| !(it.group == "events.k8s.io" || it.kind == "Event" || it.kind == "Endpoints"));
        Ok((all, unseen))
    }
}

fn is_kept(served: &ServedKind) -> bool {
    let can = |verb: &str| served.verbs.iter().any(|one| one == verb);
    !served.name.contains('/') && can("list") && can("delete")
}

async fn get<T: serde::de::DeserializeOwned>(cluster: &Cluster, path: &str) -> Result<T, Failure> {
    let request = http::Request::get(path).body(Vec::new());
    let request = request.map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?;
    cluster.json(request).await
}
