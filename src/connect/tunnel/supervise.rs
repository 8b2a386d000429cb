//! Keeps a tunnel: follows the pods, takes connections in, tells how it is going.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::carry::{Carrier, carry};
use super::pods::{Pod, PodFold, Pods};
use super::state::{Health, TunnelState};
use super::{Route, TunnelOptions};
use crate::cluster::watch::{Controls, Event, Phase, Signal, Target, watch as watch_pods};
use crate::cluster::{Cluster, Resource};

/// Signals of the watch that may wait.
const SIGNALS: usize = 16;

/// Runs until it is dropped.
pub(super) async fn run(
    cluster: Cluster,
    route: Route,
    options: TunnelOptions,
    listener: TcpListener,
    tell: watch::Sender<TunnelState>,
) {
    let target =
        Target::new(Resource::PODS).in_namespace(Some(route.namespace.clone())).labelled(&route.selector);
    let (_keep, latest) = watch::channel(cluster.clone());
    let (nudge, nudged) = watch::channel(0u64);
    let (outlet, mut signals) = mpsc::channel(SIGNALS);
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_pods(target, Controls { cluster: latest, nudge: nudged }, PodFold, outlet));
    let carrier = Arc::new(Carrier { cluster, route, patience: options.patience, state: tell.clone() });
    let mut view = View::default();
    loop {
        tokio::select! {
            signal = signals.recv() => {
                let Some(signal) = signal else { return };
                view.take(signal);
                let health = view.health();
                tell.send_if_modified(|state| {
                    let changed = state.health != health;
                    state.health = health;
                    changed
                });
            }
            accepted = listener.accept() => {
                // A connection that was given up before it was taken in.
                let Ok((client, _)) = accepted else { continue };
                if matches!(tell.borrow().health, Health::Lost { .. }) {
                    // Somebody wants it now: that is worth a try ahead of time.
                    nudge.send_modify(|times| *times += 1);
                }
                tasks.spawn(carry(client, Arc::clone(&carrier)));
            }
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// What the watch has told.
#[derive(Default)]
struct View {
    pods: Pods,
    synced: bool,
    broken: Option<Health>,
}

impl View {
    fn take(&mut self, signal: Signal<Pod>) {
        match signal {
            Signal::Events(events) => {
                self.synced |= events.iter().any(|event| matches!(event, Event::Synced));
                events.into_iter().for_each(|event| self.pods.take(event));
            }
            Signal::Phase(Phase::Broken { failure, next_try }) => {
                self.broken = Some(Health::Lost { why: failure.to_string().into(), next_try });
            }
            Signal::Phase(Phase::Live | Phase::Polled) => self.broken = None,
            Signal::Phase(Phase::Listing) | Signal::Unreadable(_) => {}
        }
    }

    fn health(&self) -> Health {
        if let Some(broken) = &self.broken {
            return broken.clone();
        }
        if !self.synced {
            return Health::Looking;
        }
        match self.pods.choose() {
            Ok(pod) => Health::Ready { pod },
            Err(why) => Health::Waiting { why },
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use smol_str::SmolStr;

    use super::*;
    use crate::cluster::watch::Key;
    use crate::cluster::{Failure, FailureKind};

    fn ready(name: &str) -> Event<Pod> {
        let pod = Pod { going: false, ready: true, status: "Running".into() };
        Event::Upsert(Key { namespace: "ns".into(), name: name.into() }, pod)
    }

    #[test]
    fn health_follows_the_watch() {
        let lost = || {
            Signal::Phase(Phase::Broken {
                failure: Failure::new(FailureKind::Refused, "words"),
                next_try: Utc::now(),
            })
        };
        let mut view = View::default();
        assert_eq!(view.health(), Health::Looking);
        view.take(Signal::Events(vec![ready("vc-0")]));
        assert_eq!(view.health(), Health::Looking, "the list is not whole");
        view.take(Signal::Events(vec![Event::Synced]));
        view.take(Signal::Phase(Phase::Live));
        assert_eq!(view.health(), Health::Ready { pod: SmolStr::new("vc-0") });
        view.take(lost());
        assert!(matches!(view.health(), Health::Lost { why, .. } if why == "connection refused: words"));
        view.take(Signal::Phase(Phase::Listing));
        assert!(matches!(view.health(), Health::Lost { .. }), "a try is no success");
        view.take(Signal::Phase(Phase::Live));
        assert_eq!(view.health(), Health::Ready { pod: SmolStr::new("vc-0") });
        let key = Key { namespace: "ns".into(), name: "vc-0".into() };
        view.take(Signal::Events(vec![Event::Gone(key, None)]));
        assert_eq!(view.health(), Health::Waiting { why: "it has no pods".into() });
    }
}
