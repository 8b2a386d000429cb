//! What each standing of a virtual cluster looks like.

use anyhow::Result;
use chrono::Utc;
use v9s::fleet::FleetOptions;
use v9s::fleet::model::Store;
use v9s::fleet::state::State;
use v9s_testkit::both_hosts;
use v9s_ui::demo::spec::Standing;

use crate::watching::{live_and_whole, put, row, tenant, until, watch};

both_hosts! {
    async fn every_standing_has_its_state_and_reason(host: Host) -> Result<()> {
        let since = Utc::now() - chrono::Duration::hours(5);
        let cases = [
            ("serving", Standing::Serving, State::Running, ""),
            ("paused", Standing::Paused { since }, State::Paused, "paused since"),
            ("asleep", Standing::Asleep { since }, State::Paused, "put to sleep by the platform"),
            ("dozing", Standing::WorkloadsAsleep { since }, State::SleepingWorkloads, "sleep since"),
            ("scaled", Standing::ScaledDown, State::ScaledDown, ""),
            ("restoring", Standing::Restoring { since }, State::Restoring, "restore"),
            ("homeless", Standing::Unschedulable, State::Pending, "cannot be scheduled"),
            ("crashing", Standing::StoreCrashing { restarts: 14 }, State::Down, "etcd 0 of 1 ready"),
        ];
        let tenants: Vec<_> = cases
            .iter()
            .map(|(stem, standing, _, _)| {
                let mut tenant = tenant(&host, stem);
                tenant.standing = standing.clone();
                if matches!(standing, Standing::StoreCrashing { .. }) {
                    tenant.store = Store::DeployedEtcd;
                }
                tenant
            })
            .collect();
        put(&host, &tenants).await?;
        let live = watch(&host.kubeconfig, FleetOptions::default())?;
        let fleet = until(&live, "it is live", live_and_whole).await?;
        for (stem, _, state, reason) in cases {
            let row = row(&fleet, &host.named(stem)).expect("every tenant is a row");
            assert_eq!(row.state, state, "{stem}: {}", row.reason);
            assert!(row.reason.contains(reason), "{stem}: {:?} does not say {reason:?}", row.reason);
            assert_eq!(row.stale_since, None);
        }
        Ok(())
    }
}
