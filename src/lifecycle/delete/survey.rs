//! Looks at everything that may belong to a virtual cluster: every kind that its host serves.

use futures::{StreamExt as _, stream};
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::found::{Found, Meta, Whose};
use super::plan::Survey;
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, ReadError, Resource};
use crate::wire::{self, App, label};

/// Requests that are under way at a time.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
}

/// Looks at the namespace and at what is cluster-wide. A kind that cannot be listed is told as such.
///
/// # Errors
/// When it cannot even be told which kinds there are, or what the namespace is.
pub async fn survey(cluster: &Cluster, namespace: &str, name: &str) -> Result<Survey, ReadError> {
    let whose = Whose { namespace, name };
    let failed = |failure| cluster.error(format!("look at what there is of {namespace}/{name}"), failure);
    let home = match cluster.get_metadata::<Object>(&home(namespace)).await {
        Ok(object) => Some(object.metadata),
        Err(failure) if matches!(failure.kind, FailureKind::NotFound | FailureKind::Forbidden) => None,
        Err(failure) => return Err(failed(failure)),
    };
    let (kinds, mut unseen) = cluster.kinds().await.map_err(failed)?;
    let mut survey = Survey { home, ..Survey::default() };
    let whose = &whose;
    let mut lists = stream::iter(kinds)
        .map(|resource| async move { (list(cluster, whose, &resource).await, resource) })
        .buffer_unordered(AT_ONCE);
    while let Some((listed, resource)) = lists.next().await {
        let all = match listed {
            Ok(all) => all,
            // It was taken away in between.
            Err(failure) if failure.kind == FailureKind::NotFound => continue,
            Err(failure) => {
                unseen.push((format_smolstr!("{}", resource.kind), failure));
                continue;
            }
        };
        let found = all.into_iter().map(|meta| Found { resource: resource.clone(), meta });
        let into = if resource.namespaced { &mut survey.inside } else { &mut survey.outside };
        into.extend(found);
    }
    drop(lists);
    survey.satellites = satellites(&survey.outside, namespace, name);
    survey.neighbours = neighbours(&survey.inside, name);
    survey.inside.sort_by(|a, b| (&a.resource.kind, &a.meta.name).cmp(&(&b.resource.kind, &b.meta.name)));
    unseen.sort_by(|a, b| a.0.cmp(&b.0));
    survey.unseen = unseen;
    Ok(survey)
}

fn home(namespace: &str) -> ObjectRef {
    ObjectRef { resource: Resource::NAMESPACES, namespace: None, name: namespace.into() }
}

/// What may be its of one kind: everything in its namespace, and what is marked among what is cluster-wide.
async fn list(cluster: &Cluster, whose: &Whose<'_>, resource: &Resource) -> Result<Vec<Meta>, Failure> {
    let objects = |found: Vec<Object>| found.into_iter().map(|object| object.metadata);
    if resource.namespaced {
        return Ok(objects(cluster.list_metadata(resource, Some(whose.namespace), None).await?).collect());
    }
    if *resource == Resource::NAMESPACES {
        let of = format!(
            "{}={},{}={}",
            label::NAMESPACE_OF_VCLUSTER,
            whose.name,
            label::NAMESPACE_OF_VCLUSTER_NAMESPACE,
            whose.namespace
        );
        return Ok(objects(cluster.list_metadata(resource, None, Some(&of)).await?).collect());
    }
    let marked = format!("{}={}", label::MANAGED_BY, whose.marker());
    let mut all: Vec<Meta> = objects(cluster.list_metadata(resource, None, Some(&marked)).await?).collect();
    if resource.group == "rbac.authorization.k8s.io" {
        for name in whose.cluster_roles() {
            let object = ObjectRef { resource: resource.clone(), namespace: None, name: name.into() };
            match cluster.get_metadata::<Object>(&object).await {
                Ok(object) => all.push(object.metadata),
                Err(failure) if failure.kind == FailureKind::NotFound => {}
                Err(failure) => return Err(failure),
            }
        }
    }
    Ok(all)
}

fn satellites(outside: &[Found], namespace: &str, name: &str) -> Vec<SmolStr> {
    let is = |found: &&Found| {
        let says = |key: &str, value: &str| found.meta.labels.get(key).is_some_and(|it| it == value);
        found.resource == Resource::NAMESPACES
            && says(label::NAMESPACE_OF_VCLUSTER, name)
            && says(label::NAMESPACE_OF_VCLUSTER_NAMESPACE, namespace)
    };
    outside.iter().filter(is).map(|found| found.meta.name.clone()).collect()
}

/// Other virtual clusters in the namespace.
fn neighbours(inside: &[Found], name: &str) -> Vec<SmolStr> {
    let planes = inside.iter().filter(|found| {
        found.resource.group == "apps"
            && found.meta.labels.get(label::APP).is_some_and(|app| app == App::ControlPlane.value())
    });
    let releases = planes.filter_map(|found| found.meta.labels.get(label::RELEASE));
    let mut others: Vec<SmolStr> = releases.filter(|release| *release != name).cloned().collect();
    others.sort();
    others.dedup();
    others
}

/// Namespaces in which something of a virtual cluster is left whose control plane is gone.
///
/// # Errors
/// When Secrets or Services may not be listed everywhere.
pub async fn remains(cluster: &Cluster, name: &str) -> Result<Vec<SmolStr>, ReadError> {
    let selector = format!("{},{}={name}", wire::control_plane_selector(), label::RELEASE);
    let mut namespaces = Vec::new();
    for resource in [Resource::SERVICES, Resource::SECRETS, Resource::PERSISTENT_VOLUME_CLAIMS] {
        let found: Vec<Object> = cluster
            .list_metadata(&resource, None, Some(&selector))
            .await
            .map_err(|failure| cluster.error(format!("look for what is left of {name}"), failure))?;
        namespaces.extend(found.into_iter().map(|object| object.metadata.namespace));
    }
    namespaces.sort();
    namespaces.dedup();
    Ok(namespaces)
}
