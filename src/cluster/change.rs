//! Changes of any object. Each leaves a record, and none is made when no record could be written.

use http::{Method, Request, header};
use kube::api::{DeleteParams, Preconditions, PropagationPolicy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smol_str::SmolStr;

use super::http::unbuildable;
use super::{Cluster, Failure, FailureKind, ObjectRef, WriteError};

/// Who v9s is in the list of who owns which field.
pub const MANAGER: &str = "v9s";

const APPLY_PATCH: &str = "application/apply-patch+yaml";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Which object exactly is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Its UID.
    pub uid: SmolStr,
    /// The state of it that was looked at; None for any.
    pub resource_version: Option<SmolStr>,
}

/// What becomes of what an object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// It goes afterwards.
    Background,
    /// It goes before.
    Foreground,
    /// It stays.
    Orphan,
}

#[derive(Deserialize)]
struct Written {
    metadata: WrittenMeta,
}

#[derive(Deserialize)]
struct WrittenMeta {
    #[serde(default)]
    uid: SmolStr,
}

impl Cluster {
    /// Applies an object on the server's side, as the manager `v9s`, and takes fields that others own: v9s says what its
    /// objects are like. `action` is the word for the record. Answers the object as it is now.
    ///
    /// # Errors
    /// When the server refuses, does not answer, or no record can be written.
    pub async fn apply<T: DeserializeOwned>(
        &self,
        action: &'static str,
        object: &ObjectRef,
        body: &Value,
    ) -> Result<T, WriteError> {
        let query = format!("fieldManager={MANAGER}&force=true");
        self.patch(action, "apply", object, &query, APPLY_PATCH, body).await
    }

    /// The same, of which nothing stays: what would come of it.
    ///
    /// # Errors
    /// When the server would refuse it.
    pub async fn try_apply(&self, object: &ObjectRef, body: &Value) -> Result<Value, Failure> {
        let query = format!("fieldManager={MANAGER}&force=true&dryRun=All");
        read(&self.fetch(patch(object, &query, APPLY_PATCH, body)?).await?)
    }

    /// Changes parts of an object by a merge patch: null takes a key away. A UID and a resourceVersion in the patch are
    /// preconditions. Answers the object as it is now.
    ///
    /// # Errors
    /// When the server refuses, does not answer, or no record can be written.
    pub async fn merge<T: DeserializeOwned>(
        &self,
        action: &'static str,
        object: &ObjectRef,
        body: &Value,
    ) -> Result<T, WriteError> {
        let query = format!("fieldManager={MANAGER}");
        self.patch(action, "change", object, &query, MERGE_PATCH, body).await
    }

    /// Deletes this object and no other of its name. One that is gone is what was wanted. `grace` in seconds; None leaves it to
    /// the object.
    ///
    /// # Errors
    /// When it is another or has changed, when the server refuses, or no record can be written.
    pub async fn delete(
        &self,
        action: &'static str,
        object: &ObjectRef,
        guard: &Guard,
        propagation: Propagation,
        grace: Option<u32>,
    ) -> Result<(), WriteError> {
        self.check_audit().await?;
        let deleted = match self.send_delete(object, guard, Some(propagation), grace).await {
            Err(failure) if failure.kind == FailureKind::NotFound => return Ok(()),
            done => done,
        };
        self.record(action, object, &guard.uid, &deleted).await;
        deleted.map_err(|failure| self.not_written("delete", object, failure))
    }

    /// Asks for a deletion and leaves no record. Without `propagation` the server decides by the kind.
    pub(super) async fn send_delete(
        &self,
        object: &ObjectRef,
        guard: &Guard,
        propagation: Option<Propagation>,
        grace: Option<u32>,
    ) -> Result<(), Failure> {
        let params = DeleteParams {
            grace_period_seconds: grace,
            propagation_policy: propagation.map(|propagation| match propagation {
                Propagation::Background => PropagationPolicy::Background,
                Propagation::Foreground => PropagationPolicy::Foreground,
                Propagation::Orphan => PropagationPolicy::Orphan,
            }),
            preconditions: Some(Preconditions {
                uid: Some(guard.uid.to_string()),
                resource_version: guard.resource_version.as_ref().map(SmolStr::to_string),
            }),
            ..DeleteParams::default()
        };
        let path = object.resource.path(object.namespace.as_deref());
        let request = kube::core::Request::new(path).delete(&object.name, &params);
        self.fetch(request.map_err(|error| unbuildable(&error))?).await.map(drop)
    }

    async fn patch<T: DeserializeOwned>(
        &self,
        action: &'static str,
        word: &str,
        object: &ObjectRef,
        query: &str,
        kind: &'static str,
        body: &Value,
    ) -> Result<T, WriteError> {
        self.check_audit().await?;
        let sent = async { self.fetch(patch(object, query, kind, body)?).await }.await;
        let (uid, done) = match &sent {
            Ok(answer) => (read::<Written>(answer).map(|it| it.metadata.uid).unwrap_or_default(), Ok(())),
            Err(failure) => (SmolStr::default(), Err(failure.clone())),
        };
        self.record(action, object, &uid, &done).await;
        let answer = sent.and_then(|answer| read(&answer));
        answer.map_err(|failure| self.not_written(word, object, failure))
    }

    fn not_written(&self, word: &str, object: &ObjectRef, failure: Failure) -> WriteError {
        WriteError::Failed { what: format!("{word} {object}"), cluster: self.context.clone(), failure }
    }
}

fn patch(
    object: &ObjectRef,
    query: &str,
    kind: &'static str,
    body: &Value,
) -> Result<Request<Vec<u8>>, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Rejected, error.to_string());
    let body = serde_json::to_vec(body).map_err(|error| unreadable(&error))?;
    Request::builder()
        .method(Method::PATCH)
        .uri(format!("{}?{query}", object.path()))
        .header(header::CONTENT_TYPE, kind)
        .header(header::ACCEPT, "application/json")
        .body(body)
        .map_err(|error| unreadable(&error))
}

/// Never with the error's own text, which quotes the answer.
fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer)
        .map_err(|_| Failure::new(FailureKind::Protocol, "the answer cannot be read"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audit::{AuditLog, Outcome, Record};
    use crate::cluster::Resource;
    use crate::cluster::script::{Reply, Server, error};

    fn records(test: &str, server: &Server) -> (Cluster, impl FnOnce() -> Vec<Record>) {
        let path = std::env::temp_dir().join(format!("v9s-change-{test}-{}.jsonl", std::process::id()));
        let cluster = server.cluster().with_audit(AuditLog::at(&path));
        let read = move || {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        (cluster, read)
    }

    fn shop() -> ObjectRef {
        ObjectRef::namespaced(Resource::SERVICES, "team", "shop")
    }

    #[tokio::test]
    async fn what_was_applied_is_recorded_with_the_uid_that_it_got() {
        let server = Server::new(vec![Reply::ok(json!({"metadata": {"uid": "u7"}, "n": 1}).to_string())]);
        let (cluster, records) = records("apply", &server);
        let answer: Value = cluster.apply("create", &shop(), &json!({"n": 1})).await.unwrap();
        assert_eq!(answer["n"], 1);
        assert_eq!(
            server.asked(),
            ["/api/v1/namespaces/team/services/shop?fieldManager=v9s&force=true".to_owned()]
        );
        let records = records();
        let told =
            |record: &Record| (record.action.to_string(), record.uid.to_string(), record.outcome.clone());
        assert_eq!(
            records.iter().map(told).collect::<Vec<_>>(),
            [("create".into(), "u7".into(), Outcome::Done)]
        );
    }

    #[tokio::test]
    async fn a_refused_change_and_one_without_an_answer_are_recorded_as_such() {
        let server =
            Server::new(vec![Reply::status(403, error(403, "Forbidden")), Reply::cut(String::new())]);
        let (cluster, records) = records("merge", &server);
        for _ in 0..2 {
            assert!(cluster.merge::<Value>("pause", &shop(), &json!({})).await.is_err());
        }
        let outcomes: Vec<_> = records().into_iter().map(|record| record.outcome).collect();
        assert!(matches!(&outcomes[..], [Outcome::Failed(_), Outcome::Unknown(_)]), "{outcomes:?}");
    }

    #[tokio::test]
    async fn without_a_record_nothing_is_asked() {
        let server = Server::new(vec![]);
        let cluster = server.cluster().with_audit(AuditLog::at("/proc/no/such/place"));
        let guard = Guard { uid: "u".into(), resource_version: None };
        let refused = [
            cluster.apply::<Value>("create", &shop(), &json!({})).await.map(drop),
            cluster.merge::<Value>("pause", &shop(), &json!({})).await.map(drop),
            cluster.delete("delete", &shop(), &guard, Propagation::Background, None).await,
        ];
        assert!(refused.iter().all(|done| matches!(done, Err(WriteError::NoRecord { .. }))), "{refused:?}");
        assert!(server.asked().is_empty());
    }

    #[tokio::test]
    async fn what_is_gone_is_deleted() {
        let server = Server::new(vec![Reply::status(404, error(404, "NotFound"))]);
        let guard = Guard { uid: "u".into(), resource_version: Some("3".into()) };
        server.cluster().delete("delete", &shop(), &guard, Propagation::Orphan, Some(0)).await.unwrap();
    }
}
