//! Calls to one process of a store.

use std::error::Error as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message;
use smol_str::{SmolStr, format_smolstr};
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::dial::{self, Heard, Proof, Way};
use super::error::{StoreError, late};
use crate::cluster::{Failure, FailureKind};

/// The longest answer: a page may hold some hundred of the largest objects there can be.
pub(super) const LONGEST: usize = 256 << 20;

/// One process of a store, and how it is asked. Cheap to clone; nothing is opened before it is used.
#[derive(Debug, Clone)]
pub(super) struct Door {
    /// Pod or address.
    pub name: SmolStr,
    vcluster: SmolStr,
    way: Way,
    channel: Channel,
    heard: Heard,
    patience: Duration,
    /// Bytes that an answer may have.
    room: usize,
}

impl Door {
    pub fn new(
        vcluster: SmolStr,
        name: SmolStr,
        way: Way,
        port: u16,
        proof: Proof,
        patience: Duration,
    ) -> Door {
        let heard = Heard::default();
        let channel = dial::channel(way.clone(), port, proof, Arc::clone(&heard));
        Door { name, vcluster, way, channel, heard, patience, room: LONGEST }
    }

    /// The same, which takes no answer that is longer than so many bytes.
    pub fn within(self, room: usize) -> Door {
        Door { room: room.min(LONGEST), ..self }
    }

    /// How long an ordinary answer may take.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Asks and takes one answer.
    pub async fn ask<Q, A>(
        &self,
        what: &'static str,
        call: &'static str,
        question: Q,
        patience: Duration,
    ) -> Result<A, StoreError>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let asked = async {
            let mut grpc = self.ready().await?;
            let codec = ProstCodec::<Q, A>::default();
            grpc.unary(Request::new(question), PathAndQuery::from_static(call), codec).await
        };
        match timeout(patience, asked).await {
            Err(_) => Err(self.unanswered(what, late(patience))),
            Ok(Err(status)) => Err(self.not_done(what, &status)),
            Ok(Ok(answer)) => Ok(answer.into_inner()),
        }
    }

    /// Asks for an answer that comes in pieces.
    pub async fn stream<Q, A>(
        &self,
        what: &'static str,
        call: &'static str,
        question: Q,
    ) -> Result<Streaming<A>, StoreError>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let asked = async {
            let mut grpc = self.ready().await?;
            let codec = ProstCodec::<Q, A>::default();
            grpc.server_streaming(Request::new(question), PathAndQuery::from_static(call), codec).await
        };
        match timeout(self.patience, asked).await {
            Err(_) => Err(self.unanswered(what, late(self.patience))),
            Ok(Err(status)) => Err(self.not_done(what, &status)),
            Ok(Ok(answer)) => Ok(answer.into_inner()),
        }
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        self.hear();
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(self.room);
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        Ok(grpc)
    }

    /// What a plain HTTP port of the same process answers to a GET.
    pub async fn get(&self, what: &'static str, port: u16, path: &'static str) -> Result<Bytes, StoreError> {
        let heard = Heard::default();
        let asked = async {
            let stream = dial::open(&self.way, port, None, &heard).await?;
            plain(stream, path).await
        };
        let answer = timeout(self.patience, asked).await.unwrap_or_else(|_| Err(late(self.patience)));
        let said = heard.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.map_err(|failure| self.unanswered(what, said.unwrap_or(failure)))
    }

    /// What was heard of the stream since it was asked last.
    fn hear(&self) -> Option<Failure> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn unanswered(&self, what: &'static str, failure: Failure) -> StoreError {
        let (vcluster, member) = (self.vcluster.clone(), self.name.clone());
        StoreError::Unanswered { vcluster, member, what, failure }
    }

    pub fn damaged(&self, why: impl Into<SmolStr>) -> StoreError {
        StoreError::Damaged { vcluster: self.vcluster.clone(), member: self.name.clone(), why: why.into() }
    }

    pub fn compacted(&self, revision: i64) -> StoreError {
        StoreError::Compacted { vcluster: self.vcluster.clone(), member: self.name.clone(), revision }
    }

    /// A status that the server sent, or one that stands for a stream that broke.
    pub fn not_done(&self, what: &'static str, status: &Status) -> StoreError {
        if let Some(cause) = status.source() {
            let failure = self.hear().unwrap_or_else(|| Failure::from_chain(cause));
            return self.unanswered(what, failure);
        }
        let said = SmolStr::new(status.message());
        let kind = match status.code() {
            // A member that starts, ends or has no leader: another may know better.
            Code::Unavailable => FailureKind::Server,
            Code::DeadlineExceeded | Code::Cancelled => FailureKind::Timeout,
            // Ours says the first, before it takes any of it; a server with a limit of its own the second.
            Code::OutOfRange | Code::ResourceExhausted
                if said.contains("message length too large") || said.contains("message larger than max") =>
            {
                let (vcluster, member) = (self.vcluster.clone(), self.name.clone());
                return StoreError::TooLong { vcluster, member, what, room: self.room };
            }
            code => {
                let said = if said.is_empty() { format_smolstr!("{code}") } else { said };
                let (vcluster, member) = (self.vcluster.clone(), self.name.clone());
                return StoreError::Refused { vcluster, member, what, said };
            }
        };
        self.unanswered(what, Failure::new(kind, said))
    }
}

/// One GET over a stream.
async fn plain(stream: dial::Pipe, path: &'static str) -> Result<Bytes, Failure> {
    use http_body_util::{BodyExt as _, Empty, Limited};
    const MOST: usize = 16 << 20;
    let lost = |error: hyper::Error| Failure::from_chain(&error);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.map_err(lost)?;
    let connection = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(connection));
    let request = http::Request::get(path)
        .header(http::header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(lost)?;
    let code = answer.status();
    let body = Limited::new(answer.into_body(), MOST).collect().await;
    let body = body.map_err(|error| Failure::new(FailureKind::Cut, error.to_string()))?.to_bytes();
    drop(connection);
    if code.is_success() { Ok(body) } else { Err(Failure::from_response(code, None, &body)) }
}
