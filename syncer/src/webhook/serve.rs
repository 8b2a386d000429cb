//! The socket on which the virtual API server asks.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::certificate::Held;
use super::{Sides, host, review};
use crate::{sockets, tls};

/// Largest question: two objects of 1.5 MiB, the largest that API servers store, and words around them.
const LARGEST: usize = 4 * 1024 * 1024;
/// How long a client may take to say who it is.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The path that is answered.
pub(super) fn path(held: &Held) -> String {
    format!("/services/{}", held.path)
}

/// Answers until it is stopped.
pub(super) async fn run(
    listener: TcpListener,
    sides: Arc<Sides>,
    held: watch::Receiver<Option<Held>>,
    stop: CancellationToken,
) {
    // Before there is a certificate nobody is asked to trust one.
    let serve = |stream| held.borrow().clone().map(|held| serve(stream, held, Arc::clone(&sides)));
    sockets::accept(listener, stop, serve).await;
}

async fn serve(stream: TcpStream, held: Held, sides: Arc<Sides>) {
    let Some(acceptor) = acceptor(&held) else {
        tracing::error!("the certificate of the webhook cannot be used");
        return;
    };
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else { return };
    let path = path(&held);
    let service = service_fn(move |request| {
        let (sides, path) = (Arc::clone(&sides), path.clone());
        async move { Ok::<_, Infallible>(answer(request, &path, &sides).await) }
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // A client that breaks off is its own business.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

fn acceptor(held: &Held) -> Option<TlsAcceptor> {
    let chain =
        CertificateDer::pem_slice_iter(held.certificate.as_bytes()).collect::<Result<Vec<_>, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_slice(held.key.as_bytes()).ok()?;
    Some(TlsAcceptor::from(Arc::new(tls::server(chain, key, None).ok()?)))
}

async fn answer(request: Request<Incoming>, path: &str, sides: &Sides) -> Response<Full<Bytes>> {
    if request.uri().path() != path {
        return reply(StatusCode::NOT_FOUND, "not found\n".into());
    }
    if request.method() != Method::POST {
        return reply(StatusCode::METHOD_NOT_ALLOWED, "an AdmissionReview is posted\n".into());
    }
    let Ok(body) = Limited::new(request.into_body(), LARGEST).collect().await else {
        return reply(StatusCode::PAYLOAD_TOO_LARGE, "the question cannot be read\n".into());
    };
    let Some(question) = review::read(&body.to_bytes()) else {
        return reply(StatusCode::BAD_REQUEST, "this is no AdmissionReview of admission.k8s.io/v1\n".into());
    };
    let verdict = host::decide(sides, &question).await;
    tracing::debug!(namespace = %question.namespace, name = %question.name, ?verdict, "asked about a Service");
    reply(StatusCode::OK, review::answer(&question.uid, &verdict).to_string())
}

fn reply(code: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    let kind = if code == StatusCode::OK { "application/json" } else { "text/plain; charset=utf-8" };
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
