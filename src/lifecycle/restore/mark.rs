//! The mark on the control plane while it is restored: what was there before, for whoever goes on or puts it back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::store::keeper::RestoreId;
use crate::target::{Part, Target};
use crate::wire::annotation;

/// How far a restore came, and what it takes to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// Its name.
    pub id: RestoreId,
    /// The backup, or what else the new store was made of.
    pub from: SmolStr,
    /// When it began.
    pub began: DateTime<Utc>,
    /// Who did.
    pub who: SmolStr,
    /// How many replicas each workload had.
    pub replicas: BTreeMap<SmolStr, u32>,
}

impl Mark {
    /// For a restore that begins.
    pub(super) fn new(target: &Target, from: SmolStr, who: SmolStr, began: DateTime<Utc>) -> Option<Mark> {
        // Letters and digits, and later ones come later.
        let id = began.format("%Y%m%dt%H%M%S").to_string().parse().ok()?;
        let replicas = target.parts.iter().map(|part| (part.name.clone(), part.replicas)).collect();
        Some(Mark { id, from, began, who, replicas })
    }

    /// What an unfinished restore has left on a workload, and why it cannot be read if that is so.
    pub(super) fn read(workload: &Value) -> Option<Result<Mark, String>> {
        let text = workload["metadata"]["annotations"][annotation::RESTORE].as_str()?;
        Some(serde_json::from_str(text).map_err(|why| format!("{}: {why}", annotation::RESTORE)))
    }

    /// Stops a workload, with the mark on the control plane. None when it is so already.
    pub(super) fn stop(&self, part: &Part, is_plane: bool) -> Option<Value> {
        if part.restoring && part.replicas == 0 {
            return None;
        }
        let mut annotations = json!({annotation::RESTORING: "true"});
        if is_plane {
            annotations[annotation::RESTORE] = json!(self).to_string().into();
        }
        Some(json!({"metadata": {"annotations": annotations}, "spec": {"replicas": 0}}))
    }

    /// Gives a workload its replicas back. The marks stay: nothing that is missing inside is deleted on the host while they are there.
    pub(super) fn start(&self, part: &Part) -> Option<Value> {
        let replicas = self.replicas.get(&part.name).copied()?;
        (part.replicas != replicas).then(|| json!({"metadata": {}, "spec": {"replicas": replicas}}))
    }

    /// Takes the marks away.
    pub(super) fn clear() -> Value {
        json!({"metadata": {"annotations": {annotation::RESTORING: null, annotation::RESTORE: null}}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::tests::{alone, etcd, plane};

    fn mark() -> Mark {
        let began = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let target = alone(vec![plane(1), Part { replicas: 3, ..etcd() }]);
        Mark::new(&target, "/b/x.tar.zst".into(), "ada".into(), began).unwrap()
    }

    #[test]
    fn the_mark_says_what_was_there_before() {
        let mark = mark();
        let stop = mark.stop(&plane(1), true).unwrap();
        assert_eq!(stop["spec"]["replicas"], 0);
        assert_eq!(Mark::read(&stop), Some(Ok(mark.clone())), "whoever comes next reads it");
        let of_etcd = mark.stop(&etcd(), false).unwrap();
        assert_eq!(Mark::read(&of_etcd), None, "one place is enough");
        let stopped = Part { restoring: true, replicas: 0, ..etcd() };
        assert_eq!(mark.stop(&stopped, false), None, "what is stopped is not stopped again");
        assert_eq!(mark.start(&stopped).unwrap()["spec"]["replicas"], 3);
        assert_eq!(mark.start(&Part { replicas: 3, ..stopped }), None);
    }

    #[test]
    fn a_mark_that_cannot_be_read_is_not_taken_for_none() {
        let odd = json!({"metadata": {"annotations": {annotation::RESTORE: "{}"}}});
        assert!(Mark::read(&odd).unwrap().unwrap_err().starts_with("v9s.io/restore: "));
        assert_eq!(Mark::read(&json!({"metadata": {}})), None);
    }
}
