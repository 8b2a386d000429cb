//! What is known of a pod and of what it depends on, when it is to be explained.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, ResourceQuota};
use smol_str::{SmolStr, format_smolstr};

use super::verdict::Evidence;
use crate::cluster::EventRow;
use crate::companion::{DriftedObject, HEARTBEAT, SyncerStatus};
use crate::known::Known;
use crate::target::Rest;

/// What is explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A pod, as its owner names it.
    Pod {
        /// Namespace, inside for a tenant's pod.
        namespace: SmolStr,
        /// Name.
        name: SmolStr,
    },
    /// A workload that has no pod to show for it, such as a control plane: its kind and name.
    Workload {
        /// Such as `StatefulSet`.
        kind: SmolStr,
        /// Namespace.
        namespace: SmolStr,
        /// Name.
        name: SmolStr,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Pod { namespace, name } => write!(f, "{namespace}/{name}"),
            Subject::Workload { kind, namespace, name } => write!(f, "{kind} {namespace}/{name}"),
        }
    }
}

/// On which side something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// On the host.
    Host,
    /// In the virtual cluster.
    Inside,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Host => "host",
            Side::Inside => "virtual",
        })
    }
}

/// What one side has of the pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The pod; none where there is none of this name.
    pub pod: Option<Pod>,
    /// The events about it, the newest first.
    pub events: Known<Vec<EventRow>>,
}

/// A virtual cluster that the pod belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Its name.
    pub name: SmolStr,
    /// Its namespace on the host.
    pub namespace: SmolStr,
    /// Name of the pod on the host, whether it is there or not.
    pub host_name: SmolStr,
    /// Why it does not run on purpose.
    pub rest: Option<Rest>,
    /// Its control plane.
    pub plane: Plane,
    /// What its companion has told last; none where it has none.
    pub companion: Known<Option<SyncerStatus>>,
}

/// The workload of a control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plane {
    /// Such as `StatefulSet team-a`.
    pub name: SmolStr,
    /// Replicas that it is to have.
    pub wanted: u32,
    /// Those that are ready.
    pub ready: u32,
}

/// A claim that the pod names, as the side that runs it has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Its name.
    pub name: SmolStr,
    /// It; none where there is none of this name.
    pub claim: Option<PersistentVolumeClaim>,
    /// The events about it, the newest first.
    pub events: Vec<EventRow>,
    /// Who provides for its class: none where there is no such class. The question does not arise where it names none.
    pub provisioner: Known<Option<SmolStr>>,
}

/// Who is to make the pod, where nobody has.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Pods that it is to have.
    pub wanted: u32,
    /// The events about it, the newest first.
    pub events: Vec<EventRow>,
}

/// Everything that was gathered.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The host's own clock.
    pub now: DateTime<Utc>,
    /// What is explained.
    pub subject: Subject,
    /// Whose it is; none for a pod that belongs to no virtual cluster.
    pub tenant: Option<Tenant>,
    /// What is inside; the question does not arise for the host's own pods.
    pub inside: Known<Seen>,
    /// What is on the host.
    pub host: Known<Seen>,
    /// The quotas of the host's namespace.
    pub quotas: Known<Vec<ResourceQuota>>,
    /// The nodes of the host.
    pub nodes: Known<Vec<Node>>,
    /// The claims that it names, on the host.
    pub claims: Known<Vec<Claim>>,
    /// Who is to make it.
    pub workload: Known<Workload>,
}

/// Something that was told, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Told<'a> {
    pub(super) side: Side,
    pub(super) event: &'a EventRow,
}

impl Told<'_> {
    /// As evidence.
    pub(super) fn evidence(&self) -> Evidence {
        let EventRow { reason, source, last, message, .. } = self.event;
        let by = if source.is_empty() { String::new() } else { format!(" ({source})") };
        Evidence {
            at: *last,
            source: format_smolstr!("{} event {reason}{by}", self.side),
            says: message.clone(),
        }
    }
}

impl Facts {
    /// The pod inside, if it was seen there.
    pub(super) fn virtual_pod(&self) -> Option<&Pod> {
        self.inside.get()?.pod.as_ref()
    }

    /// The pod on the host, if it was seen there.
    pub(super) fn host_pod(&self) -> Option<&Pod> {
        self.host.get()?.pod.as_ref()
    }

    /// The pod whose status decides: the host's, or the tenant's while the host has none.
    pub(super) fn pod(&self) -> Option<&Pod> {
        self.host_pod().or_else(|| self.virtual_pod())
    }

    /// Whether the tenant has the pod and the host certainly has not.
    pub(super) fn twin_is_missing(&self) -> bool {
        let none = self.host.get().is_some_and(|seen| seen.pod.is_none());
        self.tenant.is_some() && none && self.virtual_pod().is_some()
    }

    /// What was told about the pod on both sides, the host first, each the newest first.
    pub(super) fn events(&self) -> impl Iterator<Item = Told<'_>> {
        [(Side::Host, &self.host), (Side::Inside, &self.inside)].into_iter().flat_map(|(side, seen)| {
            let events = seen.get().and_then(|seen| seen.events.get()).map(Vec::as_slice).unwrap_or_default();
            events.iter().map(move |event| Told { side, event })
        })
    }

    /// The newest event of one of these reasons.
    pub(super) fn told(&self, reasons: &[&str]) -> Option<Told<'_>> {
        self.told_that(reasons, |_| true)
    }

    /// The newest event of one of these reasons whose message is like this.
    pub(super) fn told_that(&self, reasons: &[&str], is_it: impl Fn(&str) -> bool) -> Option<Told<'_>> {
        self.events()
            .filter(|told| reasons.contains(&told.event.reason.as_str()) && is_it(&told.event.message))
            .max_by_key(|told| told.event.last)
    }

    /// What the companion says of this pod.
    pub(super) fn drift(&self) -> Option<&DriftedObject> {
        let Subject::Pod { namespace, name } = &self.subject else { return None };
        let status = self.companion()?;
        let of_it = |it: &&DriftedObject| {
            it.kind == "pods" && it.namespace.as_ref() == Some(namespace) && it.name == *name
        };
        status.drift.as_ref()?.objects.iter().find(of_it)
    }

    /// What the companion has told last.
    pub(super) fn companion(&self) -> Option<&SyncerStatus> {
        self.tenant.as_ref()?.companion.get()?.as_ref()
    }

    /// For how long the companion has been silent, if that is too long.
    pub(super) fn companion_silence(&self) -> Option<TimeDelta> {
        let silence = self.now.signed_duration_since(self.companion()?.time?);
        let most = TimeDelta::from_std(3 * HEARTBEAT).unwrap_or(TimeDelta::MAX);
        (silence > most).then_some(silence)
    }

    /// The node that the pod is on, if nodes were seen: none inside when there is no such node any more.
    pub(super) fn node(&self) -> Option<(&str, Option<&Node>)> {
        let name = self.host_pod()?.spec.as_ref()?.node_name.as_deref()?;
        let nodes = self.nodes.get()?;
        Some((name, nodes.iter().find(|node| node.metadata.name.as_deref() == Some(name))))
    }

    /// What could not be read, in sentences.
    pub(super) fn unread(&self) -> Vec<SmolStr> {
        let mut all = Vec::new();
        let mut add = |what: &str, why: Option<&str>| {
            all.extend(why.map(|why| format_smolstr!("{what}: {why}")));
        };
        add("the virtual cluster", self.inside.why());
        add("the host", self.host.why());
        for (what, seen) in [("events inside", &self.inside), ("events on the host", &self.host)] {
            add(what, seen.get().and_then(|seen| seen.events.why()));
        }
        add("quotas", self.quotas.why());
        add("nodes", self.nodes.why());
        add("claims", self.claims.why());
        add("its workload", self.workload.why());
        add("the companion", self.tenant.as_ref().and_then(|tenant| tenant.companion.why()));
        all
    }
}
