//! The live fleet alone, inside this process: what of a figure is the library's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use v9s::cluster::Cluster;
use v9s::fleet::Fleet;
use v9s::fleet::live::{FleetOptions, HostTarget, LiveFleet};

use crate::subject::Subject;

/// When the first snapshot with everything came.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// Every virtual cluster has a row.
    pub rows: Duration,
    /// Every synced pod is counted and attributed.
    pub pods: Duration,
}

/// Follows a fresh live fleet until it holds as much as the host.
pub async fn follow(subject: &Subject) -> Result<Took> {
    let client = subject.client().await?;
    let started = Instant::now();
    let cluster = Cluster::from_client("bench", "bench", "default", client);
    let fleet = LiveFleet::start(vec![HostTarget::of_cluster(cluster)], FleetOptions::default());
    let rows = until(&fleet, started, |fleet| fleet.vclusters.len() >= subject.vclusters).await?;
    let pods = until(&fleet, started, |fleet| counted(fleet) >= subject.installed.synced_pods).await?;
    Ok(Took { rows, pods })
}

async fn until(fleet: &LiveFleet, started: Instant, wish: impl Fn(&Fleet) -> bool) -> Result<Duration> {
    let mut snapshots = fleet.subscribe();
    let arrived = snapshots.wait_for(|fleet: &Arc<Fleet>| wish(fleet));
    match tokio::time::timeout(Duration::from_secs(180), arrived).await {
        Ok(found) => drop(found.context("the live fleet has ended")?),
        Err(_) => bail!("the live fleet never held everything: {:?}", fleet.subscribe().borrow().hosts),
    }
    Ok(started.elapsed())
}

fn counted(fleet: &Fleet) -> u64 {
    fleet.vclusters.iter().filter_map(|one| one.synced.get()).map(|pods| u64::from(pods.total)).sum()
}
