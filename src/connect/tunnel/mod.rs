//! A port on this machine that leads to the API server of a virtual cluster, for as long as it is kept.
//!
//! Each connection is a port-forward of its own, over WebSocket, to a pod that is ready at that moment. A watch on the pods knows
//! which that is, so that a pod that was replaced costs the connections it had, and no more.

mod carry;
mod pods;
mod state;
mod supervise;

use std::net::SocketAddr;
use std::time::Duration;

use smol_str::SmolStr;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub use state::{Health, TunnelState};

use crate::cluster::Cluster;

/// The port of a pod at which the API server of a virtual cluster answers (docs/vclusters.md, Objects).
pub const API_PORT: u16 = 8443;

/// Where a tunnel leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Namespace of the pods on the host.
    pub namespace: SmolStr,
    /// Selects them.
    pub selector: String,
    /// Their port.
    pub port: u16,
}

impl Route {
    /// To the API server of a virtual cluster.
    pub fn to_vcluster(namespace: impl Into<SmolStr>, name: &str) -> Self {
        use crate::wire::{App, label};
        let selector = format!("{}={},{}={name}", label::APP, App::ControlPlane.value(), label::RELEASE);
        Route { namespace: namespace.into(), selector, port: API_PORT }
    }
}

/// How a tunnel behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelOptions {
    /// Port on the loopback interface; 0 for any free one.
    pub local_port: u16,
    /// How long a connection waits for a pod before it is closed.
    pub patience: Duration,
}

impl Default for TunnelOptions {
    fn default() -> Self {
        TunnelOptions { local_port: 0, patience: Duration::from_secs(30) }
    }
}

/// A tunnel that could not be opened.
#[derive(Debug, Error)]
#[error("cannot listen on 127.0.0.1:{port}: {reason}")]
pub struct TunnelError {
    /// The port that was wanted.
    pub port: u16,
    /// What the system said.
    pub reason: String,
}

/// A tunnel. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct Tunnel {
    /// Where it listens.
    pub local: SocketAddr,
    state: watch::Receiver<TunnelState>,
    _task: AbortOnDropHandle<()>,
}

impl Tunnel {
    /// Opens one. It listens at once; whether anything gets through is told by its state.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn open(cluster: Cluster, route: Route, options: TunnelOptions) -> Result<Self, TunnelError> {
        let port = options.local_port;
        let refused = |error: std::io::Error| TunnelError { port, reason: error.to_string() };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(refused)?;
        let local = listener.local_addr().map_err(refused)?;
        let (tell, state) = watch::channel(TunnelState::new());
        let task = tokio::spawn(supervise::run(cluster, route, options, listener, tell));
        Ok(Tunnel { local, state, _task: AbortOnDropHandle::new(task) })
    }

    /// How it is doing, now and from now on.
    pub fn state(&self) -> watch::Receiver<TunnelState> {
        self.state.clone()
    }
}
