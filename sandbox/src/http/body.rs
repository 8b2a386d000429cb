//! Answers and their bodies.

use crate::status::Status;
use bytes::{Buf, Bytes, BytesMut};
use futures::stream::{BoxStream, Stream, StreamExt};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use serde_json::Value;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer.
pub struct Body(Kind);

/// The connection of this answer is to be torn in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer was torn by a fault rule")]
pub struct Torn;

enum Kind {
    /// All of it is here.
    Parts(VecDeque<Bytes>),
    /// It comes as things happen.
    Stream(BoxStream<'static, Result<Bytes, Torn>>),
}

/// Parts of a body are joined up to this size, so that a long list is neither one huge buffer nor thousands of
/// tiny writes.
const PART: usize = 128 * 1024;

impl Body {
    /// Nothing.
    pub fn empty() -> Self {
        Self(Kind::Parts(VecDeque::new()))
    }

    /// One piece.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self(Kind::Parts(if bytes.is_empty() { VecDeque::new() } else { VecDeque::from([bytes]) }))
    }

    /// All of it, when it is here; else the stream that it is.
    pub(crate) fn into_pieces(self) -> Result<Vec<Bytes>, Self> {
        match self.0 {
            Kind::Parts(parts) => Ok(parts.into()),
            stream @ Kind::Stream(_) => Err(Self(stream)),
        }
    }

    /// What a stream brings, until it ends.
    pub fn stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::breakable(stream.map(Ok))
    }

    /// What a stream brings, until it ends or the connection is torn: then no client takes it for whole.
    pub(crate) fn breakable(stream: impl Stream<Item = Result<Bytes, Torn>> + Send + 'static) -> Self {
        Self(Kind::Stream(stream.boxed()))
    }
}

/// Collects the parts of a long body.
#[derive(Default)]
pub(crate) struct Builder {
    parts: VecDeque<Bytes>,
    open: BytesMut,
}

impl Builder {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(bytes);
        if self.open.len() >= PART {
            self.parts.push_back(self.open.split().freeze());
            self.open.reserve(PART);
        }
    }

    pub(crate) fn finish(mut self) -> Body {
        if !self.open.is_empty() {
            self.parts.push_back(self.open.freeze());
        }
        Body(Kind::Parts(self.parts))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        match &mut self.0 {
            Kind::Parts(parts) => Poll::Ready(parts.pop_front().map(|part| Ok(Frame::data(part)))),
            Kind::Stream(stream) => stream.poll_next_unpin(cx).map(|part| part.map(|b| b.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Kind::Parts(parts) if parts.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Parts(parts) => SizeHint::with_exact(parts.iter().map(|p| p.remaining() as u64).sum()),
            Kind::Stream(_) => SizeHint::new(),
        }
    }
}

/// An answer in JSON.
pub(crate) fn json(code: u16, body: Body) -> Response<Body> {
    typed(code, HeaderValue::from_static("application/json"), body)
}

/// An answer in JSON, from a tree.
pub(crate) fn value(code: u16, value: &Value) -> Response<Body> {
    json(code, Body::whole(format!("{value}\n")))
}

/// An answer in plain text.
pub(crate) fn text(code: u16, text: impl Into<String>) -> Response<Body> {
    typed(code, HeaderValue::from_static("text/plain; charset=utf-8"), Body::whole(text.into()))
}

/// An answer of any type.
pub(crate) fn typed(code: u16, content_type: HeaderValue, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A refusal.
pub(crate) fn refusal(status: &Status) -> Response<Body> {
    let mut json_bytes = status.to_json();
    json_bytes.push(b'\n');
    let mut response = json(status.code, Body::whole(json_bytes));
    if let Some(seconds) = status.details.as_deref().map(|d| d.retry_after_seconds).filter(|s| *s > 0) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
