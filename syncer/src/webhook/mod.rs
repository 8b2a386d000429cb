//! Services of the tenant get the host's address before the tenant sees one.
//!
//! The virtual API server asks this webhook about every Service that is about to get an address. The syncer makes the
//! host's Service first, and the tenant's is created with the address and the ports of nodes that the host gave. What is
//! reserved so is marked ([`crate::resources::services::reserved`]): it is taken over when the tenant's Service appears,
//! and goes when none does. While the syncer does not answer, Services get an address of the virtual API server's own
//! and change it for the host's later ([`crate::resources::services`]).
//!
//! Every replica answers its own API server, the one beside it; the leader keeps the configuration right.

mod answer;
mod certificate;
mod host;
mod installed;
mod name;
mod question;
mod review;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use v9s::cluster::{Cluster, Failure, FailureKind};

use crate::context::Context;
use crate::engine::Engine;
use certificate::Held;

/// How often certificate and configuration are looked at.
const CHECK: Duration = Duration::from_secs(30);
/// The same while something is wrong with them.
const RETRY: Duration = Duration::from_secs(2);

/// How the webhook is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// `HOST:PORT` by which the virtual API server reaches it; none for where it listens. Each API server is to find a
    /// replica there: the one beside it, or whichever a Service leads to.
    pub advertise: Option<String>,
    /// How often certificate and configuration are looked at.
    pub check: Duration,
}

impl Options {
    /// With the usual times.
    pub fn new(listen: SocketAddr, advertise: Option<String>) -> Self {
        Options { listen, advertise, check: CHECK }
    }
}

/// Both clusters, and what is known of them.
pub(crate) struct Sides {
    pub(crate) ctx: Context,
    pub(crate) tenant: Cluster,
    pub(crate) host: Cluster,
    pub(crate) engine: Arc<Engine>,
}

/// Answers and keeps the configuration right until it is stopped. Where Services are not mirrored, the configuration is
/// taken away instead.
pub async fn run(
    options: Options,
    ctx: Context,
    tenant: Cluster,
    host: Cluster,
    engine: Arc<Engine>,
    stop: CancellationToken,
) {
    let sides = Arc::new(Sides { ctx, tenant, host, engine });
    let Some(()) = stop.run_until_cancelled(withdrawn_or_wanted(&sides)).await else { return };
    if sides.engine.kind("services").is_none() {
        return;
    }
    let Some(listener) = stop.run_until_cancelled(listen(options.listen)).await else { return };
    let own = listener.local_addr().unwrap_or(options.listen).to_string();
    let place = options.advertise.unwrap_or(own);
    let (give, held) = watch::channel::<Option<Held>>(None);
    tokio::select! {
        () = serve::run(listener, Arc::clone(&sides), held, stop.clone()) => {}
        () = stop.run_until_cancelled(keep(&sides, &place, options.check, &give)).map(drop) => {}
    }
}

/// Takes the configuration away where Services are not mirrored; what another setting left behind would only cost time.
async fn withdrawn_or_wanted(sides: &Sides) {
    while sides.engine.kind("services").is_none() {
        if sides.engine.suspended().is_none() {
            match installed::remove(&sides.tenant).await {
                Ok(()) => return,
                Err(failure) => tracing::warn!(%failure, "the webhook for Services cannot be taken away"),
            }
        }
        sleep(RETRY).await;
    }
}

/// Another program may have the port for a moment; Services get their addresses later meanwhile.
async fn listen(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => {
                tracing::warn!(%error, %address, "the webhook for Services cannot listen: another --webhook-listen may be needed");
            }
        }
        sleep(RETRY).await;
    }
}

/// Keeps certificate and configuration right.
async fn keep(sides: &Sides, place: &str, check: Duration, give: &watch::Sender<Option<Held>>) {
    loop {
        let done = keep_once(sides, place, give).await;
        if let Err(failure) = &done {
            tracing::warn!(%failure, "the webhook for Services cannot be set up");
        }
        sleep(if done.is_ok() { check } else { RETRY }).await;
    }
}

async fn keep_once(sides: &Sides, place: &str, give: &watch::Sender<Option<Held>>) -> Result<(), Failure> {
    let leads = sides.engine.suspended().is_none();
    let Some(held) = certificate::hold(&sides.ctx, &sides.host, place, leads).await? else {
        return Err(Failure::new(FailureKind::NotFound, "the leader has made no certificate yet"));
    };
    give.send_if_modified(|before| {
        let differs = before.as_ref() != Some(&held);
        if differs {
            *before = Some(held.clone());
        }
        differs
    });
    if leads {
        installed::keep(&sides.tenant, &certificate::in_url(place), &held).await?;
    }
    Ok(())
}
