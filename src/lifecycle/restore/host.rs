//! What a host carries of a virtual cluster, read whole: an adoption is made of all of it or does not begin.

use chrono::Utc;
use serde_json::Value;
use smol_str::SmolStr;

use crate::cluster::{Cluster, ObjectRef, ReadError, Resource};
use crate::lifecycle::adopt::{Carried, KINDS};
use crate::names::Translator;
use crate::target::Target;
use crate::wire::{annotation, label};

/// Lists what bears its label.
///
/// # Errors
/// When the host does not show one of the kinds.
pub async fn carried(cluster: &Cluster, target: &Target) -> Result<Carried, ReadError> {
    let (namespace, name) = (&target.namespace, &target.name);
    let service = ObjectRef::namespaced(Resource::SERVICES, namespace.clone(), name.clone());
    let read = cluster.get::<Value>(&service).await;
    let read = read.map_err(|failure| cluster.error(format!("read {service}"), failure))?;
    let store = read["metadata"]["annotations"][annotation::STORE].as_str().map(SmolStr::new);
    let selector = format!("{}={name}", label::MANAGED_BY);
    let mut objects = Vec::new();
    for resource in KINDS {
        let listed = cluster.list::<Value>(&resource, Some(namespace), Some(&selector)).await;
        let what = || format!("list the {} of {target}", resource.spoken());
        let listed = listed.map_err(|failure| cluster.error(what(), failure))?;
        objects.extend(listed.into_iter().map(|object| (resource.clone(), object)));
    }
    let names = Translator::new(name.clone(), namespace.clone());
    Ok(Carried { names, store, objects, at: Utc::now() })
}
