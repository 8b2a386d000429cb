//! Carries out commands: the only place where the dashboard reaches clusters and files.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use v9s::fleet::Fleet;

use super::effect::Cmd;
use super::msg::Msg;

/// Clusters by context, opened once.
#[derive(Clone, Default)]
pub struct Clusters;

/// Carries out commands on tasks and hands back what they tell.
pub struct Runner {
    to: mpsc::UnboundedSender<Msg>,
    from: mpsc::UnboundedReceiver<Msg>,
    /// The newest fleet and its session: older ones are never waited for.
    fleet: watch::Sender<(u64, Arc<Fleet>)>,
    newest: watch::Receiver<(u64, Arc<Fleet>)>,
}

impl Default for Runner {
    /// A runner with nothing to do.
    fn default() -> Self {
        let (to, from) = mpsc::unbounded_channel();
        let (fleet, newest) = watch::channel((0, Arc::default()));
        Self { to, from, fleet, newest }
    }
}

impl Runner {
    /// The next message.
    pub async fn next(&mut self) -> Msg {
        tokio::select! {
            biased;
            Ok(()) = self.newest.changed() => {
                let (session, fleet) = self.newest.borrow_and_update().clone();
                Msg::Fleet(session, fleet)
            }
            Some(msg) = self.from.recv() => msg,
            else => std::future::pending().await,
        }
    }

    /// A message that is there already.
    pub fn waiting(&mut self) -> Option<Msg> {
        self.from.try_recv().ok()
    }

    /// Begins to carry out a command.
    pub fn start(&mut self, cmd: Cmd) {
        let _ = (&self.to, &self.fleet, cmd);
    }
}
