//! The exact objects that the official chart and its syncer leave on a host cluster (docs/vclusters.md),
//! from the description of a tenant. Pure: the same tenant and setting make the same objects.

mod access;
mod backups;
mod companion;
mod config;
mod control_plane;
mod etcd;
mod managed_fields;
mod meta;
mod pod;
mod pod_spec;
mod policies;
mod running;
mod status;
mod synced;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
pub(in crate::demo) use companion::next as next_word;
pub use meta::micro_timestamp;
use serde_json::Value;
use v9s::names::Translator;
use v9s::wire;

use super::spec::{Tenant, VirtualPod};

/// What objects depend on besides the tenant.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Now.
    pub now: DateTime<Utc>,
    /// Names of the host's nodes; pods get `nodeName` only when there are some.
    pub nodes: Vec<String>,
    /// Whether objects carry `managedFields`, half of a real object's size.
    pub managed_fields: bool,
}

/// UID of the Service that owns everything synced (docs/vclusters.md, Ownership).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerUid(pub String);

/// Makes the objects of one tenant.
#[derive(Debug, Clone)]
pub struct Maker<'a> {
    tenant: &'a Tenant,
    setting: &'a Setting,
    translator: Translator,
}

impl<'a> Maker<'a> {
    /// For this tenant.
    pub fn new(tenant: &'a Tenant, setting: &'a Setting) -> Self {
        let translator = Translator::new(tenant.name.as_str(), tenant.namespace.as_str());
        Maker { tenant, setting, translator }
    }

    /// UID that the owning Service has when the host keeps the UIDs it is given.
    pub fn planned_owner(&self) -> OwnerUid {
        OwnerUid(self.uid("Service", &self.tenant.name))
    }

    /// The host namespace.
    pub fn namespace(&self) -> Value {
        self.finish(meta::namespace(self))
    }

    /// The Service that clients reach the API server by, and that owns everything synced.
    pub fn service(&self) -> Value {
        self.finish(control_plane::service(self))
    }

    /// The ResourceQuota of the chart, where the policy is on. It belongs on the host last: until a controller has
    /// counted what is there, or once it is full, nothing more is admitted.
    pub fn quota(&self) -> Option<Value> {
        policies::resource_quota(self).map(|quota| self.finish(quota))
    }

    /// The other objects of the chart, in an order in which each finds what it needs.
    pub fn chart(&self) -> Vec<Value> {
        let mut all = config::chart_secrets(self);
        all.extend(access::all(self));
        all.extend(policies::all(self));
        all.extend(etcd::all(self));
        all.extend(control_plane::headless_service(self));
        all.push(control_plane::workload(self));
        all.into_iter().map(|object| self.finish(object)).collect()
    }

    /// What the syncer writes at its start: kubeconfig, certificates, the leader's Lease.
    pub fn runtime(&self, owner: &OwnerUid) -> Vec<Value> {
        config::runtime(self, owner).into_iter().map(|object| self.finish(object)).collect()
    }

    /// What its companion has published last, if it has one.
    pub fn companion(&self) -> Option<Value> {
        companion::config_map(self)
    }

    /// What the host's own controllers make of the workloads: volumes, ReplicaSets and the control-plane pods
    /// with their status. For hosts without controllers.
    pub fn controlled(&self) -> Vec<Value> {
        running::all(self).into_iter().map(|object| self.finish(object)).collect()
    }

    /// The volume claims among [`Maker::controlled`], bound: for hosts that bind none.
    pub fn claims(&self) -> Vec<Value> {
        running::claims(self).into_iter().map(|object| self.finish(object)).collect()
    }

    /// Services, ConfigMaps, Secrets and volume claims copied from inside.
    pub fn synced(&self, owner: &OwnerUid) -> Vec<Value> {
        synced::all(self, owner).into_iter().map(|object| self.finish(object)).collect()
    }

    /// The host copy of one pod, with its status.
    pub fn pod(&self, pod: &VirtualPod<'_>, owner: &OwnerUid) -> Value {
        self.finish(pod::host_pod(self, pod, owner))
    }

    /// The host copy of one pod at the moment when the syncer creates it: no node, no status.
    pub fn new_pod(&self, pod: &VirtualPod<'_>, owner: &OwnerUid) -> Value {
        let mut object = self.pod(pod, owner);
        if let Some(object) = object.as_object_mut() {
            object.remove("status");
        }
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("nodeName");
        }
        object
    }

    /// The host copies of all pods.
    pub fn pods<'s>(&'s self, owner: &'s OwnerUid) -> impl Iterator<Item = Value> + 's {
        self.tenant.pods().map(|pod| self.pod(&pod, owner))
    }

    /// Host name of a pod.
    pub fn pod_host_name(&self, pod: &VirtualPod<'_>) -> String {
        pod::host_name(self, pod)
    }

    fn finish(&self, mut object: Value) -> Value {
        if self.setting.managed_fields {
            managed_fields::add(&mut object, self.tenant.created);
        }
        object
    }

    fn uid(&self, kind: &str, name: &str) -> String {
        self.tenant.seed.child("host-uid").child(kind).child(name).uid()
    }

    fn config_secret(&self) -> String {
        wire::name::config_secret(&self.tenant.name)
    }
}
