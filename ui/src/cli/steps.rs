//! An operation as lines: one when a step begins to wait for something, one when it ends.

use std::fmt::Display;
use std::io::Write as _;
use std::sync::Arc;

use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;
use v9s::operation::{Cancelled, Operation, OperationState, StepState};

use crate::{format, text};

/// Shows an operation on standard error until it ends. Ctrl-C asks it to end; what is under way is finished first.
///
/// # Errors
/// What the operation answers.
pub async fn show<T, E>(operation: Operation<T, E>, ascii: bool) -> Result<T, E>
where
    T: Send + 'static,
    E: Display + From<Cancelled> + Send + 'static,
{
    follow(operation, Some(ascii)).await.0
}

/// The same, shown with or without other signs than ASCII, or not at all; answers its last state, too.
pub async fn follow<T, E>(
    operation: Operation<T, E>,
    ascii: Option<bool>,
) -> (Result<T, E>, Arc<OperationState>)
where
    T: Send + 'static,
    E: Display + From<Cancelled> + Send + 'static,
{
    let follow = operation.follow();
    accompany(follow.clone(), operation.canceller(), ascii).await;
    let last = follow.borrow().clone();
    (operation.result().await, last)
}

/// Tells of an operation until its end, and cancels it when a person interrupts.
pub async fn accompany(
    mut follow: Receiver<Arc<OperationState>>,
    cancel: CancellationToken,
    ascii: Option<bool>,
) {
    let interrupt = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            cancel.cancel();
        }
    });
    let mut before = None;
    loop {
        let now = follow.borrow_and_update().clone();
        for line in ascii.into_iter().flat_map(|ascii| lines(before.as_deref(), &now, ascii)) {
            // Standard error may be closed; there is nobody to tell then.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        before = Some(now);
        if follow.changed().await.is_err() {
            break;
        }
    }
    interrupt.abort();
}

/// What is new since the state before.
fn lines(before: Option<&OperationState>, now: &OperationState, ascii: bool) -> Vec<String> {
    let (done, failed, skipped, waits) =
        if ascii { ("+", "x", "-", ">") } else { ("✓", "✗", "·", "▸") };
    let mut lines = Vec::new();
    for (index, step) in now.steps.iter().enumerate() {
        if before.and_then(|before| before.steps.get(index)).is_some_and(|before| before.state == step.state)
        {
            continue;
        }
        let title = format!("{} {}", index + 1, text::clean(&step.title));
        let line = match &step.state {
            StepState::Waiting | StepState::Running { cause: None, .. } => continue,
            StepState::Running { cause: Some(cause), .. } => {
                format!("{waits} {title}: {}", text::clean(cause))
            }
            StepState::Done { took, note: None } => format!("{done} {title}  {}", format::measured(*took)),
            StepState::Done { took, note: Some(note) } => {
                format!("{done} {title}: {}  {}", text::clean(note), format::measured(*took))
            }
            StepState::Skipped { why } => format!("{skipped} {title}: {}", text::clean(why)),
            // Why is told at the end, once.
            StepState::Failed { took, .. } => format!("{failed} {title}  {}", format::measured(*took)),
        };
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use v9s::operation::Step;

    use super::*;

    fn state(steps: Vec<StepState>) -> OperationState {
        let title = |index: usize| smol_str::format_smolstr!("part {index}");
        let steps = steps.into_iter().enumerate().map(|(index, state)| Step { title: title(index), state });
        OperationState { title: "t".into(), steps: steps.collect(), since: Instant::now(), end: None }
    }

    #[test]
    fn only_what_is_new_is_told_and_nothing_twice() {
        let done = || StepState::Done { took: Duration::from_millis(1500), note: Some("3 objects".into()) };
        let waits = |cause: &str| StepState::Running { since: Instant::now(), cause: Some(cause.into()) };
        let first = state(vec![done(), StepState::Running { since: Instant::now(), cause: None }]);
        assert_eq!(lines(None, &first, false), ["✓ 1 part 0: 3 objects  1.5 s"]);
        let second = state(vec![first.steps[0].state.clone(), waits("the pod\nis Pending")]);
        let told = lines(Some(&first), &second, true);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("> 2 part 1: the pod") && !told[0].contains('\n'), "{told:?}");
        let failed = StepState::Failed { took: Duration::from_secs(2), why: "no".into() };
        let third = state(vec![first.steps[0].state.clone(), failed]);
        assert!(lines(Some(&second), &third, false)[0].starts_with("✗ 2 part 1"));
    }
}
