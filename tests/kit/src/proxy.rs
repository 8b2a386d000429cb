//! A TCP proxy in front of a host, to see what a client does when the wire misbehaves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::kubeconfig;

/// What the wire does, to connections that stand and to new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Everything passes.
    Pass,
    /// Standing connections are closed and new ones are closed at once: a server that is gone.
    Cut,
    /// Connections stand and new ones are accepted, but no byte passes: a dead route or a frozen server. What was
    /// held back passes when the wire does again.
    Blackhole,
    /// Each piece passes this much later.
    Delay(Duration),
}

/// A proxy on a loopback port. Dropping it closes its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    wire: watch::Sender<Wire>,
    accepted: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Starts one on this runtime, in front of `host:port`.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(target: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("listening for the proxy")?;
        let address = listener.local_addr()?;
        let (wire, states) = watch::channel(Wire::Pass);
        let accepted = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target.to_owned(), states, Arc::clone(&accepted)));
        Ok(Self { address, wire, accepted, _tasks: tasks })
    }

    /// Starts one in front of the server of a kubeconfig, and returns the kubeconfig that goes through it.
    ///
    /// # Errors
    /// When the kubeconfig names no server.
    pub async fn before(text: &str) -> Result<(Self, String)> {
        let proxy = Self::start(&kubeconfig::authority(text)?).await?;
        let through = kubeconfig::altered(text, None, Some(&format!("https://{}", proxy.address)))?;
        Ok((proxy, through))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what the wire does from now on.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// How many connections clients have made so far.
    pub fn connections(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn accept(
    listener: TcpListener,
    target: String,
    wire: watch::Receiver<Wire>,
    accepted: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::Relaxed);
        connections.spawn(serve(client, target.clone(), wire.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(client: TcpStream, target: String, wire: watch::Receiver<Wire>) {
    let mut until_cut = wire.clone();
    tokio::select! {
        _ = until_cut.wait_for(|wire| *wire == Wire::Cut) => {}
        () = join(client, target, wire) => {}
    }
}

async fn join(client: TcpStream, target: String, mut wire: watch::Receiver<Wire>) {
    if wire.wait_for(|wire| *wire != Wire::Blackhole).await.is_err() {
        return;
    }
    // A target that refuses is a client's closed connection.
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    tokio::join!(copy(client_reads, server_writes, wire.clone()), copy(server_reads, client_writes, wire));
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut wire: watch::Receiver<Wire>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let Ok(wire) = wire.wait_for(|wire| *wire != Wire::Blackhole).await.map(|wire| *wire) else { return };
        if let Wire::Delay(time) = wire {
            tokio::time::sleep(time).await;
        }
        if to.write_all(buffer.get(..length).unwrap_or_default()).await.is_err() {
            return;
        }
    }
    // The other direction may still have something to say.
    let _ = to.shutdown().await;
}
