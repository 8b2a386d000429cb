//! Time, identity and chance, all of which the embedding program may fix.

use chrono::{DateTime, SecondsFormat, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use smol_str::SmolStr;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What time it is on the host. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Utc::now))
    }

    /// A clock of the caller's making.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }

    /// Now as Kubernetes writes it: UTC, whole seconds.
    pub fn stamp(&self) -> String {
        stamp(self.now())
    }
}

/// A time as Kubernetes writes it: UTC, whole seconds.
pub fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A time as Kubernetes writes its `MicroTime` (events, leases).
pub fn micro_stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Source of UIDs, generated names and whatever else is left to chance. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Chance(Arc<Mutex<StdRng>>);

/// The letters of generated names: no vowels and no look-alikes, so that no words arise.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Chance {
    /// A different sequence on every start.
    pub fn random() -> Self {
        Self(Arc::new(Mutex::new(rand::make_rng())))
    }

    /// The same sequence on every start.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A random (version 4) UUID.
    pub fn uid(&self) -> SmolStr {
        let n = (self.bits128() & !(0xf000_u128 << 64) & !(0xc000_u128 << 48))
            | (0x4000_u128 << 64)
            | (0x8000_u128 << 48);
        let hex = format!("{n:032x}");
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        smol_str::format_smolstr!(
            "{}-{}-{}-{}-{}",
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32)
        )
    }

    /// `length` characters as the server appends them to generated names.
    pub fn suffix(&self, length: usize) -> String {
        (0..length)
            .map(|_| char::from(ALPHABET.get(self.below(ALPHABET.len())).copied().unwrap_or(b'x')))
            .collect()
    }

    /// A number from 0 up to but without `bound`; 0 for an empty range.
    pub fn below(&self, bound: usize) -> usize {
        if bound == 0 {
            return 0;
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..bound)
    }

    fn bits128(&self) -> u128 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_version_4_and_differ() {
        let chance = Chance::seeded(1);
        let (a, b) = (chance.uid(), chance.uid());
        assert_ne!(a, b);
        assert_eq!(a.len(), 36);
        assert_eq!(&a[14..15], "4");
        assert!("89ab".contains(&a[19..20]), "{a}");
    }

    #[test]
    fn the_same_seed_gives_the_same_names() {
        assert_eq!(Chance::seeded(7).suffix(5), Chance::seeded(7).suffix(5));
    }
}
