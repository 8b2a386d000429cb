//! Fleets of a test's own on a host, and live views of them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use v9s::cluster::{ConnectOptions, KubeconfigSource, contexts};
use v9s::fleet::model::Link;
use v9s::fleet::{Fleet, FleetOptions, HostTarget, LiveFleet, Vcluster};
use v9s_testkit::host::Host;
use v9s_ui::demo::install::{Install, install};
use v9s_ui::demo::objects::Setting;
use v9s_ui::demo::seed::Seed;
use v9s_ui::demo::spec::Tenant;

/// How long the fleet may take to become what a test expects. Only a failing test takes that long.
const PATIENCE: Duration = Duration::from_secs(90);

/// A serving tenant whose name and namespace no other test uses.
pub fn tenant(host: &Host, stem: &str) -> Tenant {
    let created = Utc::now() - chrono::Duration::days(3);
    Tenant::new(&host.named(stem), created, Seed::new(7))
}

/// Puts tenants on the host as they are described, status and pods included.
pub async fn put(host: &Host, tenants: &[Tenant]) -> Result<()> {
    put_at(host, tenants, Utc::now()).await
}

/// The same with another present.
pub async fn put_at(host: &Host, tenants: &[Tenant], now: DateTime<Utc>) -> Result<()> {
    let setting = Setting { now, nodes: vec!["node-a".to_owned()], managed_fields: true };
    let how = Install { concurrency: 8, status: true, controlled: true };
    install(&host.client(), tenants, &setting, how).await?;
    Ok(())
}

/// Watches the first context of a kubeconfig.
pub fn watch(kubeconfig: &str, options: FleetOptions) -> Result<LiveFleet> {
    Ok(LiveFleet::start(vec![target(kubeconfig)?], options))
}

/// The first context of a kubeconfig as a host to watch.
pub fn target(kubeconfig: &str) -> Result<HostTarget> {
    let source = KubeconfigSource::Text(kubeconfig.into());
    let Some(context) = contexts(&source)?.into_iter().next() else { bail!("no context in the kubeconfig") };
    Ok(HostTarget::of_context(context.name, source, ConnectOptions::default()))
}

/// Waits until a snapshot is as expected and returns it.
pub async fn until(live: &LiveFleet, what: &str, expected: impl Fn(&Fleet) -> bool) -> Result<Arc<Fleet>> {
    let mut snapshots = live.subscribe();
    let waited = tokio::time::timeout(PATIENCE, snapshots.wait_for(|fleet| expected(fleet))).await;
    match waited {
        Ok(Ok(fleet)) => return Ok(fleet.clone()),
        Ok(Err(_)) => bail!("the fleet's task has ended while waiting until {what}"),
        Err(_) => {}
    }
    let last = live.subscribe().borrow().clone();
    bail!("the fleet did not become as expected: {what}\nlast snapshot:\n{}", describe(&last))
}

/// Whether every host has been listed whole and every watch is open.
pub fn live_and_whole(fleet: &Fleet) -> bool {
    fleet.hosts.iter().all(|host| matches!(host.link, Link::Live { .. }))
}

/// Asks for tries until a snapshot is as expected.
pub async fn retry_until(live: &LiveFleet, expected: impl Fn(&Fleet) -> bool) -> Result<Arc<Fleet>> {
    let mut snapshots = live.subscribe();
    let patiently = async {
        loop {
            live.retry_now(None);
            let moment = Duration::from_millis(500);
            if let Ok(Ok(fleet)) =
                tokio::time::timeout(moment, snapshots.wait_for(|fleet| expected(fleet))).await
            {
                return fleet.clone();
            }
        }
    };
    match tokio::time::timeout(PATIENCE, patiently).await {
        Ok(fleet) => Ok(fleet),
        Err(_) => bail!("retrying did not help; last snapshot:\n{}", describe(&live.subscribe().borrow())),
    }
}

/// The row of a virtual cluster.
pub fn row<'a>(fleet: &'a Fleet, name: &str) -> Option<&'a Arc<Vcluster>> {
    fleet.vclusters.iter().find(|row| row.key.name == name)
}

fn describe(fleet: &Fleet) -> String {
    let hosts = fleet.hosts.iter().map(|host| format!("{host:?}"));
    let rows = fleet.vclusters.iter().map(|row| {
        format!(
            "{}/{} {:?} {:?} {} {:?} pods {:?} quota {} unknown {:?}",
            row.key.namespace,
            row.key.name,
            row.state,
            row.reason,
            row.version,
            row.replicas,
            row.synced,
            row.quota.is_known(),
            row.unknown
        )
    });
    hosts.chain(rows).collect::<Vec<_>>().join("\n")
}
