//! Objects that were found on a host, and what they are to a virtual cluster. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use smol_str::SmolStr;

use crate::cluster::{ObjectRef, Resource};
use crate::companion;
use crate::names::{Translator, safe_concat};
use crate::wire::{App, annotation, label, name};

/// The metadata of an object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Its namespace, empty for cluster-scoped ones.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Its UID.
    pub uid: SmolStr,
    /// Its labels.
    pub labels: BTreeMap<SmolStr, SmolStr>,
    /// Its annotations.
    pub annotations: BTreeMap<SmolStr, SmolStr>,
    /// What it belongs to.
    pub owner_references: Vec<Owner>,
    /// What must happen before it can go.
    pub finalizers: Vec<SmolStr>,
    /// Since when it is going.
    pub deletion_timestamp: Option<DateTime<Utc>>,
}

/// What an object belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default)]
pub struct Owner {
    /// UID of the owner.
    pub uid: SmolStr,
}

/// An object that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its kind.
    pub resource: Resource,
    /// What is known of it.
    pub meta: Meta,
}

impl Found {
    /// Which object it is.
    pub fn object(&self) -> ObjectRef {
        let namespace = self.resource.namespaced.then(|| self.meta.namespace.clone());
        ObjectRef { resource: self.resource.clone(), namespace, name: self.meta.name.clone() }
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.meta.labels.get(key).map(SmolStr::as_str)
    }

    fn is(&self, group: &str, kind: &str) -> bool {
        self.resource.group == group && self.resource.kind == kind
    }
}

/// What an object is to a virtual cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A workload of its control plane.
    Workload,
    /// It came from inside.
    Synced,
    /// Anything else that was made for it.
    Own,
    /// The records of its Helm release.
    Helm,
    /// What it has stored.
    Data,
    /// It belongs to one of the others and goes with it.
    Derived,
    /// Every namespace has it.
    Housekeeping,
    /// Somebody else's.
    Foreign,
}

/// Whose objects are looked at.
#[derive(Debug, Clone)]
pub struct Whose<'a> {
    /// Host namespace.
    pub namespace: &'a str,
    /// Name of the virtual cluster.
    pub name: &'a str,
}

impl Whose<'_> {
    /// The label value on what came from inside and has no namespace on the host (docs/vclusters.md, Names).
    pub fn marker(&self) -> String {
        safe_concat(&[self.namespace, "x", self.name])
    }

    /// Names of its ClusterRoles and bindings (docs/vclusters.md, Objects).
    pub fn cluster_roles(&self) -> [String; 2] {
        let cut = |name: String| {
            let cut: String = name.chars().take(63).collect();
            cut.trim_end_matches('-').to_owned()
        };
        [
            cut(format!("vc-{}-v-{}", self.name, self.namespace)),
            cut(format!("vc-mn-{}-v-{}", self.name, self.namespace)),
        ]
    }

    /// What an object of its namespace is to it, without looking at owners.
    fn role(&self, found: &Found) -> Role {
        let made_for = found.label(label::RELEASE) == Some(self.name)
            && found.label(label::APP).is_some_and(|app| App::of(app).is_some());
        let workload = found.is("apps", "StatefulSet") || found.is("apps", "Deployment");
        if found.is("", "PersistentVolumeClaim") && (made_for || self.is_claim(&found.meta.name)) {
            Role::Data
        } else if made_for && workload {
            Role::Workload
        } else if found.label(label::MANAGED_BY) == Some(self.name) {
            Role::Synced
        } else if made_for || self.is_own(found) {
            Role::Own
        } else if self.is_helm(found) {
            Role::Helm
        } else if is_housekeeping(found) {
            Role::Housekeeping
        } else {
            Role::Foreign
        }
    }

    /// `data-NAME-0` and `data-NAME-etcd-0`, of every ordinal.
    fn is_claim(&self, claim: &str) -> bool {
        let rest = claim.strip_prefix("data-").and_then(|rest| rest.strip_prefix(self.name));
        let rest = rest.map(|rest| rest.strip_prefix("-etcd").unwrap_or(rest));
        let ordinal = rest.and_then(|rest| rest.strip_prefix('-'));
        ordinal.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// What the syncer and hands make without the chart's labels, by the labels or the exact names that it has.
    fn is_own(&self, found: &Found) -> bool {
        let labelled = [label::VCLUSTER_NAME, label::BELONGS_TO, companion::LABEL, label::OBSERVER_OF];
        if labelled.into_iter().any(|key| found.label(key) == Some(self.name)) {
            return true;
        }
        let names: &[String] = match (found.resource.group.as_str(), found.resource.kind.as_str()) {
            ("", "Secret") => &[
                name::config_secret(self.name),
                name::kubeconfig_secret(self.name),
                name::certificates_secret(self.name),
                name::webhook_secret(self.name),
            ],
            ("", "Service") => &[
                self.name.to_owned(),
                name::headless_service(self.name),
                name::etcd(self.name),
                name::etcd_headless_service(self.name),
            ],
            ("", "ConfigMap") => &[companion::config_map(self.name)],
            ("", "ServiceAccount") => {
                &[name::service_account(self.name), name::workload_service_account(self.name)]
            }
            ("", "ResourceQuota" | "LimitRange") => &[name::policy(self.name)],
            ("rbac.authorization.k8s.io", "Role" | "RoleBinding") => &[name::service_account(self.name)],
            ("networking.k8s.io", "NetworkPolicy") => &[
                format!("vc-work-{}", self.name),
                format!("vc-cp-{}", self.name),
                format!("vc-kube-dns-{}", self.name),
                format!("vc-snapshot-{}", self.name),
            ],
            ("networking.k8s.io", "Ingress") | ("policy", "PodDisruptionBudget") => &[self.name.to_owned()],
            ("coordination.k8s.io", "Lease") => {
                &[name::leader_lease(self.name), safe_concat(&["vcluster", self.name, "cert-rotation"])]
            }
            _ => &[],
        };
        names.iter().any(|own| found.meta.name == own.as_str())
    }

    fn is_helm(&self, found: &Found) -> bool {
        let record = |name: &str| {
            let version =
                name.strip_prefix("sh.helm.release.v1.").and_then(|rest| rest.strip_prefix(self.name));
            version.is_some_and(|rest| rest.strip_prefix(".v").is_some_and(|n| n.parse::<u32>().is_ok()))
        };
        found.is("", "Secret") && record(&found.meta.name)
    }

    /// What each object of its namespace is to it. What belongs to one of its objects, or to one of those that were `deleted` on
    /// the way here (by UID), goes with that, unless it is something of its own.
    pub fn sort(&self, all: Vec<Found>, deleted: &BTreeSet<SmolStr>) -> Vec<(Role, Found)> {
        let mut sorted: Vec<(Role, Found)> =
            all.into_iter().map(|found| (self.role(&found), found)).collect();
        let is_its = |role: Role| !matches!(role, Role::Foreign | Role::Housekeeping);
        loop {
            let its: BTreeSet<SmolStr> = sorted
                .iter()
                .filter(|(role, _)| is_its(*role))
                .map(|(_, found)| found.meta.uid.clone())
                .chain(deleted.iter().cloned())
                .collect();
            let mut more = false;
            for (role, found) in &mut sorted {
                let owned = found.meta.owner_references.iter().any(|owner| its.contains(&owner.uid));
                // Pods of its workloads carry its labels, too, and go with them.
                if owned && (!is_its(*role) || *role == Role::Own && !self.stands_alone(found)) {
                    more |= *role != Role::Derived;
                    *role = Role::Derived;
                }
            }
            if !more {
                return sorted;
            }
        }
    }

    /// The Secrets that the syncer writes belong to the Service and are worth naming all the same.
    fn stands_alone(&self, found: &Found) -> bool {
        found.is("", "Secret") || found.is("", "ConfigMap") || found.is("", "Service")
    }

    /// Whether a cluster-scoped object came from inside or was made for it.
    pub fn cluster_role(&self, found: &Found) -> Option<Role> {
        if found.label(label::MANAGED_BY) == Some(self.marker().as_str()) {
            return Some(Role::Synced);
        }
        let rbac = found.resource.group == "rbac.authorization.k8s.io";
        let own = rbac && self.cluster_roles().iter().any(|name| found.meta.name == name.as_str());
        own.then_some(Role::Own)
    }

    /// Translates names, for messages.
    pub fn translator(&self) -> Translator {
        Translator::new(self.name, self.namespace)
    }
}

/// What every namespace has, or what goes by itself.
fn is_housekeeping(found: &Found) -> bool {
    let meta = &found.meta;
    match (found.resource.group.as_str(), found.resource.kind.as_str()) {
        ("", "Event") | ("events.k8s.io", "Event") => true,
        ("", "ConfigMap") => {
            meta.name == "kube-root-ca.crt"
                || meta.name == "openshift-service-ca.crt"
                || meta.name == "istio-ca-root-cert"
        }
        ("", "ServiceAccount") => meta.name == "default",
        ("", "Secret") => {
            meta.annotations.get("kubernetes.io/service-account.name").is_some_and(|name| name == "default")
        }
        _ => false,
    }
}

/// Whether the official CLI or v9s made a namespace for a virtual cluster.
pub fn was_made_for_it(namespace: &Meta) -> bool {
    namespace.annotations.get(annotation::CREATED).is_some_and(|value| value == "true")
}
