//! Keeps pairs of objects in agreement: watch both sides, queue what changed, decide, write.
//!
//! The engine knows no kind: [`Mirror`]s decide, in pure functions over the [`Index`](index::Index), and the
//! [`Writer`](writer::Writer) carries out. It is level-triggered: a plan looks at the state of both sides and never at
//! the event that brought it about, so that a lost event costs at most one resync.

pub mod budget;
pub mod drift;
pub mod gate;
pub mod index;
mod intake;
pub mod key;
pub mod lag;
pub mod mirror;
pub mod notes;
mod parts;
pub mod plan;
pub mod queue;
pub mod report;
mod room;
mod state;
pub mod tally;
mod work;
pub mod writer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol_str::SmolStr;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use v9s::cluster::Cluster;
use v9s::names::VirtualName;

use crate::context::Context;
use crate::identity;
use key::{Key, KindId, Side};
use mirror::{Kinds, Mirror, Source};
use notes::Notes;
use queue::Urgency;
use report::Report;
pub use state::Counts;
use state::{Pending, State};
use writer::Writer;

/// Most keys under way at once.
const UNDER_WAY: usize = 96;
/// Most keys of one virtual namespace under way at once while others wait.
const OF_ONE_NAMESPACE: usize = 64;
/// How often the identity of the tenant's store is asked for.
const STORE_CHECK: Duration = Duration::from_secs(10);
/// The same after a failure.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// Every pair is looked at once in this time, whatever the watches say.
const RESYNC: Duration = Duration::from_secs(10 * 3600);

/// A kind and its name in the registry.
pub struct Registered {
    /// `pods`, `ingresses.networking.k8s.io`.
    pub name: SmolStr,
    /// What it does.
    pub mirror: Arc<dyn Mirror>,
}

/// Everything the engine's tasks share.
pub(crate) struct Shared {
    pub(crate) ctx: Context,
    pub(crate) kinds: Vec<Registered>,
    /// What is watched for each kind, virtual and host.
    sources: Vec<[Option<Source>; 2]>,
    pub(crate) writer: Writer,
    pub(crate) notes: Notes,
    state: Mutex<State>,
    /// Something was added to the queue, or has become possible.
    wake: Notify,
    /// Watches that wait for their next try are tried at once when it changes.
    nudge: watch::Sender<u64>,
    /// The tenant's objects were listed: whether they come from the store we knew is to be asked again.
    listed: Notify,
}

/// A running engine. Dropping it stops its tasks.
pub struct Engine {
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: Mutex<JoinSet<()>>,
    /// What other parts of the process have found wrong, by part.
    told: Mutex<BTreeMap<&'static str, Option<String>>>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn mirror(&self, kind: KindId) -> Option<&Arc<dyn Mirror>> {
        self.kinds.get(usize::from(kind.0)).map(|registered| &registered.mirror)
    }

    pub(crate) fn kind_name(&self, kind: KindId) -> &str {
        self.kinds.get(usize::from(kind.0)).map_or("unknown", |registered| registered.name.as_str())
    }

    /// What is watched for a kind on a side; none where that side is not looked at.
    pub(crate) fn source(&self, kind: KindId, side: Side) -> Option<&Source> {
        self.sources.get(usize::from(kind.0))?[side as usize].as_ref()
    }

    pub(crate) fn kind_ids(&self) -> impl Iterator<Item = KindId> + use<> {
        (0..self.kinds.len()).filter_map(|kind| u16::try_from(kind).ok().map(KindId))
    }

    /// What a server did not serve or allow a while ago it may by now, such as a kind whose definition was made since.
    fn nudge_what_is_not_live(&self) {
        if self.lock().live.values().any(|live| !live) {
            self.nudge.send_modify(|nudges| *nudges += 1);
        }
    }

    /// All pairs of a kind, with those that stand, or that others use, although neither side has an object.
    pub(crate) fn all_of(&self, state: &State, kind: KindId) -> Vec<Key> {
        let standing = self.mirror(kind).map(|mirror| mirror.standing()).unwrap_or_default();
        let names = state.index.names(kind).map(|(name, _)| name.clone());
        let used = state.index.used_and_missing(kind).map(|key| key.object.clone());
        names.chain(standing).chain(used).map(|name| Key::new(kind, name)).collect()
    }

    fn look_at_everything(&self) {
        let mut state = self.lock();
        let now = Instant::now();
        let all: Vec<Key> = self.kind_ids().flat_map(|kind| self.all_of(&state, kind)).collect();
        for key in all {
            state.queue.add(key, Urgency::Later, now);
        }
        drop(state);
        self.wake.notify_one();
    }
}

/// Asks whether the tenant's store is the one we knew: after every list of its objects, and now and then.
async fn know_the_store(shared: Arc<Shared>) {
    let (tenant, host) = (shared.writer.cluster(Side::Virtual), shared.writer.cluster(Side::Host));
    loop {
        let wait = match identity::check(&shared.ctx, tenant, host).await {
            Ok(store) => {
                let mut state = shared.lock();
                if state.store != store {
                    tracing::info!(?store, "the tenant's store");
                    state.store = store;
                    state.look_at_pending();
                    shared.wake.notify_one();
                }
                drop(state);
                STORE_CHECK
            }
            Err(failure) => {
                tracing::warn!(%failure, "whether the tenant's store is the one we knew cannot be asked");
                STORE_RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => shared.nudge_what_is_not_live(),
            () = shared.listed.notified() => {}
        }
    }
}

/// Whatever the watches have missed is found in the end.
async fn resync(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(RESYNC).await;
        shared.look_at_everything();
    }
}

impl Kinds for Shared {
    fn id(&self, name: &str) -> Option<KindId> {
        let at = self.kinds.iter().position(|registered| registered.name == name)?;
        u16::try_from(at).ok().map(KindId)
    }
}

impl Engine {
    /// Starts watching and, as soon as the store's identity is known, writing.
    pub fn start(ctx: Context, kinds: Vec<Registered>, virtual_side: Cluster, host: Cluster) -> Engine {
        let state = State::new(kinds.len());
        let watched = |registered: &Registered| {
            [Side::Virtual, Side::Host].map(|side| registered.mirror.source(side, &ctx))
        };
        let shared = Arc::new(Shared {
            sources: kinds.iter().map(watched).collect(),
            notes: Notes::new(virtual_side.clone(), &ctx),
            ctx,
            kinds,
            writer: Writer::new(virtual_side, host),
            state: Mutex::new(state),
            wake: Notify::new(),
            nudge: watch::Sender::new(0),
            listed: Notify::new(),
        });
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        intake::watch_all(&shared, &mut tasks);
        tasks.spawn(work::run(Arc::clone(&shared), stop.clone()));
        tasks.spawn(resync(Arc::clone(&shared)));
        tasks.spawn(drift::sweep(Arc::clone(&shared)));
        tasks.spawn(know_the_store(Arc::clone(&shared)));
        Engine { shared, stop, tasks: Mutex::new(tasks), told: Mutex::default() }
    }

    /// Suspends all writes, or resumes them.
    pub fn suspend(&self, why: Option<SmolStr>) {
        self.shared.lock().suspended = why;
        self.look_at_everything();
    }

    /// Lets the brake go for a while, on a person's word.
    pub fn release_brakes(&self, time: Duration) {
        let until = Instant::now() + time;
        for brake in self.shared.lock().brakes.values_mut() {
            brake.release(until);
        }
        self.look_at_everything();
    }

    /// Queues every pair.
    pub fn look_at_everything(&self) {
        self.shared.look_at_everything();
    }

    /// What the index holds now, for those who serve from it. Nothing is written meanwhile: it must be brief.
    pub fn look<T>(&self, look: impl FnOnce(index::View<'_>, &dyn mirror::Kinds) -> T) -> T {
        let state = self.shared.lock();
        look(state.index.view(), &*self.shared)
    }

    /// Looks at every pair once, slowly, for differences that nobody has told of.
    pub async fn sweep(&self) {
        drift::sweep_once(&self.shared).await;
    }

    /// What has been done so far.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Whether every list is whole, nothing waits and nothing is under way.
    pub fn is_quiet(&self) -> bool {
        let state = self.shared.lock();
        let whole = self.shared.kind_ids().all(|kind| state.sight(&self.shared, kind).whole);
        whole && state.queue.depth() == 0 && state.queue.under_way() == 0
    }

    /// Pairs that are not in agreement now: the kind's name, the tenant's name, and why.
    pub fn pending(&self) -> Vec<(SmolStr, VirtualName, SmolStr)> {
        let state = self.shared.lock();
        let told = |(key, pending): (&Key, &Pending)| {
            (self.shared.kind_name(key.kind).into(), key.object.clone(), pending.why.clone())
        };
        state.pending.iter().map(told).collect()
    }

    /// How it is doing.
    pub fn report(&self) -> Report {
        report::of(&self.shared)
    }

    /// Finishes what is under way, at most for this long, and stops.
    pub async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        let _ = tokio::time::timeout(patience, async {
            while self.shared.lock().queue.under_way() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

/// A cluster as the watch engine wants it: one that could be exchanged.
pub(crate) fn steady(cluster: &Cluster) -> watch::Receiver<Cluster> {
    watch::Sender::new(cluster.clone()).subscribe()
}
