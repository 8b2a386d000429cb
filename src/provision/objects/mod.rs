//! What a virtual cluster consists of on its host: settings to typed objects, pure.
//!
//! Names and labels are those of the official chart, so that its CLI lists, describes, connects to and pauses what was made
//! here (docs/vclusters.md). What is applied is complete: applying it again changes nothing.

mod accounts;
mod certificates;
mod confines;
mod containers;
mod control_plane;
mod etcd;
mod exposure;
mod images;
mod meta;
mod network;
mod rights;
mod services;
mod store;
#[cfg(test)]
mod tests;
mod unbuilt;

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

use crate::cluster::{ObjectRef, Resource};
use crate::provision::service_range::ServiceRange;
use crate::provision::values::Settings;
use crate::provision::values::settings::{BackingStore, DataVolume};

pub(crate) use certificates::document;
pub use certificates::{certificates, kubeconfig};
pub use unbuilt::{Unbuilt, unbuilt};

/// Port of the pods on which the virtual API answers: the official CLI forwards there.
pub const API_PORT: u16 = 8443;
/// The container with the virtual API server.
pub const API_SERVER: &str = "kube-apiserver";

/// A virtual cluster that is to be.
#[derive(Debug, Clone, Copy)]
pub struct Blueprint<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace on the host.
    pub namespace: &'a str,
    /// What `vcluster.yaml` says.
    pub settings: &'a Settings,
    /// `vcluster.yaml` itself, whole.
    pub config: &'a str,
    /// Where the host's Services get their addresses from; the tenant's API server must have the same.
    pub service_range: &'a ServiceRange,
}

/// An object and where it belongs.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Where.
    pub at: ObjectRef,
    /// The object, for server-side apply.
    pub body: Value,
}

impl Object {
    fn of<K: Serialize + Metadata<Ty = ObjectMeta>>(resource: Resource, typed: &K) -> Object {
        let meta = typed.metadata();
        let at = ObjectRef {
            resource,
            namespace: meta.namespace.as_deref().map(Into::into),
            name: meta.name.as_deref().unwrap_or_default().into(),
        };
        // Types of Kubernetes are made of what JSON can say.
        Object { at, body: serde_json::to_value(typed).unwrap_or_default() }
    }
}

/// All objects of a virtual cluster but its namespace and its keys, in the order in which they are applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Objects {
    /// Accounts, roles and bindings.
    pub rights: Vec<Object>,
    /// Services. The first is the one by which the virtual API is reached, where there is one.
    pub services: Vec<Object>,
    /// An Ingress, where one is asked for.
    pub ingress: Vec<Object>,
    /// The configuration, quota, limits, network policies and a disruption budget.
    pub confines: Vec<Object>,
    /// etcd, where it is deployed; where to find a store that somebody else runs.
    pub store: Vec<Object>,
    /// The workload of the control plane.
    pub control_plane: Vec<Object>,
}

impl Objects {
    /// All of them, in order.
    pub fn all(&self) -> impl Iterator<Item = &Object> {
        let parts =
            [&self.rights, &self.services, &self.ingress, &self.confines, &self.store, &self.control_plane];
        parts.into_iter().flatten()
    }
}

impl Blueprint<'_> {
    /// Everything that it consists of. Whoever calls this has asked [`unbuilt`] before.
    pub fn objects(&self) -> Objects {
        Objects {
            rights: accounts::accounts(self).into_iter().chain(rights::rights(self)).collect(),
            services: services::services(self),
            ingress: exposure::ingress(self).into_iter().collect(),
            confines: confines::confines(self)
                .into_iter()
                .chain(network::policies(self))
                .chain(exposure::disruption_budget(self))
                .collect(),
            store: store::secret(self).into_iter().chain(etcd::workload(self)).collect(),
            control_plane: vec![control_plane::workload(self)],
        }
    }

    /// The namespace, as the official CLI marks one that it made: it may go with the virtual cluster.
    pub fn new_namespace(&self) -> Object {
        meta::namespace(self)
    }

    /// Whether the control plane is a StatefulSet, which is so if it has claims; otherwise it is a Deployment.
    pub fn is_stateful(&self) -> bool {
        let data = &self.settings.control_plane.workload.persistence.data;
        !matches!(data, DataVolume::Passing(_))
    }

    /// The workload of the control plane.
    pub fn control_plane(&self) -> ObjectRef {
        let kind = if self.is_stateful() { Resource::STATEFUL_SETS } else { Resource::DEPLOYMENTS };
        ObjectRef::namespaced(kind, self.namespace, self.name)
    }

    /// Members of the etcd that is deployed with it; none where the store is another.
    pub fn etcd_members(&self) -> u32 {
        match &self.settings.control_plane.store {
            BackingStore::DeployedEtcd(etcd) => etcd.replicas,
            _ => 0,
        }
    }

    /// The account that the control plane's pods have on the host.
    fn account(&self) -> String {
        let account = &self.settings.control_plane.advanced.service_account;
        account.name.clone().unwrap_or_else(|| crate::wire::name::service_account(self.name))
    }

    /// The account that the tenant's pods have on the host.
    fn workload_account(&self) -> String {
        let account = &self.settings.control_plane.advanced.workload_service_account;
        account.name.clone().unwrap_or_else(|| crate::wire::name::workload_service_account(self.name))
    }
}
