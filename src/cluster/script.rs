//! A server that answers from a script.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use kube::client::Body;

use super::Cluster;

type Chunk = Result<Frame<Bytes>, std::io::Error>;
type Answer = Response<StreamBody<BoxStream<'static, Chunk>>>;

/// One answer.
pub(crate) struct Reply {
    code: u16,
    text: String,
    end: End,
}

enum End {
    Well,
    Never,
    Cut,
}

impl Reply {
    /// A whole answer.
    pub(crate) fn ok(text: String) -> Self {
        Reply { code: 200, text, end: End::Well }
    }

    /// An answer that stays open.
    pub(crate) fn hang(text: String) -> Self {
        Reply { code: 200, text, end: End::Never }
    }

    /// An answer whose connection breaks.
    pub(crate) fn cut(text: String) -> Self {
        Reply { code: 200, text, end: End::Cut }
    }

    /// A refusal.
    pub(crate) fn status(code: u16, text: String) -> Self {
        Reply { code, text, end: End::Well }
    }

    fn answer(self) -> Answer {
        let text = stream::iter([Ok(Frame::data(Bytes::from(self.text)))]);
        let body = match self.end {
            End::Well => text.boxed(),
            End::Never => text.chain(stream::pending()).boxed(),
            End::Cut => text.chain(stream::iter([Err(std::io::Error::other("connection reset"))])).boxed(),
        };
        Response::builder().status(self.code).body(StreamBody::new(body)).unwrap()
    }
}

type Answering = dyn FnMut(&str) -> Reply + Send;

/// Answers one request after the other and remembers what was asked.
#[derive(Clone)]
pub(crate) struct Server {
    answer: Arc<Mutex<Answering>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers from a list.
    pub(crate) fn new(replies: Vec<Reply>) -> Self {
        let mut replies = VecDeque::from(replies);
        Server::with(move |uri| replies.pop_front().unwrap_or_else(|| panic!("unexpected request {uri}")))
    }

    /// Answers by a function of path and query.
    pub(crate) fn with(answer: impl FnMut(&str) -> Reply + Send + 'static) -> Self {
        Server { answer: Arc::new(Mutex::new(answer)), asked: Arc::default() }
    }

    /// Path and query of every request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// A client of it.
    pub(crate) fn cluster(&self) -> Cluster {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let uri = request.uri().to_string();
            server.asked.lock().unwrap().push(uri.clone());
            let reply = (server.answer.lock().unwrap())(&uri);
            async move { Ok::<_, Infallible>(reply.answer()) }
        });
        Cluster::from_client("test", "https://test", "default", kube::Client::new(service, "default"))
    }
}

pub(crate) fn object(name: &str, revision: &str, value: &str) -> String {
    format!(
        "{{\"metadata\":{{\"namespace\":\"ns\",\"name\":\"{name}\",\"uid\":\"uid-{name}\",\
         \"resourceVersion\":\"{revision}\"}},\"value\":\"{value}\"}}"
    )
}

pub(crate) fn list(revision: &str, next: Option<&str>, items: &[String]) -> String {
    let next = next.unwrap_or_default();
    format!(
        "{{\"kind\":\"ConfigMapList\",\"metadata\":{{\"resourceVersion\":\"{revision}\",\"continue\":\"{next}\"}},\
         \"items\":[{}]}}",
        items.join(",")
    )
}

pub(crate) fn event(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

pub(crate) fn added(object: &str) -> String {
    event("ADDED", object)
}

pub(crate) fn modified(object: &str) -> String {
    event("MODIFIED", object)
}

pub(crate) fn deleted(object: &str) -> String {
    event("DELETED", object)
}

pub(crate) fn bookmark(revision: &str) -> String {
    event("BOOKMARK", &format!("{{\"metadata\":{{\"resourceVersion\":\"{revision}\"}}}}"))
}

/// The bookmark behind a list that a watch began with.
pub(crate) fn end_of_list(revision: &str) -> String {
    let notes = "{\"k8s.io/initial-events-end\":\"true\"}";
    event(
        "BOOKMARK",
        &format!("{{\"metadata\":{{\"resourceVersion\":\"{revision}\",\"annotations\":{notes}}}}}"),
    )
}

pub(crate) fn error(code: u16, reason: &str) -> String {
    format!(
        "{{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":{code},\"reason\":\"{reason}\",\"message\":\"{reason}\"}}"
    )
}
