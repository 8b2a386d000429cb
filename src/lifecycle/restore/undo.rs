//! Undoes a restore that was not finished: the old store goes back to its place, and what ran before is started.

use super::RestoreError;
use super::plan::RestorePlan;
use super::run::Run;
use crate::cluster::Cluster;
use crate::operation::Operation;
use crate::target::Target;

/// The steps of undoing, in order.
pub const STEPS: [&str; 2] = ["put the old store back", "start what ran before"];

/// Undoes what an unfinished restore has left. The steps are [`STEPS`].
pub fn start(cluster: Cluster, target: Target, plan: RestorePlan) -> Operation<(), RestoreError> {
    Operation::start(format!("undo the restore of {target}"), STEPS, move |progress| async move {
        let Some(mark) = plan.left.clone() else { return Ok(()) };
        let run = Run { cluster: &cluster, target: &target, plan: &plan, mark: &mark };
        progress.step(0, run.put_back(&progress)).await?;
        progress.step(1, run.start(&progress)).await
    })
}
