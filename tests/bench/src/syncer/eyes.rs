//! When pods were seen on a server, and in which phase.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Deserialize;
use smol_str::SmolStr;
use tokio::sync::watch as latest;
use tokio::task::JoinHandle;
use v9s::cluster::watch::{Controls, Event, Fold, Identified, Identity, Key, Outlet, Signal, Target, watch};
use v9s::cluster::{Cluster, Resource};

use super::world::NAME;

/// What was seen of one pod.
#[derive(Debug, Clone)]
pub struct Sight {
    /// When it was seen first.
    pub first: Instant,
    /// When it was seen running first.
    pub running: Option<Instant>,
    /// It is being deleted.
    pub deleting: bool,
}

#[derive(Default)]
struct Seen {
    pods: HashMap<SmolStr, Sight>,
    /// When those that are gone had been seen first, and running.
    gone: usize,
    news: Vec<SmolStr>,
}

/// Watches the pods of the benchmark's namespace on one server.
pub struct Eyes {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Drop for Eyes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Eyes {
    /// Opens them.
    pub fn open(cluster: &Cluster) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let controls = Controls {
            cluster: latest::Sender::new(cluster.clone()).subscribe(),
            nudge: latest::Sender::new(0).subscribe(),
        };
        let target = Target::new(Resource::PODS).in_namespace(Some(NAME.into()));
        let task = tokio::spawn(watch(target, controls, Phases, Way(Arc::clone(&seen))));
        Self { seen, task }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many pods there are now.
    pub fn count(&self) -> usize {
        self.lock().pods.len()
    }

    /// How many of them run.
    pub fn running(&self) -> usize {
        self.lock().pods.values().filter(|sight| sight.running.is_some()).count()
    }

    /// What was seen of each.
    pub fn all(&self) -> HashMap<SmolStr, Sight> {
        self.lock().pods.clone()
    }

    /// Pods that have changed since the last call.
    pub fn news(&self) -> Vec<(SmolStr, Sight)> {
        let mut seen = self.lock();
        let names = std::mem::take(&mut seen.news);
        names.into_iter().filter_map(|name| Some((name.clone(), seen.pods.get(&name)?.clone()))).collect()
    }

    /// Waits until something holds.
    pub async fn until(&self, what: &str, patience: Duration, holds: impl Fn(&Self) -> bool) -> Result<()> {
        let began = Instant::now();
        while !holds(self) {
            ensure!(
                began.elapsed() < patience,
                "{what}: never; {} pods, {} running",
                self.count(),
                self.running()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Pod {
    metadata: Meta,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    namespace: SmolStr,
    name: SmolStr,
    uid: SmolStr,
    resource_version: SmolStr,
    deletion_timestamp: Option<SmolStr>,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    phase: SmolStr,
}

impl Identified for Pod {
    fn identity(&self) -> Identity<'_> {
        let Meta { namespace, name, uid, resource_version, .. } = &self.metadata;
        Identity { namespace, name, uid, resource_version }
    }
}

struct Phases;

impl Fold for Phases {
    type Object<'a> = Pod;
    type Row = (bool, bool);

    fn fold(&mut self, _: &Key, pod: Pod) -> Option<(bool, bool)> {
        Some((pod.status.phase == "Running", pod.metadata.deletion_timestamp.is_some()))
    }
}

struct Way(Arc<Mutex<Seen>>);

impl Outlet<(bool, bool)> for Way {
    async fn send(&mut self, signal: Signal<(bool, bool)>) -> bool {
        let Signal::Events(events) = signal else { return true };
        let now = Instant::now();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            match event {
                Event::Upsert(key, (running, deleting)) => {
                    let fresh = Sight { first: now, running: None, deleting };
                    let sight = seen.pods.entry(key.name.clone()).or_insert(fresh);
                    sight.deleting = deleting;
                    if running && sight.running.is_none() {
                        sight.running = Some(now);
                    }
                    seen.news.push(key.name);
                }
                Event::Gone(key, _) => {
                    seen.pods.remove(&key.name);
                    seen.gone += 1;
                }
                Event::Synced => {}
            }
        }
        true
    }
}
