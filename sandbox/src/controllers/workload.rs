//! What the controllers of workloads have in common: pods as they see them, templates, revisions, conditions.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use super::queue::Queue;
use super::{Key, PODS, Seen, World};
use crate::store::{Change, Gr, Object, OwnerRef};

/// Where a pod is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum Phase {
    #[default]
    Pending,
    Running,
    Succeeded,
    Failed,
    #[serde(other)]
    Unknown,
}

/// A pod as controllers see it.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) object: Arc<Object>,
    pub(crate) phase: Phase,
    /// Since when it is ready.
    pub(crate) ready: Option<DateTime<Utc>>,
    pub(crate) scheduled: bool,
    pub(crate) created: SmolStr,
    pub(crate) restarts: i64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Shape {
    spec: Spec,
    status: Status,
    metadata: Metadata,
}
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    creation_timestamp: SmolStr,
}
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: SmolStr,
}
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: Phase,
    conditions: Vec<Condition>,
    container_statuses: Vec<Container>,
}
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    r#type: SmolStr,
    status: SmolStr,
    last_transition_time: Option<DateTime<Utc>>,
}
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    restart_count: i64,
}

impl Pod {
    pub(crate) fn read(object: Arc<Object>) -> Self {
        let shape: Shape = object.parse().unwrap_or_default();
        let ready = shape.status.conditions.iter().find(|c| c.r#type == "Ready" && c.status == "True");
        Pod {
            phase: shape.status.phase,
            ready: ready.map(|ready| ready.last_transition_time.unwrap_or_default()),
            scheduled: !shape.spec.node_name.is_empty(),
            created: shape.metadata.creation_timestamp,
            restarts: shape.status.container_statuses.iter().map(|container| container.restart_count).sum(),
            object,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.object.name()
    }

    pub(crate) fn deleting(&self) -> bool {
        self.object.deleting()
    }

    pub(crate) fn terminal(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Neither over nor on its way out.
    pub(crate) fn active(&self) -> bool {
        !self.terminal() && !self.deleting()
    }

    pub(crate) fn ready(&self) -> bool {
        self.ready.is_some() && !self.terminal()
    }

    /// When it has been ready for long enough; None while it is not ready.
    pub(crate) fn available_from(&self, min_ready: TimeDelta) -> Option<DateTime<Utc>> {
        self.ready.filter(|_| !self.terminal()).map(|since| since + min_ready)
    }

    pub(crate) fn available(&self, min_ready: TimeDelta, now: DateTime<Utc>) -> bool {
        self.available_from(min_ready).is_some_and(|from| from <= now)
    }
}

/// The pods that name this UID as an owner.
pub(crate) fn pods_of(world: &World, uid: &str) -> Vec<Pod> {
    let keys = world.owners.of_kind(uid, &PODS);
    keys.iter().filter_map(|key| world.find(&PODS, key)).map(Pod::read).collect()
}

/// The owner that manages an object.
pub(crate) fn controller_of(object: &Object) -> Option<OwnerRef> {
    object.meta().owner_references.into_iter().find(|owner| owner.controller)
}

/// Takes note of an event for a controller of `gr` (kind `kind`) whose objects manage those of `children`.
pub(crate) fn observe(queue: &mut Queue<Key>, seen: &Seen<'_>, gr: &Gr, kind: &str, children: &[&Gr]) {
    if seen.gr == gr {
        match seen.change {
            Change::Deleted => queue.forget(&Key::of(seen.object)),
            Change::Added | Change::Modified => queue.add(Key::of(seen.object)),
        }
    } else if children.contains(&seen.gr) {
        for object in [Some(seen.object), seen.previous].into_iter().flatten() {
            if let Some(owner) = controller_of(object).filter(|owner| owner.kind == kind) {
                queue.add(Key::new(object.namespace(), owner.name));
            }
        }
    }
}

/// The reference by which an object names the one that manages it.
pub(crate) fn owner_reference(api_version: &str, kind: &str, owner: &Object) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "name": owner.name(), "uid": owner.uid(),
        "controller": true, "blockOwnerDeletion": true})
}

/// A pod from a template; `metadata` says name or generateName and owners, labels and annotations are the
/// template's.
pub(crate) fn pod_from(template: &Value, metadata: Value) -> Value {
    let mut metadata = metadata;
    for key in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template["metadata"].get(key) {
            metadata[key] = value.clone();
        }
    }
    json!({"metadata": metadata, "spec": template["spec"]})
}

/// A short name for the contents of a template.
pub(crate) fn hash_of(template: &Value) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash: u32 = 0x811c_9dc5;
    for byte in template.to_string().bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let letter =
        |digit: u8| char::from(LETTERS.get(usize::from(digit) % LETTERS.len()).copied().unwrap_or(b'x'));
    hash.to_string().bytes().map(letter).collect()
}

/// A number or a percentage of `of`, rounded up or down; None when it is neither.
pub(crate) fn share(value: &Value, of: i64, up: bool) -> Option<i64> {
    if let Some(number) = value.as_i64() {
        return Some(number);
    }
    let percent: i64 = value.as_str()?.strip_suffix('%')?.parse().ok()?;
    let hundredfold = percent.checked_mul(of)?;
    Some(if up { (hundredfold + 99).div_euclid(100) } else { hundredfold.div_euclid(100) })
}

/// A whole number at a path; `absent` when there is none.
pub(crate) fn number(object: &Value, path: &str, absent: i64) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or(absent)
}

/// `spec.minReadySeconds`.
pub(crate) fn min_ready(object: &Value) -> TimeDelta {
    TimeDelta::try_seconds(number(object, "/spec/minReadySeconds", 0)).unwrap_or_default()
}

/// Puts counts into a status; what Kubernetes leaves out when zero is left out.
pub(crate) fn set_counts(status: &mut Value, counts: &[(&str, i64)]) {
    for (key, count) in counts {
        if *count == 0 {
            status.as_object_mut().map(|fields| fields.remove(*key));
        } else {
            status[*key] = json!(count);
        }
    }
}

/// The status of an object, to be changed; an empty one when it has none.
pub(crate) fn status_of(object: &Value) -> Value {
    object
        .get("status")
        .filter(|status| status.is_object())
        .cloned()
        .unwrap_or_else(|| Value::Object(Map::new()))
}

/// What is said by a condition.
pub(crate) struct Saying<'t> {
    pub(crate) kind: &'t str,
    pub(crate) status: bool,
    pub(crate) reason: &'t str,
    pub(crate) message: String,
}

/// The condition of a type.
pub(crate) fn condition<'v>(status: &'v Value, kind: &str) -> Option<&'v Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// Sets a condition; its time of transition moves only with its status, and the same status for the same reason
/// changes nothing.
pub(crate) fn set_condition(status: &mut Value, saying: &Saying<'_>, now: &str, updates: bool) {
    let word = if saying.status { "True" } else { "False" };
    let old = condition(status, saying.kind);
    if old.is_some_and(|old| old["status"] == word && old["reason"] == saying.reason && !updates) {
        return;
    }
    let since = old.filter(|old| old["status"] == word).and_then(|old| old["lastTransitionTime"].as_str());
    let mut new = json!({"type": saying.kind, "status": word, "reason": saying.reason, "message": saying.message,
        "lastTransitionTime": since.unwrap_or(now)});
    if updates {
        new["lastUpdateTime"] = json!(now);
    }
    match status["conditions"].as_array_mut() {
        Some(all) => match all.iter_mut().find(|condition| condition["type"] == saying.kind) {
            Some(old) => *old = new,
            None => all.push(new),
        },
        None => status["conditions"] = json!([new]),
    }
}

/// Takes a condition away.
pub(crate) fn remove_condition(status: &mut Value, kind: &str) {
    let Some(fields) = status.as_object_mut() else { return };
    if let Some(all) = fields.get_mut("conditions").and_then(Value::as_array_mut) {
        all.retain(|condition| condition["type"] != kind);
        if all.is_empty() {
            fields.remove("conditions");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_the_way_that_is_asked() {
        let cases = [
            (json!(3), 10, true, Some(3)),
            (json!("25%"), 10, true, Some(3)),
            (json!("25%"), 10, false, Some(2)),
            (json!("0%"), 10, true, Some(0)),
            (json!("100%"), 3, false, Some(3)),
            (json!("many"), 3, false, None),
            (Value::Null, 3, false, None),
        ];
        for (value, of, up, expected) in cases {
            assert_eq!(share(&value, of, up), expected, "{value} of {of}");
        }
    }

    #[test]
    fn conditions_keep_the_time_of_their_status() {
        let mut status = json!({});
        let mut say = |status_word: bool, reason: &str, now: &str| {
            let saying = Saying { kind: "Available", status: status_word, reason, message: String::new() };
            set_condition(&mut status, &saying, now, false);
            let condition = condition(&status, "Available").expect("set");
            (
                condition["status"].clone(),
                condition["reason"].clone(),
                condition["lastTransitionTime"].clone(),
            )
        };
        assert_eq!(say(true, "A", "1"), (json!("True"), json!("A"), json!("1")));
        assert_eq!(say(true, "B", "2"), (json!("True"), json!("B"), json!("1")));
        assert_eq!(say(false, "C", "3"), (json!("False"), json!("C"), json!("3")));
        remove_condition(&mut status, "Available");
        assert_eq!(status, json!({}));
    }

    #[test]
    fn names_of_templates_are_short_words_and_differ() {
        let (one, other) = (hash_of(&json!({"a": 1})), hash_of(&json!({"a": 2})));
        assert_ne!(one, other);
        assert!(one.len() <= 10 && one.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b)), "{one}");
    }
}
