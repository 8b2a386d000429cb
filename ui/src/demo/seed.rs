//! Everything by chance comes from here, so that one seed always makes one fleet.

use chrono::{DateTime, Duration, Utc};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// The letters Kubernetes draws generated names from: no vowels, nothing that can be misread.
const NAME_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A source of chance for one thing. Children are independent of each other and of the order they are asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The seed a person gives.
    pub fn new(seed: u64) -> Self {
        Seed(seed)
    }

    /// The seed of a named part.
    pub fn child(self, part: impl AsRef<str>) -> Seed {
        // FNV-1a over the part, then a finalizer: stable over releases of every dependency.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ self.0;
        for byte in part.as_ref().bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Seed(hash ^ (hash >> 29))
    }

    /// The seed of a numbered part.
    pub fn nth(self, n: u64) -> Seed {
        self.child(n.to_string())
    }

    /// A generator that starts here.
    pub fn rng(self) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.0)
    }

    /// A number in `0..below`; zero when `below` is zero.
    pub fn below(self, below: u64) -> u64 {
        if below == 0 { 0 } else { self.rng().random_range(0..below) }
    }

    /// True in about `percent` of a hundred cases.
    pub fn happens(self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several; the first of a slice that has one, `None` of an empty one.
    pub fn pick<T>(self, of: &[T]) -> Option<&T> {
        of.get(self.below(of.len() as u64) as usize)
    }

    /// A moment up to `span` before `end`.
    pub fn moment_before(self, end: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
        end - Duration::seconds(self.below(span.num_seconds().max(0) as u64) as i64)
    }

    /// `length` letters as in the names that Kubernetes generates.
    pub fn letters(self, length: usize) -> String {
        let mut rng = self.rng();
        (0..length).map(|_| char::from(NAME_LETTERS[rng.random_range(0..NAME_LETTERS.len())])).collect()
    }

    /// `length` lower-case hexadecimal digits.
    pub fn hex(self, length: usize) -> String {
        let mut rng = self.rng();
        (0..length).filter_map(|_| char::from_digit(rng.random_range(0..16), 16)).collect()
    }

    /// A version 4 UUID.
    pub fn uid(self) -> String {
        let mut rng = self.rng();
        let (high, low): (u64, u64) = (rng.random(), rng.random());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_makes_one_thing() {
        let seed = Seed::new(7).child("team-alpha").nth(3);
        assert_eq!(seed, Seed::new(7).child("team-alpha").nth(3));
        assert_eq!(seed.uid(), seed.uid());
        assert_ne!(seed, Seed::new(8).child("team-alpha").nth(3));
        assert_ne!(seed.uid(), seed.nth(0).uid());
    }

    #[test]
    fn names_hold_only_letters_kubernetes_uses() {
        let letters = Seed::new(1).letters(200);
        assert_eq!(letters.len(), 200);
        assert!(letters.bytes().all(|b| NAME_LETTERS.contains(&b)), "{letters}");
    }

    #[test]
    fn a_uid_is_a_version_4_uuid() {
        for n in 0..50 {
            let uid = Seed::new(2).nth(n).uid();
            let parts: Vec<_> = uid.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{uid}");
            assert!(uid[14..].starts_with('4') && "89ab".contains(&uid[19..20]), "{uid}");
        }
    }
}
