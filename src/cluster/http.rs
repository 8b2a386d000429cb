//! Requests as v9s sends them: bounded in time, errors classified, bodies never logged.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::time::{Instant, timeout};

use super::lines::Lines;
use super::{Cluster, Failure, FailureKind};

/// Longest error answer that is read.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Longest answer to a question.
const MAX_ANSWER: usize = 8 << 20;
/// Longest line of an answer that is read line by line; those that are longer come in pieces.
const LONGEST_LINE: usize = 16 * 1024;
/// How often a read is sent again. A server that ends every connection is told of, not asked for ever.
const READ_AGAIN: u32 = 2;

/// An answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its status.
    pub status: StatusCode,
    /// When, by the server's clock, if it tells.
    pub at: Option<DateTime<Utc>>,
    /// All of it, up to some MiB.
    pub body: Vec<u8>,
}

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

    /// Sends a request and reads the whole answer. One that only reads is sent again when its connection ends in the middle:
    /// a connection that was kept may be closed by the other side in the moment in which it is used.
    ///
    /// # Errors
    /// What the server or the system said instead.
    pub async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Vec<u8>, Failure> {
        let mut again = if request.method() == Method::GET { READ_AGAIN } else { 0 };
        while again > 0 {
            match self.whole(request.clone()).await {
                Err(failure) if failure.kind == FailureKind::Cut => again -= 1,
                done => return done,
            }
        }
        self.whole(request).await
    }

    async fn whole(&self, request: Request<Vec<u8>>) -> Result<Vec<u8>, Failure> {
        let response = self.send(request).await?;
        read_body(response.into_body(), self.request_timeout(), usize::MAX).await
    }

    /// Asks at a path and reads the whole answer, a refusal too: for those who tell refusals apart themselves.
    ///
    /// # Errors
    /// When there is no answer in time.
    pub async fn ask(&self, path: &str) -> Result<Said, Failure> {
        let request = Request::get(path).body(Body::from(Vec::new()));
        let request = request.map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?;
        let response = self.answer(request).await?;
        let (status, at) = (response.status(), super::clock::date(response.headers()));
        let body = read_body(response.into_body(), self.request_timeout(), MAX_ANSWER).await?;
        Ok(Said { status, at, body })
    }

    /// Sends a request whose answer goes on and on.
    pub(crate) async fn stream(&self, mut request: Request<Vec<u8>>) -> Result<Body, Failure> {
        // Newer servers compress a stream in pieces of which only the first would be unpacked here.
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Ok(self.send(request).await?.into_body())
    }
}

impl Cluster {
    /// Asks at a path and hands over the answer line by line, as it arrives: nothing of it is kept but a line. One of more than so many
    /// bytes is not read to its end.
    ///
    /// # Errors
    /// When the server refuses, when it falls silent, or when the answer is longer.
    pub(crate) async fn each_line(
        &self,
        path: &str,
        most: usize,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Failure> {
        let request = Request::get(path).body(Vec::new());
        let request = request.map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?;
        let mut lines = Lines::splitting(self.stream(request).await?, LONGEST_LINE);
        let mut read = 0;
        while let Some(line) = lines.next(Instant::now() + self.request_timeout()).await? {
            read += line.len() + 1;
            if read > most {
                let why = format!("the answer is longer than {} MiB", most >> 20);
                return Err(Failure::new(FailureKind::Protocol, why));
            }
            take(&line);
        }
        take(&lines.rest());
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::cluster::{ConnectOptions, KubeconfigSource, open};

    /// A server that ends this many connections in the middle, and how often it was asked.
    async fn cutting(cuts: usize) -> (Cluster, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // A request comes in one piece.
                let length = stream.read(&mut [0; 4096]).await.unwrap();
                assert!(length > 0);
                let whole = count.fetch_add(1, SeqCst) >= cuts;
                let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
                let length = if whole { answer.len() } else { answer.len() - 1 };
                stream.write_all(&answer.as_bytes()[..length]).await.unwrap();
            }
        });
        let config = serde_json::json!({
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "c", "context": {"cluster": "c"}}], "current-context": "c",
        });
        let source = KubeconfigSource::Text(config.to_string().into());
        (open(&source, None, &ConnectOptions::default()).await.unwrap(), asked)
    }

    #[tokio::test]
    async fn a_read_whose_connection_ends_is_sent_again_and_a_write_is_not() {
        for (method, cuts, told, times) in [
            (Method::GET, 1, None, 2),
            (Method::GET, 2, None, 3),
            (Method::GET, 3, Some(FailureKind::Cut), 3),
            (Method::POST, 1, Some(FailureKind::Cut), 1),
            (Method::PATCH, 1, Some(FailureKind::Cut), 1),
        ] {
            let (cluster, asked) = cutting(cuts).await;
            let request = Request::builder().method(method.clone()).uri("/x").body(Vec::new()).unwrap();
            let failed = cluster.fetch(request).await.err().map(|failure| failure.kind);
            assert_eq!((failed, asked.load(SeqCst)), (told, times), "{method} {cuts}");
        }
    }
}
