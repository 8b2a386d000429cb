//! Which pod of a virtual cluster a connection goes to. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use crate::cluster::watch::{Event, Fold, Identified, Identity, Key};

/// As much of a pod as the choice needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) going: bool,
    pub(super) ready: bool,
    /// What its status says, for a person.
    pub(super) status: SmolStr,
}

/// The pods of one virtual cluster.
#[derive(Debug, Default)]
pub(super) struct Pods(BTreeMap<SmolStr, Pod>);

impl Pods {
    pub(super) fn take(&mut self, event: Event<Pod>) {
        match event {
            Event::Upsert(key, pod) => drop(self.0.insert(key.name, pod)),
            Event::Gone(key, _) => drop(self.0.remove(&key.name)),
            Event::Synced => {}
        }
    }

    /// The pod to connect to: the first that is ready and stays, else why there is none.
    pub(super) fn choose(&self) -> Result<SmolStr, SmolStr> {
        let ready = self.0.iter().find(|(_, pod)| pod.ready && !pod.going);
        if let Some((name, _)) = ready {
            return Ok(name.clone());
        }
        match self.0.iter().max_by_key(|(_, pod)| !pod.going) {
            None => Err("it has no pods".into()),
            Some((name, pod)) if pod.going => Err(format_smolstr!("{name} is going")),
            Some((name, pod)) => Err(format_smolstr!("{name} is not ready: {}", pod.status)),
        }
    }
}

/// Folds pods.
pub(super) struct PodFold;

#[derive(Deserialize)]
pub(super) struct PodObject {
    metadata: Meta,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    namespace: SmolStr,
    name: SmolStr,
    #[serde(default)]
    uid: SmolStr,
    #[serde(default)]
    resource_version: SmolStr,
    deletion_timestamp: Option<SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: SmolStr,
    reason: SmolStr,
    conditions: Vec<Condition>,
    container_statuses: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: SmolStr,
    status: SmolStr,
    message: SmolStr,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    name: SmolStr,
    state: State,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct State {
    waiting: Option<Waiting>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Waiting {
    reason: SmolStr,
}

impl Identified for PodObject {
    fn identity(&self) -> Identity<'_> {
        Identity {
            namespace: &self.metadata.namespace,
            name: &self.metadata.name,
            uid: &self.metadata.uid,
            resource_version: &self.metadata.resource_version,
        }
    }
}

impl Fold for PodFold {
    type Object<'a> = PodObject;
    type Row = Pod;

    fn fold(&mut self, _: &Key, pod: PodObject) -> Option<Pod> {
        let is = |kind: &str, status: &str| {
            pod.status
                .conditions
                .iter()
                .find(|condition| condition.kind == kind && condition.status == status)
        };
        let waits = pod.status.container_statuses.iter().find_map(|container| {
            Some(format_smolstr!("{}: {}", container.name, container.state.waiting.as_ref()?.reason))
        });
        let unscheduled = is("PodScheduled", "False").map(|condition| condition.message.clone());
        let told = [unscheduled, waits, Some(pod.status.reason.clone()), Some(pod.status.phase.clone())];
        let status = told.into_iter().flatten().find(|word| !word.is_empty());
        Some(Pod {
            going: pod.metadata.deletion_timestamp.is_some(),
            ready: is("Ready", "True").is_some(),
            status: status.unwrap_or_else(|| "Pending".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pods(all: &[Value]) -> Pods {
        let mut pods = Pods::default();
        for object in all {
            let object: PodObject = serde_json::from_value(object.clone()).unwrap();
            let key = Key { namespace: "ns".into(), name: object.metadata.name.clone() };
            let row = PodFold.fold(&key, object).unwrap();
            pods.take(Event::Upsert(key, row));
        }
        pods
    }

    fn pod(name: &str, ready: bool, going: bool) -> Value {
        let mut pod = json!({"metadata": {"name": name, "uid": name},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}});
        if going {
            pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        pod
    }

    #[test]
    fn a_pod_that_is_ready_and_stays_is_chosen() {
        let cases: [(&[Value], Result<&str, &str>); 6] = [
            (&[], Err("it has no pods")),
            (&[pod("vc-0", true, false), pod("vc-1", true, false)], Ok("vc-0")),
            (&[pod("vc-0", false, false), pod("vc-1", true, false)], Ok("vc-1")),
            (&[pod("vc-0", true, true), pod("vc-1", true, false)], Ok("vc-1")),
            (&[pod("vc-0", true, true)], Err("vc-0 is going")),
            (&[pod("vc-0", false, false), pod("vc-1", true, true)], Err("vc-0 is not ready: Running")),
        ];
        for (all, expected) in cases {
            let expected = expected.map(SmolStr::from).map_err(SmolStr::from);
            assert_eq!(pods(all).choose(), expected, "{all:?}");
        }
    }

    #[test]
    fn why_a_pod_is_not_ready_is_told_by_what_knows_best() {
        let mut unscheduled = pod("vc-0", false, false);
        unscheduled["status"] = json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]});
        assert_eq!(pods(&[unscheduled]).choose(), Err("vc-0 is not ready: 0/3 nodes are available".into()));
        let mut crashing = pod("vc-0", false, false);
        crashing["status"]["containerStatuses"] =
            json!([{"name": "syncer", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]);
        assert_eq!(pods(&[crashing]).choose(), Err("vc-0 is not ready: syncer: CrashLoopBackOff".into()));
    }

    #[test]
    fn what_is_gone_is_not_chosen() {
        let mut pods = pods(&[pod("vc-0", true, false)]);
        pods.take(Event::Gone(Key { namespace: "ns".into(), name: "vc-0".into() }, None));
        assert_eq!(pods.choose(), Err("it has no pods".into()));
    }
}
