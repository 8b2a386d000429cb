//! etcd's own snapshot, as it comes, and the proof that it is whole.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;
use tokio::time::timeout;
use tonic::Streaming;

use super::client::Door;
use super::error::{StoreError, late};
use super::protocol::SnapshotResponse;

/// A member ends its snapshot with the SHA-256 of all that came before.
const DIGEST: usize = 32;
/// The database is whole pages; they are multiples of this.
const PAGE: u64 = 512;
const WHAT: &str = "stream a snapshot";

/// A snapshot under way: the bytes of the file that `etcdctl snapshot save` writes, at one revision.
#[derive(Debug)]
pub struct Snapshot {
    door: Door,
    stream: Streaming<SnapshotResponse>,
    first: Option<SnapshotResponse>,
    patience: Duration,
    check: Check,
    remaining: Option<u64>,
    version: SmolStr,
    done: bool,
}

impl Snapshot {
    /// Takes the stream over, and waits for its beginning.
    pub(super) async fn begin(door: Door, stream: Streaming<SnapshotResponse>) -> Result<Self, StoreError> {
        let patience = door.patience();
        let mut snapshot = Snapshot {
            door,
            stream,
            first: None,
            patience,
            check: Check::default(),
            remaining: None,
            version: SmolStr::default(),
            done: false,
        };
        let first = snapshot.receive().await?.ok_or_else(|| snapshot.door.damaged("it is empty"))?;
        snapshot.version = first.version.as_str().into();
        snapshot.first = Some(first);
        Ok(snapshot)
    }

    /// Which member sends it: its pod or address.
    pub fn member(&self) -> &SmolStr {
        &self.door.name
    }

    /// Version of its format, such as `3.6.0`; empty before etcd 3.6.
    pub fn version(&self) -> &SmolStr {
        &self.version
    }

    /// Bytes that are still to come, as the member says; none before the first piece.
    pub fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    /// The next piece, some ten thousand bytes; none at the end, when the whole has been proven by its digest. The digest is the
    /// last of its bytes.
    ///
    /// # Errors
    /// When the member falls silent or ends early, or what came is not what it had.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            if self.done {
                return Ok(None);
            }
            let piece = match self.first.take() {
                Some(first) => Some(first),
                None => self.receive().await?,
            };
            let Some(piece) = piece else {
                self.done = true;
                let left = self.remaining.filter(|left| *left > 0);
                if let Some(left) = left {
                    return Err(self.door.damaged(smol_str::format_smolstr!("{left} bytes are missing")));
                }
                self.check.clone().end().map_err(|why| self.door.damaged(why))?;
                return Ok(None);
            };
            self.remaining = Some(piece.remaining_bytes);
            if !piece.blob.is_empty() {
                self.check.take(&piece.blob);
                return Ok(Some(piece.blob));
            }
        }
    }

    async fn receive(&mut self) -> Result<Option<SnapshotResponse>, StoreError> {
        match timeout(self.patience, self.stream.message()).await {
            Err(_) => Err(self.door.unanswered(WHAT, late(self.patience))),
            Ok(Err(status)) => Err(self.door.not_done(WHAT, &status)),
            Ok(Ok(piece)) => Ok(piece),
        }
    }
}

/// Reckons the digest of all but the last bytes, which are what it should be.
#[derive(Debug, Clone, Default)]
struct Check {
    digest: Sha256,
    length: u64,
    last: BytesMut,
}

impl Check {
    fn take(&mut self, piece: &[u8]) {
        self.last.extend_from_slice(piece);
        let sure = self.last.len().saturating_sub(DIGEST);
        let sure = self.last.split_to(sure);
        self.length += sure.len() as u64;
        self.digest.update(&sure);
    }

    fn end(self) -> Result<(), &'static str> {
        if self.last.len() < DIGEST || self.length == 0 || !self.length.is_multiple_of(PAGE) {
            return Err("it ends too early");
        }
        if self.digest.finalize().as_slice() == self.last.as_ref() {
            Ok(())
        } else {
            Err("its digest is another")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(pages: usize) -> Vec<u8> {
        let body: Vec<u8> = (0..pages * 512).map(|at| (at * 7 % 251) as u8).collect();
        let digest = Sha256::digest(&body);
        [body.as_slice(), digest.as_slice()].concat()
    }

    fn judged(bytes: &[u8], piece: usize) -> Result<(), &'static str> {
        let mut check = Check::default();
        bytes.chunks(piece).for_each(|piece| check.take(piece));
        check.end()
    }

    proptest! {
        #[test]
        fn a_whole_snapshot_is_proven_in_pieces_of_any_size(pages in 1usize..6, piece in 1usize..2000) {
            prop_assert_eq!(judged(&whole(pages), piece), Ok(()));
        }

        #[test]
        fn one_bit_or_one_byte_less_is_found(pages in 1usize..4, piece in 1usize..2000, at in 0usize..4096, bit in 0u8..8) {
            let good = whole(pages);
            let mut flipped = good.clone();
            let at = at % good.len();
            flipped[at] ^= 1 << bit;
            prop_assert!(judged(&flipped, piece).is_err());
            prop_assert!(judged(&good[..at], piece).is_err());
        }
    }
}
