//! A tenant on the real node that has something to lose, a backup of it, and what is seen of both after a restore.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api;
use kube::api::{DynamicObject, GroupVersionKind, ListParams};
use kube::core::ApiResource;
use serde_json::json;
use v9s::backup::archive::{Identities, Recipients};
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::backup::set::{self, Protection};
use v9s::known::Known;
use v9s::lifecycle::Decision;
use v9s::lifecycle::restore::{self, Request, RestoreError, Restored};
use v9s::operation::{Operation, OperationState};
use v9s::target::find;
use v9s_testkit::node::images::BUSYBOX;
use v9s_testkit::objects;
use v9s_testkit::pods::Room;

use crate::made::{Made, host};

pub const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

/// A tenant that has something to lose, and a backup of it.
pub struct Precious<'a> {
    pub made: &'a Made,
    pub room: Room,
    pub folder: tempfile::TempDir,
    pub scratch: tempfile::TempDir,
    pub archive: String,
    pub inside: BTreeMap<String, String>,
    pub outside: BTreeMap<String, String>,
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
        precious.inside = precious.all_inside().await?;
        precious.outside = seen_outside(made).await?;
        Ok(precious)
    }

    /// What the tenant sees, as soon as that is all that was made.
    async fn all_inside(&self) -> Result<BTreeMap<String, String>> {
        const MADE: [(&str, usize); 4] = [("configmap ", 1), ("deployment ", 1), ("pod ", 3), ("widget ", 1)];
        let mut seen = BTreeMap::new();
        for _ in 0..60 {
            seen = seen_inside(&self.room).await?;
            let is_whole = |(kind, count): &(&str, usize)| {
                seen.keys().filter(|name| name.starts_with(kind)).count() == *count
            };
            if MADE.iter().all(is_whole) {
                return Ok(seen);
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        bail!("it never sees all that was made: {:?}", seen.keys())
    }

    /// Begins to restore it.
    pub async fn start(&self) -> Result<Operation<Restored, RestoreError>, RestoreError> {
        self.start_in(self.made).await
    }

    /// Begins to restore it into a virtual cluster, which may be another.
    pub async fn start_in(&self, into: &Made) -> Result<Operation<Restored, RestoreError>, RestoreError> {
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
pub async fn seen_inside(room: &Room) -> Result<BTreeMap<String, String>> {
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
pub async fn seen_outside(made: &Made) -> Result<BTreeMap<String, String>> {
    let pods = Api::<Pod>::namespaced(made.outside.clone(), &made.request.namespace);
    let ours = format!("vcluster.loft.sh/managed-by={}", made.request.name);
    let listed = pods.list(&ListParams::default().labels(&ours)).await?;
    let of = |pod: Pod| Some((pod.metadata.name?, pod.metadata.uid?));
    Ok(listed.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).filter_map(of).collect())
}

/// Waits for its end, and tells its steps on standard error.
pub async fn ended<T: Send + 'static>(operation: Operation<T, RestoreError>) -> Result<T, RestoreError> {
    let follow = operation.follow();
    let done = operation.result().await;
    for step in &follow.borrow().steps {
        eprintln!("  {}: {:?}", step.title, step.state);
    }
    done
}

/// Notes the names of all pods that are ever in a namespace.
pub async fn pods_of(client: kube::Client, namespace: &'static str, seen: Arc<Mutex<BTreeSet<String>>>) {
    let pods = Api::<Pod>::namespaced(client, namespace);
    loop {
        if let (Ok(found), Ok(mut seen)) = (pods.list(&ListParams::default()).await, seen.lock()) {
            seen.extend(found.into_iter().filter_map(|pod| pod.metadata.name));
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// Kills the program that has the volume as soon as it runs, once.
pub async fn keeper_is_killed(made: &Made) -> Result<()> {
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
