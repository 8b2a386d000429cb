//! Answers of the endpoint: plain text as a kubelet gives it, in words that a tenant may see.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, Limited, StreamBody};
use tokio::time::timeout;
use v9s::cluster::{Failure, FailureKind};

/// Longest message of the host that is read.
const LONGEST_MESSAGE: usize = 16 * 1024;

/// Why a body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// A body that is whole or still coming.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Something is not answered: the code, and what the caller reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: StatusCode,
    /// A sentence without names of the host.
    pub message: String,
}

impl Refusal {
    /// With this code and sentence.
    pub fn new(code: StatusCode, message: impl Into<String>) -> Self {
        Refusal { code, message: message.into() }
    }

    /// It is not the caller's, or is not served at all.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Refusal::new(StatusCode::FORBIDDEN, message)
    }

    /// It cannot be had now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// As an answer.
    pub fn answer(&self) -> Response<Body> {
        let text = format!("{}\n", self.message);
        typed(self.code, "text/plain; charset=utf-8", full(text))
    }
}

/// An answer with a body of a type.
pub fn typed(code: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// No body.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A whole body.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that comes in pieces.
pub fn stream(pieces: BoxStream<'static, Result<Bytes, BodyError>>) -> Body {
    UnsyncBoxBody::new(StreamBody::new(pieces.map_ok(Frame::data).boxed()))
}

/// What the host says in an answer that is no success: the message of a `Status`, or the text that it is instead.
pub async fn message(body: kube::client::Body, patience: Duration) -> String {
    let read = timeout(patience, Limited::new(body, LONGEST_MESSAGE).collect()).await;
    let body = read.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
    let status = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let told = status.as_ref().and_then(|status| status["message"].as_str());
    told.map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned)
}

/// What a caller is told when the host did not answer a request of ours for `what`; `right` is what we need there.
pub fn of_host(what: &str, right: &str, code: StatusCode, message: &str) -> Refusal {
    match code {
        StatusCode::UNAUTHORIZED => {
            Refusal::unavailable(format!("{what} cannot be had: the host does not accept who asks for it"))
        }
        // Of the host's access rules only the missing right is told, not who lacks it.
        StatusCode::FORBIDDEN if is_of_rules(message) => Refusal::unavailable(format!(
            "{what} cannot be had: the host does not allow the syncer to {right}; its role must have that right"
        )),
        _ if is_of_network(message) => {
            Refusal::unavailable(format!("{what} cannot be had: the node does not answer the host"))
        }
        _ => Refusal::new(code, message.trim()),
    }
}

/// The words in which access rules refuse.
fn is_of_rules(message: &str) -> bool {
    message.contains(" cannot ") && message.contains("User \"")
}

/// Messages of this kind name addresses.
fn is_of_network(message: &str) -> bool {
    ["://", "dial ", "lookup "].iter().any(|word| message.contains(word))
}

/// What a caller is told when a server could not be asked at all.
pub fn unreached(what: &str, failure: &Failure) -> Refusal {
    let code = match failure.kind {
        FailureKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    Refusal::new(code, format!("{what} cannot be had: the host does not answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_is_read_from_a_status_or_is_the_text_itself() {
        let cases: [(&[u8], &str); 3] = [
            (br#"{"kind": "Status", "message": "User \"x\" cannot"}"#, "User \"x\" cannot"),
            (b"unable to upgrade", "unable to upgrade"),
            (b"\xff", "\u{fffd}"),
        ];
        for (body, expected) in cases {
            assert_eq!(message(body.to_vec().into(), Duration::from_secs(1)).await, expected);
        }
    }

    #[test]
    fn what_the_host_says_is_told_without_what_is_not_the_tenants_business() {
        let cases = [
            (
                403,
                r#"pods "web-x" is forbidden: User "system:serviceaccount:tenants:vc-t" cannot create resource "pods/exec" in API group "" in the namespace "tenants""#,
                503,
                "the command cannot be had: the host does not allow the syncer to create pods/exec; its role must have that right",
            ),
            (
                403,
                "admission webhook \"x\" denied the request: no shells",
                403,
                "admission webhook \"x\" denied the request: no shells",
            ),
            (401, "Unauthorized", 503, "the command cannot be had: the host does not accept who asks for it"),
            (
                500,
                r#"Get "https://192.0.2.1:10250/containerLogs/tenants/web-x": dial tcp 192.0.2.1:10250: connect: connection refused"#,
                503,
                "the command cannot be had: the node does not answer the host",
            ),
            (500, "container not found (\"c\")\n", 500, "container not found (\"c\")"),
            (
                400,
                "container \"c\" in pod \"web\" is waiting to start",
                400,
                "container \"c\" in pod \"web\" is waiting to start",
            ),
        ];
        for (code, message, expected, told) in cases {
            let refusal =
                of_host("the command", "create pods/exec", StatusCode::from_u16(code).unwrap(), message);
            assert_eq!((refusal.code.as_u16(), refusal.message.as_str()), (expected, told));
        }
    }
}
