//! Backups of real etcd and real kine: what was in the store is in the archive, and nothing that came later.

use anyhow::{Context as _, Result, ensure};
use v9s::backup::archive::{Identities, Recipients};
use v9s::backup::set::{BackupError, Beside, Protection, browse, verify};
use v9s::operation::Cancelled;
use v9s::store::{Kind, Range, StoreError, of_addresses};
use v9s_testkit::real::stores::{Etcd, Kine, put};
use v9s_testkit::real::{ControlPlane, Options};
use v9s_testkit::wait::PATIENCE;

use crate::seat::{backups, begin, folder, keys, request, shown, source, take};

const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
/// Its public key.
const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

backups! {
    async fn what_etcd_has_at_one_moment_is_in_the_archive_and_reads_back() -> Result<()> {
        let etcd = tokio::task::spawn_blocking(|| Etcd::start(1, None)).await??;
        let address = etcd.addresses()[0].clone();
        for at in 0..300 {
            put(&address, &format!("/registry/pods/team/p{at:03}"), &vec![7; at * 40]).await?;
        }
        put(&address, "/registry/secrets/team/large", &vec![9; 1_200_000]).await?;
        put(&address, "elsewhere", b"no key of a virtual cluster").await?;
        let store = of_addresses("team-a/shop", Kind::DeployedEtcd, &etcd.addresses(), None);
        let before = keys(&store).await?;
        let temporary = tempfile::tempdir()?;
        let to = folder(temporary.path())?;
        // Written all the time while the backup is taken: none of it may be there in part.
        let stop = tokio_util::sync::CancellationToken::new();
        let (writer, stopped) = (address.clone(), stop.clone());
        let writes = tokio::spawn(async move {
            let mut at = 0;
            while !stopped.is_cancelled() {
                put(&writer, &format!("/registry/pods/team/p{:03}", at % 300), b"changed").await?;
                at += 1;
            }
            anyhow::Ok(at)
        });
        let taken = take(&source(store.clone()), &request(&to)).await?;
        stop.cancel();
        ensure!(writes.await?? > 0, "something was written meanwhile");
        let open = shown(&to, &taken, &Identities::default()).await?;
        ensure!(open.keys.keys().eq(before.keys()), "the keys are those of the store");
        let revision = taken.card.contents.store.revision;
        let then = store.range(&v9s::store::Range::all(0).at(revision)).await?;
        for pair in then.keys {
            ensure!(open.keys.get(pair.key.as_ref()).map(Vec::as_slice) == Some(&pair.value[..]), "as it was at revision {revision}");
        }
        ensure!(open.snapshot.len() > 1_200_000, "etcd's own snapshot is there, too");
        assert_eq!(taken.card.counts.get("pods"), Some(&300));
        assert_eq!(taken.card.contents.coverage.sentence(false), "state ✓ config ✓ keys ✓ volumes 0/0");
        let verified = verify(&to, &taken.card.file, &Identities::default(), None).await?;
        assert_eq!(verified.card, Beside::Fits);
        assert_eq!(browse(&to).await?.good().count(), 1);
        Ok(())
    }

    async fn values_that_are_huge_all_of_a_sudden_are_read_in_smaller_pages() -> Result<()> {
        // Pages grow as long as values are tiny; the next one would have forty megabytes.
        let etcd = tokio::task::spawn_blocking(|| Etcd::start(1, None)).await??;
        let address = etcd.addresses()[0].clone();
        for at in 0..700 {
            put(&address, &format!("/registry/a/{at:03}"), b"tiny").await?;
        }
        for at in 0..40 {
            put(&address, &format!("/registry/b/{at:03}"), &vec![at; 1_000_000]).await?;
        }
        let store = of_addresses("team-a/shop", Kind::DeployedEtcd, &etcd.addresses(), None);
        let page = Range { room: 16 << 20, from: "/registry/a/690".into(), ..Range::all(500) };
        let refused = store.range(&page).await.unwrap_err();
        ensure!(matches!(refused, StoreError::TooLong { .. }), "it is not taken in part: {refused}");
        ensure!(store.range(&Range { limit: 20, ..page }).await.is_ok(), "the connection is as good as before");
        let temporary = tempfile::tempdir()?;
        let to = folder(temporary.path())?;
        let wish = v9s::backup::set::Request { native: false, ..request(&to) };
        let taken = take(&source(store.clone()), &wish).await?;
        let open = shown(&to, &taken, &Identities::default()).await?;
        assert_eq!(open.keys.len(), 740);
        ensure!((0..40).all(|at| open.keys[format!("/registry/b/{at:03}").as_bytes()] == vec![at; 1_000_000]));
        Ok(())
    }

    async fn a_control_plane_on_kine_is_backed_up_encrypted() -> Result<()> {
        let kine = tokio::task::spawn_blocking(Kine::start).await??;
        let address = kine.address();
        let url = format!("http://{address}");
        let plane = tokio::task::spawn_blocking(move || {
            ControlPlane::start(&Options { store: Some(url), ..Options::default() })
        })
        .await??;
        let client = v9s_testkit::kubeconfig::client(&plane.kubeconfig()).await?;
        for at in 0..20 {
            let object = serde_json::json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": format!("c{at}"), "namespace": "default"}, "data": {"a": "b".repeat(1000)},
            });
            v9s_testkit::objects::create(&client, &object).await?;
        }
        // Nobody writes any more: leases and events of a running API server would.
        tokio::task::spawn_blocking(move || drop(plane)).await?;
        let store = of_addresses("team-a/shop", Kind::EmbeddedDatabase, &[address], None);
        let temporary = tempfile::tempdir()?;
        let to = folder(temporary.path())?;
        let recipients = Recipients::parse([RECIPIENT])?;
        let sealed = v9s::backup::set::Request { protection: Protection::Sealed(recipients), ..request(&to) };
        let taken = take(&source(store.clone()), &sealed).await?;
        ensure!(taken.card.file.ends_with(".age") && taken.card.counts.is_empty());
        let identities = Identities::parse(IDENTITY)?;
        let open = shown(&to, &taken, &identities).await?;
        assert_eq!(open.keys, keys(&store).await?);
        ensure!(open.keys.contains_key(b"/registry/configmaps/default/c7".as_slice()));
        ensure!(open.snapshot.is_empty(), "kine has no snapshot of its own");
        assert_eq!(verify(&to, &taken.card.file, &identities, None).await?.card, Beside::Fits);
        let closed = verify(&to, &taken.card.file, &Identities::default(), None).await.unwrap_err();
        ensure!(closed.to_string().contains("--identity"), "{closed}");
        Ok(())
    }

    async fn a_store_that_dies_leaves_nothing_at_the_destination() -> Result<()> {
        let mut etcd = tokio::task::spawn_blocking(|| Etcd::start(1, None)).await??;
        for at in 0..60 {
            put(&etcd.addresses()[0], &format!("/registry/pods/team/p{at:03}"), &vec![7; 900_000]).await?;
        }
        let store = of_addresses("team-a/shop", Kind::DeployedEtcd, &etcd.addresses(), None);
        let temporary = tempfile::tempdir()?;
        let to = folder(temporary.path())?;
        let taking = begin(&source(store), &request(&to));
        let mut follow = taking.follow();
        // Some pages came.
        tokio::time::timeout(PATIENCE, follow.wait_for(|state| {
            state.running().is_some_and(|(_, step)| format!("{:?}", step.state).contains(" keys at revision"))
        }))
        .await
        .context("it never began")??;
        tokio::task::spawn_blocking(move || etcd.kill(0)).await?;
        // It may have read the last page before.
        match taking.result().await {
            Ok(taken) => drop(verify(&to, &taken.card.file, &Identities::default(), None).await?),
            Err(error) => {
                ensure!(matches!(error, BackupError::Store { .. }), "{error}");
                assert_eq!(std::fs::read_dir(temporary.path())?.count(), 0, "not even a hidden file");
            }
        }
        Ok(())
    }

    async fn who_cancels_finds_nothing_at_the_destination() -> Result<()> {
        let etcd = tokio::task::spawn_blocking(|| Etcd::start(1, None)).await??;
        put(&etcd.addresses()[0], "/registry/pods/a/b", b"pod").await?;
        let store = of_addresses("team-a/shop", Kind::DeployedEtcd, &etcd.addresses(), None);
        let temporary = tempfile::tempdir()?;
        let to = folder(temporary.path())?;
        let taking = begin(&source(store), &request(&to));
        taking.cancel();
        match taking.result().await {
            // It was done before.
            Ok(taken) => drop(verify(&to, &taken.card.file, &Identities::default(), None).await?),
            Err(error) => {
                ensure!(matches!(error, BackupError::Cancelled(Cancelled)), "{error}");
                let left = std::fs::read_dir(temporary.path())?.count();
                assert_eq!(left, 0, "not even a hidden file");
            }
        }
        Ok(())
    }
}
