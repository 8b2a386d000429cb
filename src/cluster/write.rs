//! Changes on a cluster. Each is guarded by preconditions and leaves a record.

use chrono::Utc;
use serde::Deserialize;
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;

use super::{Cluster, Failure, FailureKind, Guard, ObjectRef, Resource, Uid};
use crate::audit::{AuditLog, Outcome, Record};
use crate::fleet::model::PodRow;

/// How often a change is tried again that something else got ahead of.
const TRIES: usize = 3;

/// A change that was not made.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The server did not do it, or it is not known whether it did.
    #[error("cannot {what} on {cluster}: {failure}")]
    Failed {
        /// What was tried, such as `delete Pod team-a/web-0`.
        what: String,
        /// The kube context.
        cluster: SmolStr,
        /// What came of it.
        failure: Failure,
    },
    /// The object is another than the one that was meant.
    #[error("{what} on {cluster}: it was replaced by another of the same name; nothing was changed")]
    Replaced {
        /// What was tried.
        what: String,
        /// The kube context.
        cluster: SmolStr,
    },
    /// No record could be written, so nothing was changed.
    #[error("the audit log {path} cannot be written: {reason}; nothing was changed")]
    NoRecord {
        /// Its path.
        path: String,
        /// What the system said.
        reason: String,
    },
}

impl WriteError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            WriteError::Failed { failure, .. } => failure.remedy(),
            WriteError::Replaced { .. } => "look at the new one and decide again",
            WriteError::NoRecord { .. } => "make the state directory writable, or name another",
        }
    }
}

/// Which object, and in which state.
#[derive(Deserialize)]
struct Live {
    metadata: LiveMeta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LiveMeta {
    uid: SmolStr,
    resource_version: SmolStr,
}

impl Cluster {
    /// Deletes the pod that the row shows, and no other: UID and resourceVersion are preconditions.
    /// `grace` is the time to stop in seconds; none leaves it to the pod.
    ///
    /// # Errors
    /// When the pod is another by now, the server refuses, or no record can be written.
    pub async fn delete_pod(&self, pod: &PodRow, grace: Option<u32>) -> Result<(), WriteError> {
        let object = ObjectRef::namespaced(Resource::PODS, pod.namespace.clone(), pod.name.clone());
        let what = format!("delete {object}");
        self.check_audit().await?;
        let mut tries = 0;
        let deleted = loop {
            tries += 1;
            let live = match self.get::<Live>(&object).await {
                Ok(live) => live.metadata,
                // It is gone already, which is what was wanted.
                Err(failure) if failure.kind == FailureKind::NotFound => return Ok(()),
                Err(failure) => break Err(failure),
            };
            if Uid::from(live.uid.as_str()) != pod.uid {
                return Err(WriteError::Replaced { what, cluster: self.context.clone() });
            }
            let guard = Guard { uid: live.uid, resource_version: Some(live.resource_version) };
            match self.send_delete(&object, &guard, None, grace).await {
                // Somebody else was faster.
                Err(failure) if failure.kind == FailureKind::NotFound => break Ok(()),
                // A pod's status changes all the time; the object is the one that was meant.
                Err(failure) if failure.kind == FailureKind::Conflict && tries < TRIES => {}
                done => break done,
            }
        };
        self.record("delete-pod", &object, &pod.uid.to_smolstr(), &deleted).await;
        deleted.map_err(|failure| WriteError::Failed { what, cluster: self.context.clone(), failure })
    }

    pub(crate) async fn check_audit(&self) -> Result<(), WriteError> {
        let Some(log) = self.audit.clone() else { return Ok(()) };
        let path = log.path().display().to_string();
        let checked = tokio::task::spawn_blocking(move || log.check()).await;
        let reason = match checked {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Err(WriteError::NoRecord { path, reason })
    }

    /// Leaves a record. The change has happened by now, so a record that cannot be written is only told.
    pub(crate) async fn record(
        &self,
        action: &'static str,
        object: &ObjectRef,
        uid: &SmolStr,
        done: &Result<(), Failure>,
    ) {
        let outcome = match done {
            Ok(()) => Outcome::Done,
            Err(failure) if matches!(failure.kind, FailureKind::Timeout | FailureKind::Cut) => {
                Outcome::Unknown(smol_str::format_smolstr!("{failure}"))
            }
            Err(failure) => Outcome::Failed(smol_str::format_smolstr!("{failure}")),
        };
        let record = Record {
            time: Utc::now(),
            context: self.context.clone(),
            server: self.server.clone(),
            action: SmolStr::new_static(action),
            kind: object.resource.kind.clone(),
            namespace: object.namespace.clone().unwrap_or_default(),
            name: object.name.clone(),
            uid: uid.clone(),
            outcome,
        };
        tracing::info!(context = %record.context, action, %object, outcome = ?record.outcome, "changed");
        let Some(log) = self.audit.clone() else { return };
        let written = tokio::task::spawn_blocking(move || AuditLog::append(&log, &record)).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::error!(?written, "the record of a change could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::script::{Reply, Server, error};
    use crate::fleet::model::Phase;

    fn row(uid: &str) -> PodRow {
        PodRow {
            name: "web-0".into(),
            namespace: "team-a".into(),
            uid: uid.into(),
            virtual_name: None,
            virtual_namespace: None,
            status: "Running".into(),
            phase: Phase::Running,
            ready: 1,
            containers: 1,
            restarts: 0,
            node: None,
            created: None,
        }
    }

    fn live(uid: &str, revision: &str) -> Reply {
        Reply::ok(format!("{{\"metadata\":{{\"uid\":\"{uid}\",\"resourceVersion\":\"{revision}\"}}}}"))
    }

    #[tokio::test]
    async fn only_the_pod_that_was_meant_is_deleted() {
        let server = Server::new(vec![live("another", "5")]);
        let error = server.cluster().delete_pod(&row("u1"), None).await.unwrap_err();
        assert!(matches!(error, WriteError::Replaced { .. }), "{error}");
        assert_eq!(server.asked().len(), 1, "nothing was deleted");
    }

    #[tokio::test]
    async fn a_changed_status_in_between_is_no_reason_to_give_up() {
        let conflict = Reply::status(409, error(409, "Conflict"));
        let server = Server::new(vec![live("u1", "5"), conflict, live("u1", "6"), Reply::ok("{}".into())]);
        server.cluster().delete_pod(&row("u1"), Some(0)).await.unwrap();
        assert_eq!(server.asked().len(), 4);
    }

    #[tokio::test]
    async fn a_pod_that_is_gone_is_deleted() {
        let server = Server::new(vec![Reply::status(404, error(404, "NotFound"))]);
        server.cluster().delete_pod(&row("u1"), None).await.unwrap();
    }

    #[tokio::test]
    async fn without_a_record_nothing_is_changed() {
        let server = Server::new(vec![]);
        let cluster = server.cluster().with_audit(AuditLog::at("/proc/no/such/place"));
        let error = cluster.delete_pod(&row("u1"), None).await.unwrap_err();
        assert!(matches!(error, WriteError::NoRecord { .. }), "{error}");
        assert!(server.asked().is_empty());
    }

    #[tokio::test]
    async fn refusals_are_recorded_too() {
        let path = std::env::temp_dir().join(format!("v9s-delete-{}.jsonl", std::process::id()));
        let server = Server::new(vec![live("u1", "5"), Reply::status(403, error(403, "Forbidden"))]);
        let cluster = server.cluster().with_audit(AuditLog::at(&path));
        assert!(cluster.delete_pod(&row("u1"), None).await.is_err());
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let record: Record = serde_json::from_str(&text).unwrap();
        assert_eq!((record.action.as_str(), record.uid.as_str()), ("delete-pod", "u1"));
        assert!(matches!(record.outcome, Outcome::Failed(_)), "{record:?}");
    }
}
