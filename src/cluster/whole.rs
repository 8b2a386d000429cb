//! Writes of whole objects, as bytes: in JSON, or in the protobuf in which an API server stores its own kinds.

use http::{Method, Request, header};
use serde_json::Value;
use smol_str::SmolStr;

use super::change::MANAGER;
use super::{Cluster, Failure, FailureKind, ObjectRef, WriteError};

/// A whole object as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) form: Form,
    pub(crate) bytes: Vec<u8>,
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Protobuf,
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// There is none of its name, and it is made.
    New,
    /// It takes the place of the one whose UID and resourceVersion it has.
    InPlace,
}

impl Cluster {
    /// What would come of it. Nothing stays.
    ///
    /// # Errors
    /// When the server would refuse it.
    pub(crate) async fn try_whole(
        &self,
        object: &ObjectRef,
        body: &Body,
        put: Put,
    ) -> Result<Value, Failure> {
        self.send_whole(object, body, put, "&dryRun=All").await
    }

    /// Writes it, and answers the object as it is now. `action` is the word for the record.
    ///
    /// # Errors
    /// When it changed meanwhile, the server refuses, does not answer, or no record can be written.
    pub(crate) async fn write_whole(
        &self,
        action: &'static str,
        object: &ObjectRef,
        body: &Body,
        put: Put,
    ) -> Result<Value, WriteError> {
        self.check_audit().await?;
        let sent = self.send_whole(object, body, put, "").await;
        let uid = |answer: &Value| answer.pointer("/metadata/uid").and_then(Value::as_str).map(SmolStr::new);
        let uid = sent.as_ref().ok().and_then(uid).unwrap_or_default();
        self.record(action, object, &uid, &sent.as_ref().map(|_| ()).map_err(Clone::clone)).await;
        let word = match put {
            Put::New => "create",
            Put::InPlace => "change",
        };
        sent.map_err(|failure| WriteError::Failed {
            what: format!("{word} {object}"),
            cluster: self.context.clone(),
            failure,
        })
    }

    async fn send_whole(
        &self,
        object: &ObjectRef,
        body: &Body,
        put: Put,
        dry: &str,
    ) -> Result<Value, Failure> {
        let (method, path) = match put {
            Put::New => (Method::POST, object.resource.path(object.namespace.as_deref())),
            Put::InPlace => (Method::PUT, object.path()),
        };
        let form = match body.form {
            Form::Json => "application/json",
            Form::Protobuf => "application/vnd.kubernetes.protobuf",
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{path}?fieldManager={MANAGER}{dry}"))
            .header(header::CONTENT_TYPE, form)
            .header(header::ACCEPT, "application/json")
            .body(body.bytes.clone());
        let request = request.map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?;
        self.json(request).await
    }
}
