//! One copy of each text that many rows share.

use std::collections::HashSet;

use smol_str::SmolStr;

/// Above this many texts the pool starts over, so that what is long gone does not stay for ever. Rows keep what they
/// have; only sharing is lost.
const LIMIT: usize = 20_000;

/// Texts by content. Short ones cost nothing anyway and stay out.
#[derive(Debug, Default)]
pub(super) struct Pool {
    texts: HashSet<SmolStr>,
}

impl Pool {
    /// The one copy of a text.
    pub(super) fn get(&mut self, text: &str) -> SmolStr {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new = SmolStr::new(text);
        if new.is_heap_allocated() {
            if self.texts.len() >= LIMIT {
                self.texts.clear();
            }
            self.texts.insert(new.clone());
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_long_texts_share_their_memory() {
        let mut pool = Pool::default();
        let long = "ip-10-0-0-1.eu-west-1.compute.internal";
        assert_eq!(pool.get(long).as_ptr(), pool.get(long).as_ptr());
        assert_eq!(pool.texts.len(), 1);
        pool.get("short");
        assert_eq!(pool.texts.len(), 1);
    }
}
