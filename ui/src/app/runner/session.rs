//! What is watched at the moment.

use std::sync::Arc;

use smol_str::SmolStr;
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;
use v9s::fleet::Fleet;
use v9s::fleet::live::{FleetOptions, LiveFleet};

use super::Clusters;
use crate::app::messages::Level;
use crate::app::msg::Msg;
use crate::app::world::Session;

/// The watches of one session. Dropping it ends them without waiting.
pub struct Watching {
    retry: mpsc::UnboundedSender<Option<SmolStr>>,
    _task: AbortOnDropHandle<()>,
}

impl Watching {
    /// Starts to watch. Fleets carry the number of the session.
    pub fn start(
        number: u64,
        session: Session,
        clusters: Clusters,
        options: FleetOptions,
        fleets: watch::Sender<(u64, Arc<Fleet>)>,
        to: mpsc::UnboundedSender<Msg>,
    ) -> Self {
        let (retry, retries) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            match clusters.targets(&session).await {
                Ok(targets) => forward(number, LiveFleet::start(targets, options), retries, fleets).await,
                Err(why) => drop(to.send(Msg::Say(Level::Error, why))),
            }
        });
        Self { retry, _task: AbortOnDropHandle::new(task) }
    }

    /// Ends the back-off of one host, or of all.
    pub fn retry(&self, host: Option<SmolStr>) {
        // Nobody listens before the contexts are known: there is no back-off then.
        let _ = self.retry.send(host);
    }
}

async fn forward(
    number: u64,
    live: LiveFleet,
    mut retries: mpsc::UnboundedReceiver<Option<SmolStr>>,
    fleets: watch::Sender<(u64, Arc<Fleet>)>,
) {
    let mut snapshots = live.subscribe();
    snapshots.mark_changed();
    loop {
        tokio::select! {
            changed = snapshots.changed() => {
                if changed.is_err() {
                    return;
                }
                let fleet = snapshots.borrow_and_update().clone();
                fleets.send_replace((number, fleet));
            }
            Some(host) = retries.recv() => live.retry_now(host.as_deref()),
        }
    }
}
