//! What a job carries out: an operation of the library, whatever it answers.

use std::fmt::{self, Display};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use v9s::lifecycle::LifeError;
use v9s::operation::{Cancelled, Operation, OperationState};

use super::jobs::{Ended, Outcome};
use super::runner::Hands;

/// Something slow that a person wants done; the library does it.
pub trait Verb: fmt::Debug + Send + Sync {
    /// What it does, such as `delete 3 pods of team-a`.
    fn title(&self) -> SmolStr;

    /// Its steps in order.
    fn steps(&self) -> Vec<SmolStr>;

    /// Starts it on a task of its own. Never waits.
    fn begin(&self, hands: &Hands) -> Begun;

    /// Whether its steps are shown as soon as it begins; the job list has it in any case.
    fn is_watched(&self) -> bool {
        true
    }
}

/// An operation of the library that is under way, without the type of what it answers.
pub struct Begun {
    /// How far it is, now and from now on; closes after the last state.
    pub states: watch::Receiver<Arc<OperationState>>,
    /// Asks it to end early.
    pub cancel: CancellationToken,
    /// What comes of it.
    pub outcome: BoxFuture<'static, Outcome>,
}

impl Begun {
    /// Follows an operation; `told` says what came of it.
    pub fn follow<T, E>(operation: Operation<T, E>, told: impl FnOnce(T) -> Outcome + Send + 'static) -> Begun
    where
        T: Send + 'static,
        E: Display + From<Cancelled> + Send + 'static,
    {
        let (states, cancel) = (operation.follow(), operation.canceller());
        let stopped = cancel.clone();
        let outcome = async move {
            match operation.result().await {
                Ok(done) => told(done),
                Err(error) if stopped.is_cancelled() => {
                    // What was undone for it, or could not be, is more than that it was stopped.
                    let said = error.to_smolstr();
                    let bare = said == Cancelled.to_smolstr();
                    Outcome::new(Ended::Cancelled, if bare { "stopped".into() } else { said })
                }
                Err(error) => Outcome::new(Ended::Failed, error.to_smolstr()),
            }
        };
        Begun { states, cancel, outcome: outcome.boxed() }
    }
}

/// Why a verb was not carried out, as a sentence.
#[derive(Debug, Error)]
pub enum Trouble {
    /// Somebody asked it to end.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// What went wrong and what to do.
    #[error("{0}")]
    Said(String),
    /// What the library says.
    #[error(transparent)]
    Life(#[from] LifeError),
}

impl From<String> for Trouble {
    fn from(said: String) -> Self {
        Trouble::Said(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_stops_a_job_is_told_what_came_of_that() {
        for (trouble, expected) in [
            (Trouble::Cancelled(Cancelled), "stopped"),
            (
                Trouble::Said("cancelled. The old store is in its place again".into()),
                "cancelled. The old store is in its place again",
            ),
        ] {
            let operation = Operation::<(), Trouble>::start("t", ["step"], |_| async { Err(trouble) });
            let begun = Begun::follow(operation, |()| Outcome::new(Ended::Done, "done"));
            begun.cancel.cancel();
            let outcome = begun.outcome.await;
            assert_eq!((outcome.ended, outcome.said.as_str()), (Ended::Cancelled, expected));
        }
    }
}
