//! etcd's own snapshot: a database file with a sum behind it.

use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, format_smolstr};

/// Bytes of the sum that etcd puts behind the database.
const SUM: usize = 32;
/// The database is a whole number of such blocks: one more proof that a sum is there.
const BLOCK: u64 = 512;
/// Where the number that marks a page of meta data lies in the first page, and the number.
const MAGIC_AT: usize = 16;
const MAGIC: [u8; 4] = 0xED0C_DAED_u32.to_le_bytes();

/// Checks a snapshot while it passes.
#[derive(Debug, Clone, Default)]
pub struct SnapshotCheck {
    hash: Sha256,
    /// The last bytes so far, which may be the sum.
    tail: Vec<u8>,
    first: Vec<u8>,
    length: u64,
}

impl SnapshotCheck {
    /// The next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let missing = (MAGIC_AT + MAGIC.len()).saturating_sub(self.first.len());
        self.first.extend(bytes.iter().take(missing));
        if bytes.len() >= SUM {
            let (body, tail) = bytes.split_at(bytes.len() - SUM);
            self.hash.update(&self.tail);
            self.hash.update(body);
            self.tail.clear();
            self.tail.extend_from_slice(tail);
        } else {
            self.tail.extend_from_slice(bytes);
            let body = self.tail.len().saturating_sub(SUM);
            self.hash.update(&self.tail[..body]);
            self.tail.drain(..body);
        }
    }

    /// Whether it was a whole snapshot; answers the bytes of the database without the sum.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn finish(self) -> Result<u64, SmolStr> {
        let Some(database) = self.length.checked_sub(SUM as u64).filter(|length| *length > 0) else {
            return Err(format_smolstr!("it has {} bytes", self.length));
        };
        if self.first.get(MAGIC_AT..) != Some(&MAGIC[..]) {
            return Err("it does not begin like a database of etcd".into());
        }
        if database % BLOCK != 0 {
            return Err("it is cut off, or the sum behind it is missing".into());
        }
        if self.hash.finalize()[..] != self.tail[..] {
            return Err("the sum behind it is of other bytes".into());
        }
        Ok(database)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::snapshot;
    use super::*;

    fn check(bytes: &[u8], step: usize) -> Result<u64, SmolStr> {
        let mut check = SnapshotCheck::default();
        bytes.chunks(step).for_each(|chunk| check.feed(chunk));
        check.finish()
    }

    #[test]
    fn a_snapshot_is_whole_however_it_comes_and_a_changed_one_is_not() {
        let whole = snapshot(8192);
        for step in [1, 7, 31, 32, 33, 512, 100_000] {
            assert_eq!(check(&whole, step), Ok(8192), "in steps of {step}");
        }
        for cut in [0, 1, 31, 32, 33, 512, 8191, 8192, whole.len() - 1] {
            check(&whole[..cut], 1000).unwrap_err();
        }
        for at in [0, MAGIC_AT, 4096, 8191, 8192, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            check(&flipped, 1000).unwrap_err();
        }
    }
}
