//! The demo's host clusters: embedded hosts with an estate on each, and the life there.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use kube::config::Kubeconfig;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;
use v9s_sandbox::clock::{Chance, Clock};
use v9s_sandbox::controllers::{self, Controllers};
use v9s_sandbox::node::Machines;
use v9s_sandbox::store::{Gr, Seed as Seedling};
use v9s_sandbox::{Options, Sandbox};

use super::chaos::{Chaos, Switches};
use super::company::{Estate, estates};
use super::fleet::fleet_of;
use super::hand::Hand;
use super::images::images;
use super::life::Life;
use super::objects::Setting;
use super::seed::Seed;

/// How often something happens on a host.
const TICK: Duration = Duration::from_secs(1);
/// How often nodes say that they are alive.
const HEARTBEAT: Duration = Duration::from_secs(40);
/// What the demo starts from unless somebody asks for another.
const SEED: u64 = 9;

/// What is to stand on which host, and how it is to live there.
#[derive(Debug, Clone)]
pub struct Plan {
    /// One estate for each host.
    pub estates: Vec<Estate>,
    /// Port of the first host; any free one for none, and for the others.
    pub port: Option<u16>,
    /// What time it is.
    pub clock: Clock,
    /// Whether things happen there.
    pub living: bool,
    /// Whether the hosts stall, refuse and cut now and then.
    pub chaos: bool,
    /// Source of chance for life and chaos.
    pub seed: Seed,
}

impl Plan {
    /// The company with its two hosts.
    pub fn company(clock: Clock) -> Self {
        let seed = Seed::new(SEED);
        Plan { estates: estates(seed, clock.now()), port: None, clock, living: true, chaos: false, seed }
    }

    /// So many virtual clusters with so many synced pods together, on two hosts.
    pub fn of_size(vclusters: usize, pods: usize, clock: Clock) -> Self {
        let seed = Seed::new(SEED);
        let mut eu = fleet_of(vclusters, pods, seed, clock.now());
        let us = eu.split_off(eu.len() - eu.len() / 3);
        let estate =
            |context: &str, tenants| Estate { context: context.to_owned(), tenants, ruins: Vec::new() };
        let estates = vec![estate("eu-west-1", eu), estate("us-east-1", us)];
        Plan { estates, port: None, clock, living: true, chaos: false, seed }
    }

    /// An empty host named `sandbox`.
    pub fn empty(clock: Clock) -> Self {
        let estate = Estate { context: "sandbox".to_owned(), ..Estate::default() };
        Plan { estates: vec![estate], port: None, clock, living: false, chaos: false, seed: Seed::new(SEED) }
    }
}

/// Running hosts. Dropping them stops everything.
#[derive(Debug)]
pub struct Hosts {
    sandboxes: Vec<Sandbox>,
    /// What happens on and to them.
    _tasks: Vec<AbortOnDropHandle<()>>,
    /// Whether all pods are there, by host.
    settled: Vec<watch::Receiver<bool>>,
}

impl Hosts {
    /// Starts the hosts and settles their estates: the control planes before this returns, the pods shortly after.
    ///
    /// # Errors
    /// When a host cannot listen.
    pub async fn start(plan: Plan) -> anyhow::Result<Hosts> {
        let starts = plan.estates.iter().enumerate().map(|(n, estate)| {
            let options = Options {
                context: estate.context.clone(),
                port: plan.port.filter(|_| n == 0),
                clock: plan.clock.clone(),
                chance: Chance::seeded(SEED + n as u64),
                controllers: Some(controllers(estate)),
                ..Options::default()
            };
            Sandbox::start(options)
        });
        let sandboxes = try_join_all(starts).await.context("cannot start the embedded host")?;
        sandboxes.iter().for_each(furnish);
        let settlers = sandboxes.iter().zip(plan.estates).map(|(sandbox, estate)| Settler {
            hand: Hand::new(sandbox.store().clone()),
            setting: setting(&estate, plan.clock.now()),
            estate: Arc::new(estate),
        });
        let settlers: Vec<Settler> = settlers.collect();
        let held: Vec<Held<'_>> = sandboxes.iter().filter_map(Sandbox::controllers).map(Held::new).collect();
        try_join_all(settlers.iter().map(|settler| settler.work(Hand::settle_control_planes))).await?;
        drop(held);
        let life = plan.living.then_some((plan.seed, plan.clock));
        let mut tasks = Vec::new();
        if plan.chaos {
            for (sandbox, settler) in sandboxes.iter().zip(&settlers) {
                let seed = plan.seed.child(&settler.estate.context);
                let switches = Switches {
                    faults: sandbox.faults().clone(),
                    hand: sandbox.controllers().map(|controllers| controllers.hand().clone()),
                    store: sandbox.store().clone(),
                };
                let chaos = trouble(Chaos::new(switches, seed));
                tasks.push(AbortOnDropHandle::new(tokio::spawn(chaos)));
            }
        }
        let mut settled = Vec::new();
        let lives = settlers.into_iter().map(|settler| {
            let (tell, told) = watch::channel(false);
            settled.push(told);
            AbortOnDropHandle::new(tokio::spawn(settler.settle_and_live(tell, life.clone())))
        });
        tasks.extend(lives);
        Ok(Hosts { sandboxes, _tasks: tasks, settled })
    }

    /// Waits until every pod is there and the controllers have nothing left to do about it.
    ///
    /// # Errors
    /// When a host could not be filled.
    pub async fn settled(&self) -> anyhow::Result<()> {
        for told in &self.settled {
            let mut told = told.clone();
            told.wait_for(|settled| *settled).await.context("the fleet of the demo is not complete")?;
        }
        for controllers in self.sandboxes.iter().filter_map(Sandbox::controllers) {
            controllers.settled().await;
        }
        Ok(())
    }

    /// The hosts themselves, in the order of their estates.
    pub fn sandboxes(&self) -> &[Sandbox] {
        &self.sandboxes
    }

    /// One kubeconfig (YAML) with a context for each host; the first is the current one.
    ///
    /// # Errors
    /// When the hosts' own kubeconfigs do not fit together.
    pub fn kubeconfig(&self) -> anyhow::Result<String> {
        let mut merged = Kubeconfig::default();
        for sandbox in &self.sandboxes {
            merged = merged.merge(Kubeconfig::from_yaml(&sandbox.kubeconfig())?)?;
        }
        serde_saphyr::to_string(&merged).context("cannot write a kubeconfig")
    }
}

/// Puts one estate on its host.
struct Settler {
    hand: Hand,
    estate: Arc<Estate>,
    setting: Setting,
}

impl Settler {
    /// Works off the runtime: a large estate takes seconds.
    async fn work(&self, what: fn(&Hand, &Estate, &Setting) -> usize) -> anyhow::Result<usize> {
        let (hand, estate, setting) = (self.hand.clone(), Arc::clone(&self.estate), self.setting.clone());
        let settled = tokio::task::spawn_blocking(move || what(&hand, &estate, &setting)).await;
        settled.context("the fleet of the demo could not be put on its host")
    }

    async fn settle_and_live(self, settled: watch::Sender<bool>, life: Option<(Seed, Clock)>) {
        if let Err(error) = self.work(Hand::settle_pods).await {
            tracing::error!(%error, "settling stopped");
            return;
        }
        settled.send_replace(true);
        if let Some((seed, clock)) = life {
            live(Life::new(&self.estate, self.setting, seed), &self.hand, &clock).await;
        }
    }
}

/// Controllers that must not see an estate by halves: they would make the pods that come a moment later, or take
/// away those whose owner does.
const HALVES: [&str; 4] = ["deployments", "garbage", "replicasets", "statefulsets"];

/// Keeps these controllers from acting until it is dropped.
struct Held<'a>(&'a Controllers);

impl<'a> Held<'a> {
    fn new(controllers: &'a Controllers) -> Self {
        HALVES.iter().for_each(|name| controllers.freeze(name));
        Held(controllers)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        HALVES.iter().for_each(|name| self.0.thaw(name));
    }
}

/// What whoever runs a host cluster puts there first: a class of volumes for claims that name none.
fn furnish(sandbox: &Sandbox) {
    let class = json!({
        "metadata": {
            "name": "standard",
            "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        "provisioner": "disks.acme.example",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": true,
    });
    let resource = Gr::new("storage.k8s.io", "storageclasses");
    sandbox.store().seed([Seedling { resource, object: class }]);
}

/// The nodes that an estate needs, with room to spare.
fn machines(estate: &Estate) -> Machines {
    let pods: usize = estate.tenants.iter().map(|tenant| tenant.pods().count() + 4).sum();
    Machines { count: 4 + pods / 150, cpu: 64, memory: 256, ..Machines::default() }
}

fn controllers(estate: &Estate) -> controllers::Options {
    controllers::Options {
        machines: machines(estate),
        images: images(estate),
        pace: 1.0,
        heartbeat: Some(HEARTBEAT),
        ..controllers::Options::default()
    }
}

fn setting(estate: &Estate, now: DateTime<Utc>) -> Setting {
    let machines = machines(estate);
    Setting { now, nodes: (1..=machines.count).map(|n| machines.name(n)).collect(), managed_fields: false }
}

/// Lets things happen for ever.
async fn live(mut life: Life, hand: &Hand, clock: &Clock) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        for deed in life.tick(clock.now()) {
            // A full quota refuses, as it should; a person may have deleted what life counts on.
            if let Err(refused) = hand.carry_out(deed) {
                tracing::debug!(%refused, "the demo host refused");
            }
        }
    }
}

/// Lets things go wrong for ever.
async fn trouble(mut chaos: Chaos) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        chaos.tick();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use v9s_sandbox::kinds::quantity::Quantity;
    use v9s_sandbox::store::Store;

    use super::*;
    use crate::demo::address::Address;
    use crate::demo::objects::Maker;

    /// A clock that stands still.
    fn still() -> Clock {
        Clock::from_fn(|| DateTime::from_timestamp(1_794_000_000, 0).unwrap_or_default())
    }

    fn names(store: &Store, gr: &Gr) -> BTreeSet<String> {
        store.all(gr, None).iter().map(|object| format!("{}/{}", object.namespace(), object.name())).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn controllers_find_a_settled_host_in_order() {
        let plan = Plan { living: false, ..Plan::company(still()) };
        let estates = plan.estates.clone();
        let hosts = Hosts::start(plan).await.unwrap();
        hosts.settled().await.unwrap();
        for (sandbox, estate) in hosts.sandboxes().iter().zip(&estates) {
            let setting = setting(estate, still().now());
            let all = estate.tenants.iter().chain(&estate.ruins);
            let planned = all.flat_map(|tenant| {
                let maker = Maker::new(tenant, &setting);
                let pods: Vec<_> = maker.pods(&maker.planned_owner()).collect();
                let controlled = if tenant.apps.is_empty() { Vec::new() } else { maker.controlled() };
                pods.into_iter().chain(controlled).filter(|object| object["kind"] == "Pod")
            });
            let planned: BTreeSet<String> = planned
                .map(|pod| Address::of(&pod))
                .map(|address| format!("{}/{}", address.namespace, address.name))
                .collect();
            let pods = names(sandbox.store(), &Gr::core("pods"));
            assert_eq!(pods, planned, "on {}", estate.context);
            let sets = names(sandbox.store(), &Gr::new("apps", "replicasets"));
            let deployments = names(sandbox.store(), &Gr::new("apps", "deployments"));
            assert_eq!(sets.len(), deployments.len(), "every Deployment knows its ReplicaSet: {sets:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_claim_has_a_volume() {
        let plan = Plan { living: false, ..Plan::company(still()) };
        let hosts = Hosts::start(plan).await.unwrap();
        hosts.settled().await.unwrap();
        for sandbox in hosts.sandboxes() {
            sandbox.controllers().unwrap().settled().await;
            let claims = sandbox.store().all(&Gr::core("persistentvolumeclaims"), None);
            assert!(!claims.is_empty());
            for claim in claims.iter().map(|claim| claim.value()) {
                assert_eq!(claim["status"]["phase"], "Bound", "{claim}");
                let volume = claim["spec"]["volumeName"].as_str().unwrap();
                assert!(sandbox.store().get(&Gr::core("persistentvolumes"), None, volume).is_ok());
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn quota_use_is_what_the_controller_counts() {
        let plan = Plan { living: false, ..Plan::company(still()) };
        let estates = plan.estates.clone();
        let hosts = Hosts::start(plan).await.unwrap();
        hosts.settled().await.unwrap();
        for (sandbox, estate) in hosts.sandboxes().iter().zip(&estates) {
            let setting = setting(estate, still().now());
            for tenant in &estate.tenants {
                let Some(planned) = Maker::new(tenant, &setting).quota() else { continue };
                let name = planned["metadata"]["name"].as_str().unwrap();
                let gr = Gr::core("resourcequotas");
                let counted = sandbox.store().get(&gr, Some(&tenant.namespace), name).unwrap().value();
                for key in [
                    "requests.cpu",
                    "requests.memory",
                    "requests.storage",
                    "limits.cpu",
                    "limits.memory",
                    "limits.ephemeral-storage",
                    "count/pods",
                    "count/persistentvolumeclaims",
                ] {
                    let amount = |quota: &serde_json::Value| {
                        Quantity::from_json(&quota["status"]["used"][key]).unwrap().as_millis()
                    };
                    assert_eq!(amount(&counted), amount(&planned), "{key} of {}", tenant.name);
                }
            }
        }
    }
}
