//! What the engine knows and what it is about to do.

use std::collections::HashMap;

use smol_str::SmolStr;
use tokio::time::Instant;

use super::gate::{Brake, Sight, StoreIdentity};
use super::index::Index;
use super::key::{Key, KindId, Side};
use super::lag::Lags;
use super::queue::{Queue, Urgency};
use super::{Shared, room, tally};

/// What changes, behind one lock that is never held across an await.
pub(crate) struct State {
    pub(crate) index: Index,
    pub(crate) queue: Queue,
    /// Whether the watch of a kind and side is live.
    pub(crate) live: HashMap<(KindId, Side), bool>,
    pub(crate) store: StoreIdentity,
    /// The virtual cluster is paused, restoring, or this replica follows another.
    pub(crate) suspended: Option<SmolStr>,
    pub(crate) brakes: HashMap<KindId, Brake>,
    /// Partners whose deletion was seen, by the side that is gone.
    pub(crate) seen_gone: HashMap<Key, Side>,
    /// Pairs that are not in agreement.
    pub(crate) pending: HashMap<Key, Pending>,
    pub(crate) lags: Lags,
    pub(crate) tally: tally::Tally,
    /// Writes without a change of the tenant's in between: two writers that keep undoing each other.
    pub(crate) flips: HashMap<Key, Flips>,
    /// Written without an answer that shows the object: nothing is planned until a watch has told of it.
    pub(crate) awaited: HashMap<Key, Awaited>,
    pub(crate) counts: Counts,
}

/// The state in which an object on the tenant's side was written blindly.
#[derive(Debug, Clone)]
pub(crate) struct Awaited {
    pub(crate) revision: SmolStr,
    /// Waiting for the watch ends here.
    pub(crate) until: Instant,
}

/// A pair that is not in agreement.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) why: SmolStr,
    pub(crate) since: Instant,
}

/// How often a pair was written in a row.
#[derive(Debug, Clone)]
pub(crate) struct Flips {
    pub(crate) writes: u32,
    pub(crate) since: Instant,
    pub(crate) virtual_revision: SmolStr,
}

/// What has been done since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Plans made.
    pub plans: u64,
    /// Writes that succeeded, virtual and host.
    pub writes: [u64; 2],
    /// Writes that failed.
    pub failures: u64,
    /// Deletions that were held back.
    pub held: u64,
    /// Pairs that were quarantined because somebody keeps undoing what is written.
    pub quarantines: u64,
    /// Differences that only a sweep has found.
    pub missed: u64,
}

impl State {
    /// Nothing is known of so many kinds.
    pub(crate) fn new(kinds: usize) -> Self {
        State {
            index: Index::new(kinds),
            queue: Queue::default(),
            live: HashMap::new(),
            store: StoreIdentity::Unknown,
            suspended: None,
            brakes: HashMap::new(),
            seen_gone: HashMap::new(),
            pending: HashMap::new(),
            lags: Lags::default(),
            tally: tally::Tally::default(),
            flips: HashMap::new(),
            awaited: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// A pair is not in agreement, for this reason.
    pub(crate) fn set_pending(&mut self, key: &Key, why: impl Into<SmolStr>, since: Instant) {
        let pending = Pending { why: why.into(), since };
        let entry = self.pending.entry(key.clone());
        entry.and_modify(|before| before.why = pending.why.clone()).or_insert(pending);
    }

    /// Something that held pairs up has changed.
    pub(crate) fn look_at_pending(&mut self) {
        let now = Instant::now();
        for key in self.pending.keys() {
            self.queue.add(key.clone(), Urgency::Later, now);
        }
    }

    /// Gives back what a burst has taken, now that nothing is under way.
    pub(crate) fn give_back(&mut self) {
        self.index.give_back();
        self.queue.give_back();
        room::give_back(&mut self.seen_gone);
        room::give_back(&mut self.pending);
        room::give_back(&mut self.flips);
        room::give_back(&mut self.awaited);
    }

    /// The tenant's objects were listed, perhaps from another store than before.
    pub(crate) fn doubt_store(&mut self) {
        if self.store == StoreIdentity::Known {
            self.store = StoreIdentity::Unknown;
        }
    }

    pub(crate) fn sight(&self, shared: &Shared, kind: KindId) -> Sight {
        let sides =
            [Side::Virtual, Side::Host].into_iter().filter(|side| shared.source(kind, *side).is_some());
        let (mut whole, mut live) = (true, true);
        for side in sides {
            whole &= self.index.is_whole(kind, side);
            live &= self.live.get(&(kind, side)).copied().unwrap_or(false);
        }
        Sight { whole, live }
    }
}
