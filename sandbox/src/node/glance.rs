//! A quick look at a pod: enough to see that nothing is to be done, at a fraction of the cost of the whole tree.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use smol_str::SmolStr;

use super::behaviour::{Behaviour, Container, Run};
use super::floor::Floor;
use super::kubelet::LONGEST_STOP;
use crate::store::Object;

/// What is seen of a pod.
#[derive(Debug, Default)]
pub(super) struct Glance {
    pub(super) node: SmolStr,
    phase: SmolStr,
    once: bool,
    ready: bool,
    inits: usize,
    containers: Vec<Spec>,
    statuses: Vec<Status>,
    init_statuses: Vec<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Shape {
    spec: PodSpec,
    status: PodStatus,
}
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    node_name: SmolStr,
    restart_policy: SmolStr,
    containers: Vec<Spec>,
    init_containers: Vec<Spec>,
}
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    name: SmolStr,
    image: String,
}
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    phase: SmolStr,
    conditions: Vec<Condition>,
    container_statuses: Vec<Status>,
    init_container_statuses: Vec<Status>,
}
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: SmolStr,
    status: SmolStr,
}
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    name: SmolStr,
    image: String,
    ready: bool,
    restart_count: i64,
    state: State,
}
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    running: Option<Running>,
}
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Running {
    started_at: DateTime<Utc>,
}

/// The node that a pod is on; empty when it is on none.
pub(super) fn node_of(object: &Object) -> SmolStr {
    // Looking for the field in the bytes first spares the many pods that are on none the parsing.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct OnlyNode {
        spec: NodeName,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct NodeName {
        node_name: SmolStr,
    }
    object.parse::<OnlyNode>().unwrap_or_default().spec.node_name
}

impl Glance {
    pub(super) fn read(object: &Object) -> Self {
        let Shape { spec, status } = object.parse().unwrap_or_default();
        Glance {
            node: spec.node_name,
            phase: status.phase,
            once: !matches!(spec.restart_policy.as_str(), "" | "Always"),
            ready: status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True"),
            inits: spec.init_containers.len(),
            containers: spec.containers,
            statuses: status.container_statuses,
            init_statuses: status.init_container_statuses,
        }
    }

    /// Whether it has ended for good.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    fn status(&self, name: &str) -> Option<&Status> {
        self.statuses.iter().find(|status| status.name == name)
    }

    /// Names of the containers that run.
    pub(super) fn running(&self) -> impl Iterator<Item = &str> {
        let all = self.init_statuses.iter().chain(&self.statuses);
        all.filter(|status| status.state.running.is_some()).map(|status| status.name.as_str())
    }

    /// Images of the containers that run.
    pub(super) fn running_images(&self) -> impl Iterator<Item = &str> {
        let all = self.init_statuses.iter().chain(&self.statuses);
        all.filter(|status| status.state.running.is_some()).map(|status| status.image.as_str())
    }

    fn behaviour(&self, object: &Object, spec: &Spec, floor: &Floor) -> Option<Behaviour> {
        floor.behaviour(&Container {
            namespace: object.namespace(),
            pod: object.name(),
            uid: object.uid(),
            labels: object.labels(),
            name: &spec.name,
            image: &spec.image,
            init: false,
            once: self.once,
            restarts: self.status(&spec.name).map_or(0, |status| status.restart_count),
        })
    }

    /// Whether all its containers run, are ready, and go on for ever: nothing is to be written and nothing comes.
    /// When in doubt it is not.
    pub(super) fn is_settled(&self, object: &Object, floor: &Floor, pace: f64, now: DateTime<Utc>) -> bool {
        let fine = |spec: &Spec| {
            let Some(status) = self.status(&spec.name).filter(|status| status.ready) else { return false };
            let Some(running) = &status.state.running else { return false };
            let Some(behaviour) = self.behaviour(object, spec, floor) else { return true };
            let patience = Duration::from_secs_f64(
                behaviour.ready.map_or(f64::INFINITY, |ready| ready.as_secs_f64() * pace * 1.2).min(1e9),
            );
            let ready =
                TimeDelta::from_std(patience).is_ok_and(|patience| running.started_at + patience <= now);
            ready && behaviour.run == Run::Forever
        };
        self.inits == 0 && self.ready && self.phase == "Running" && self.containers.iter().all(fine)
    }

    /// Whether its status is the node's to write.
    pub(super) fn is_played(&self, object: &Object, floor: &Floor) -> bool {
        self.containers.iter().all(|spec| self.behaviour(object, spec, floor).is_some())
    }

    /// How long its containers take to stop.
    pub(super) fn stops_in(&self, object: &Object, floor: &Floor) -> Duration {
        let running = self
            .containers
            .iter()
            .filter(|spec| self.status(&spec.name).is_some_and(|status| status.state.running.is_some()));
        let longest = running.filter_map(|spec| self.behaviour(object, spec, floor)).map(|b| b.stop).max();
        longest.unwrap_or_default().min(LONGEST_STOP)
    }
}
