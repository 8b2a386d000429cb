//! `--chaos`: hosts that stall, refuse and cut, now one and now another.

use std::sync::Arc;
use std::time::Duration;

use v9s::wire::{self, App, label};
use v9s_sandbox::faults::{Effect, Faults, Matcher, RuleId};
use v9s_sandbox::node::{Exit, Hand};
use v9s_sandbox::status::Status;
use v9s_sandbox::store::{Gr, Object, Store};

use super::seed::Seed;

const NODES: Gr = Gr::core("nodes");
const PODS: Gr = Gr::core("pods");
/// Ticks between two troubles, at least.
const REST: u64 = 12;
/// How long an answer takes while the API server is slow.
const SLOW: Duration = Duration::from_millis(1800);

/// What is wrong with a host for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Running watches end.
    Cut,
    /// Everything takes its time.
    Slow,
    /// Reads are refused with 429.
    Throttled,
    /// Reads fail with 500.
    Failing,
    /// Connections are closed without an answer, and running watches end: the host is gone.
    Gone,
    /// Watches fall silent without ending.
    Silent,
    /// A node is not heard of any more.
    NodeDown,
    /// Containers of control planes are killed for their memory.
    Killed,
}

const TROUBLES: [Trouble; 8] = [
    Trouble::Cut,
    Trouble::Slow,
    Trouble::Throttled,
    Trouble::Failing,
    Trouble::Gone,
    Trouble::Silent,
    Trouble::NodeDown,
    Trouble::Killed,
];

/// How many containers are killed at once.
const KILLS: u64 = 3;

/// Where trouble is made.
#[derive(Debug, Clone)]
pub(super) struct Switches {
    /// Between clients and the API server.
    pub(super) faults: Faults,
    /// On nodes and in pods, where there are some.
    pub(super) hand: Option<Hand>,
    /// Who could be hit.
    pub(super) store: Store,
}

/// What is taken back when a trouble ends.
#[derive(Debug)]
enum Remedy {
    Rule(RuleId),
    Node(String),
}

/// The troubles of one host.
#[derive(Debug)]
pub(super) struct Chaos {
    seed: Seed,
    switches: Switches,
    tick: u64,
    /// What holds now, and the tick it is taken back at.
    remedy: Option<Remedy>,
    until: u64,
}

impl Chaos {
    /// Troubles through these switches.
    pub(super) fn new(switches: Switches, seed: Seed) -> Self {
        Chaos { seed: seed.child("chaos"), switches, tick: 0, remedy: None, until: REST }
    }

    /// One tick passes: trouble begins, goes on or ends.
    pub(super) fn tick(&mut self) {
        self.tick += 1;
        if self.tick < self.until {
            return;
        }
        if let Some(remedy) = self.remedy.take() {
            self.mend(&remedy);
            self.until = self.tick + REST;
            return;
        }
        let seed = self.seed.nth(self.tick);
        if let Some(trouble) = seed.child("trouble").pick(&TROUBLES) {
            tracing::info!(?trouble, "chaos");
            self.remedy = self.begin(*trouble, seed);
            self.until = self.tick + 6 + seed.child("ticks").below(14);
        }
    }

    fn mend(&self, remedy: &Remedy) {
        match remedy {
            Remedy::Rule(rule) => self.switches.faults.remove(*rule),
            Remedy::Node(node) => {
                if let Some(hand) = &self.switches.hand {
                    hand.cut_off(node, false);
                }
            }
        }
    }

    fn begin(&self, trouble: Trouble, seed: Seed) -> Option<Remedy> {
        let reads = || Matcher::verbs(["get", "list", "watch"]);
        let faults = &self.switches.faults;
        let (matcher, effect) = match trouble {
            Trouble::Cut => {
                faults.cut_watches(Matcher::everything());
                return None;
            }
            Trouble::NodeDown => return self.lose_node(seed),
            Trouble::Killed => {
                self.kill(seed);
                return None;
            }
            Trouble::Slow => (Matcher::everything(), Effect::Delay(SLOW)),
            Trouble::Throttled => {
                let status = Status::too_many_requests("too many requests, please try again later", 2);
                (reads(), Effect::Answer(status))
            }
            Trouble::Failing => (reads(), Effect::Answer(Status::internal("etcdserver: request timed out"))),
            Trouble::Gone => (Matcher::everything(), Effect::Drop),
            Trouble::Silent => (Matcher::verbs(["watch"]), Effect::Freeze),
        };
        if matches!(trouble, Trouble::Throttled | Trouble::Failing | Trouble::Gone) {
            faults.cut_watches(Matcher::everything());
        }
        Some(Remedy::Rule(faults.add(matcher, effect)))
    }

    fn lose_node(&self, seed: Seed) -> Option<Remedy> {
        let hand = self.switches.hand.as_ref()?;
        let nodes = self.switches.store.all(&NODES, None);
        let node = seed.child("node").pick(&nodes)?.name().to_owned();
        hand.cut_off(&node, true);
        Some(Remedy::Node(node))
    }

    fn kill(&self, seed: Seed) {
        let Some(hand) = &self.switches.hand else { return };
        let pods = self.switches.store.all(&PODS, None);
        let control_plane = |pod: &Arc<Object>| pod.label(label::APP) == Some(App::ControlPlane.value());
        let pods: Vec<_> = pods.into_iter().filter(control_plane).collect();
        for n in 0..KILLS {
            if let Some(pod) = seed.nth(n).pick(&pods) {
                hand.exit(pod.namespace(), pod.name(), wire::SYNCER_CONTAINER, Exit::out_of_memory());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use v9s_sandbox::kinds::Kinds;
    use v9s_sandbox::store::StoreOptions;

    use super::*;

    #[test]
    fn trouble_comes_and_goes_and_is_always_taken_back() {
        let store = Store::new(Kinds::builtin().clone(), &StoreOptions::default());
        let switches = Switches { faults: Faults::default(), hand: None, store };
        let mut chaos = Chaos::new(switches, Seed::new(1));
        let (mut began, mut ended, mut holding) = (0, 0, 0);
        for _ in 0..2_000 {
            let before = usize::from(chaos.remedy.is_some());
            chaos.tick();
            let after = usize::from(chaos.remedy.is_some());
            began += usize::from(after > before);
            ended += usize::from(after < before);
            holding += after;
        }
        assert!(began > 30 && began - ended <= 1, "{began} began, {ended} ended");
        assert!(holding < 1_400, "a host is well most of the time, or a person learns nothing: {holding}");
    }

    #[test]
    fn every_trouble_is_met() {
        let seed = Seed::new(1);
        for trouble in TROUBLES {
            assert!((0..500).any(|n| seed.nth(n).child("trouble").pick(&TROUBLES) == Some(&trouble)));
        }
    }
}
