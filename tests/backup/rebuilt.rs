//! Stores that were rebuilt from backups, under the real programs: what was there is there, at its revision, and nobody goes on from a
//! revision that this store never had.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Event};
use kube::api::{Api, PostParams, WatchEvent, WatchParams};
use serde_json::json;
use v9s::backup::archive::{Identities, Limits, read};
use v9s::backup::destination::Destination;
use v9s::backup::rebuild::{Origin, Rebuild, Rebuilt, Way};
use v9s::backup::set::{Request, Taken};
use v9s::store::{Engine, KeyValue, Kind, Range, Store, StoreError, of_addresses};
use v9s_testkit::real::stores::{Etcd, Kine, ask, put};
use v9s_testkit::real::{ControlPlane, Options};
use v9s_testkit::wait::until;

use crate::seat::{backups, folder, request, source, take};

/// A store that runs.
enum Runs {
    Etcd(Etcd),
    Kine(Kine),
}

impl Runs {
    async fn empty(engine: Engine) -> Result<Runs> {
        tokio::task::spawn_blocking(move || {
            Ok(match engine {
                Engine::Etcd => Runs::Etcd(Etcd::start(1, None)?),
                Engine::Kine => Runs::Kine(Kine::start()?),
            })
        })
        .await?
    }

    /// As the control plane of a virtual cluster starts on it.
    async fn on(rebuilt: &Rebuilt) -> Result<Runs> {
        let (file, way) = (rebuilt.file.clone(), rebuilt.way);
        tokio::task::spawn_blocking(move || {
            Ok(match way {
                Way::Kine => Runs::Kine(Kine::over(&file)?),
                Way::Etcd { bump } | Way::Snapshot { bump } => Runs::Etcd(Etcd::restored(&file, bump)?),
            })
        })
        .await?
    }

    fn address(&self) -> String {
        match self {
            Runs::Etcd(etcd) => etcd.addresses()[0].clone(),
            Runs::Kine(kine) => kine.address(),
        }
    }

    fn store(&self) -> Store {
        let kind = match self {
            Runs::Etcd(_) => Kind::DeployedEtcd,
            Runs::Kine(_) => Kind::EmbeddedDatabase,
        };
        of_addresses("team-a/shop", kind, &[self.address()], None)
    }

    /// All keys, once it answers.
    async fn keys(&self) -> Result<Vec<KeyValue>> {
        let store = self.store();
        let page = until("its keys", || async { store.range(&Range::all(0)).await.ok() }).await?;
        Ok(page.keys)
    }

    /// An API server on it.
    async fn serve(&self) -> Result<ControlPlane> {
        let options = Options { store: Some(format!("http://{}", self.address())), ..Options::default() };
        tokio::task::spawn_blocking(move || ControlPlane::start(&options)).await?
    }
}

/// A store from a backup.
async fn rebuild(
    at: &Destination,
    taken: &Taken,
    engine: Engine,
    raise_to: i64,
    path: PathBuf,
) -> Result<Rebuilt> {
    let bytes = at.get(&taken.card.file, 1 << 30).await?;
    let origin = Origin::of(&taken.card.contents.store);
    tokio::task::spawn_blocking(move || {
        let mut rebuild = Rebuild::begin(engine, origin, &path)?;
        read(bytes.as_slice(), &Identities::default(), &Limits::default(), None, &mut rebuild)?;
        Ok(rebuild.finish(raise_to)?)
    })
    .await?
}

async fn stop(plane: ControlPlane) -> Result<()> {
    Ok(tokio::task::spawn_blocking(move || drop(plane)).await?)
}

fn settings(name: &str) -> Result<ConfigMap> {
    Ok(serde_json::from_value(json!({"metadata": {"name": name}, "data": {"a": "b".repeat(3000)}}))?)
}

/// How far a store that is given up has come behind its backup.
const BEHIND: i64 = 100_000;

/// An API server's store from a backup of another, and an API server on it.
async fn moves(from: Engine, to: Engine) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let at = folder(temporary.path())?;
    let old = Runs::empty(from).await?;
    let plane = old.serve().await?;
    let client = v9s_testkit::kubeconfig::client(&plane.kubeconfig()).await?;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    for at in 0..20 {
        maps.create(&PostParams::default(), &settings(&format!("c{at}"))?).await?;
    }
    let mut changed = maps.get("c7").await?;
    changed.data.get_or_insert_default().insert("a".into(), "c".into());
    maps.replace("c7", &PostParams::default(), &changed).await?;
    maps.delete("c8", &Default::default()).await?;
    let event = json!({
        "metadata": {"name": "e"}, "involvedObject": {"namespace": "default"}, "reason": "Tested", "type": "Normal",
    });
    Api::<Event>::default_namespaced(client)
        .create(&PostParams::default(), &serde_json::from_value(event)?)
        .await?;
    let before = maps.list(&Default::default()).await?;
    let seen: i64 = before.metadata.resource_version.clone().context("a list has a revision")?.parse()?;
    // Nobody writes any more: leases and events of a running API server would.
    stop(plane).await?;
    let keys = old.keys().await?;
    let taken = take(&source(old.store()), &request(&at)).await?;
    drop(tokio::task::spawn_blocking(move || drop(old)).await);

    let raise_to = taken.card.contents.store.revision + BEHIND;
    let rebuilt = rebuild(&at, &taken, to, raise_to, temporary.path().join("store")).await?;
    ensure!(rebuilt.keys == taken.card.keys && rebuilt.moved == 0, "{rebuilt:?}");
    // Only etcd gives its own snapshot, and takes it.
    ensure!(matches!(rebuilt.way, Way::Snapshot { .. }) == ([from, to] == [Engine::Etcd; 2]), "{rebuilt:?}");
    ensure!(rebuilt.revision > raise_to, "{rebuilt:?}");
    let new = Runs::on(&rebuilt).await?;
    the_same(&keys, &new.keys().await?)?;
    let store = new.store();
    // kine makes a key at its start when it is not there.
    let begins = store.revision().await?;
    ensure!((rebuilt.revision..=rebuilt.revision + 1).contains(&begins), "{begins} {rebuilt:?}");
    for old in [seen, raise_to] {
        let gone = store.range(&Range::all(1).at(old)).await.unwrap_err();
        ensure!(matches!(gone, StoreError::Compacted { .. }), "{gone}");
    }

    let plane = new.serve().await?;
    let client = v9s_testkit::kubeconfig::client(&plane.kubeconfig()).await?;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let mut now = maps.list(&Default::default()).await?.items;
    // An API server writes this one itself.
    let own = |map: &ConfigMap| map.metadata.name.as_deref() != Some("kube-root-ca.crt");
    now.retain(own);
    let then: Vec<_> = before.items.into_iter().filter(own).collect();
    ensure!(now == then, "objects with their UIDs and resourceVersions");
    let fresh = maps.create(&PostParams::default(), &settings("fresh")?).await?;
    let revision: i64 = fresh.metadata.resource_version.context("it has a revision")?.parse()?;
    ensure!(revision > raise_to, "{revision}");
    told_to_list_anew(&maps, seen).await?;
    told_to_list_anew(&maps, raise_to).await?;
    // What the API server has seen can be changed with the revision that it had.
    let mut kept = then.into_iter().next().context("there were some")?;
    kept.data.get_or_insert_default().insert("new".into(), "value".into());
    maps.replace(&kept.metadata.name.clone().unwrap_or_default(), &PostParams::default(), &kept).await?;
    stop(plane).await
}

/// Whoever watches from there hears that it is gone.
async fn told_to_list_anew(maps: &Api<ConfigMap>, from: i64) -> Result<()> {
    let stream = maps.watch(&WatchParams::default(), &from.to_string()).await;
    let told = match stream {
        Ok(stream) => Box::pin(stream).try_next().await?,
        Err(kube::Error::Api(status)) if status.code == 410 => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match told {
        Some(WatchEvent::Error(status)) if status.code == 410 => Ok(()),
        other => bail!("a watch from {from} was answered {other:?}"),
    }
}

/// Leases have other numbers elsewhere; whether there is one is the same. So is the count of changes where the store counts them.
fn the_same(old: &[KeyValue], new: &[KeyValue]) -> Result<()> {
    let facts = |it: &KeyValue| (it.key.clone(), it.create_revision, it.mod_revision, it.lease != 0);
    // kine has a key for its health, which it makes when it is not there; and an API server that is gone is forgotten within seconds.
    let stays = |it: &&KeyValue| {
        it.key != "/registry/health".as_bytes() && !it.key.starts_with(b"/registry/peerserverleases/")
    };
    let (old, new): (Vec<_>, Vec<_>) =
        (old.iter().filter(stays).collect(), new.iter().filter(stays).collect());
    for (old, new) in old.iter().zip(&new) {
        ensure!(facts(old) == facts(new), "{:?} {:?}", facts(old), facts(new));
        ensure!(old.value == new.value, "{:?}", old.key);
    }
    ensure!(old.len() == new.len(), "{} {}", old.len(), new.len());
    ensure!(old.iter().any(|it| it.lease != 0), "an event has a lease");
    Ok(())
}

backups! {
    async fn a_control_plane_goes_on_with_what_it_had_on_kine() -> Result<()> {
        moves(Engine::Kine, Engine::Kine).await
    }

    async fn a_control_plane_goes_on_with_what_it_had_on_etcd() -> Result<()> {
        moves(Engine::Etcd, Engine::Etcd).await
    }

    async fn what_was_on_kine_goes_on_on_etcd() -> Result<()> {
        moves(Engine::Kine, Engine::Etcd).await
    }

    async fn what_was_on_etcd_goes_on_on_kine() -> Result<()> {
        moves(Engine::Etcd, Engine::Kine).await
    }

    async fn etcds_own_snapshot_goes_on_behind_all_that_was_seen() -> Result<()> {
        let temporary = tempfile::tempdir()?;
        let at = folder(temporary.path())?;
        let old = Runs::empty(Engine::Etcd).await?;
        let address = old.address();
        for turn in 0..3 {
            for key in 0..50 {
                put(&address, &format!("/registry/configmaps/a/{key:02}"), format!("{turn}").as_bytes()).await?;
            }
        }
        ask(&address, "/v3/lease/grant", &json!({"ID": 8, "TTL": 3600})).await?;
        let pair = json!({"key": STANDARD.encode("/registry/events/a/b"), "value": STANDARD.encode("ends"), "lease": 8});
        ask(&address, "/v3/kv/put", &pair).await?;
        let keys = old.keys().await?;
        let taken = take(&source(old.store()), &request(&at)).await?;
        let rebuilt = rebuild(&at, &taken, Engine::Etcd, BEHIND, temporary.path().join("store")).await?;
        ensure!(matches!(rebuilt.way, Way::Snapshot { .. }), "{rebuilt:?}");
        let new = Runs::on(&rebuilt).await?;
        ensure!(new.keys().await? == keys, "to the number of a lease and of changes");
        ensure!(new.store().revision().await? == rebuilt.revision, "{rebuilt:?}");
        watched_too_late(&new.address(), taken.card.contents.store.revision).await?;
        watched_too_late(&new.address(), BEHIND + 1).await?;
        put(&new.address(), "/registry/configmaps/a/00", b"new").await?;
        let changed = new.keys().await?;
        ensure!(changed[0].mod_revision == rebuilt.revision + 1 && changed[0].version == 4, "{:?}", changed[0]);
        Ok(())
    }

    async fn leases_end_and_keys_of_one_transaction_stay_apart() -> Result<()> {
        let temporary = tempfile::tempdir()?;
        let at = folder(temporary.path())?;
        let old = Runs::empty(Engine::Etcd).await?;
        let address = old.address();
        put(&address, "/registry/configmaps/a/0", b"before").await?;
        // Both of one revision.
        let operation = |key: &str| json!({"request_put": {"key": STANDARD.encode(key), "value": STANDARD.encode("same")}});
        let keys = ["/registry/configmaps/a/1", "/registry/configmaps/a/2"];
        ask(&address, "/v3/kv/txn", &json!({"success": keys.map(operation)})).await?;
        // None of them ends before it is backed up.
        for (id, key) in [(7, "/registry/masterleases/10.0.0.7"), (8, "/registry/events/a/b")] {
            ask(&address, "/v3/lease/grant", &json!({"ID": id, "TTL": 3600})).await?;
            let pair = json!({"key": STANDARD.encode(key), "value": STANDARD.encode("ends"), "lease": id});
            ask(&address, "/v3/kv/put", &pair).await?;
        }
        // Larger than a page of any store.
        put(&address, "/registry/secrets/a/large", &vec![9; 1_200_000]).await?;
        let keys = old.keys().await?;
        ensure!(keys[1].mod_revision == keys[2].mod_revision, "{:?}", keys[1]);
        let taken = take(&source(old.store()), &Request { native: false, ..request(&at) }).await?;
        for engine in [Engine::Etcd, Engine::Kine] {
            let path = temporary.path().join(format!("{engine:?}"));
            let rebuilt = rebuild(&at, &taken, engine, BEHIND, path).await?;
            let new = Runs::on(&rebuilt).await?;
            let found = new.keys().await?;
            let at = |key: &str| found.iter().find(|it| it.key == key.as_bytes()).context("it is missing");
            let (one, two) = (at("/registry/configmaps/a/1")?, at("/registry/configmaps/a/2")?);
            ensure!(one.value == "same".as_bytes() && two.value == "same".as_bytes());
            match engine {
                Engine::Etcd => {
                    the_same(&keys, &found)?;
                    ensure!(rebuilt.moved == 0, "{rebuilt:?}");
                    watched_too_late(&new.address(), taken.card.contents.store.revision).await?;
                }
                Engine::Kine => {
                    ensure!(rebuilt.moved == 1, "{rebuilt:?}");
                    ensure!(one.mod_revision == keys[1].mod_revision && two.mod_revision > BEHIND, "{two:?}");
                    ensure!(two.create_revision == keys[2].create_revision, "{two:?}");
                    // What kine writes first: the key of its health, which this backup has not.
                    ensure!(at("/registry/health")?.mod_revision == rebuilt.revision + 1, "{rebuilt:?}");
                    let gone = new.store().range(&Range::all(1).at(BEHIND)).await.unwrap_err();
                    ensure!(matches!(gone, StoreError::Compacted { .. }), "{gone}");
                }
            }
            // Fifteen seconds, as an API server would have given it, and not an hour.
            until("the end of a lease", || async {
                let left = new.keys().await.ok()?;
                let there = |key: &str| left.iter().any(|it| it.key == key.as_bytes());
                (!there("/registry/masterleases/10.0.0.7") && there("/registry/events/a/b")).then_some(())
            })
            .await?;
        }
        Ok(())
    }
}

/// etcd itself tells who watches from there that it is gone.
async fn watched_too_late(address: &str, from: i64) -> Result<()> {
    let wish = json!({"create_request": {"key": STANDARD.encode("/"), "range_end": STANDARD.encode("0"), "start_revision": from}});
    let told = ask(address, "/v3/watch", &wish).await?;
    ensure!(told.contains("compact_revision"), "{told}");
    Ok(())
}
