//! Requests as v9s sends them: bounded in time, errors classified, bodies never logged.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::time::timeout;

use super::{Cluster, Failure, FailureKind};

/// Longest error answer that is read.
const MAX_ERROR_BODY: usize = 64 * 1024;

impl Cluster {
    /// Sends a request and returns the answer once it begins, a refusal too: for those who tell refusals apart
    /// themselves, or leave HTTP.
    ///
    /// # Errors
    /// When none begins in time.
    pub async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let patience = self.request_timeout();
        let sent = timeout(patience, self.client.send(request)).await;
        sent.map_err(|_| Failure::timeout(patience))?.map_err(|error| Failure::from_kube(&error))
    }

    /// Sends a request and returns the answer once it begins and is a success.
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Body>, Failure> {
        let patience = self.request_timeout();
        let response = self.answer(request.map(Body::from)).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status();
        let after =
            response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = read_body(response.into_body(), patience, MAX_ERROR_BODY).await.unwrap_or_default();
        Err(Failure::from_response(code, after, &body))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// What the server or the system said instead.
    pub async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Vec<u8>, Failure> {
        let response = self.send(request).await?;
        read_body(response.into_body(), self.request_timeout(), usize::MAX).await
    }

    /// Sends a request whose answer goes on and on.
    pub(crate) async fn stream(&self, mut request: Request<Vec<u8>>) -> Result<Body, Failure> {
        // Newer servers compress a stream in pieces of which only the first would be unpacked here.
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Ok(self.send(request).await?.into_body())
    }
}

/// Reads a body to its end, or as much as allowed; `patience` is the longest silence.
async fn read_body(mut body: Body, patience: Duration, most: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = next_chunk(&mut body, patience).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= most {
            bytes.truncate(most);
            break;
        }
    }
    Ok(bytes)
}

/// The next piece of a body, none at its end.
pub(super) async fn next_chunk<B>(body: &mut B, patience: Duration) -> Result<Option<Bytes>, Failure>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    loop {
        let frame = timeout(patience, body.frame()).await.map_err(|_| Failure::timeout(patience))?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(Failure::from_chain(&error)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// A request that could not even be built.
pub(crate) fn unbuildable(error: &kube::core::request::Error) -> Failure {
    Failure::new(FailureKind::Rejected, error.to_string())
}
