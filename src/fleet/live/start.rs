//! Starts one watch and sends what it tells to its host's task.

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::watch::{Controls, Event, Fold, Outlet, Phase, Signal, watch};
use crate::fleet::model::Workload;
use crate::fleet::rows::{Configs, ControlPods, Namespaces, Quotas, SyncedPods, Workloads};
use crate::fleet::source::{Kind, Source};
use crate::fleet::table::Rows;

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

/// Starts a watch; dropping the handle ends it.
pub(super) fn start(
    source: Source,
    controls: Controls,
    messages: mpsc::Sender<Tagged>,
) -> AbortOnDropHandle<()> {
    match source.kind {
        Kind::StatefulSets => {
            spawn(source, controls, messages, Workloads(Workload::StatefulSet), Rows::Workloads)
        }
        Kind::Deployments => {
            spawn(source, controls, messages, Workloads(Workload::Deployment), Rows::Workloads)
        }
        Kind::ControlPods => spawn(source, controls, messages, ControlPods::default(), Rows::ControlPods),
        Kind::SyncedPods => spawn(source, controls, messages, SyncedPods::default(), Rows::SyncedPods),
        Kind::Configs => spawn(source, controls, messages, Configs, Rows::Configs),
        Kind::Quotas => spawn(source, controls, messages, Quotas, Rows::Quotas),
        Kind::Namespaces => spawn(source, controls, messages, Namespaces, Rows::Namespaces),
    }
}

fn spawn<F: Fold>(
    source: Source,
    controls: Controls,
    messages: mpsc::Sender<Tagged>,
    fold: F,
    wrap: fn(Vec<Event<F::Row>>) -> Rows,
) -> AbortOnDropHandle<()> {
    let target = source.kind.target(source.namespace.clone());
    let way = Way { source, wrap, messages };
    AbortOnDropHandle::new(tokio::spawn(watch(target, controls, fold, way)))
}
