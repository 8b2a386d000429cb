//! The sum of a part, computed beside what is done with its bytes: one thread alone is slower than a disk.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;

use super::manifest::hex;

/// Bytes that wait to be summed, in buffers of a chunk each.
const WAITING: usize = 1;

/// A SHA-256 sum over buffers that are handed over and come back.
#[derive(Debug)]
pub(super) struct Sum {
    full: SyncSender<Vec<u8>>,
    spent: Receiver<Vec<u8>>,
    summing: JoinHandle<Sha256>,
}

impl Sum {
    /// The sum of nothing yet.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn begin() -> io::Result<Self> {
        let (full, next) = sync_channel::<Vec<u8>>(WAITING);
        let (give_back, spent) = sync_channel(WAITING + 1);
        let summing = thread::Builder::new().name("sum".into()).spawn(move || {
            let mut sum = Sha256::new();
            for mut bytes in next {
                sum.update(&bytes);
                bytes.clear();
                // Whoever hands over the last ones does not wait for their room.
                let _ = give_back.try_send(bytes);
            }
            sum
        })?;
        Ok(Sum { full, spent, summing })
    }

    /// Adds bytes, and gives an empty buffer for the next.
    ///
    /// # Errors
    /// When the thread is gone.
    pub(super) fn add(&mut self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        self.full.send(bytes).map_err(|_| gone())?;
        Ok(self.spent.try_recv().unwrap_or_default())
    }

    /// The sum of all that was added, in hexadecimal digits.
    ///
    /// # Errors
    /// When the thread is gone.
    pub(super) fn end(self) -> io::Result<SmolStr> {
        drop(self.full);
        Ok(hex(&self.summing.join().map_err(|_| gone())?.finalize()))
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that sums is gone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_of_all_that_was_added_in_its_order() {
        let mut sum = Sum::begin().unwrap();
        let mut whole = Vec::new();
        for at in 0..100_u8 {
            let bytes = vec![at; 1000 * usize::from(at)];
            whole.extend_from_slice(&bytes);
            assert!(sum.add(bytes).unwrap().is_empty());
        }
        assert_eq!(sum.end().unwrap(), hex(&Sha256::digest(&whole)));
        assert_eq!(Sum::begin().unwrap().end().unwrap(), hex(&Sha256::digest([])));
    }
}
