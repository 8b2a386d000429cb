//! Histograms as programs tell them to Prometheus. Pure.

use std::time::Duration;

/// Lengths that are kept at most.
const MOST: usize = 128;

/// A histogram: how many observations were at most as long, by length in seconds; the last length is infinite.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram(Vec<(f64, u64)>);

impl Histogram {
    /// How many observations it has.
    pub fn count(&self) -> u64 {
        self.0.last().map(|(_, count)| *count).unwrap_or_default()
    }

    /// Counts so many more that were at most so long, in seconds. Nobody has more than a few lengths; what goes beyond is left out.
    pub(crate) fn add(&mut self, length: f64, count: u64) {
        let at = self.0.partition_point(|(known, _)| *known < length);
        let is_known = self.0.get(at).is_some_and(|(known, _)| *known == length);
        if is_known {
            self.0
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|(_, counted)| *counted = counted.saturating_add(count));
        } else if self.0.len() < MOST {
            self.0.insert(at, (length, count));
        }
    }

    /// What came since an earlier state of it; all of it when it has begun anew since.
    pub(crate) fn since(&self, before: &Histogram) -> Histogram {
        let same = self.0.len() == before.0.len() && self.count() >= before.count();
        if !same {
            return self.clone();
        }
        let less =
            |((length, now), (_, then)): (&(f64, u64), &(f64, u64))| (*length, now.saturating_sub(*then));
        Histogram(self.0.iter().zip(&before.0).map(less).collect())
    }

    /// The length that a share (0 to 1) of the observations keep to, linear within a bucket; none without observations. Beyond
    /// the last finite length it is that length.
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = share * total as f64;
        let mut below = (0.0, 0u64);
        for (length, count) in &self.0 {
            if *count as f64 >= rank && *count > below.1 {
                if length.is_infinite() {
                    break;
                }
                let within = (rank - below.1 as f64) / (*count - below.1) as f64;
                return Duration::try_from_secs_f64(below.0 + (length - below.0) * within.clamp(0.0, 1.0))
                    .ok();
            }
            if length.is_finite() {
                below = (*length, *count);
            }
        }
        Duration::try_from_secs_f64(below.0).ok()
    }
}
