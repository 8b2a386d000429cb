//! A way to a host on which every write is counted and one of them can go wrong: for seeing what a client leaves behind.
//!
//! It speaks plain HTTP, so that it knows what passes, and acts as the host's administrator.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use http::{Method, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::kubeconfig;

/// What goes wrong with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrong {
    /// Which one, from 0.
    pub write: usize,
    /// Whether the host has carried it out.
    pub done: bool,
    /// What the client sees of it.
    pub seen: Seen,
}

/// What a client sees of a write that went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: no answer comes, to this nor to anything later.
    Silence,
    /// Its connection is closed, and so is every later one.
    Loss,
    /// An answer with this code, such as 409 or 500; everything else passes.
    Refusal(u16),
}

/// A gateway on a loopback port. Dropping it closes its connections.
#[derive(Debug)]
pub struct Gateway {
    /// A kubeconfig that leads through it.
    pub kubeconfig: String,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    host: Client,
    wrong: Option<Wrong>,
    writes: Mutex<Vec<String>>,
    struck: watch::Sender<bool>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("wrong", &self.wrong).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Starts one before the host of a kubeconfig.
    ///
    /// # Errors
    /// When no port can be had, or the text is no kubeconfig.
    pub async fn before(text: &str, wrong: Option<Wrong>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("listening for the gateway")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            host: kubeconfig::client(text).await?,
            wrong,
            writes: Mutex::default(),
            struck: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Gateway { kubeconfig: leading_to(address), shared, _tasks: tasks })
    }

    /// The writes that have come so far, in order: method and path.
    pub fn writes(&self) -> Vec<String> {
        self.shared.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a write has gone wrong.
    pub async fn struck(&self) {
        // The sender lives as long as this.
        let _ = self.shared.struck.subscribe().wait_for(|struck| *struck).await;
    }
}

fn leading_to(address: SocketAddr) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "gateway",
        "clusters": [{"name": "gateway", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "gateway", "user": {}}],
        "contexts": [{"name": "gateway", "context": {"cluster": "gateway", "user": "gateway"}}],
    })
    .to_string()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let answer = service_fn(move |request| pass(Arc::clone(&shared), request));
            // A client that goes away is no error.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Passes a request on. An error closes the connection.
async fn pass(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>> {
    let place = shared.count(&request);
    if let (Some(place), Some(wrong)) = (place, shared.wrong)
        && place == wrong.write
    {
        if wrong.done {
            drop(shared.forward(request).await?);
        }
        if let Seen::Refusal(code) = wrong.seen {
            return refusal(code);
        }
        shared.struck.send_replace(true);
        return nothing(wrong.seen).await;
    }
    match shared.wrong.map(|wrong| wrong.seen) {
        Some(seen) if *shared.struck.borrow() => nothing(seen).await,
        _ => shared.forward(request).await,
    }
}

async fn nothing(seen: Seen) -> Result<Response<Body>> {
    match seen {
        Seen::Silence => match std::future::pending::<Infallible>().await {},
        Seen::Loss | Seen::Refusal(_) => anyhow::bail!("nobody is there"),
    }
}

fn refusal(code: u16) -> Result<Response<Body>> {
    let reason = match code {
        403 => "Forbidden",
        409 => "Conflict",
        422 => "Invalid",
        _ => "InternalError",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "reason": reason, "code": code, "message": format!("the gateway answers {code}"),
    });
    let answer = Response::builder().status(code).header(header::CONTENT_TYPE, "application/json");
    Ok(answer.body(Body::from(status.to_string().into_bytes()))?)
}

impl Shared {
    /// The place of a write among all of them; none for what changes nothing.
    fn count(&self, request: &Request<Incoming>) -> Option<usize> {
        let uri = request.uri();
        let asks =
            uri.path().contains("/authorization.k8s.io/") || uri.path().contains("/authentication.k8s.io/");
        let tries = uri.query().is_some_and(|query| query.contains("dryRun"));
        if [Method::GET, Method::HEAD].contains(request.method()) || asks || tries {
            return None;
        }
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.push(format!("{} {}", request.method(), uri.path()));
        Some(writes.len() - 1)
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().context("a path")?.as_str();
        let mut onward = Request::builder().method(parts.method).uri(path);
        for name in [header::CONTENT_TYPE, header::ACCEPT] {
            if let Some(value) = parts.headers.get(&name) {
                onward = onward.header(name, value);
            }
        }
        let body = body.collect().await?.to_bytes();
        let mut answer = self.host.send(onward.body(Body::from(body.to_vec()))?).await?;
        answer.headers_mut().remove(header::TRANSFER_ENCODING);
        Ok(answer)
    }
}
