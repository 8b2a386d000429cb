//! Starts one watch and sends what it tells to its host's task.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::watch::{Controls, Event, Fold, Outlet, Phase, Signal, watch};
use crate::fleet::model::Workload;
use crate::fleet::rows::{
    Configs, ControlPods, Namespaces, Policies, Quotas, Statuses, SyncedPods, Workloads,
};
use crate::fleet::source::{Kind, Source};
use crate::fleet::table::Rows;

/// How long the synced pods wait for everything else: a kind that stalls must not keep them away.
const HEAD_START: Duration = Duration::from_secs(1);

/// What a watch tells its host's task.
pub(super) enum Message {
    Rows(Rows),
    Phase(Phase),
    Unreadable(usize),
}

/// A message and the watch it comes from.
pub(super) type Tagged = (Source, Message);

/// The way of one watch to its host's task.
struct Way<R> {
    source: Source,
    wrap: fn(Vec<Event<R>>) -> Rows,
    messages: mpsc::Sender<Tagged>,
}

impl<R: Send + 'static> Outlet<R> for Way<R> {
    async fn send(&mut self, signal: Signal<R>) -> bool {
        let message = match signal {
            Signal::Events(events) => Message::Rows((self.wrap)(events)),
            Signal::Phase(phase) => Message::Phase(phase),
            Signal::Unreadable(count) => Message::Unreadable(count),
        };
        self.messages.send((self.source.clone(), message)).await.is_ok()
    }
}

/// Starts a watch; dropping the handle ends it. The synced pods, which are most of all objects, wait until the rest
/// has settled, so that the rows of the fleet come first.
pub(super) fn start(
    source: Source,
    controls: Controls,
    messages: mpsc::Sender<Tagged>,
    settled: CancellationToken,
) -> AbortOnDropHandle<()> {
    let begin = Begin { source, controls, messages };
    match begin.source.kind {
        Kind::StatefulSets => spawn(begin.watch(Workloads(Workload::StatefulSet), Rows::Workloads)),
        Kind::Deployments => spawn(begin.watch(Workloads(Workload::Deployment), Rows::Workloads)),
        Kind::ControlPods => spawn(begin.watch(ControlPods::default(), Rows::ControlPods)),
        Kind::Configs => spawn(begin.watch(Configs, Rows::Configs)),
        Kind::Quotas => spawn(begin.watch(Quotas::default(), Rows::Quotas)),
        Kind::Policies => spawn(begin.watch(Policies, Rows::Policies)),
        Kind::Statuses => spawn(begin.watch(Statuses, Rows::Statuses)),
        Kind::Namespaces => spawn(begin.watch(Namespaces, Rows::Namespaces)),
        Kind::SyncedPods => spawn(async move {
            // Late or settled, they begin.
            let _ = timeout(HEAD_START, settled.cancelled()).await;
            begin.watch(SyncedPods::default(), Rows::SyncedPods).await;
        }),
    }
}

/// What every watch needs.
struct Begin {
    source: Source,
    controls: Controls,
    messages: mpsc::Sender<Tagged>,
}

impl Begin {
    fn watch<F: Fold>(
        self,
        fold: F,
        wrap: fn(Vec<Event<F::Row>>) -> Rows,
    ) -> impl Future<Output = ()> + Send + use<F> {
        let target = self.source.kind.target(self.source.namespace.clone());
        let way = Way { source: self.source, wrap, messages: self.messages };
        watch(target, self.controls, fold, way)
    }
}

fn spawn(watch: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(watch))
}
