//! Anything that takes a while: a verb with numbered steps, told as it goes, that can be cancelled.
//!
//! A verb is an async function that takes a [`Progress`]; [`Operation::start`] runs it on a task of its own. Whoever shows it,
//! as lines or in a pane, follows immutable [`OperationState`]s and needs nothing else.

mod progress;
mod state;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use smol_str::{SmolStr, ToSmolStr};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use progress::{Cancelled, Progress};
pub use state::{End, OperationState, Step, StepState};

/// A verb under way. Dropping it leaves the verb running; only [`Operation::cancel`] ends it early.
#[derive(Debug)]
pub struct Operation<T, E> {
    state: watch::Receiver<Arc<OperationState>>,
    cancel: CancellationToken,
    task: JoinHandle<Result<T, E>>,
}

impl<T, E> Operation<T, E>
where
    T: Send + 'static,
    E: Display + From<Cancelled> + Send + 'static,
{
    /// Starts a verb on a task. `steps` are all that it will take, in order; the verb names them by their place.
    /// `title` is what the whole is about, such as `create team-a/shop`.
    pub fn start<F, Work>(
        title: impl Into<SmolStr>,
        steps: impl IntoIterator<Item = impl Into<SmolStr>>,
        verb: F,
    ) -> Self
    where
        F: FnOnce(Progress) -> Work,
        Work: Future<Output = Result<T, E>> + Send + 'static,
    {
        let titles = steps.into_iter().map(Into::into);
        let state = OperationState::new(title.into(), titles, Instant::now());
        let (sender, receiver) = watch::channel(Arc::new(state));
        let cancel = CancellationToken::new();
        let progress = Progress::new(sender, cancel.clone());
        let work = verb(progress.clone());
        let was_cancelled = cancel.clone();
        let task = tokio::spawn(async move {
            let done = work.await;
            progress.end(match &done {
                Ok(_) => End::Done,
                Err(_) if was_cancelled.is_cancelled() => End::Cancelled,
                Err(error) => End::Failed(error.to_smolstr()),
            });
            done
        });
        Operation { state: receiver, cancel, task }
    }

    /// What it is doing, now and from now on. The channel closes after the last state, which has an [`End`].
    pub fn follow(&self) -> watch::Receiver<Arc<OperationState>> {
        self.state.clone()
    }

    /// Asks it to end early. What is under way is finished first, so that it is known whether it happened.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// A switch that does what [`Operation::cancel`] does, for whoever does not hold the operation.
    pub fn canceller(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// What the verb answers. A verb that broke down counts as cancelled, as nobody knows how far it got.
    pub async fn result(self) -> Result<T, E> {
        match self.task.await {
            Ok(done) => done,
            Err(broken) => {
                tracing::error!(%broken, "an operation broke down");
                Err(E::from(Cancelled))
            }
        }
    }
}
