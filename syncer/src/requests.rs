//! Requests as the syncer sends them: JSON there and back.

use http::{Method, Request, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use v9s::cluster::{Cluster, Failure, FailureKind};

/// The name under which the syncer owns fields.
pub const MANAGER: &str = "v9s-syncer";
/// An object, or what an operation wants to know.
pub const JSON: &str = "application/json";
/// JSON merge patch (RFC 7386).
pub const MERGE_PATCH: &str = "application/merge-patch+json";
/// Strategic merge patch, which knows the keys of lists.
pub const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
/// Server-side apply.
pub const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// A request with a body, empty for none.
///
/// # Errors
/// When the path is none.
pub fn request(
    method: Method,
    path: &str,
    content_type: &str,
    body: Vec<u8>,
) -> Result<Request<Vec<u8>>, Failure> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ACCEPT, JSON)
        .body(body)
        .map_err(|error| Failure::new(FailureKind::Rejected, format!("cannot be asked: {error}")))
}

/// Reads what is at a path.
///
/// # Errors
/// What the server said instead, or that the answer is something else.
pub async fn get<T: DeserializeOwned>(cluster: &Cluster, path: &str) -> Result<T, Failure> {
    read(&cluster.fetch(request(Method::GET, path, JSON, Vec::new())?).await?)
}

/// Sends a body and answers what the server said to it.
///
/// # Errors
/// What the server said instead.
pub async fn send(
    cluster: &Cluster,
    method: Method,
    path: &str,
    content_type: &str,
    body: &Value,
) -> Result<Vec<u8>, Failure> {
    cluster.fetch(request(method, path, content_type, body.to_string().into_bytes())?).await
}

/// Reads an answer. The parser's own words are never told: they may quote a Secret.
///
/// # Errors
/// When it is something else.
pub fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer)
        .map_err(|_| Failure::new(FailureKind::Protocol, "the answer cannot be read"))
}
