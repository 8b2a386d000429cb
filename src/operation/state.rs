//! What is known of an operation: pure state, changed only by what happens to its steps.

use std::time::{Duration, Instant};

use smol_str::SmolStr;

/// An operation at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationState {
    /// What it is about, such as `create team-a/shop`.
    pub title: SmolStr,
    /// All of its steps, in order.
    pub steps: Vec<Step>,
    /// When it began.
    pub since: Instant,
    /// How it ended, and how long it took; None while it runs.
    pub end: Option<(End, Duration)>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done, such as `apply 14 objects`.
    pub title: SmolStr,
    /// How far it is.
    pub state: StepState,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Begun.
    Running {
        /// When.
        since: Instant,
        /// What it waits for right now, such as `shop-0: pulling the image`.
        cause: Option<SmolStr>,
    },
    /// Done.
    Done {
        /// How long it took.
        took: Duration,
        /// What came of it, where there is something to tell.
        note: Option<SmolStr>,
    },
    /// There was nothing to do.
    Skipped {
        /// Why.
        why: SmolStr,
    },
    /// Not done.
    Failed {
        /// How long it took.
        took: Duration,
        /// What went wrong.
        why: SmolStr,
    },
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Everything was done.
    Done,
    /// Somebody asked it to end early.
    Cancelled,
    /// What went wrong.
    Failed(SmolStr),
}

impl OperationState {
    /// An operation that has not begun its first step.
    pub(super) fn new(title: SmolStr, steps: impl Iterator<Item = SmolStr>, now: Instant) -> Self {
        let steps = steps.map(|title| Step { title, state: StepState::Waiting }).collect();
        OperationState { title, steps, since: now, end: None }
    }

    /// The step that runs, with its place.
    pub fn running(&self) -> Option<(usize, &Step)> {
        let runs = |step: &Step| matches!(step.state, StepState::Running { .. });
        self.steps.iter().enumerate().find(|(_, step)| runs(step))
    }

    pub(super) fn begin(&mut self, index: usize, now: Instant) {
        self.set(index, StepState::Running { since: now, cause: None });
    }

    /// What a step waits for while it runs; without a place, every one that does.
    pub(super) fn wait_for(&mut self, which: Option<usize>, what: Option<SmolStr>) {
        for (index, step) in self.steps.iter_mut().enumerate() {
            let meant = which.is_none_or(|which| which == index);
            if let (StepState::Running { cause, .. }, true) = (&mut step.state, meant) {
                cause.clone_from(&what);
            }
        }
    }

    pub(super) fn finish(&mut self, index: usize, note: Option<SmolStr>, now: Instant) {
        let took = self.took(index, now);
        self.set(index, StepState::Done { took, note });
    }

    pub(super) fn skip(&mut self, index: usize, why: SmolStr) {
        self.set(index, StepState::Skipped { why });
    }

    pub(super) fn fail(&mut self, index: usize, why: SmolStr, now: Instant) {
        let took = self.took(index, now);
        self.set(index, StepState::Failed { took, why });
    }

    pub(super) fn end(&mut self, end: End, now: Instant) {
        self.end = Some((end, now.saturating_duration_since(self.since)));
    }

    fn took(&self, index: usize, now: Instant) -> Duration {
        match self.steps.get(index).map(|step| &step.state) {
            Some(StepState::Running { since, .. }) => now.saturating_duration_since(*since),
            _ => Duration::ZERO,
        }
    }

    fn set(&mut self, index: usize, state: StepState) {
        debug_assert!(index < self.steps.len(), "step {index} was not declared");
        if let Some(step) = self.steps.get_mut(index) {
            step.state = state;
        }
    }
}
