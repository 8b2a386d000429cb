//! Facts from objects, with as little said as possible.

use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::cluster::{EventKind, EventRow};
use crate::companion::SyncerStatus;
use crate::explain::{Claim, Facts, Plane, Seen, Subject, Tenant, Workload};
use crate::known::Known;
use crate::target::Rest;

/// What time it is.
pub(super) fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// An event of that age in seconds.
pub(super) fn event(seconds: i64, source: &str, reason: &str, message: &str) -> EventRow {
    let at = now() - chrono::TimeDelta::seconds(seconds);
    EventRow {
        uid: format!("{reason}-{seconds}").into(),
        kind: EventKind::Warning,
        reason: reason.into(),
        object: "Pod/web".into(),
        message: message.into(),
        count: 1,
        first: Some(at),
        last: Some(at),
        source: source.into(),
    }
}

/// Merges what is said over what is there.
pub(super) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// Facts that are being put together.
#[derive(Default)]
pub(super) struct Case {
    host: Option<Value>,
    inside: Option<Value>,
    events: Vec<EventRow>,
    inside_events: Vec<EventRow>,
    tenant: Option<(Option<Rest>, u32, Option<SyncerStatus>)>,
    nodes: Vec<Value>,
    quotas: Vec<Value>,
    claims: Vec<Claim>,
    workload: Option<Vec<EventRow>>,
    pub(super) unreachable: bool,
}

fn pod(change: Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "creationTimestamp": "2026-11-21T11:50:00Z"},
        "spec": {"restartPolicy": "Always", "schedulerName": "default-scheduler",
            "containers": [{"name": "main", "image": "registry.example/web:1",
                "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}]},
        "status": {"phase": "Pending"}});
    merge(&mut pod, change);
    pod
}

impl Case {
    /// A pod of the host.
    pub(super) fn pod(change: Value) -> Case {
        Case { host: Some(pod(change)), ..Case::default() }
    }

    /// A pod that waits for a node, and what its scheduler says.
    pub(super) fn unscheduled(says: &str) -> Case {
        Case::pod(
            json!({"status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": says, "lastTransitionTime": "2026-11-21T11:50:00Z"}]}}),
        )
    }

    /// A pod that has a node, and this state of its container.
    pub(super) fn waits(reason: &str, message: &str) -> Case {
        Case::container(json!({"waiting": {"reason": reason, "message": message}}), json!({}), 0)
    }

    /// The same with the state before.
    pub(super) fn container(state: Value, last: Value, restarts: u32) -> Case {
        let started = state.get("waiting").is_none() || restarts > 0;
        Case::pod(json!({"spec": {"nodeName": "n1"}, "status": {"phase": if started { "Running" } else { "Pending" },
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-21T11:50:00Z"},
                {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
            "containerStatuses": [{"name": "main", "image": "registry.example/web:1", "imageID": "", "ready": false,
                "restartCount": restarts, "state": state, "lastState": last}]}}))
        .ready_node()
    }

    /// A tenant's pod that the host has not.
    pub(super) fn alone() -> Case {
        Case { inside: Some(pod(json!({}))), tenant: Some((None, 1, None)), ..Case::default() }
    }

    /// A tenant's pod on both sides.
    pub(super) fn pair(host: Value, inside: Value) -> Case {
        let mut twin = json!({"metadata": {"name": "web-x-shop-x-t", "namespace": "team", "uid": "h1",
            "annotations": {"vcluster.loft.sh/object-uid": "u1"}}});
        merge(&mut twin, host);
        Case {
            host: Some(pod(twin)),
            inside: Some(pod(inside)),
            tenant: Some((None, 1, None)),
            ..Case::default()
        }
    }

    /// With an event about the pod on the host.
    pub(super) fn told(mut self, seconds: i64, source: &str, reason: &str, message: &str) -> Case {
        self.events.push(event(seconds, source, reason, message));
        self
    }

    /// With an event about the pod inside.
    pub(super) fn told_inside(mut self, reason: &str, message: &str) -> Case {
        self.inside_events.push(event(60, "v9s-syncer", reason, message));
        self
    }

    /// With the state of the virtual cluster.
    pub(super) fn of(mut self, rest: Option<Rest>, ready: u32, companion: Option<SyncerStatus>) -> Case {
        self.tenant = Some((rest, ready, companion));
        self
    }

    /// With a node.
    pub(super) fn node(mut self, change: Value) -> Case {
        let mut node = json!({"metadata": {"name": "n1"}, "spec": {}, "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}});
        merge(&mut node, change);
        self.nodes.push(node);
        self
    }

    /// With a node that is ready.
    pub(super) fn ready_node(self) -> Case {
        self.node(json!({}))
    }

    /// With a quota of the host's namespace.
    pub(super) fn quota(mut self, quota: Value) -> Case {
        self.quotas.push(quota);
        self
    }

    /// With a claim that the pod names; `Null` when there is none.
    pub(super) fn claim(
        mut self,
        claim: Value,
        provisioner: Known<Option<&str>>,
        events: Vec<EventRow>,
    ) -> Case {
        let claim = (!claim.is_null()).then(|| {
            let mut whole = json!({"metadata": {"name": "data", "namespace": "shop"}, "spec": {"accessModes": ["ReadWriteOnce"]},
                "status": {"phase": "Pending"}});
            merge(&mut whole, claim);
            serde_json::from_value(whole).unwrap()
        });
        let provisioner = provisioner.map(|who| who.map(Into::into));
        self.claims.push(Claim { name: "data".into(), claim, events, provisioner });
        self
    }

    /// A workload whose pods nobody lets in.
    pub(super) fn refused(message: &str) -> Case {
        let event = event(30, "statefulset-controller", "FailedCreate", message);
        Case { workload: Some(vec![event]), tenant: Some((None, 0, None)), ..Case::default() }
    }

    pub(super) fn facts(self) -> Facts {
        let typed = |pod: Option<Value>| pod.map(|pod| serde_json::from_value::<Pod>(pod).unwrap());
        let of = |all: Vec<Value>| all.into_iter().map(|it| serde_json::from_value(it).unwrap()).collect();
        let (host, inside) = (typed(self.host), typed(self.inside));
        let subject = match &self.workload {
            Some(_) => {
                Subject::Workload { kind: "StatefulSet".into(), namespace: "team".into(), name: "t".into() }
            }
            None => Subject::Pod { namespace: "shop".into(), name: "web".into() },
        };
        let has_inside = self.tenant.is_some() && self.workload.is_none();
        Facts {
            now: now(),
            subject,
            tenant: self.tenant.map(|(rest, ready, companion)| Tenant {
                name: "t".into(),
                namespace: "team".into(),
                host_name: "web-x-shop-x-t".into(),
                rest,
                plane: Plane { name: "StatefulSet t".into(), wanted: 1, ready },
                companion: Known::Yes(companion),
            }),
            inside: match (has_inside, self.unreachable) {
                (true, false) => Known::Yes(Seen { pod: inside, events: Known::Yes(self.inside_events) }),
                (true, true) => Known::unknown("nobody answers"),
                (false, _) => Known::NotApplicable,
            },
            host: Known::Yes(Seen { pod: host, events: Known::Yes(self.events) }),
            quotas: Known::Yes(
                self.quotas.into_iter().map(|it| serde_json::from_value(it).unwrap()).collect(),
            ),
            nodes: Known::Yes(of(self.nodes)),
            claims: Known::Yes(self.claims),
            workload: self
                .workload
                .map_or(Known::NotApplicable, |events| Known::Yes(Workload { wanted: 1, events })),
        }
    }
}
