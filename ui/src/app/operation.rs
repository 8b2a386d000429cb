//! What a job carries out.

use std::fmt;

use futures::future::BoxFuture;
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::jobs::{JobEvent, JobId, Outcome, StepState};
use super::msg::Msg;
use super::runner::Clusters;

/// Something slow that changes something: it has steps, can be stopped between them and ends with a sentence.
pub trait Operation: fmt::Debug + Send {
    /// What it does, such as `delete 3 pods of team-a`.
    fn title(&self) -> SmolStr;

    /// Its steps in order.
    fn steps(&self) -> Vec<SmolStr>;

    /// Carries it out. Failing and stopping are outcomes, never a panic.
    fn run(self: Box<Self>, clusters: Clusters, progress: Progress) -> BoxFuture<'static, Outcome>;
}

/// How an operation reports, and learns that it is to stop.
#[derive(Debug, Clone)]
pub struct Progress {
    job: JobId,
    to: mpsc::UnboundedSender<Msg>,
    stop: CancellationToken,
}

impl Progress {
    /// Reports for one job.
    pub fn new(job: JobId, to: mpsc::UnboundedSender<Msg>, stop: CancellationToken) -> Self {
        Self { job, to, stop }
    }

    /// A step is in another state.
    pub fn step(&self, at: usize, state: StepState) {
        // Nobody listens any more only when v9s ends.
        let _ = self.to.send(Msg::Job(self.job, JobEvent::Step(at, state)));
    }

    /// Waits until the person wants it to stop.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the person wants it to stop: look before each step.
    pub fn stopping(&self) -> bool {
        self.stop.is_cancelled()
    }
}
