//! A key of a store with its value and its place in time: the form that every kind of store can give and take.
//!
//! A record is five little-endian numbers and the bytes: length of the key (4), length of the value (4), revision of its creation (8),
//! revision of its last change (8), number of changes (8), lease (8), key, value. A chunk holds whole records.

use smol_str::{SmolStr, format_smolstr};

/// A key with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The key, such as `/registry/pods/team/web-0`.
    pub key: &'a [u8],
    /// The value as the API server stored it, encrypted if it does that.
    pub value: &'a [u8],
    /// Revision of the store that created it.
    pub created: i64,
    /// Revision of the store that changed it last.
    pub modified: i64,
    /// How often it was written since it was created.
    pub version: i64,
    /// The lease that it ends with, 0 for none.
    pub lease: i64,
}

const HEAD: usize = 4 + 4 + 8 * 4;

impl<'a> Record<'a> {
    /// Bytes that it takes in a chunk.
    pub fn size(&self) -> usize {
        HEAD + self.key.len() + self.value.len()
    }

    /// Puts it at the end of a chunk. Lengths above 4 GiB do not occur: the writer refuses far smaller ones.
    pub(super) fn encode(&self, chunk: &mut Vec<u8>) {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        chunk.extend_from_slice(&length(self.key));
        chunk.extend_from_slice(&length(self.value));
        for number in [self.created, self.modified, self.version, self.lease] {
            chunk.extend_from_slice(&number.to_le_bytes());
        }
        chunk.extend_from_slice(self.key);
        chunk.extend_from_slice(self.value);
    }

    /// Takes the next one from a chunk; none at its end.
    ///
    /// # Errors
    /// Why what is left is no record.
    pub(super) fn take(chunk: &mut &'a [u8], key_limit: usize) -> Result<Option<Record<'a>>, SmolStr> {
        if chunk.is_empty() {
            return Ok(None);
        }
        let Some((head, rest)) = chunk.split_first_chunk::<HEAD>() else {
            return Err("a record is cut off".into());
        };
        let mut numbers = head[8..].chunks_exact(8).map(|bytes| {
            let mut number = [0; 8];
            number.copy_from_slice(bytes);
            i64::from_le_bytes(number)
        });
        let length =
            |bytes: &[u8]| bytes.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let (key, value) = (length(&head[..4]), length(&head[4..8]));
        if key == 0 || key > key_limit {
            return Err(format_smolstr!("a key has {key} bytes"));
        }
        let mut next = || numbers.next().unwrap_or_default();
        let (created, modified, version, lease) = (next(), next(), next(), next());
        let whole = key.checked_add(value).filter(|whole| *whole <= rest.len());
        let Some(whole) = whole else { return Err("a record is cut off".into()) };
        let (bytes, rest) = rest.split_at(whole);
        let (key, value) = bytes.split_at(key);
        *chunk = rest;
        if created < 1 || modified < created || version < 0 {
            return Err(format_smolstr!(
                "the key {} was created at revision {created} and changed at {modified}",
                String::from_utf8_lossy(key)
            ));
        }
        Ok(Some(Record { key, value, created, modified, version, lease }))
    }
}
