//! The keys of a store in pages that fit into a fixed room: values may be a megabyte each, or fifty bytes.

use crate::store::Range;

/// Bytes that a page should hold.
const ROOM: usize = 2 << 20;
/// Keys of the first page, when nothing is known of their sizes.
pub(super) const FIRST: i64 = 8;
/// Keys of a page at most.
const MOST: i64 = 500;

/// Bytes that a page may have, whatever was expected of it.
const BURST: usize = 16 << 20;

/// Bytes that a page of so many keys may have. One key alone may have as many as there can be: it has to be read in any case.
pub(super) fn room(limit: i64) -> usize {
    if limit == 1 { Range::MOST } else { BURST }
}

/// How many keys are asked for when so many do not fit; none when it cannot be fewer.
pub(super) fn fewer(limit: i64) -> Option<i64> {
    (limit > 1).then_some(limit / 2)
}

/// How many keys the next page may have, by what the last one held.
pub(super) fn next_limit(keys: usize, bytes: usize) -> i64 {
    let each = (bytes / keys.max(1)).max(1);
    let fit = i64::try_from(ROOM / each).unwrap_or(MOST);
    // No faster than fourfold: the next ones may be larger.
    let grown = i64::try_from(keys).unwrap_or(MOST).saturating_mul(4);
    fit.min(grown.max(FIRST)).clamp(1, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_slowly_and_shrink_at_once() {
        assert_eq!(next_limit(0, 0), FIRST);
        assert_eq!(next_limit(8, 8 * 100), 32);
        assert_eq!(next_limit(400, 400 * 100), MOST);
        assert_eq!(next_limit(100, 100 << 20), 2, "a megabyte each");
        assert_eq!(next_limit(1, 30 << 20), 1);
    }

    #[test]
    fn a_page_that_does_not_fit_is_halved_down_to_a_single_key() {
        let mut limits = vec![MOST];
        while let Some(limit) = limits.last().and_then(|limit| fewer(*limit)) {
            limits.push(limit);
        }
        assert_eq!(limits, [500, 250, 125, 62, 31, 15, 7, 3, 1]);
        assert_eq!((room(MOST), room(2), room(1)), (BURST, BURST, Range::MOST), "one key must be read");
        assert!(room(MOST) > 4 * ROOM, "pages that grow as they should are never halved");
    }
}
