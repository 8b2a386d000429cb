//! A companion that stands beside a syncer of somebody else: it watches both sides and writes to neither.
//!
//! Objects are paired as the annotations of the host's say, whoever wrote them. Lag is the time from the arrival of a
//! change on one side to the arrival of what follows from it on the other. What is certain to be wrong whichever syncer is
//! at work is told as drift or as an orphan; everything else is none of an observer's business. Read rights are enough,
//! but for the one ConfigMap that it publishes.

mod faces;
mod pairs;
mod told;
mod watching;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::ValueEnum;
use smol_str::SmolStr;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use v9s::cluster::Cluster;
use v9s::provision::values::settings::Sync;

use crate::context::Context;
use crate::engine::key::{KindId, Side};
use crate::engine::lag::Lags;
use crate::serve::probes::Probes;
use crate::serve::{self, Told};
use crate::status;
use faces::Kind;
use pairs::Pairs;

/// Whether objects are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// It mirrors objects.
    Sync,
    /// It only measures what another syncer does.
    Observe,
}

/// A running observer. Dropping it stops it.
pub struct Observer {
    shared: Arc<Shared>,
    probes: Arc<Probes>,
    identity: SmolStr,
    stop: CancellationToken,
    /// Its watches.
    _tasks: JoinSet<()>,
}

struct Shared {
    ctx: Context,
    kinds: Vec<Kind>,
    state: Mutex<State>,
}

struct State {
    pairs: Vec<Pairs>,
    lags: Lags,
    /// Whether the watch of a kind and side is live.
    live: HashMap<(KindId, Side), bool>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kinds with their places.
    fn ids(&self) -> impl Iterator<Item = (KindId, &Kind)> {
        self.kinds
            .iter()
            .enumerate()
            .filter_map(|(at, kind)| u16::try_from(at).ok().map(|at| (KindId(at), kind)))
    }
}

impl Observer {
    /// Watches what this configuration mirrors.
    pub fn start(ctx: Context, sync: &Sync, tenant: &Cluster, host: &Cluster, identity: SmolStr) -> Observer {
        let kinds = faces::kinds(sync);
        let pairs = kinds.iter().map(|kind| Pairs::new(kind.all)).collect();
        let state = State { pairs, lags: Lags::default(), live: HashMap::new() };
        let shared = Arc::new(Shared { ctx, kinds, state: Mutex::new(state) });
        let (probes, stop) = (Arc::new(Probes::default()), CancellationToken::new());
        let mut tasks = JoinSet::new();
        watching::watch_all(&shared, [tenant, host], &mut tasks);
        tasks.spawn(Arc::clone(&probes).run(tenant.clone(), host.clone(), stop.clone()));
        Observer { shared, probes, identity, stop, _tasks: tasks }
    }
}

/// Answers and publishes until it is stopped.
pub async fn run(observer: Observer, host: Cluster, listener: TcpListener, stop: CancellationToken) {
    let ctx = observer.shared.ctx.clone();
    let told: Arc<dyn Told> = Arc::new(observer);
    let tasks = TaskTracker::new();
    tasks.spawn(serve::run(listener, Arc::clone(&told), stop.clone()));
    tasks.spawn(status::publish(ctx, host, told, stop));
    tasks.close();
    tasks.wait().await;
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
