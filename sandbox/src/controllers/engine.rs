//! The loop that turns the controllers.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::SmolStr;
use tokio::sync::{Notify, watch};

use super::admission::Plugins;
use super::cronjobs::CronJobs;
use super::daemonsets::DaemonSets;
use super::deployments::Deployments;
use super::disruption::Disruption;
use super::garbage::Garbage;
use super::jobs::Jobs;
use super::namespaces::Namespaces;
use super::owners::Owners;
use super::quotas::Quotas;
use super::record::{Expiry, Recorder};
use super::replicasets::ReplicaSets;
use super::services::Services;
use super::statefulsets::StatefulSets;
use super::volumes::{Protection, Users, VolumeController, Volumes};
use super::{Controller, Key, Seen, World};
use crate::node::kubelet::Kubelet;
use crate::node::lifecycle::Nodes;
use crate::node::scheduler::Scheduler;
use crate::node::{Hand, Images, Machines};
use crate::store::{Change, Gr, Object, Store};

/// How the controllers are set up. The default is what tests want.
#[derive(Debug, Clone)]
pub struct Options {
    /// PEM of the certificate authority that `kube-root-ca.crt` hands to pods.
    pub ca: String,
    /// Whether events are written.
    pub events: bool,
    /// How long after their last time events are kept.
    pub events_kept: Duration,
    /// The nodes that are made.
    pub machines: Machines,
    /// What images do when they run.
    pub images: Images,
    /// The provisioners that this host plays, as patterns in which `*` stands for any text: claims of their classes get
    /// volumes. Claims of other classes wait.
    pub provisioners: Vec<String>,
    /// Factor on the time that pulling, starting and stopping take: 1 is real time, 0 at once. What images do by
    /// themselves, and how long kubelets wait between restarts, follows the clock alone.
    pub pace: f64,
    /// How often nodes renew their leases; None: never.
    pub heartbeat: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            ca: String::new(),
            events: true,
            events_kept: Duration::from_secs(3600),
            machines: Machines::default(),
            images: Images::default(),
            provisioners: vec!["*".to_owned()],
            pace: 0.0,
            heartbeat: None,
        }
    }
}

/// What the loop and its handle share.
#[derive(Debug)]
struct Shared {
    frozen: Mutex<BTreeSet<SmolStr>>,
    wake: Arc<Notify>,
    stop: AtomicBool,
    /// The revision up to which everything has been worked off that was due.
    settled: watch::Sender<u64>,
}

/// The running controllers. Dropping it stops them.
#[derive(Debug)]
pub struct Controllers {
    store: Store,
    hand: Hand,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Controllers {
    /// Starts them on a thread of their own.
    ///
    /// # Errors
    /// When the machine gives no thread.
    pub fn start(store: Store, options: &Options) -> io::Result<Controllers> {
        let shared = Arc::new(Shared {
            frozen: Mutex::default(),
            wake: Arc::default(),
            stop: AtomicBool::new(false),
            settled: watch::Sender::new(0),
        });
        let mut engine = Engine::new(store.clone(), options, Arc::clone(&shared));
        let hand = engine.hand.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = thread::Builder::new()
            .name("controllers".to_owned())
            .spawn(move || runtime.block_on(engine.run()))?;
        Ok(Controllers { store, hand, shared, thread: Some(thread) })
    }

    /// Stops a controller from acting: `namespaces`, `garbage`, `deployments`, `kubelet`, …
    pub fn freeze(&self, name: &str) {
        self.shared.frozen.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into());
    }

    /// Lets a frozen controller act again.
    pub fn thaw(&self, name: &str) {
        self.shared.frozen.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.wake();
    }

    /// What can be done to pods and nodes.
    pub fn hand(&self) -> &Hand {
        &self.hand
    }

    /// Looks at the clock again, after it was set by hand.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Waits until everything has been worked off that follows from the writes so far and is due by now.
    pub async fn settled(&self) {
        let target = self.store.revision();
        self.wake();
        // The sender lives as long as this handle.
        let _ = self.shared.settled.subscribe().wait_for(|settled| *settled >= target).await;
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported on its own.
            let _ = thread.join();
        }
    }
}

/// What one kind's cursor knows.
#[derive(Debug, Default)]
struct Followed {
    position: u64,
    /// Every object as last seen, for what is missed when the cursor falls off the log.
    known: HashMap<Key, Arc<Object>>,
}

/// An event with what it is about.
struct Noted {
    gr: Gr,
    revision: u64,
    change: Change,
    object: Arc<Object>,
    previous: Option<Arc<Object>>,
}

/// The controllers and their cursors, turned by hand in tests.
pub(crate) struct Engine {
    pub(crate) world: World,
    controllers: Vec<Box<dyn Controller>>,
    followed: HashMap<Gr, Followed>,
    hand: Hand,
    shared: Arc<Shared>,
}

/// Most events taken from one kind at once.
const BATCH: usize = 1024;

impl Engine {
    fn new(store: Store, options: &Options, shared: Arc<Shared>) -> Self {
        let kept = TimeDelta::from_std(options.events_kept).unwrap_or(TimeDelta::MAX);
        let hand = Hand::new(Arc::clone(&shared.wake));
        let plugins = Plugins { addresses: Arc::default(), accounts: true };
        store.add_admission(Arc::new(plugins.clone()));
        let controllers: Vec<Box<dyn Controller>> = vec![
            Box::new(Namespaces::new(options.ca.clone())),
            Box::new(Garbage::default()),
            Box::new(Deployments::default()),
            Box::new(ReplicaSets::default()),
            Box::new(StatefulSets::default()),
            Box::new(DaemonSets::default()),
            Box::new(Jobs::default()),
            Box::new(CronJobs::default()),
            Box::new(Disruption::default()),
            Box::new(Services::new(plugins.addresses)),
            Box::new(Quotas::default()),
            Box::new(VolumeController::new(options.provisioners.clone())),
            Box::new(Protection::default()),
            Box::new(Nodes::new(options.machines.clone(), options.heartbeat)),
            Box::new(Scheduler::default()),
            Box::new(Kubelet::new(options.images.clone(), options.pace.clamp(0.0, 1000.0), hand.clone())),
            Box::new(Expiry::new(kept)),
        ];
        let recorder = Recorder::new(store.clone(), options.events);
        let world = World {
            store,
            owners: Owners::default(),
            volumes: Volumes::default(),
            users: Users::default(),
            recorder,
        };
        Engine { world, controllers, followed: HashMap::new(), hand, shared }
    }

    /// An engine without a thread.
    #[cfg(test)]
    pub(crate) fn by_hand(store: Store, options: &Options) -> Self {
        let shared = Shared {
            frozen: Mutex::default(),
            wake: Arc::default(),
            stop: AtomicBool::new(false),
            settled: watch::Sender::new(0),
        };
        Self::new(store, options, Arc::new(shared))
    }

    #[cfg(test)]
    pub(crate) fn hand(&self) -> &Hand {
        &self.hand
    }

    #[cfg(test)]
    pub(crate) fn freeze(&mut self, name: &str, frozen: bool) {
        let mut names = self.shared.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        if frozen {
            names.insert(name.into())
        } else {
            names.remove(name)
        };
    }

    async fn run(&mut self) {
        let mut writes = self.world.store.pulse_of_all();
        while !self.stopped() {
            writes.mark_unchanged();
            while self.turn() && !self.stopped() {}
            let wait = self.next().map(|due| (due - self.world.now()).to_std().unwrap_or_default());
            let due = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = writes.changed() => {}
                () = self.shared.wake.notified() => {}
                () = due => {}
            }
        }
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    /// Takes events and lets every controller work; answers whether there may be more to do.
    pub(crate) fn turn(&mut self) -> bool {
        let revision = self.world.store.revision();
        // Nobody decides before everybody knows everything, their own last writes above all.
        let mut noted = false;
        while self.observe() {
            noted = true;
        }
        let frozen = self.shared.frozen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut worked = false;
        for controller in self.controllers.iter_mut().filter(|controller| !frozen.contains(controller.name()))
        {
            if controller.next().is_some_and(|due| due <= self.world.now()) {
                worked = true;
                controller.work(&mut self.world);
            }
        }
        if !noted && !worked {
            self.shared.settled.send_replace(revision);
            return false;
        }
        true
    }

    /// Shows a batch of events to everybody; answers whether there was any.
    fn observe(&mut self) -> bool {
        let mut noted = self.take();
        noted.sort_by_key(|event| event.revision);
        for event in &noted {
            let seen = Seen {
                gr: &event.gr,
                change: event.change,
                object: &event.object,
                previous: event.previous.as_ref(),
            };
            self.world.owners.observe(&seen);
            self.world.volumes.observe(&seen);
            self.world.users.observe(&seen);
            for controller in &mut self.controllers {
                controller.observe(&self.world, &seen);
            }
        }
        !noted.is_empty()
    }

    /// When a controller that is not frozen has something to do next.
    fn next(&self) -> Option<DateTime<Utc>> {
        let frozen = self.shared.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        let acting = self.controllers.iter().filter(|controller| !frozen.contains(controller.name()));
        acting.filter_map(|controller| controller.next()).min()
    }

    /// The events of all kinds since the last time.
    fn take(&mut self) -> Vec<Noted> {
        let mut noted = Vec::new();
        let kinds = self.world.store.kinds();
        let served: BTreeSet<Gr> =
            kinds.iter().map(|kind| Gr::new(kind.group.clone(), kind.plural.clone())).collect();
        for gr in served {
            let followed = self.followed.entry(gr.clone()).or_default();
            followed.take(&self.world.store, &gr, &mut noted);
        }
        noted
    }
}

impl Followed {
    fn take(&mut self, store: &Store, gr: &Gr, noted: &mut Vec<Noted>) {
        // Objects from before the log are seen by listing, like those that the log has lost.
        if self.position == 0 {
            return self.list(store, gr, noted);
        }
        let Ok((events, position)) = store.events(gr, self.position, BATCH) else {
            return self.list(store, gr, noted);
        };
        self.position = self.position.max(position);
        for event in events {
            let key = Key::of(&event.object);
            match event.change {
                Change::Deleted => self.known.remove(&key),
                Change::Added | Change::Modified => self.known.insert(key, Arc::clone(&event.object)),
            };
            noted.push(Noted {
                gr: gr.clone(),
                revision: event.revision,
                change: event.change,
                object: event.object,
                previous: event.previous,
            });
        }
    }

    /// Finds out by listing what has changed.
    fn list(&mut self, store: &Store, gr: &Gr, noted: &mut Vec<Noted>) {
        let Ok(page) = store.list(gr, &crate::store::ListQuery::default()) else { return };
        self.position = page.revision;
        let mut gone = std::mem::take(&mut self.known);
        let mut note = |change, object: Arc<Object>, previous| {
            let revision = object.revision();
            noted.push(Noted { gr: gr.clone(), revision, change, object, previous });
        };
        for object in page.items {
            let key = Key::of(&object);
            match gone.remove(&key) {
                Some(previous) if previous.revision() == object.revision() => {}
                Some(previous) if previous.uid() == object.uid() => {
                    note(Change::Modified, Arc::clone(&object), Some(previous));
                }
                previous => {
                    // One of the same name went and came again in between.
                    if let Some(previous) = previous {
                        note(Change::Deleted, previous, None);
                    }
                    note(Change::Added, Arc::clone(&object), None);
                }
            }
            self.known.insert(key, object);
        }
        for (_, object) in gone {
            note(Change::Deleted, object, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::host;
    use serde_json::json;

    #[test]
    fn a_frozen_controller_acts_on_everything_when_thawed() {
        let mut host = host();
        host.engine.freeze("namespaces", true);
        host.create("ns", json!({"metadata": {"name": "blue"}}));
        host.settle();
        assert!(host.find_in("blue", "sa", "default").is_none());
        host.engine.freeze("namespaces", false);
        host.settle();
        assert!(host.find_in("blue", "sa", "default").is_some());
    }

    #[test]
    fn what_the_log_has_lost_is_found_by_listing() {
        let mut host = host();
        host.create("cm", json!({"metadata": {"name": "owner"}}));
        let uid = host.uid("cm", "owner");
        let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]);
        host.create("cm", json!({"metadata": {"name": "owned", "ownerReferences": owner}}));
        host.settle();
        host.delete("cm", "owner");
        host.create("cm", json!({"metadata": {"name": "other"}}));
        host.world().store.compact();
        host.settle();
        assert!(host.find("cm", "owned").is_none(), "the deletion was not missed");
    }

    #[tokio::test]
    async fn the_thread_settles_after_writes() {
        let store =
            Store::new(crate::kinds::Kinds::builtin().clone(), &crate::store::StoreOptions::default());
        let controllers = Controllers::start(store.clone(), &Options::default()).expect("a thread");
        controllers.settled().await;
        assert!(store.find(&super::super::SERVICE_ACCOUNTS, Some("kube-system"), "default").is_some());
    }
}
