//! The host's clock beside ours.

use chrono::{TimeDelta, Utc};

use crate::cluster::Cluster;

/// How far a host's clock is ahead of ours, to the second; none when it does not tell.
pub(super) async fn ahead(cluster: &Cluster) -> Option<TimeDelta> {
    let asked = Utc::now();
    let told = cluster.clock().await.ok().flatten()?;
    Some(told - (asked + (Utc::now() - asked) / 2))
}
