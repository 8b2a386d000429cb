//! One connection through a tunnel.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use smol_str::{SmolStr, format_smolstr};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Route;
use super::state::{Health, TunnelState};
use crate::cluster::{Cluster, Failure};

/// First wait after a pod could not be connected to, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// What connections share.
pub(super) struct Carrier {
    pub(super) cluster: Cluster,
    pub(super) route: Route,
    pub(super) patience: Duration,
    pub(super) state: watch::Sender<TunnelState>,
}

/// Carries a connection to its end. One that finds no pod in time is closed.
pub(super) async fn carry(mut client: TcpStream, carrier: Arc<Carrier>) {
    let _ = client.set_nodelay(true);
    let deadline = Instant::now() + carrier.patience;
    let mut forwarder = match carrier.connect(deadline).await {
        Ok(forwarder) => forwarder,
        Err(why) => return carrier.failed(why),
    };
    let (Some(mut stream), failure) =
        (forwarder.take_stream(carrier.route.port), forwarder.take_error(carrier.route.port))
    else {
        return carrier.failed("the answer has no stream".into());
    };
    let _open = Open::count(&carrier.state);
    transfer(&mut client, &mut stream).await;
    drop(stream);
    if let Some(failure) = failure
        && let Ok(Some(why)) = timeout(WAITS.0, failure).await
    {
        carrier.failed(why.trim().into());
    }
    // It would wait for the other side.
    forwarder.abort();
}

async fn transfer(client: &mut TcpStream, pod: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    if let Err(error) = copy_bidirectional(client, pod).await {
        tracing::debug!(%error, "a connection through a tunnel was cut");
    }
}

impl Carrier {
    /// Connects to the pod that is ready, to another when that fails, until the deadline.
    async fn connect(&self, deadline: Instant) -> Result<Portforwarder, SmolStr> {
        let mut state = self.state.subscribe();
        let mut why = None;
        let mut wait = WAITS.0;
        loop {
            let Some(pod) = ready_pod(&mut state, deadline).await else {
                let health = format_smolstr!("{}", self.state.borrow().health);
                return Err(why.unwrap_or(health));
            };
            match self.forward(&pod).await {
                Ok(forwarder) => return Ok(forwarder),
                Err(failure) => {
                    let said = format_smolstr!("{pod}: {failure}");
                    if Instant::now() + wait >= deadline {
                        return Err(said);
                    }
                    self.failed(said.clone());
                    why = Some(said);
                }
            }
            sleep(wait).await;
            wait = (wait * 2).min(WAITS.1);
        }
    }

    async fn forward(&self, pod: &str) -> Result<Portforwarder, Failure> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client(), &self.route.namespace);
        let patience = self.cluster.request_timeout();
        let ports = [self.route.port];
        match timeout(patience, pods.portforward(pod, &ports)).await {
            Err(_) => Err(Failure::timeout(patience)),
            Ok(opened) => opened.map_err(|error| Failure::from_kube(&error)),
        }
    }

    fn failed(&self, why: SmolStr) {
        tracing::info!(%why, namespace = %self.route.namespace, "a connection through a tunnel failed");
        self.state.send_modify(|state| state.last_failure = Some(why));
    }
}

/// Waits for a pod that is ready; none when there is none in time.
async fn ready_pod(state: &mut watch::Receiver<TunnelState>, deadline: Instant) -> Option<SmolStr> {
    loop {
        if let Health::Ready { pod } = &state.borrow_and_update().health {
            return Some(pod.clone());
        }
        timeout_at(deadline, state.changed()).await.ok()?.ok()?;
    }
}

/// Counts a connection for as long as it is open.
struct Open<'a>(&'a watch::Sender<TunnelState>);

impl<'a> Open<'a> {
    fn count(state: &'a watch::Sender<TunnelState>) -> Self {
        state.send_modify(|state| {
            state.open += 1;
            state.carried += 1;
            state.last_failure = None;
        });
        Open(state)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|state| state.open = state.open.saturating_sub(1));
    }
}
