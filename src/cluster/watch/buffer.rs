//! Room for an answer of megabytes, outside of the heap.
//!
//! Such rooms come and go while thousands of small rows are made that stay. On the heap they would leave holes behind that nobody
//! gives back; a mapping of its own goes back to the system as a whole.

use std::io;
use std::ops::Deref;

use memmap2::MmapMut;

/// Smallest mapping.
const SMALLEST: usize = 64 << 10;

/// Bytes that grow. Emptied, it keeps its room.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    room: Option<MmapMut>,
    length: usize,
}

impl Buffer {
    /// Puts bytes behind what is there.
    ///
    /// # Errors
    /// When the system has no more memory.
    pub(super) fn extend(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.length + bytes.len();
        if self.capacity() < end {
            let mut larger = MmapMut::map_anon(end.next_power_of_two().max(SMALLEST))?;
            larger[..self.length].copy_from_slice(self);
            self.room = Some(larger);
        }
        if let Some(room) = &mut self.room {
            room[self.length..end].copy_from_slice(bytes);
            self.length = end;
        }
        Ok(())
    }

    /// Forgets the bytes.
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    fn capacity(&self) -> usize {
        self.room.as_ref().map_or(0, |room| room.len())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.room.as_ref().map_or(&[], |room| &room[..self.length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_put_in_and_keeps_its_room() {
        let mut buffer = Buffer::default();
        let mut expected = Vec::new();
        for round in 0..2 {
            for piece in 0..50u8 {
                let bytes = vec![piece ^ round; usize::from(piece) * 700];
                buffer.extend(&bytes).unwrap();
                expected.extend(bytes);
            }
            assert_eq!(&buffer[..], &expected[..]);
            let room = buffer.capacity();
            buffer.clear();
            expected.clear();
            assert!(buffer.is_empty() && buffer.capacity() == room && room >= 857_500);
        }
        buffer.extend(b"").unwrap();
        assert_eq!(&buffer[..], b"");
    }
}
