//! What the companion answers over HTTP: is it alive, is it ready, its metrics.

pub mod metrics;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::engine::gate::StoreIdentity;

/// Answers on this socket until it is stopped.
pub async fn run(listener: TcpListener, engine: Arc<Engine>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (engine, stop) = (Arc::clone(&engine), stop.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let engine = Arc::clone(&engine);
                async move { Ok::<_, Infallible>(answer(&request, &engine)) }
            });
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let serving = server.serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                () = stop.cancelled() => {}
                // A client that breaks off is its own business.
                _ = serving => {}
            }
        });
    }
}

fn answer<B>(request: &Request<B>, engine: &Arc<Engine>) -> Response<Full<Bytes>> {
    match request.uri().path() {
        // It answers, so its tasks run; the engine's lock is taken to be sure that no task died with it.
        "/healthz" | "/livez" => {
            let _ = engine.counts();
            text(StatusCode::OK, "ok\n".into())
        }
        "/readyz" => {
            let troubles = troubles(engine);
            let lines: String =
                troubles.iter().map(|(what, trouble)| line(what, trouble.as_deref())).collect();
            let ready = troubles.iter().all(|(_, trouble)| trouble.is_none());
            text(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, lines)
        }
        "/metrics" => match metrics::text(engine) {
            Ok(metrics) => text(StatusCode::OK, metrics),
            Err(error) => {
                text(StatusCode::INTERNAL_SERVER_ERROR, format!("metrics cannot be written: {error}\n"))
            }
        },
        _ => text(StatusCode::NOT_FOUND, "not found; try /healthz, /readyz, /metrics\n".into()),
    }
}

/// What readiness depends on, and what is wrong with it.
pub fn troubles(engine: &Engine) -> Vec<(&'static str, Option<String>)> {
    let report = engine.report();
    let names = |kinds: &[smol_str::SmolStr]| (!kinds.is_empty()).then(|| kinds.join(", "));
    let store = match &report.store {
        StoreIdentity::Known => None,
        StoreIdentity::Unknown => Some("not asked yet".to_owned()),
        StoreIdentity::Replaced { remembered, found } => {
            Some(format!("another than before (kube-system {found}, remembered {remembered})"))
        }
    };
    let mut troubles = vec![
        ("lists", names(&report.partial).map(|kinds| format!("not whole: {kinds}"))),
        ("watches", names(&report.blind).map(|kinds| format!("not live: {kinds}"))),
        ("store", store),
    ];
    troubles.extend(engine.told());
    troubles
}

fn line(what: &str, trouble: Option<&str>) -> String {
    match trouble {
        None => format!("[+]{what} ok\n"),
        Some(trouble) => format!("[-]{what} {trouble}\n"),
    }
}

fn text(code: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    let kind = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
