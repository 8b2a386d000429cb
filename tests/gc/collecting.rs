//! Between the plan and each deletion the world goes on.

use std::sync::atomic::Ordering;

use anyhow::Result;
use serde_json::json;
use v9s::gc::{Wish, plan};

use crate::seat::{Seat, delete, get, patch};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

v9s_testkit::both_hosts! {
    async fn what_changes_after_the_plan_is_spared(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        let path = |name: &str| format!("/api/v1/namespaces/{}/configmaps/{}", seat.namespace, seat.host_name(name));
        for name in ["goes", "spared", "taken", "another", "renamed"] {
            seat.put(seat.synced("ConfigMap", name, NOBODY)).await?;
        }
        let plan = plan(&seat.look().await?, &Wish::default());
        assert_eq!(plan.goes.len(), 5);
        patch(&seat.host, &path("spared"), json!({"metadata": {"annotations": {"vcluster.loft.sh/skip-backsync": "true"}}})).await?;
        // As a syncer takes one over.
        let taken = seat.inside("ConfigMap", "taken").await?;
        patch(&seat.host, &path("taken"), json!({"metadata": {"annotations": {"vcluster.loft.sh/object-uid": taken}}})).await?;
        // Another of the same name.
        delete(&seat.host, &path("another")).await?;
        seat.put(seat.synced("ConfigMap", "another", NOBODY)).await?;
        patch(&seat.host, &path("renamed"), json!({"metadata": {"labels": {"vcluster.loft.sh/managed-by": null}}})).await?;
        let collected = seat.collect(&plan).await?;
        assert_eq!((collected.deleted, collected.gone, collected.spared.len()), (1, 1, 3), "{collected:?}");
        assert!(get(&seat.host, &path("goes")).await?.is_null());
        for stays in ["spared", "taken", "another", "renamed"] {
            assert!(!get(&seat.host, &path(stays)).await?.is_null(), "{stays}");
        }
        Ok(())
    }

    async fn nothing_goes_once_the_virtual_cluster_rests_or_does_not_answer(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        for name in ["a", "b"] {
            seat.put(seat.synced("ConfigMap", name, NOBODY)).await?;
        }
        let plan = plan(&seat.look().await?, &Wish::default());
        let plane = format!("/apis/apps/v1/namespaces/{}/statefulsets/t", seat.namespace);
        let service = format!("/api/v1/namespaces/{}/services/t", seat.namespace);
        let store = seat.store().await?;
        let spared = async |why: &str| -> Result<()> {
            let collected = seat.collect(&plan).await?;
            assert_eq!((collected.deleted, collected.spared.len()), (0, 2), "{why}: {collected:?}");
            assert!(collected.spared.iter().all(|left| left.why.contains(why)), "{why}: {collected:?}");
            Ok(())
        };
        patch(&seat.host, &plane, json!({"metadata": {"annotations": {"loft.sh/restoring": "true"}}})).await?;
        spared("restored").await?;
        patch(&seat.host, &plane, json!({"metadata": {"annotations": {"loft.sh/restoring": null}}})).await?;
        patch(&seat.host, &service, json!({"metadata": {"annotations": {"v9s.io/store": NOBODY}}})).await?;
        spared("another than the one that is remembered").await?;
        patch(&seat.host, &service, json!({"metadata": {"annotations": {"v9s.io/store": store}}})).await?;
        seat.ways.shut.store(true, Ordering::Relaxed);
        spared("cannot be reached").await?;
        seat.ways.shut.store(false, Ordering::Relaxed);
        assert_eq!(seat.collect(&plan).await?.deleted, 2);
        Ok(())
    }

    async fn one_that_returns_after_the_plan_keeps_everything(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        seat.put(seat.synced("ConfigMap", "a", NOBODY)).await?;
        let store = seat.store().await?;
        let origin = seat.inside("ConfigMap", "b").await?;
        seat.put(seat.synced("ConfigMap", "b", &origin)).await?;
        seat.remove_control_plane().await?;
        let plan = plan(&seat.look().await?, &Wish::default());
        assert_eq!(plan.goes.len(), 2);
        seat.host.seed(&seat.control_plane(Some(&store))).await?;
        let collected = seat.collect(&plan).await?;
        assert_eq!(collected.deleted, 1, "only what is not inside: {collected:?}");
        assert_eq!(collected.spared[0].object.name, seat.host_name("b"));
        Ok(())
    }

    async fn a_mass_is_told_before_anything_goes(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        for index in 0..20 {
            let name = format!("n{index}");
            let uid = if index < 10 { seat.inside("ConfigMap", &name).await? } else { NOBODY.to_owned() };
            seat.put(seat.synced("ConfigMap", &name, &uid)).await?;
        }
        let plan = plan(&seat.look().await?, &Wish::default());
        let brakes: Vec<String> = plan.brakes.iter().map(ToString::to_string).collect();
        assert_eq!(brakes, [format!("10 of 20 objects of the kind ConfigMap of {}/t would go", seat.namespace)]);
        Ok(())
    }
}
