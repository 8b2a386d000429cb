//! The keys of a store in pages that fit into a fixed room: values may be a megabyte each, or fifty bytes.

/// Bytes that a page should hold.
const ROOM: usize = 2 << 20;
/// Keys of the first page, when nothing is known of their sizes.
pub(super) const FIRST: i64 = 8;
/// Keys of a page at most.
const MOST: i64 = 500;

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
}
