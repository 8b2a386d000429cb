//! From the watches into the pairs.

use std::sync::Arc;

use smol_str::SmolStr;
use tokio::sync::watch as latest;
use tokio::task::JoinSet;
use tokio::time::Instant;
use v9s::cluster::Cluster;
use v9s::cluster::lean::Lean;
use v9s::cluster::watch::{Controls, Event, Fold, Key, Outlet, Phase, Signal, Target, watch};
use v9s::names::VirtualName;

use super::Shared;
use super::faces::{Face, Kind};
use super::pairs::Arrived;
use crate::context::Context;
use crate::engine::key::{KindId, Side};
use crate::engine::mirror::{Origin, Source, own_name};
use crate::engine::steady;
use crate::translate::owned;

/// Starts every watch.
pub(super) fn watch_all(shared: &Arc<Shared>, clusters: [&Cluster; 2], tasks: &mut JoinSet<()>) {
    for (id, kind) in shared.ids() {
        for (side, cluster) in [Side::Virtual, Side::Host].into_iter().zip(clusters) {
            let source = Source::mirrored(kind.resource.clone(), side, &shared.ctx);
            let mut target = Target::new(source.resource).in_namespace(source.namespace);
            target.labels = source.labels;
            let controls = Controls { cluster: steady(cluster), nudge: latest::Sender::new(0).subscribe() };
            let look = Look { ctx: shared.ctx.clone(), kind: kind.clone(), side };
            tasks.spawn(watch(target, controls, look, Way { shared: Arc::clone(shared), id, side }));
        }
    }
}

/// Reduces objects to what is compared, on the task of their watch.
struct Look {
    ctx: Context,
    kind: Kind,
    side: Side,
}

/// An object, and the pair it belongs to.
struct Seen {
    object: VirtualName,
    face: Face,
}

impl Fold for Look {
    type Object<'a> = Lean;
    /// None of an object that belongs to no pair.
    type Row = Option<Seen>;

    fn fold(&mut self, key: &Key, mut object: Lean) -> Option<Option<Seen>> {
        object.metadata.namespace = key.namespace.clone();
        object.metadata.name = key.name.clone();
        let pair = match self.side {
            Side::Virtual => Some(own_name(&object)).filter(|name| !self.kind.is_special(name)),
            Side::Host => match owned::origin(&self.ctx, &self.kind.resource, &object) {
                Origin::Ours(name) => Some(name),
                Origin::Foreign(_) => None,
            },
        };
        Some(pair.map(|pair| Seen { object: pair, face: self.kind.face(self.side, &object) }))
    }
}

/// The way of one watch.
struct Way {
    shared: Arc<Shared>,
    id: KindId,
    side: Side,
}

impl Outlet<Option<Seen>> for Way {
    async fn send(&mut self, signal: Signal<Option<Seen>>) -> bool {
        match signal {
            Signal::Events(events) => self.take_in(events),
            Signal::Phase(phase) => {
                if let Phase::Broken { failure, .. } = &phase {
                    tracing::warn!(kind = self.name(), side = %self.side, %failure, "a watch is broken");
                }
                let mut state = self.shared.lock();
                state.live.insert((self.id, self.side), matches!(phase, Phase::Live | Phase::Polled));
                if phase == Phase::Listing
                    && let Some(pairs) = state.pairs.get_mut(usize::from(self.id.0))
                {
                    pairs.set_whole(self.side, false);
                }
            }
            Signal::Unreadable(count) => {
                tracing::error!(kind = self.name(), side = %self.side, count, "objects cannot be read");
            }
        }
        true
    }
}

impl Way {
    fn name(&self) -> &'static str {
        self.shared.kinds.get(usize::from(self.id.0)).map_or("unknown", |kind| kind.name)
    }

    fn take_in(&self, events: Vec<Event<Option<Seen>>>) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        let state = &mut *state;
        let Some(pairs) = state.pairs.get_mut(usize::from(self.id.0)) else { return };
        for event in events {
            let arrived: Vec<Arrived> = match event {
                Event::Upsert(key, Some(Seen { object, face })) => {
                    let host_name: Option<SmolStr> = (self.side == Side::Host).then_some(key.name);
                    pairs.upsert(self.side, object, host_name, face, now)
                }
                Event::Upsert(key, None) | Event::Gone(key, _) => match self.side {
                    Side::Virtual => pairs.gone(VirtualName::namespaced(key.namespace, key.name), now),
                    Side::Host => pairs.gone_on_host(&key.name, now),
                },
                Event::Synced => {
                    pairs.set_whole(self.side, true);
                    Vec::new()
                }
            };
            for Arrived { on, after } in arrived {
                state.lags.add(self.id, on, after, now);
            }
        }
    }
}
