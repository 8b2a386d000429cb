//! A virtual cluster that really runs, its store destroyed, and restored: the same objects inside, the same pods outside.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use kube::Api;
use kube::api::DeleteParams;
use v9s::backup::archive::Identities;
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::gc::ByConnect;
use v9s::known::Known;
use v9s::lifecycle::restore;
use v9s::rehearse;
use v9s_testkit::pods::Room;

use crate::etcd::DEPLOYED;
use crate::life::traces;
use crate::made::{Made, config, makes, volume};
use crate::precious::{
    IDENTITY, Precious, ended, keeper_is_killed, on_volume, pods_of, seen_inside, seen_outside,
};

makes! {
    async fn a_store_that_was_destroyed_comes_back_and_pods_run_on() -> Result<()> {
        volume("back", ("team-back", "data-back-0")).await?;
        let made = Made::make("back", &config("")?).await?;
        let precious = Precious::fill(&made).await?;

        precious.go_on().await?;
        precious.room.api::<ConfigMap>().delete("kept", &DeleteParams::default()).await?;
        let restored = precious.comes_back("wrong data").await?;
        ensure!(restored.saved.is_some() && restored.kept.is_none(), "{restored:?}");

        for (how, script) in [
            ("a file that was cut", "truncate -s 40000 state.db && rm -f state.db-wal state.db-shm"),
            ("pages that were flipped", "for at in 0 1 2 3 5 8 13 21 34; do dd if=/dev/urandom of=state.db bs=4096 seek=$at count=1 conv=notrunc 2>/dev/null; done; rm -f state.db-wal state.db-shm"),
        ] {
            precious.go_on().await?;
            on_volume("back", script).await?;
            precious.comes_back(how).await?;
        }

        // A claim that is gone, and with it the volume: the StatefulSet makes another, and the tenant would be empty.
        let claims = Api::<PersistentVolumeClaim>::namespaced(made.outside.clone(), "team-back");
        claims.delete("data-back-0", &DeleteParams::default()).await?;
        let pods = Api::<Pod>::namespaced(made.outside.clone(), "team-back");
        pods.delete("back-0", &DeleteParams::default()).await?;
        volume("back-again", ("team-back", "data-back-0")).await?;
        let restored = precious.comes_back("a claim that was deleted").await?;
        eprintln!("{restored:?}");
        Ok(())
    }

    async fn whoever_is_killed_the_next_run_brings_everything_back() -> Result<()> {
        volume("killed", ("team-killed", "data-killed-0")).await?;
        let made = Made::make("killed", &config("")?).await?;
        let precious = Precious::fill(&made).await?;
        // What stops, what puts the new store in place, what starts, what looks at it, and what lets go of the old one.
        for step in 2..=6 {
            precious.go_on().await?;
            precious.is_killed_in(step)?;
            precious.comes_back(&format!("killed in {}", restore::STEPS[step])).await?;
        }
        // The pod that has the volume, as soon as its program runs.
        precious.go_on().await?;
        let restoring = precious.start().await?;
        keeper_is_killed(&made).await?;
        ended(restoring).await?;
        precious.is_as_before("its pod was killed").await
    }

    async fn a_backup_is_tried_without_a_pod_of_the_tenant_and_leaves_nothing() -> Result<()> {
        volume("tried", ("team-tried", "data-tried-0")).await?;
        let made = Made::make("tried", &config("")?).await?;
        let precious = Precious::fill(&made).await?;
        let namespace = "tried-elsewhere";
        let claim = format!("data-{}-0", rehearse::NAME);
        volume("elsewhere", (namespace, claim.as_str())).await?;
        let before = traces(&made.outside, namespace).await?;
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let watching = tokio::spawn(pods_of(made.outside.clone(), namespace, seen.clone()));
        let open = Destination::open(Place::Folder(precious.folder.path().to_owned()), &Environment::default())?;
        let request = rehearse::Request {
            at: open,
            name: precious.archive.as_str().into(),
            identities: Identities::parse(IDENTITY)?,
            expected: None,
            namespace: namespace.into(),
            over: String::new(),
            scratch: precious.scratch.path().to_owned(),
            who: "ada".into(),
            ways: Arc::new(ByConnect::default()),
        };
        let tried = rehearse::rehearse(&made.host, &request, |mut part, _| {
            tokio::spawn(async move {
                while part.changed().await.is_ok() {}
                eprintln!("{:?}", part.borrow().steps);
            });
        })
        .await;
        let seen_inside = tried.outcome?;
        ensure!(tried.left.is_empty(), "{:?}", tried.left);
        ensure!(seen_inside.counts.get("widgets.example.com") == Some(&1), "{seen_inside:?}");
        ensure!(seen_inside.counts.get("pods").is_some_and(|pods| *pods >= 3), "{seen_inside:?}");
        // One pod ran there beside those that hold its volume: that of the control plane.
        watching.abort();
        let pods = seen.lock().map_err(|_| anyhow!("the watcher broke down"))?.clone();
        ensure!(!pods.is_empty() && pods.iter().all(|pod| pod.starts_with(&format!("{}-0", rehearse::NAME))), "{pods:?}");
        ensure!(traces(&made.outside, namespace).await? == before, "something is left");
        // The tenant has not noticed.
        precious.is_as_before("its backup was tried").await
    }

    async fn another_virtual_cluster_with_another_store_gets_its_state() -> Result<()> {
        volume("from", ("team-from", "data-from-0")).await?;
        volume("into", ("team-into", "data-into-etcd-0")).await?;
        let from = Made::make("from", &config("")?).await?;
        let precious = Precious::fill(&from).await?;
        let into = Made::make("into", &config(DEPLOYED)?).await?;
        let restored = ended(precious.start_in(&into).await?).await?;
        // It signs with a key of its own.
        ensure!(restored.checked.tokens == Known::Yes(false), "{:?}", restored.checked);
        let room = Room { client: into.inside().await?, ..precious.room.clone() };
        room.wait::<Deployment>("web", "its pods to run", |web| {
            web.and_then(|web| web.status.as_ref()?.ready_replicas) == Some(2)
        })
        .await?;
        let inside = seen_inside(&room).await?;
        ensure!(inside == precious.inside, "{inside:#?}\nand not\n{:#?}", precious.inside);
        // Its pods are others on the host.
        let ours = seen_outside(&into).await?;
        ensure!(ours.len() == precious.outside.len(), "{ours:?}");
        ensure!(ours.values().all(|uid| !precious.outside.values().any(|other| other == uid)), "{ours:?}");
        // The one it comes from runs on as it was.
        precious.is_as_before("the other got its state").await
    }
}
