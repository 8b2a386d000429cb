//! What a verb tells with.

use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::state::{End, OperationState};

/// Somebody asked the verb to end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cancelled")]
pub struct Cancelled;

/// The side of an operation that its verb holds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    state: Arc<watch::Sender<Arc<OperationState>>>,
    /// What the running step has to tell when it is done.
    note: Arc<Mutex<Option<SmolStr>>>,
    cancel: CancellationToken,
    /// The one step that this tells of; without one, whichever runs.
    of: Option<usize>,
}

impl Progress {
    pub(super) fn new(state: watch::Sender<Arc<OperationState>>, cancel: CancellationToken) -> Self {
        Progress { state: Arc::new(state), note: Arc::default(), cancel, of: None }
    }

    /// Does the step at this place, from 0. It is not begun after a cancellation, and never torn away in the middle: a step that
    /// waits asks by itself ([`Progress::pause`]).
    ///
    /// # Errors
    /// What the work answers, or that it was cancelled before.
    pub async fn step<T, E>(&self, index: usize, work: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: Display + From<Cancelled>,
    {
        self.check()?;
        self.change(|state, now| state.begin(index, now));
        let done = work.await;
        let note = self.note.lock().unwrap_or_else(PoisonError::into_inner).take();
        match &done {
            Ok(_) => self.change(|state, now| state.finish(index, note, now)),
            Err(error) => self.change(|state, now| state.fail(index, error.to_smolstr(), now)),
        }
        done
    }

    /// The step at this place has nothing to do.
    pub fn skip(&self, index: usize, why: impl Into<SmolStr>) {
        let why = why.into();
        self.change(|state, _| state.skip(index, why));
    }

    /// What the running step waits for, in words for a person; told again only when it is something else.
    pub fn waiting(&self, cause: impl Into<SmolStr>) {
        let cause = Some(cause.into());
        let same = |state: &OperationState| {
            let told = match self.of {
                Some(index) => state.steps.get(index),
                None => state.running().map(|(_, step)| step),
            };
            let told = told.map(|step| &step.state);
            matches!(told, Some(super::StepState::Running { cause: told, .. }) if *told == cause)
        };
        if !same(&self.state.borrow()) {
            self.change(|state, _| state.wait_for(self.of, cause));
        }
    }

    /// The same for one of several steps that run at the same time: what it waits for and what came of it are told of that one alone.
    pub fn of_step(&self, index: usize) -> Progress {
        Progress { note: Arc::default(), of: Some(index), ..self.clone() }
    }

    /// What came of the running step, told when it is done.
    pub fn note(&self, note: impl Into<SmolStr>) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = Some(note.into());
    }

    /// The same for what must come to its end whatever anybody asks: nobody cancels it.
    pub fn to_the_end(&self) -> Progress {
        Progress { cancel: CancellationToken::new(), ..self.clone() }
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// When somebody asked it to end.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancel.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Waits for this long before looking again.
    ///
    /// # Errors
    /// As soon as somebody asks it to end.
    pub async fn pause(&self, time: Duration) -> Result<(), Cancelled> {
        match self.cancel.run_until_cancelled(tokio::time::sleep(time)).await {
            Some(()) => Ok(()),
            None => Err(Cancelled),
        }
    }

    /// Looks again and again until `look` has what is waited for; the cause that it answers until then is told. A cause that is
    /// still there when `patience` is over is made an error by `late`.
    ///
    /// # Errors
    /// What `look` and `late` answer, or that somebody asked it to end.
    pub async fn until<T, E, Look>(
        &self,
        every: Duration,
        patience: Duration,
        late: impl FnOnce(SmolStr) -> E,
        look: impl Fn() -> Look,
    ) -> Result<T, E>
    where
        E: From<Cancelled>,
        Look: Future<Output = Result<Result<T, SmolStr>, E>>,
    {
        let began = tokio::time::Instant::now();
        loop {
            let cause = match look().await? {
                Ok(found) => return Ok(found),
                Err(cause) => cause,
            };
            if began.elapsed() >= patience {
                return Err(late(cause));
            }
            self.waiting(cause);
            self.pause(every).await?;
        }
    }

    #[cfg(test)]
    pub(super) fn follow(&self) -> watch::Receiver<Arc<OperationState>> {
        self.state.subscribe()
    }

    pub(super) fn end(&self, end: End) {
        self.change(|state, now| state.end(end, now));
    }

    fn change(&self, change: impl FnOnce(&mut OperationState, Instant)) {
        self.state.send_modify(|state| change(Arc::make_mut(state), Instant::now()));
    }
}
