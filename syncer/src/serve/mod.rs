//! What the companion answers over HTTP: is it alive, is it ready, its metrics.

pub mod checks;
pub mod metrics;
pub mod mirroring;
pub mod probes;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use v9s::companion::SyncerStatus;

use crate::sockets;
use checks::Check;

/// A companion that can tell how it is doing, whether it writes or only measures.
pub trait Told: Send + Sync + 'static {
    /// Returns if its tasks have not died holding what they share.
    fn alive(&self);

    /// What readiness depends on.
    fn checks(&self) -> Vec<Check>;

    /// Its metrics, as a scrape answers.
    ///
    /// # Errors
    /// When the text cannot be written.
    fn metrics(&self) -> Result<String, fmt::Error>;

    /// What it publishes.
    fn status(&self) -> SyncerStatus;
}

/// Answers on this socket until it is stopped.
pub async fn run(listener: TcpListener, companion: Arc<dyn Told>, stop: CancellationToken) {
    sockets::accept(listener, stop, |stream| Some(connection(stream, Arc::clone(&companion)))).await;
}

async fn connection(stream: TcpStream, companion: Arc<dyn Told>) {
    let service = service_fn(move |request| {
        let companion = Arc::clone(&companion);
        async move { Ok::<_, Infallible>(answer(&request, &*companion)) }
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // A client that breaks off is its own business.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

const TEXT: &str = "text/plain; charset=utf-8";
/// What the metrics are written in, by the registry of media types.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn answer<B>(request: &Request<B>, companion: &dyn Told) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/healthz" | "/livez" => {
            companion.alive();
            text(StatusCode::OK, TEXT, "ok\n".into())
        }
        "/readyz" => {
            let checks = companion.checks();
            let code =
                if checks::is_ready(&checks) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            text(code, TEXT, checks::text(&checks))
        }
        "/metrics" => match companion.metrics() {
            Ok(metrics) => text(StatusCode::OK, OPEN_METRICS, metrics),
            Err(error) => {
                let why = format!("metrics cannot be written: {error}\n");
                text(StatusCode::INTERNAL_SERVER_ERROR, TEXT, why)
            }
        },
        _ => text(StatusCode::NOT_FOUND, TEXT, "not found; try /healthz, /readyz, /metrics\n".into()),
    }
}

fn text(code: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
