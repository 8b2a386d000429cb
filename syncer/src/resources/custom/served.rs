//! In which version, and with which scope, a server serves a custom resource.

use serde::Deserialize;
use smol_str::SmolStr;
use v9s::cluster::{Cluster, Failure, FailureKind, Resource};
use v9s::provision::values::settings::ResourceName;

use crate::requests;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    preferred_version: Version,
}

#[derive(Deserialize)]
struct Version {
    version: SmolStr,
}

#[derive(Deserialize)]
struct Resources {
    resources: Vec<Served>,
}

#[derive(Deserialize)]
struct Served {
    name: SmolStr,
    kind: SmolStr,
    namespaced: bool,
}

/// The resource in the version that the server prefers; none when it does not serve it.
///
/// # Errors
/// What the server said instead.
pub async fn served(cluster: &Cluster, name: &ResourceName) -> Result<Option<Resource>, Failure> {
    let Some(group) = get::<Group>(cluster, &format!("/apis/{}", name.group)).await? else {
        return Ok(None);
    };
    let version = group.preferred_version.version;
    let all = get::<Resources>(cluster, &format!("/apis/{}/{version}", name.group)).await?;
    let found =
        all.into_iter().flat_map(|all| all.resources).find(|served| served.name == name.plural.as_str());
    Ok(found.map(|Served { name: plural, kind, namespaced }| Resource {
        group: name.group.as_str().into(),
        version,
        plural,
        kind,
        namespaced,
    }))
}

async fn get<T: serde::de::DeserializeOwned>(cluster: &Cluster, path: &str) -> Result<Option<T>, Failure> {
    match requests::get(cluster, path).await {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}
