//! `--chaos`: hosts that stall, refuse and cut, now one and now another.

use std::time::Duration;

use v9s_sandbox::faults::{Effect, Faults, Matcher, RuleId};
use v9s_sandbox::status::Status;

use super::seed::Seed;

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
}

const TROUBLES: [Trouble; 6] =
    [Trouble::Cut, Trouble::Slow, Trouble::Throttled, Trouble::Failing, Trouble::Gone, Trouble::Silent];

/// The troubles of one host.
#[derive(Debug)]
pub(super) struct Chaos {
    seed: Seed,
    faults: Faults,
    tick: u64,
    /// The rules that hold, and the tick they are taken back at.
    rules: Vec<RuleId>,
    until: u64,
}

impl Chaos {
    /// Troubles through this switchboard.
    pub(super) fn new(faults: Faults, seed: Seed) -> Self {
        Chaos { seed: seed.child("chaos"), faults, tick: 0, rules: Vec::new(), until: REST }
    }

    /// One tick passes: trouble begins, goes on or ends.
    pub(super) fn tick(&mut self) {
        self.tick += 1;
        if self.tick < self.until {
            return;
        }
        if !self.rules.is_empty() {
            self.rules.drain(..).for_each(|rule| self.faults.remove(rule));
            self.until = self.tick + REST;
            return;
        }
        let seed = self.seed.nth(self.tick);
        if let Some(trouble) = seed.child("trouble").pick(&TROUBLES) {
            tracing::info!(?trouble, "chaos");
            self.begin(*trouble);
            self.until = self.tick + 6 + seed.child("ticks").below(14);
        }
    }

    fn begin(&mut self, trouble: Trouble) {
        let reads = || Matcher::verbs(["get", "list", "watch"]);
        let rule = match trouble {
            Trouble::Cut => {
                self.faults.cut_watches(Matcher::everything());
                return;
            }
            Trouble::Slow => (Matcher::everything(), Effect::Delay(SLOW)),
            Trouble::Throttled => {
                self.faults.cut_watches(Matcher::everything());
                (
                    reads(),
                    Effect::Answer(Status::too_many_requests("too many requests, please try again later", 2)),
                )
            }
            Trouble::Failing => {
                self.faults.cut_watches(Matcher::everything());
                (reads(), Effect::Answer(Status::internal("etcdserver: request timed out")))
            }
            Trouble::Gone => {
                self.faults.cut_watches(Matcher::everything());
                (Matcher::everything(), Effect::Drop)
            }
            Trouble::Silent => (Matcher::verbs(["watch"]), Effect::Freeze),
        };
        self.rules.push(self.faults.add(rule.0, rule.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_comes_and_goes_and_is_always_taken_back() {
        let mut chaos = Chaos::new(Faults::default(), Seed::new(1));
        let (mut began, mut ended, mut holding) = (0, 0, 0);
        for _ in 0..2_000 {
            let before = chaos.rules.len();
            chaos.tick();
            let after = chaos.rules.len();
            began += usize::from(after > before);
            ended += usize::from(after < before);
            holding += after;
            assert!(after <= 1, "one trouble at a time");
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
