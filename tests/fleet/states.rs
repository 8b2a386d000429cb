//! What each standing of a virtual cluster looks like.

use anyhow::Result;
use chrono::Utc;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use v9s::fleet::FleetOptions;
use v9s::fleet::model::{Replicas, Store, Workload};
use v9s::fleet::state::State;
use v9s::known::Known;
use v9s_testkit::both_hosts;
use v9s_ui::demo::spec::{Distro, QuotaSpec, Standing};

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

    async fn every_way_to_install_one_is_read_right(host: Host) -> Result<()> {
        let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let mut pinned = tenant(&host, "pinned");
        pinned.image = format!("registry.corp:5000/loft-sh/vcluster-pro:0.36.1@{digest}");
        let mut untagged = tenant(&host, "untagged").with_chart("0.35.0");
        untagged.image = format!("registry.corp:5000/loft-sh/vcluster-pro@{digest}");
        let mut available = tenant(&host, "available");
        available.replicas = 3;
        available.store = Store::EmbeddedEtcd;
        let mut stateless = tenant(&host, "stateless");
        stateless.store = Store::DeployedEtcd;
        let mut old = tenant(&host, "old").with_chart("0.24.1");
        old.distro = Distro::K3s("v1.31.4-k3s1".to_owned());
        let first = tenant(&host, "first");
        let mut second = tenant(&host, "second");
        second.namespace = first.namespace.clone();
        let tenants = [pinned, untagged, available, stateless, old, first, second];
        put(&host, &tenants).await?;
        let live = watch(&host.kubeconfig, FleetOptions::default())?;
        let fleet = until(&live, "it is live", live_and_whole).await?;
        let look = |stem: &str| row(&fleet, &host.named(stem)).unwrap_or_else(|| panic!("no row for {stem}")).clone();
        for tenant in &tenants {
            let row = row(&fleet, &tenant.name).expect("every tenant is a row");
            assert_eq!(row.state, State::Running, "{}: {}", tenant.name, row.reason);
            assert_eq!(row.store, Known::Yes(tenant.store), "{}", tenant.name);
            assert_eq!(row.key.namespace, tenant.namespace);
            let pods = u32::try_from(tenant.pods().count())?;
            assert_eq!(row.synced.get().map(|counts| counts.total), Some(pods), "{}", tenant.name);
            assert_eq!(row.pods.len(), pods as usize);
            assert!(row.pods.iter().all(|pod| pod.virtual_name.is_some()), "{:?}", row.pods);
        }
        assert_eq!(look("pinned").version, Known::Yes("0.36.1".into()));
        assert_eq!(look("untagged").version, Known::Yes("0.35.0".into()), "the chart's label says it");
        assert_eq!(look("available").replicas, Replicas { ready: 3, desired: 3 });
        assert_eq!(look("available").control_plane.len(), 3);
        assert_eq!(look("stateless").workload, Workload::Deployment);
        assert_eq!(look("stateless").control_plane.len(), 2, "its own pod and etcd's");
        assert_eq!((look("old").distro.clone(), look("old").kubernetes.clone()), (Known::Yes("k3s".into()), Known::Yes("v1.31.4".into())));
        assert_eq!(look("pinned").kubernetes, Known::Yes("v1.36.0".into()));
        Ok(())
    }

    async fn what_happens_is_seen_as_it_happens(host: Host) -> Result<()> {
        let name = host.named("alive");
        let mut one = tenant(&host, "alive");
        one.quota = Some(QuotaSpec { pods: 5, ..QuotaSpec::default() });
        let live = watch(&host.kubeconfig, FleetOptions::default())?;
        until(&live, "it is live", live_and_whole).await?;
        put(&host, &[one]).await?;
        let seen = until(&live, "the new one runs", |fleet| {
            row(fleet, &name).is_some_and(|row| row.state == State::Running && row.quota.is_known())
        })
        .await?;
        assert!(row(&seen, &name).is_some_and(|row| row.quota.get().is_some_and(|quota| !quota.entries.is_empty())));

        let secrets: Api<Secret> = Api::namespaced(host.client(), &name);
        let asleep = json!({"metadata": {"annotations": {"sleepmode.loft.sh/sleep-type": "inactivity"}}});
        secrets.patch(&format!("vc-config-{name}"), &PatchParams::default(), &Patch::Merge(asleep)).await?;
        until(&live, "it sleeps", |fleet| {
            row(fleet, &name).is_some_and(|row| row.state == State::SleepingWorkloads)
        })
        .await?;

        let statefulsets: Api<StatefulSet> = Api::namespaced(host.client(), &name);
        let paused = json!({"metadata": {"annotations": {"loft.sh/paused": "true"}}});
        statefulsets.patch(&name, &PatchParams::default(), &Patch::Merge(paused)).await?;
        until(&live, "it is paused", |fleet| row(fleet, &name).is_some_and(|row| row.state == State::Paused)).await?;

        statefulsets.delete(&name, &DeleteParams::background()).await?;
        until(&live, "it is gone", |fleet| row(fleet, &name).is_none()).await?;
        Ok(())
    }
}
