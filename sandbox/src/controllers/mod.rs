//! What makes the host live: namespaces, garbage collection, workloads, services, quotas, nodes.
//!
//! All controllers share one thread and one set of event cursors over the store; there is no task and no timer per
//! object. Each takes note of events and works off what is due when its turn comes, in a fixed order, so that
//! with a clock that stands still and no delays the same writes always lead to the same state.
//!
//! Each has a name and can be frozen: it goes on taking note and acts again when it is thawed.

pub(crate) mod admission;
mod cronjobs;
mod daemonsets;
mod deployments;
mod disruption;
mod engine;
mod family;
mod followed;
mod garbage;
mod jobs;
mod namespaces;
mod options;
mod owners;
pub(crate) mod queue;
mod quotas;
pub(crate) mod record;
mod replicasets;
mod revisions;
mod services;
mod signing;
mod statefulsets;
#[cfg(test)]
pub(crate) mod testing;
mod usage;
pub(crate) mod volumes;
mod workload;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;

use crate::kinds::Kind;
use crate::status::Status;
use crate::store::{Change, Gr, Object, Store, WriteOptions};
pub use admission::Ipv6Range;
pub use engine::Controllers;
pub use options::Options;
use owners::Owners;
pub(crate) use record::{About, Recorder, Source};
use volumes::{Users, Volumes};

pub(crate) const CONFIG_MAPS: Gr = Gr::core("configmaps");
pub(crate) const CONTROLLER_REVISIONS: Gr = Gr::new_static("apps", "controllerrevisions");
pub(crate) const CRON_JOBS: Gr = Gr::new_static("batch", "cronjobs");
pub(crate) const DAEMON_SETS: Gr = Gr::new_static("apps", "daemonsets");
pub(crate) const DEPLOYMENTS: Gr = Gr::new_static("apps", "deployments");
pub(crate) const DISRUPTION_BUDGETS: Gr = Gr::new_static("policy", "poddisruptionbudgets");
pub(crate) const ENDPOINTS: Gr = Gr::core("endpoints");
pub(crate) const ENDPOINT_SLICES: Gr = Gr::new_static("discovery.k8s.io", "endpointslices");
pub(crate) const EVENTS: Gr = Gr::core("events");
pub(crate) const JOBS: Gr = Gr::new_static("batch", "jobs");
pub(crate) const LIMIT_RANGES: Gr = Gr::core("limitranges");
pub(crate) const NAMESPACES: Gr = Gr::core("namespaces");
pub(crate) const NODES: Gr = Gr::core("nodes");
pub(crate) const PERSISTENT_VOLUMES: Gr = Gr::core("persistentvolumes");
pub(crate) const PODS: Gr = Gr::core("pods");
pub(crate) const REPLICA_SETS: Gr = Gr::new_static("apps", "replicasets");
pub(crate) const RESOURCE_QUOTAS: Gr = Gr::core("resourcequotas");
pub(crate) const SECRETS: Gr = Gr::core("secrets");
pub(crate) const SERVICES: Gr = Gr::core("services");
pub(crate) const STORAGE_CLASSES: Gr = Gr::new_static("storage.k8s.io", "storageclasses");
pub(crate) const STATEFUL_SETS: Gr = Gr::new_static("apps", "statefulsets");
pub(crate) const VOLUME_CLAIMS: Gr = Gr::core("persistentvolumeclaims");
pub(crate) const SERVICE_ACCOUNTS: Gr = Gr::core("serviceaccounts");

/// Namespace (empty for cluster-scoped objects) and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) namespace: SmolStr,
    pub(crate) name: SmolStr,
}

impl Key {
    pub(crate) fn new(namespace: impl Into<SmolStr>, name: impl Into<SmolStr>) -> Self {
        Key { namespace: namespace.into(), name: name.into() }
    }

    pub(crate) fn of(object: &Object) -> Self {
        let (namespace, name) = object.names();
        Key { namespace, name }
    }

    /// The namespace as the store wants it.
    pub(crate) fn namespace(&self) -> Option<&str> {
        Some(self.namespace.as_str()).filter(|namespace| !namespace.is_empty())
    }
}

/// An event, as controllers see it.
pub(crate) struct Seen<'e> {
    pub(crate) gr: &'e Gr,
    pub(crate) change: Change,
    /// The object now; a deleted one as it was.
    pub(crate) object: &'e Arc<Object>,
    /// The object before; none when it came, or when that has been missed.
    pub(crate) previous: Option<&'e Arc<Object>>,
}

/// One controller.
pub(crate) trait Controller: Send {
    /// The name by which it is frozen.
    fn name(&self) -> &'static str;

    /// Takes note of an event; writes nothing.
    fn observe(&mut self, world: &World, seen: &Seen<'_>);

    /// Works off everything that is due.
    fn work(&mut self, world: &mut World);

    /// When something is due next; a time in the past for now.
    fn next(&self) -> Option<DateTime<Utc>>;
}

/// Takes a finalizer off an object; an empty list is no list.
pub(crate) fn remove_finalizer(object: &mut serde_json::Value, finalizer: &str) {
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    if let Some(finalizers) = metadata.get_mut("finalizers").and_then(serde_json::Value::as_array_mut) {
        finalizers.retain(|present| present != finalizer);
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        }
    }
}

/// What all controllers share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) owners: Owners,
    pub(crate) volumes: Volumes,
    pub(crate) users: Users,
    pub(crate) recorder: Recorder,
}

impl World {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.store.clock().now()
    }

    pub(crate) fn find(&self, gr: &Gr, key: &Key) -> Option<Arc<Object>> {
        self.store.find(gr, key.namespace(), &key.name)
    }

    /// The kind of a resource, if it is served.
    pub(crate) fn kind(&self, gr: &Gr) -> Option<Arc<Kind>> {
        self.store.kind(gr).ok()
    }

    /// What events about an object name; None for kinds that are not served any more.
    pub(crate) fn about(&self, gr: &Gr, object: &Object) -> Option<About> {
        self.kind(gr).map(|kind| About::object(&kind, object))
    }

    /// Changes an object or one of its subresources under the name of a controller.
    pub(crate) fn update(
        &self,
        gr: &Gr,
        key: &Key,
        subresource: &str,
        mut change: impl FnMut(&mut serde_json::Value),
    ) -> Result<Arc<Object>, Status> {
        let options = WriteOptions::by("kube-controller-manager");
        self.store.update(gr, key.namespace(), &key.name, subresource, &options, |_, mut object| {
            change(&mut object);
            Ok(object)
        })
    }

    /// Creates an object under the name of a controller.
    pub(crate) fn create(
        &self,
        gr: &Gr,
        namespace: &str,
        object: serde_json::Value,
    ) -> Result<Arc<Object>, Status> {
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        self.store.create(gr, namespace, object, &WriteOptions::by("kube-controller-manager"))
    }
}
