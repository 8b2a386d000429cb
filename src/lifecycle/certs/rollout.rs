//! Pods that their workload replaces one after the other, because its template has changed.

use std::time::Duration;

use smol_str::format_smolstr;

use crate::cluster::Cluster;
use crate::lifecycle::{LOOK, LifeError, pods, too_long};
use crate::operation::Progress;
use crate::target::{Part, Target};

/// Whether not every pod is as the template says. One that is and does not get ready is another matter.
pub(super) fn is_under_way(part: &Part) -> bool {
    part.replicas > 0 && (!part.observed || part.updated < part.replicas || part.running > part.updated)
}

/// Waits until every pod was replaced and is ready.
pub(super) async fn until_done(
    cluster: &Cluster,
    target: &Target,
    part: &Part,
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError> {
    let replaced = || async {
        let now = pods::still_there(cluster, target, part).await?;
        if !is_under_way(&now) {
            return Ok(Ok(()));
        }
        let done = format_smolstr!("{} of {} pods of {} are replaced", now.updated, now.replicas, now.name);
        let pods = pods::of_part(cluster, part).await?;
        let unready = pods.iter().find_map(|pod| Some((&pod.name, pod.unready.as_ref()?)));
        Ok(Err(unready.map_or(done.clone(), |(pod, why)| format_smolstr!("{done}; {pod}: {why}"))))
    };
    let late = |why| too_long(format!("the pods of {} to be replaced", part.object()), patience, why);
    progress.until(LOOK, patience, late, replaced).await?;
    if part.replicas == 0 {
        return Ok(());
    }
    pods::until_ready(cluster, target, part, patience, progress).await
}
