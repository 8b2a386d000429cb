//! How long a change on one side takes to be written on the other: measured, never guessed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::key::{KindId, Side};

/// Upper bounds of the buckets in seconds; what takes longer is in none of them.
pub const BOUNDS: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0];
/// Half of the time that "now" means.
pub(super) const TURN: Duration = Duration::from_secs(60);

/// How many changes took how long.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// One for each of [`BOUNDS`], and those that took longer.
    pub counts: [u64; BOUNDS.len() + 1],
    /// All times together, in seconds.
    pub sum: f64,
    /// The longest.
    pub max: Duration,
}

impl Spread {
    /// Takes note of one.
    pub fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += seconds;
        self.max = self.max.max(took);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time that this share of all took at most, by interpolation within a bucket; none when there are none.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = (share * self.count() as f64).ceil().max(1.0);
        let (mut below, mut lower) = (0.0, 0.0);
        for (at, count) in self.counts.iter().enumerate() {
            let count = *count as f64;
            let upper = BOUNDS.get(at).copied().unwrap_or(self.max.as_secs_f64());
            if count > 0.0 && below + count >= rank {
                let within = lower + (upper - lower).max(0.0) * (rank - below) / count;
                return Some(Duration::from_secs_f64(within.min(self.max.as_secs_f64())));
            }
            below += count;
            lower = upper;
        }
        None
    }

    fn and(mut self, other: &Spread) -> Spread {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        self
    }
}

/// The lag of one kind in one direction.
#[derive(Debug, Clone)]
pub struct Lag {
    /// Since the process began.
    pub total: Spread,
    recent: [Spread; 2],
    turned: Instant,
}

impl Lag {
    fn new(now: Instant) -> Self {
        Lag { total: Spread::default(), recent: [Spread::default(); 2], turned: now }
    }

    fn turn(&mut self, now: Instant) {
        let age = now.duration_since(self.turned);
        if age >= TURN {
            let before = if age < 2 * TURN { self.recent[0] } else { Spread::default() };
            self.recent = [Spread::default(), before];
            self.turned = now;
        }
    }

    /// Of the last minute or two.
    pub fn recent(&self, now: Instant) -> Spread {
        let mut lag = self.clone();
        lag.turn(now);
        lag.recent[0].and(&lag.recent[1])
    }
}

/// The lag of every kind, by the side that is written.
#[derive(Debug, Default)]
pub struct Lags(BTreeMap<(KindId, Side), Lag>);

impl Lags {
    /// A change has been written on this side.
    pub fn add(&mut self, kind: KindId, written: Side, took: Duration, now: Instant) {
        let lag = self.0.entry((kind, written)).or_insert_with(|| Lag::new(now));
        lag.turn(now);
        lag.total.add(took);
        lag.recent[0].add(took);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (KindId, Side, &Lag)> {
        self.0.iter().map(|((kind, side), lag)| (*kind, *side, lag))
    }

    /// Those of these kinds together, of the last minute or two.
    pub fn recent(&self, written: Side, now: Instant, counts: impl Fn(KindId) -> bool) -> Spread {
        let of_side = self.0.iter().filter(|((kind, side), _)| *side == written && counts(*kind));
        of_side.fold(Spread::default(), |all, (_, lag)| all.and(&lag.recent(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_their_bucket_and_never_beyond_the_longest() {
        let mut spread = Spread::default();
        assert_eq!(spread.quantile(0.99), None);
        for _ in 0..99 {
            spread.add(Duration::from_millis(20));
        }
        spread.add(Duration::from_secs(4));
        let p50 = spread.quantile(0.5).unwrap();
        assert!(p50 > Duration::from_millis(10) && p50 <= Duration::from_millis(25), "{p50:?}");
        assert!(spread.quantile(0.99).unwrap() <= Duration::from_millis(25));
        assert_eq!(spread.quantile(1.0), Some(Duration::from_secs(4)));
        let mut endless = Spread::default();
        endless.add(Duration::from_secs(100_000));
        assert_eq!(endless.quantile(0.5), Some(Duration::from_secs(100_000)));
    }

    #[test]
    fn what_is_two_minutes_ago_is_not_now() {
        let begin = Instant::now();
        let mut lags = Lags::default();
        lags.add(KindId(0), Side::Host, Duration::from_secs(9), begin);
        let p99 = |lags: &Lags, now| lags.recent(Side::Host, now, |_| true).quantile(0.99);
        assert!(p99(&lags, begin + Duration::from_secs(90)).is_some());
        assert_eq!(p99(&lags, begin + Duration::from_secs(130)), None);
        lags.add(KindId(0), Side::Host, Duration::from_millis(1), begin + Duration::from_secs(61));
        assert!(p99(&lags, begin + Duration::from_secs(100)).is_some_and(|p99| p99 > Duration::from_secs(4)));
        assert_eq!(lags.iter().map(|(_, _, lag)| lag.total.count()).sum::<u64>(), 2);
    }
}
