//! How long to wait before the next try.

use std::time::Duration;

use rand::RngExt;

use crate::cluster::{Failure, FailureKind};

/// First wait.
const FIRST: Duration = Duration::from_millis(800);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(30);
/// Wait after a refusal that only an administrator can lift.
const DENIED: Duration = Duration::from_secs(60);
/// Longest patience that a server can ask for.
const MOST_ASKED: Duration = Duration::from_secs(120);
/// A connection that lasted this long counts as healthy: the next wait is the first again.
pub(super) const HEALTHY: Duration = Duration::from_secs(120);

/// Waits that double up to a limit, with jitter so that many clients do not come back at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait before the next try after this failure.
    pub(super) fn next(&mut self, failure: &Failure) -> Duration {
        self.next_with(failure, rand::rng().random_range(0.0..1.0))
    }

    fn next_with(&mut self, failure: &Failure, chance: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let base = match failure.kind {
            FailureKind::Busy { retry_after: Some(asked) } => asked.clamp(FIRST, MOST_ASKED),
            FailureKind::Forbidden | FailureKind::NotFound => DENIED,
            _ => doubled,
        };
        // At least what was asked for or due, at most a quarter more.
        base.mul_f64(1.0 + 0.25 * chance)
    }

    /// The connection was healthy.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(kind: FailureKind, chance: f64) -> Vec<f64> {
        let mut backoff = Backoff::default();
        let failure = Failure::new(kind, "");
        (0..8).map(|_| backoff.next_with(&failure, chance).as_secs_f64()).collect()
    }

    #[test]
    fn waits_double_up_to_half_a_minute() {
        assert_eq!(waits(FailureKind::Refused, 0.0), [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]);
    }

    #[test]
    fn jitter_adds_at_most_a_quarter() {
        for (plain, jittered) in waits(FailureKind::Cut, 0.0).iter().zip(waits(FailureKind::Cut, 1.0)) {
            assert!((jittered / plain - 1.25).abs() < 1e-6);
        }
    }

    #[test]
    fn a_server_that_asks_for_patience_gets_it() {
        let busy = |seconds| FailureKind::Busy { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(waits(busy(7), 0.0)[0], 7.0);
        assert_eq!(waits(busy(86_400), 0.0)[0], MOST_ASKED.as_secs_f64());
    }

    #[test]
    fn health_starts_over() {
        let mut backoff = Backoff::default();
        let failure = Failure::new(FailureKind::Cut, "");
        for _ in 0..5 {
            backoff.next_with(&failure, 0.0);
        }
        backoff.reset();
        assert_eq!(backoff.next_with(&failure, 0.0), FIRST);
    }
}
