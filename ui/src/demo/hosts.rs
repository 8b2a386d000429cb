//! The demo's host clusters: embedded hosts with an estate on each, and the life there.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use kube::config::Kubeconfig;
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;
use v9s_sandbox::clock::{Chance, Clock};
use v9s_sandbox::{Options, Sandbox};

use super::chaos::Chaos;
use super::company::{Estate, estates};
use super::fleet::fleet_of;
use super::hand::Hand;
use super::life::Life;
use super::objects::Setting;
use super::seed::Seed;

/// How often something happens on a host.
const TICK: Duration = Duration::from_secs(1);
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
                ..Options::default()
            };
            Sandbox::start(options)
        });
        let sandboxes = try_join_all(starts).await.context("cannot start the embedded host")?;
        let settlers = sandboxes.iter().zip(plan.estates).map(|(sandbox, estate)| Settler {
            hand: Hand::new(sandbox.store().clone()),
            estate: Arc::new(estate),
            setting: setting(plan.clock.now()),
        });
        let settlers: Vec<Settler> = settlers.collect();
        try_join_all(settlers.iter().map(|settler| settler.work(Hand::settle_control_planes))).await?;
        let life = plan.living.then_some((plan.seed, plan.clock));
        let mut tasks = Vec::new();
        if plan.chaos {
            for (sandbox, settler) in sandboxes.iter().zip(&settlers) {
                let seed = plan.seed.child(&settler.estate.context);
                let chaos = trouble(Chaos::new(sandbox.faults().clone(), seed));
                tasks.push(AbortOnDropHandle::new(tokio::spawn(chaos)));
            }
        }
        let lives = settlers.into_iter().map(|settler| {
            let life = life.clone();
            AbortOnDropHandle::new(tokio::spawn(settler.settle_and_live(life)))
        });
        tasks.extend(lives);
        Ok(Hosts { sandboxes, _tasks: tasks })
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

    async fn settle_and_live(self, life: Option<(Seed, Clock)>) {
        if let Err(error) = self.work(Hand::settle_pods).await {
            tracing::error!(%error, "settling stopped");
            return;
        }
        if let Some((seed, clock)) = life {
            live(Life::new(&self.estate, self.setting, seed), &self.hand, &clock).await;
        }
    }
}

fn setting(now: DateTime<Utc>) -> Setting {
    let nodes = (1..=4).map(|n| format!("node-{n}")).collect();
    Setting { now, nodes, managed_fields: false }
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
