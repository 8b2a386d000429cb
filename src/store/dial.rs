//! From a process of a store to a stream of bytes, and from that to a channel for its calls.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use smol_str::{SmolStr, format_smolstr};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::cluster::{Cluster, Failure, FailureKind};

/// The name by which every certificate of a member knows itself, wherever it is reached.
const SELF: &str = "localhost";
/// What a server may send before it waits for us to take it, of one answer and of all.
const WINDOWS: (u32, u32) = (2 << 20, 4 << 20);
/// How often a silent connection with a question on it is asked whether it lives. etcd refuses more than one in five seconds.
const ALIVE: Duration = Duration::from_secs(20);
/// How long the host may take to say why a port of a pod does not answer.
const WHY: Duration = Duration::from_millis(200);

/// How a process of a store is reached.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// A port of a pod, by a port-forward of the host's API server.
    Pod {
        /// The host.
        cluster: Box<Cluster>,
        /// Namespace of the pod.
        namespace: SmolStr,
        /// Its name.
        pod: SmolStr,
    },
    /// An address, straight from this machine.
    Address(String),
}

/// Why the last stream was not opened, or ended: gRPC says only that it did.
pub(super) type Heard = Arc<Mutex<Option<Failure>>>;

/// What both sides prove to each other.
pub(super) type Proof = Option<Arc<ClientConfig>>;

/// A channel that opens its stream when it is used, and another after that one has ended.
pub(super) fn channel(way: Way, port: u16, proof: Proof, heard: Heard) -> Channel {
    // The name is for the header only: the stream leads where it leads.
    let endpoint = Endpoint::from_static("http://store")
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .http2_keep_alive_interval(ALIVE)
        .keep_alive_timeout(ALIVE);
    endpoint.connect_with_connector_lazy(tower::service_fn(move |_| {
        let (way, proof, heard) = (way.clone(), proof.clone(), Arc::clone(&heard));
        async move {
            let opened = open(&way, port, proof, &heard).await;
            if let Err(failure) = &opened {
                *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
            }
            opened.map(TokioIo::new).map_err(|failure| io::Error::other(failure.to_string()))
        }
    }))
}

/// A stream to a port.
pub(super) async fn open(way: &Way, port: u16, proof: Proof, heard: &Heard) -> Result<Pipe, Failure> {
    match way {
        Way::Address(host) => {
            let stream = TcpStream::connect((host.as_str(), port)).await;
            let stream = stream.map_err(|error| Failure::from_chain(&error))?;
            let _ = stream.set_nodelay(true);
            secured(stream, proof, host).await
        }
        Way::Pod { cluster, namespace, pod } => {
            let stream = forward(cluster, namespace, pod, port, Arc::clone(heard)).await?;
            match secured(stream, proof, SELF).await {
                Ok(pipe) => Ok(pipe),
                // The pod's own reason arrives on another stream, just after the end of this one.
                Err(failure) => {
                    tokio::time::sleep(WHY).await;
                    let said = heard.lock().unwrap_or_else(PoisonError::into_inner).take();
                    Err(said.unwrap_or(failure))
                }
            }
        }
    }
}

async fn forward(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
    port: u16,
    heard: Heard,
) -> Result<Forwarded, Failure> {
    let pods: Api<Pod> = Api::namespaced(cluster.client(), namespace);
    let patience = cluster.request_timeout();
    let opened = timeout(patience, pods.portforward(pod, &[port])).await;
    let opened = opened.map_err(|_| Failure::timeout(patience))?;
    let mut forwarder = opened.map_err(|error| Failure::from_kube(&error))?;
    let (Some(stream), why) = (forwarder.take_stream(port), forwarder.take_error(port)) else {
        return Err(Failure::new(FailureKind::Protocol, "the port-forward has no stream"));
    };
    if let Some(why) = why {
        tokio::spawn(async move {
            if let Some(said) = why.await {
                let message = format_smolstr!("port {port}: {}", said.trim());
                let failure = Failure::new(FailureKind::Refused, message);
                *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            }
        });
    }
    Ok(Forwarded { stream, forwarder })
}

async fn secured<S>(stream: S, proof: Proof, name: &str) -> Result<Pipe, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Some(proof) = proof else { return Ok(Pipe(Box::new(stream))) };
    let name = ServerName::try_from(name.to_owned()).map_err(|_| {
        Failure::new(FailureKind::Tls, format_smolstr!("{name} is no name for a certificate"))
    })?;
    let stream = TlsConnector::from(proof).connect(name, stream).await;
    Ok(Pipe(Box::new(stream.map_err(|error| Failure::from_chain(&error))?)))
}

/// A port-forward for as long as somebody holds its stream.
struct Forwarded {
    stream: DuplexStream,
    forwarder: Portforwarder,
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        // It would wait for the other side.
        self.forwarder.abort();
    }
}

impl AsyncRead for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Whatever the bytes go through.
pub(super) struct Pipe(Box<dyn Stream>);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
