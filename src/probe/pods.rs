//! The pods of a probe, as far as it looks at them.

use std::net::IpAddr;

use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::jobs::Role;
use super::verdict::{Call, Heard};
use crate::wire::label;

/// A pod as the API server sends it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pod {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Clone, Deserialize)]
struct Meta {
    name: SmolStr,
    #[serde(default)]
    labels: std::collections::BTreeMap<SmolStr, SmolStr>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: Option<SmolStr>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: SmolStr,
    reason: SmolStr,
    message: SmolStr,
    #[serde(rename = "podIP")]
    pod_ip: SmolStr,
    conditions: Vec<Condition>,
    container_statuses: Vec<Container>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: SmolStr,
    status: SmolStr,
    message: SmolStr,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
struct Container {
    state: State,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
struct State {
    waiting: Option<Waiting>,
    terminated: Option<Terminated>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
struct Waiting {
    reason: SmolStr,
    message: SmolStr,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Terminated {
    exit_code: i32,
    reason: SmolStr,
    message: SmolStr,
}

impl Pod {
    /// Whether it has this role.
    pub(super) fn is(&self, role: Role) -> bool {
        self.metadata.labels.get(label::PROBE_ROLE).is_some_and(|it| *it == role.to_string())
    }

    /// Where it listens, once it does.
    pub(super) fn listens(&self) -> Option<IpAddr> {
        let ready = self.status.conditions.iter().any(|it| it.kind == "Ready" && it.status == "True");
        self.status.pod_ip.parse().ok().filter(|_| ready)
    }

    /// What it has called, once it has ended.
    pub(super) fn called(&self) -> Option<Call> {
        let end = self.status.container_statuses.iter().find_map(|it| it.state.terminated.as_ref());
        let heard = match (end, self.status.phase.as_str()) {
            (Some(end), _) => serde_json::from_str::<Heard>(end.message.trim()).map_err(|_| self.odd(end)),
            (None, "Failed" | "Succeeded") => Err(self.failed()),
            (None, _) => return None,
        };
        Some(Call { heard, node: self.spec.node_name.clone() })
    }

    fn odd(&self, end: &Terminated) -> SmolStr {
        let said = end.message.lines().last().unwrap_or_default();
        let said: String = said.chars().take(200).collect();
        let name = &self.metadata.name;
        format_smolstr!("{name} ended with {} ({}) {said}", end.exit_code, end.reason)
    }

    fn failed(&self) -> SmolStr {
        let Status { reason, message, .. } = &self.status;
        format_smolstr!("{} did not run: {reason} {message}", self.metadata.name)
    }

    /// Why it does not run, or not yet.
    pub(super) fn waits(&self) -> SmolStr {
        let name = &self.metadata.name;
        let waiting = self.status.container_statuses.iter().find_map(|it| it.state.waiting.as_ref());
        if let Some(Waiting { reason, message }) = waiting {
            return format_smolstr!("{name}: {reason} {message}");
        }
        let unscheduled =
            self.status.conditions.iter().find(|it| it.kind == "PodScheduled" && it.status == "False");
        match unscheduled {
            Some(condition) => format_smolstr!("{name}: {}", condition.message),
            None if self.status.phase == "Failed" => self.failed(),
            None => format_smolstr!("{name}: {}", self.status.phase),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: Value) -> Pod {
        let labels = json!({"v9s.io/probe-role": "caller"});
        serde_json::from_value(json!({"metadata": {"name": "p", "labels": labels}, "spec": {"nodeName": "n1"}, "status": status})).unwrap()
    }

    fn ended(message: &str, code: i32) -> Pod {
        let end = json!({"exitCode": code, "reason": "Error", "message": message});
        pod(json!({"phase": "Failed", "containerStatuses": [{"state": {"terminated": end}}]}))
    }

    #[test]
    fn its_last_word_is_what_it_has_heard() {
        for (message, heard) in [
            (r#"{"heard":"word"}"#, Heard::Word),
            ("{\"heard\":\"silence\"}\n", Heard::Silence),
            (
                r#"{"heard":"refused","why":"no route to host"}"#,
                Heard::Refused { why: "no route to host".into() },
            ),
            (r#"{"heard":"stranger"}"#, Heard::Stranger),
        ] {
            let call = ended(message, 1).called().unwrap();
            assert_eq!((call.heard, call.node.as_deref()), (Ok(heard), Some("n1")));
        }
    }

    #[test]
    fn one_that_says_nothing_of_it_made_no_call() {
        let why = |pod: &Pod| pod.called().unwrap().heard.unwrap_err();
        assert!(
            why(&ended("error: unexpected argument 'probe' found", 2))
                .contains("ended with 2 (Error) error: unexpected")
        );
        let evicted = pod(json!({"phase": "Failed", "reason": "DeadlineExceeded", "message": "too late"}));
        assert!(why(&evicted).contains("did not run: DeadlineExceeded too late"));
        assert_eq!(pod(json!({"phase": "Pending"})).called(), None);
    }

    #[test]
    fn it_listens_when_it_is_ready_and_has_an_address() {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        assert_eq!(pod(json!({"phase": "Running", "podIP": "10.0.0.7"})).listens(), None);
        assert_eq!(pod(json!({"phase": "Running", "conditions": ready})).listens(), None);
        let listens = pod(json!({"phase": "Running", "podIP": "fd00::7", "conditions": ready})).listens();
        assert_eq!(listens, Some("fd00::7".parse().unwrap()));
        let pulling = pod(
            json!({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}}]}),
        );
        assert_eq!(pulling.waits(), "p: ErrImagePull no such host");
        let nowhere = pod(
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "no room"}]}),
        );
        assert_eq!(nowhere.waits(), "p: no room");
    }
}
