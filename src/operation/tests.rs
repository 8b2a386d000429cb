use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use smol_str::SmolStr;
use thiserror::Error;

use super::{Cancelled, End, Operation, OperationState, Progress, StepState};

#[derive(Debug, Error, PartialEq, Eq)]
enum Trouble {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("the disk is full")]
    Full,
}

fn words(state: &OperationState) -> Vec<String> {
    let word = |state: &StepState| match state {
        StepState::Waiting => "waiting".to_owned(),
        StepState::Running { cause, .. } => format!("running {}", cause.as_deref().unwrap_or("-")),
        StepState::Done { note, .. } => format!("done {}", note.as_deref().unwrap_or("-")),
        StepState::Skipped { why } => format!("skipped {why}"),
        StepState::Failed { why, .. } => format!("failed {why}"),
    };
    state.steps.iter().map(|step| word(&step.state)).collect()
}

async fn last<T, E>(operation: Operation<T, E>) -> (Arc<OperationState>, Result<T, E>)
where
    T: Send + 'static,
    E: std::fmt::Display + From<Cancelled> + Send + 'static,
{
    let mut follow = operation.follow();
    let done = operation.result().await;
    let state = follow.wait_for(|state| state.end.is_some()).await.unwrap().clone();
    (state, done)
}

#[tokio::test]
async fn what_steps_came_to_can_be_read_at_the_end() {
    let operation = Operation::start("t", ["a", "b", "c"], |progress: Progress| async move {
        progress
            .step(0, async {
                progress.note("3 objects");
                Ok::<_, Trouble>(())
            })
            .await?;
        progress.skip(1, "it is there already");
        progress.step(2, async { Ok::<_, Trouble>(7) }).await
    });
    let (state, done) = last(operation).await;
    assert_eq!(done, Ok(7));
    assert_eq!(words(&state), ["done 3 objects", "skipped it is there already", "done -"]);
    assert_eq!(state.end.as_ref().unwrap().0, End::Done);
}

#[tokio::test]
async fn a_step_that_fails_is_named_and_the_rest_is_not_begun() {
    let operation = Operation::start("t", ["a", "b"], |progress: Progress| async move {
        progress.step(0, async { Err::<(), _>(Trouble::Full) }).await?;
        progress.step(1, async { Ok::<_, Trouble>(()) }).await
    });
    let (state, done) = last(operation).await;
    assert_eq!(done, Err(Trouble::Full));
    assert_eq!(words(&state), ["failed the disk is full", "waiting"]);
    assert_eq!(state.end.as_ref().unwrap().0, End::Failed("the disk is full".into()));
}

#[tokio::test]
async fn cancelling_ends_a_wait_but_tears_nothing_that_is_under_way() {
    let operation = Operation::start("t", ["write", "wait"], |progress: Progress| async move {
        progress
            .step(0, async {
                // A request: it is finished although somebody has cancelled by now.
                while progress.check().is_ok() {
                    tokio::task::yield_now().await;
                }
                Ok::<_, Trouble>(())
            })
            .await?;
        progress.step(1, async { Ok(progress.pause(Duration::from_secs(3600)).await?) }).await
    });
    operation.follow().wait_for(|state| state.running().is_some()).await.unwrap();
    operation.cancel();
    let (state, done) = last(operation).await;
    assert_eq!(done, Err(Trouble::Cancelled(Cancelled)));
    assert_eq!(words(&state), ["done -", "waiting"]);
    assert_eq!(state.end.as_ref().unwrap().0, End::Cancelled);
}

#[tokio::test]
async fn a_wait_ends_when_it_is_cancelled() {
    let operation = Operation::start("t", ["wait"], |progress: Progress| async move {
        progress
            .step(0, async {
                progress.waiting("the pod is Pending");
                Ok::<(), Trouble>(progress.pause(Duration::from_secs(3600)).await?)
            })
            .await
    });
    let mut follow = operation.follow();
    let cause = |state: &Arc<OperationState>| words(state) == ["running the pod is Pending"];
    follow.wait_for(cause).await.unwrap();
    operation.cancel();
    let (state, _) = last(operation).await;
    assert_eq!(words(&state), ["failed cancelled"]);
}

#[tokio::test]
async fn the_same_cause_is_told_once() {
    let operation = Operation::start("t", ["wait"], |progress: Progress| async move {
        progress
            .step(0, async {
                progress.waiting("it");
                let mut follow = progress.follow();
                follow.mark_unchanged();
                progress.waiting(SmolStr::new("it"));
                let again = follow.has_changed().unwrap();
                progress.waiting("more");
                Ok::<_, Trouble>((again, follow.has_changed().unwrap()))
            })
            .await
    });
    assert_eq!(operation.result().await, Ok((false, true)));
}

#[tokio::test(start_paused = true)]
async fn what_is_waited_for_is_looked_at_until_it_is_there_or_patience_is_over() {
    // How many looks find it missing; what comes of it, and after how many looks.
    let cases = [(0, Ok(7), 1), (2, Ok(7), 3), (99, Err(Trouble::Full), 4)];
    for (missing, expected, looks) in cases {
        let operation = Operation::start("t", ["a"], move |progress: Progress| async move {
            let looked = AtomicUsize::new(0);
            let look = || async {
                let before = looked.fetch_add(1, Relaxed);
                Ok(if before >= missing { Ok(7) } else { Err(SmolStr::from("it is not there")) })
            };
            let late = |cause: SmolStr| {
                assert_eq!(cause, "it is not there");
                Trouble::Full
            };
            let (second, patience) = (Duration::from_secs(1), Duration::from_secs(3));
            let found = progress.step(0, progress.until(second, patience, late, look)).await;
            Ok::<_, Trouble>((found, looked.load(Relaxed)))
        });
        let (_, done) = last(operation).await;
        assert_eq!(done, Ok((expected, looks)), "{missing}");
    }
}

#[tokio::test]
async fn steps_that_run_at_the_same_time_tell_each_of_itself() {
    let operation = Operation::start("t", ["one", "two"], |progress: Progress| async move {
        let met = tokio::sync::Barrier::new(2);
        let each = |index: usize| {
            let (own, met) = (progress.of_step(index), &met);
            async move {
                let told = async {
                    own.waiting(format!("for {index}"));
                    own.note(format!("came of {index}"));
                    met.wait().await;
                    // Both have told by now, and neither is over.
                    let seen = words(&own.follow().borrow());
                    met.wait().await;
                    Ok::<_, Trouble>(seen)
                };
                own.step(index, told).await
            }
        };
        let (one, two) = tokio::join!(each(0), each(1));
        Ok::<_, Trouble>((one?, two?))
    });
    let (state, done) = last(operation).await;
    let (seen, _) = done.unwrap();
    assert_eq!(seen, ["running for 0", "running for 1"]);
    assert_eq!(words(&state), ["done came of 0", "done came of 1"]);
}
