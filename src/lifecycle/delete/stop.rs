//! The control plane: it stops first, and its workload goes last.
//!
//! The workload is what a virtual cluster is found by, and carries what is written down of it. While anything else is left, it is
//! still on the list, and who comes after an interrupted deletion finds it.

use std::time::Duration;

use serde_json::json;

use super::Role;
use super::plan::{DeletePlan, Victim};
use crate::cluster::Cluster;
use crate::lifecycle::exact::{change_part, is_forbidden};
use crate::lifecycle::{LifeError, pods};
use crate::operation::Progress;
use crate::target::{Part, refresh};

/// The workloads that go at once, and the control plane's, which goes last.
pub(super) fn apart(plan: &DeletePlan) -> (Vec<&Victim>, Vec<&Victim>) {
    let last = |victim: &&Victim| victim.object.name != plan.name;
    plan.of(&[Role::Workload]).into_iter().partition(last)
}

/// Takes the control plane's replicas away and waits until it has ended, which it does quickly only while its store is there.
/// False where that is not allowed, so that it must go at once.
pub(super) async fn stop(
    cluster: &Cluster,
    plan: &DeletePlan,
    planes: &[&Victim],
    patience: Duration,
    progress: &Progress,
) -> Result<bool, LifeError> {
    let target = refresh(cluster, &plan.namespace, &plan.name).await?;
    let is_meant = |part: &&Part| planes.iter().any(|victim| victim.uid == part.uid);
    for part in target.parts.iter().filter(is_meant) {
        let none = |now: &Part| (now.replicas > 0).then(|| json!({"metadata": {}, "spec": {"replicas": 0}}));
        match change_part(cluster, &target, part, "delete", none).await {
            Err(LifeError::Unwritten { error }) if is_forbidden(&error) => return Ok(false),
            done => done?,
        }
    }
    for part in target.parts.iter().filter(is_meant) {
        pods::until_ended(cluster, part, patience, progress).await?;
    }
    Ok(true)
}
