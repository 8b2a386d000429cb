//! The socket: accepts connections on loopback and hands their requests to the API.

use crate::http::{Api, Caller};
use crate::tls::{self, Tls};
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Binds loopback; a port of the system's choice unless one is given.
pub(crate) async fn bind(port: Option<u16>) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Accepts connections until told to stop; then every connection ends.
pub(crate) async fn serve(listener: TcpListener, tls: Arc<Tls>, api: Api, stop: CancellationToken) {
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.server));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                let (acceptor, api, stop) = (acceptor.clone(), api.clone(), stop.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = connection(socket, acceptor, api) => {}
                    }
                });
            }
            // Out of file descriptors, most likely: others must close first.
            Err(error) => {
                tracing::warn!(%error, "the embedded host cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, acceptor: TlsAcceptor, api: Api) {
    // Small writes (watch events) must not wait for an acknowledgement.
    let _ = socket.set_nodelay(true);
    let stream = match acceptor.accept(socket).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "no TLS connection came about");
            return;
        }
    };
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| tls::caller(chain.first()?));
    let service = service_fn(move |mut request: Request<Incoming>| {
        let api = api.clone();
        if let Some(user) = &shown {
            request.extensions_mut().insert(Caller(user.clone()));
        }
        async move { api.handle(request).await }
    });
    let builder = Builder::new(TokioExecutor::new());
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
