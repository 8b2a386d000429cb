//! A virtual cluster that really runs, its store destroyed, and restored: the same objects inside, the same pods outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, GroupVersionKind, ListParams};
use kube::core::ApiResource;
use serde_json::json;
use v9s::backup::archive::{Identities, Recipients};
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::backup::set::{self, Protection};
use v9s::gc::ByConnect;
use v9s::known::Known;
use v9s::lifecycle::Decision;
use v9s::lifecycle::restore::{self, Request, RestoreError, Restored};
use v9s::operation::{Operation, OperationState};
use v9s::rehearse;
use v9s::target::find;
use v9s_testkit::node::images::BUSYBOX;
use v9s_testkit::objects;
use v9s_testkit::pods::Room;

use crate::etcd::DEPLOYED;
use crate::life::traces;
use crate::made::{Made, config, host, makes, volume};

const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

/// A tenant that has something to lose, and a backup of it.
pub struct Precious<'a> {
    made: &'a Made,
    room: Room,
    folder: tempfile::TempDir,
    scratch: tempfile::TempDir,
    archive: String,
    inside: BTreeMap<String, String>,
    outside: BTreeMap<String, String>,
}

fn widgets(room: &Room) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("example.com", "v1", "Widget");
    Api::namespaced_with(
        room.client.clone(),
        &room.namespace,
        &ApiResource::from_gvk_with_plural(&kind, "widgets"),
    )
}

impl<'a> Precious<'a> {
    /// Fills a tenant, and takes a backup.
    pub async fn fill(made: &'a Made) -> Result<Precious<'a>> {
        let room = Room::take(made.inside().await?, "precious").await?;
        objects::create(
            &room.client,
            &json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "widgets.example.com"},
                "spec": {
                    "group": "example.com", "scope": "Namespaced",
                    "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
                    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    }}}],
                },
            }),
        )
        .await?;
        room.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}}))
            .await?;
        room.idle("alone", json!({}), json!({})).await?;
        let container = json!({
            "name": "web", "image": BUSYBOX,
            "command": ["sh", "-c", "sleep 86400"],
        });
        room.create(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {
                "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                    "terminationGracePeriodSeconds": 0, "containers": [container],
                }},
            },
        }))
        .await?;
        room.wait::<Deployment>("web", "both pods to run", |web| {
            web.and_then(|web| web.status.as_ref()?.ready_replicas) == Some(2)
        })
        .await?;
        let widget = json!({
            "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": {"size": 7},
        });
        // What was defined just now is served in a moment.
        while room.create(widget.clone()).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        let (folder, scratch) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let target = find(&made.host, Some(&made.request.namespace), &made.request.name).await?;
        let to = Destination::open(Place::Folder(folder.path().to_owned()), &Environment::default())?;
        let protection = Protection::Sealed(Identities::parse(IDENTITY)?.recipients());
        let request = set::Request { to, protection, native: true, who: "ada".into() };
        let taken = set::start(made.host.clone(), target, request).result().await?;
        let archive = taken.card.file.to_string();
        let mut precious = Precious {
            made,
            room,
            folder,
            scratch,
            archive,
            inside: BTreeMap::new(),
            outside: BTreeMap::new(),
        };
        precious.inside = seen_inside(&precious.room).await?;
        precious.outside = seen_outside(made).await?;
        Ok(precious)
    }

    /// Begins to restore it.
    async fn start(&self) -> Result<Operation<Restored, RestoreError>, RestoreError> {
        self.start_in(self.made).await
    }

    /// Begins to restore it into a virtual cluster, which may be another.
    async fn start_in(&self, into: &Made) -> Result<Operation<Restored, RestoreError>, RestoreError> {
        let unfit = |why: anyhow::Error| RestoreError::Unfit(format!("{why:#}"));
        let target = find(&into.host, Some(&into.request.namespace), &into.request.name).await;
        let target = target.map_err(|why| unfit(why.into()))?;
        let open = |folder: PathBuf| Destination::open(Place::Folder(folder), &Environment::default());
        let identities = Identities::parse(IDENTITY).map_err(|why| unfit(why.into()))?;
        let recipients: Recipients = identities.recipients();
        let safety = set::Request {
            to: open(self.folder.path().join("safety")).map_err(|why| unfit(why.into()))?,
            protection: Protection::Sealed(recipients),
            native: false,
            who: "ada".into(),
        };
        let (name, namespace) = (&self.made.request.name, &self.made.request.namespace);
        let request = Request {
            at: open(self.folder.path().to_owned()).map_err(|why| unfit(why.into()))?,
            name: self.archive.as_str().into(),
            identities,
            expected: v9s::backup::archive::Tenant {
                host: Default::default(),
                namespace: namespace.as_str().into(),
                name: name.as_str().into(),
            },
            safety: Some(safety),
            scratch: self.scratch.path().to_owned(),
            who: "ada".into(),
            anyway: false,
        };
        let found = restore::look(&into.host, &target).await?;
        let plan = match restore::plan(&target, found, "the backup", Some("safety"), false) {
            Decision::Do(plan) => plan,
            Decision::Refused(refusal) => return Err(RestoreError::Unfit(refusal.to_string())),
            Decision::Nothing(why) => return Err(RestoreError::Unfit(why)),
        };
        Ok(restore::start(into.host.clone(), target, plan, request))
    }

    /// Restores it.
    pub async fn restore(&self) -> Result<Restored, RestoreError> {
        ended(self.start().await?).await
    }

    /// Restores it, and is killed as soon as a step is under way: no request is sent any more, and nothing is undone.
    pub fn is_killed_in(&self, step: usize) -> Result<()> {
        tokio::task::block_in_place(|| {
            // Whatever it has begun goes with this runtime.
            let doomed =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            let came = doomed.block_on(async {
                let operation = self.start().await?;
                let mut follow = operation.follow();
                let is_there = |now: &OperationState| now.running().is_some_and(|(at, _)| at == step);
                let now = follow.wait_for(|now| now.end.is_some() || is_there(now)).await?.clone();
                ensure!(is_there(&now), "it never came to step {step}: {now:?}");
                Ok(())
            });
            doomed.shutdown_background();
            came
        })
    }

    /// All is as it was when the backup was taken: inside object by object, and outside the very pods.
    pub async fn is_as_before(&self, how: &str) -> Result<()> {
        let mut last = String::new();
        for _ in 0..120 {
            let (inside, outside) = (seen_inside(&self.room).await, seen_outside(self.made).await?);
            match inside {
                Ok(inside) if inside == self.inside && outside == self.outside => return Ok(()),
                Ok(inside) => {
                    last = format!(
                        "{how}: inside\n{inside:#?}\nand not\n{:#?}\noutside\n{outside:#?}\nand not\n{:#?}",
                        self.inside, self.outside
                    );
                }
                Err(why) => last = format!("{how}: {why:#}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        bail!(last)
    }

    /// What is written after a backup.
    pub async fn go_on(&self) -> Result<()> {
        self.room
            .create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "later-"}}))
            .await?;
        Ok(())
    }

    /// Restores, and sees that all is as it was.
    pub async fn comes_back(&self, how: &str) -> Result<Restored> {
        eprintln!("{how}:");
        let restored = self.restore().await.with_context(|| how.to_owned())?;
        ensure!(restored.checked.tokens == Known::Yes(true), "{how}: {:?}", restored.checked);
        ensure!(restored.checked.stale.is_empty(), "{how}: {:?}", restored.checked);
        self.is_as_before(how).await?;
        // Nothing of it is left behind.
        let pods = Api::<Pod>::namespaced(self.made.outside.clone(), &self.made.request.namespace);
        let left = pods.list(&ListParams::default().labels("v9s.io/restore")).await?.items;
        ensure!(left.is_empty(), "{how}: {left:?}");
        Ok(restored)
    }
}

/// What a tenant sees: each object with its UID and what it says.
async fn seen_inside(room: &Room) -> Result<BTreeMap<String, String>> {
    let mut seen = BTreeMap::new();
    // The authority of the API server is that of the virtual cluster, and not of what is stored.
    for map in
        room.api::<ConfigMap>().list(&ListParams::default().fields("metadata.name!=kube-root-ca.crt")).await?
    {
        let name = format!("configmap {}", map.metadata.name.unwrap_or_default());
        seen.insert(name, format!("{:?} {:?}", map.metadata.uid, map.data));
    }
    for web in room.api::<Deployment>().list(&ListParams::default()).await? {
        let name = format!("deployment {}", web.metadata.name.unwrap_or_default());
        seen.insert(name, format!("{:?} {:?}", web.metadata.uid, web.spec));
    }
    for pod in room.api::<Pod>().list(&ListParams::default()).await? {
        seen.insert(
            format!("pod {}", pod.metadata.name.unwrap_or_default()),
            format!("{:?}", pod.metadata.uid),
        );
    }
    for widget in widgets(room).list(&ListParams::default()).await? {
        let name = format!("widget {}", widget.metadata.name.unwrap_or_default());
        seen.insert(name, format!("{:?} {}", widget.metadata.uid, widget.data));
    }
    Ok(seen)
}

/// What runs on the host for the tenant: names, and the UIDs that pods have there.
async fn seen_outside(made: &Made) -> Result<BTreeMap<String, String>> {
    let pods = Api::<Pod>::namespaced(made.outside.clone(), &made.request.namespace);
    let ours = format!("vcluster.loft.sh/managed-by={}", made.request.name);
    let listed = pods.list(&ListParams::default().labels(&ours)).await?;
    let of = |pod: Pod| Some((pod.metadata.name?, pod.metadata.uid?));
    Ok(listed.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).filter_map(of).collect())
}

/// Waits for its end, and tells its steps on standard error.
async fn ended(operation: Operation<Restored, RestoreError>) -> Result<Restored, RestoreError> {
    let follow = operation.follow();
    let done = operation.result().await;
    for step in &follow.borrow().steps {
        eprintln!("  {}: {:?}", step.title, step.state);
    }
    done
}

/// Notes the names of all pods that are ever in a namespace.
async fn pods_of(client: kube::Client, namespace: &'static str, seen: Arc<Mutex<BTreeSet<String>>>) {
    let pods = Api::<Pod>::namespaced(client, namespace);
    loop {
        if let (Ok(found), Ok(mut seen)) = (pods.list(&ListParams::default()).await, seen.lock()) {
            seen.extend(found.into_iter().filter_map(|pod| pod.metadata.name));
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// Kills the program that has the volume as soon as it runs, once.
async fn keeper_is_killed(made: &Made) -> Result<()> {
    let outside = Room { client: made.outside.clone(), namespace: made.request.namespace.to_string() };
    let name = format!("{}-0-restore", made.request.name);
    let pod = outside.pod(&name, "running", |pod| running(pod).is_some()).await?;
    let container = running(&pod).context("it does not run")?;
    let cluster = tokio::task::spawn_blocking(host).await??;
    cluster.nodes().first().context("there is no node")?.kill_container(&container)
}

/// The container of a pod that runs.
fn running(pod: &Pod) -> Option<String> {
    let statuses = pod.status.as_ref()?.container_statuses.iter().flatten();
    let mut running = statuses.filter(|one| one.state.as_ref().is_some_and(|state| state.running.is_some()));
    running.next()?.container_id.clone()
}

/// Runs a line of shell on the node that has the volumes, in the folder of one.
pub async fn on_volume(volume: &str, script: &str) -> Result<()> {
    let cluster = tokio::task::spawn_blocking(host).await??;
    let node = cluster.nodes().first().context("there is no node")?;
    let folder = format!("/var/lib/v9s-volumes/{volume}");
    let mut command: Command = node.command("sh");
    let done = command.args(["-c", &format!("mkdir -p {folder} && cd {folder} && {script}")]).output()?;
    ensure!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

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
