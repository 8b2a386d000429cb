//! The loop that turns the controllers.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::{io, thread};

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::SmolStr;
use tokio::sync::{Notify, watch};

use super::admission::{Plugins, Ranges};
use super::cronjobs::CronJobs;
use super::daemonsets::DaemonSets;
use super::deployments::Deployments;
use super::disruption::Disruption;
use super::followed::{Followed, Noted};
use super::garbage::Garbage;
use super::jobs::Jobs;
use super::namespaces::Namespaces;
use super::options::Options;
use super::owners::Owners;
use super::quotas::Quotas;
use super::record::{Expiry, Recorder};
use super::replicasets::ReplicaSets;
use super::services::Services;
use super::signing::Signing;
use super::statefulsets::StatefulSets;
use super::volumes::{Ephemeral, Protection, Users, VolumeController, Volumes};
use super::{Controller, Seen, World};
use crate::node::kubelet::Kubelet;
use crate::node::lifecycle::Nodes;
use crate::node::programs::Programs;
use crate::node::scheduler::Scheduler;
use crate::node::{Door, Floor, Hand, Runtime, Works};
use crate::sandbox::Sandbox;
use crate::store::{Gr, Store};

/// What the loop and its handle share.
#[derive(Debug)]
struct Shared {
    frozen: Mutex<BTreeSet<SmolStr>>,
    wake: Arc<Notify>,
    stop: AtomicBool,
    /// How often somebody has asked whether everything is settled.
    asked: AtomicU64,
    /// The revision up to which everything has been worked off that was due, and the question that this answers.
    settled: watch::Sender<(u64, u64)>,
}

/// The running controllers. Dropping it stops them.
#[derive(Debug)]
pub struct Controllers {
    store: Store,
    hand: Hand,
    floor: Floor,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Controllers {
    /// Starts them on a thread of their own.
    ///
    /// # Errors
    /// When the machine gives no thread.
    pub fn start(store: Store, options: &Options) -> io::Result<Controllers> {
        let plugins = Plugins::install(&store, true, Ranges::new(options.ipv6_services));
        Self::start_behind(store, options, plugins, None)
    }

    /// Starts them behind a door through which programs in pods reach the API server.
    pub(crate) fn start_behind(
        store: Store,
        options: &Options,
        plugins: Plugins,
        door: Option<Door>,
    ) -> io::Result<Controllers> {
        let shared = Arc::new(Shared {
            frozen: Mutex::new(options.frozen.iter().cloned().collect()),
            wake: Arc::default(),
            stop: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            settled: watch::Sender::new((0, 0)),
        });
        let mut engine = Engine::new(store.clone(), options, Arc::clone(&shared), plugins, door);
        let (hand, floor) = (engine.hand.clone(), engine.floor.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = thread::Builder::new()
            .name("controllers".to_owned())
            .spawn(move || runtime.block_on(engine.run()))?;
        Ok(Controllers { store, hand, floor, shared, thread: Some(thread) })
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

    /// The inside of the pods, for the API server.
    pub(crate) fn runtime(&self) -> Runtime {
        Runtime::new(self.store.clone(), self.floor.clone())
    }

    /// The API server that runs in a pod ([`crate::node::ControlPlane`]); none while it does not answer.
    pub fn nested(&self, namespace: &str, pod: &str) -> Option<Arc<Sandbox>> {
        self.floor.works().nested(namespace, pod)
    }

    /// Looks at the clock again, after it was set by hand.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Waits until everything has been worked off that follows from the writes and wishes so far and is due by now.
    pub async fn settled(&self) {
        let target = self.store.revision();
        let question = self.shared.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.wake();
        // The sender lives as long as this handle.
        let _ = self
            .shared
            .settled
            .subscribe()
            .wait_for(|(revision, answered)| *revision >= target && *answered >= question)
            .await;
    }
}

impl Controllers {
    /// Stops them without waiting for it.
    pub(crate) fn halt(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.floor.works().close();
        self.shared.wake.notify_one();
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.halt();
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported on its own.
            let _ = thread.join();
        }
    }
}

/// The controllers and their cursors, turned by hand in tests.
pub(crate) struct Engine {
    pub(crate) world: World,
    controllers: Vec<Box<dyn Controller>>,
    followed: HashMap<Gr, Followed>,
    /// The revision up to which everything has been taken.
    taken: Option<u64>,
    hand: Hand,
    floor: Floor,
    shared: Arc<Shared>,
}

impl Engine {
    fn new(
        store: Store,
        options: &Options,
        shared: Arc<Shared>,
        plugins: Plugins,
        door: Option<Door>,
    ) -> Self {
        let kept = TimeDelta::from_std(options.events_kept).unwrap_or(TimeDelta::MAX);
        let hand = Hand::new(Arc::clone(&shared.wake));
        let signer = door.as_ref().and_then(|door| door.signer.clone());
        let works = Works::new(store.clone(), hand.clone(), door);
        let floor = Floor::new(options.images.clone(), works.clone());
        let mut controllers: Vec<Box<dyn Controller>> = vec![
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
            Box::new(Ephemeral::default()),
            Box::new(VolumeController::new(options.provisioners.clone())),
            Box::new(Protection::default()),
            Box::new(Nodes::new(options.machines.clone(), options.heartbeat)),
            Box::new(Scheduler::default()),
            Box::new(Kubelet::new(
                floor.clone(),
                options.pace.clamp(0.0, 1000.0),
                hand.clone(),
                options.ipv6_services.is_some(),
            )),
            Box::new(Programs::new(options.images.clone(), works)),
            Box::new(Expiry::new(kept)),
        ];
        controllers.extend(signer.map(|signer| Box::new(Signing::new(signer)) as Box<dyn Controller>));
        let recorder = Recorder::new(store.clone(), options.events);
        let world = World {
            store,
            owners: Owners::default(),
            volumes: Volumes::default(),
            users: Users::default(),
            recorder,
        };
        Engine { world, controllers, followed: HashMap::new(), taken: None, hand, floor, shared }
    }

    /// An engine without a thread.
    #[cfg(test)]
    pub(crate) fn by_hand(store: Store, options: &Options) -> Self {
        let shared = Shared {
            frozen: Mutex::default(),
            wake: Arc::default(),
            stop: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            settled: watch::Sender::new((0, 0)),
        };
        let plugins = Plugins::install(&store, true, Ranges::new(options.ipv6_services));
        Self::new(store, options, Arc::new(shared), plugins, None)
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
        let question = self.shared.asked.load(Ordering::Acquire);
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
            self.shared.settled.send_replace((revision, question));
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
        let revision = self.world.store.revision();
        if self.taken == Some(revision) {
            return noted;
        }
        let kinds = self.world.store.kinds();
        let served: BTreeSet<Gr> = kinds.iter().map(|kind| kind.stored_as()).collect();
        for gr in served {
            let followed = self.followed.entry(gr.clone()).or_default();
            followed.take(&self.world.store, &gr, &mut noted);
        }
        // A batch may have left some.
        self.taken = noted.is_empty().then_some(revision);
        noted
    }
}

#[cfg(test)]
mod tests;
