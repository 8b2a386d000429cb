//! An operation as lines on standard error; Ctrl-C asks it to end.

use std::fmt::Display;
use std::sync::Arc;

use v9s::operation::{Cancelled, Operation, OperationState, Step, StepState};

use super::ask::note;

/// Follows an operation to its end. Answers what came of it, and its last state.
pub(super) async fn follow<T, E>(
    operation: Operation<T, E>,
    quiet: bool,
) -> (Result<T, E>, Arc<OperationState>)
where
    T: Send + 'static,
    E: Display + From<Cancelled> + Send + 'static,
{
    let mut states = operation.follow();
    let cancel = operation.canceller();
    let mut told = Told::default();
    loop {
        let state = states.borrow_and_update().clone();
        if !quiet {
            told.lines(&state).iter().for_each(|line| note(line));
        }
        if state.end.is_some() {
            break;
        }
        tokio::select! {
            changed = states.changed() => if changed.is_err() { break },
            interrupted = tokio::signal::ctrl_c() => {
                if interrupted.is_ok() && !cancel.is_cancelled() {
                    note("ending early: what is under way is finished first");
                    cancel.cancel();
                }
            }
        }
    }
    let state = states.borrow().clone();
    (operation.result().await, state)
}

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<Step>);

impl Told {
    /// Lines for what is new in a state.
    pub(super) fn lines(&mut self, state: &OperationState) -> Vec<String> {
        let all = state.steps.len();
        let mut lines = Vec::new();
        for (at, step) in state.steps.iter().enumerate() {
            let before = self.0.get(at).map(|step| &step.state);
            if before == Some(&step.state) {
                continue;
            }
            let place = format!("[{}/{all}]", at + 1);
            if !matches!(before, Some(StepState::Running { .. }))
                && matches!(step.state, StepState::Running { .. } | StepState::Failed { .. })
            {
                lines.push(format!("{place} {}", step.title));
            }
            lines.extend(match &step.state {
                StepState::Waiting | StepState::Running { cause: None, .. } => None,
                StepState::Running { cause: Some(cause), .. } => Some(format!("      {cause}")),
                StepState::Done { took, note } => {
                    let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
                    Some(format!("{place} {}: done in {:.1} s{note}", step.title, took.as_secs_f64()))
                }
                StepState::Skipped { why } => Some(format!("{place} {}: {why}", step.title)),
                StepState::Failed { why, .. } => Some(format!("      {why}")),
            });
        }
        self.0.clone_from(&state.steps);
        lines
    }
}
