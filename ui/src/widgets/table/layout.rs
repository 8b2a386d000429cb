//! Which columns of a table show, where and how wide.

/// Space between two columns.
pub const GAP: u16 = 2;

/// Columns from this rank on show only while no column of words before it has to cut them.
const LUXURY: u8 = 9;

/// What a column asks for; see the fields of the same names of [`crate::columns::Column`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Not worth showing when narrower.
    pub min: u16,
    /// As wide as it likes to be.
    pub preferred: u16,
    /// What it can use beyond that.
    pub grow: u16,
    /// Highest leaves first; zero stays.
    pub drop: u8,
    /// Whether it holds words, which say less when they are cut.
    pub words: bool,
}

/// A column that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Which one, as an index of the claims.
    pub column: usize,
    /// Where it begins, from the left edge.
    pub x: u16,
    /// How wide it is.
    pub width: u16,
}

/// Columns side by side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The columns that show, from left to right.
    pub placed: Vec<Placed>,
    /// How many columns are scrolled out to the left of the frozen first one: as asked, or as far as it goes.
    pub scroll: usize,
    /// Whether more lies to the left.
    pub more_left: bool,
    /// Whether more lies to the right.
    pub more_right: bool,
}

/// Places columns in so much space.
///
/// Without scrolling, the columns that leave first are missing and the others stand in their order. Scrolling first
/// narrows columns of words where that lets more columns show; then it takes columns away behind the first, which is
/// frozen, and lets the missing ones follow from the right: so everything can be reached at any width.
pub fn layout(claims: &[Claim], space: u16, scroll: usize) -> Layout {
    if claims.is_empty() || space == 0 {
        return Layout::default();
    }
    let kept = keep(claims, space);
    let missing = (0..claims.len()).filter(|column| !kept.contains(column));
    let moving: Vec<usize> = kept.iter().copied().skip(1).chain(missing).collect();
    let narrowing = usize::from(fill(claims, &moving, space, 0).len() > kept.len());
    let scroll = scroll.min(furthest(claims, &moving, space) + narrowing);
    let (start, shown) = match scroll {
        0 => (0, kept),
        _ => (scroll - narrowing, fill(claims, &moving, space, scroll - narrowing)),
    };
    Layout {
        more_left: scroll > 0,
        more_right: start + shown.len() - 1 < moving.len(),
        placed: place(claims, &shown, space),
        scroll,
    }
}

/// The first column, and as many of the moving ones from a start on as fit by their least widths.
fn fill(claims: &[Claim], moving: &[usize], space: u16, start: usize) -> Vec<usize> {
    let mut shown = vec![0];
    let mut used = claims.first().map_or(0, |first| first.min.min(space));
    for &column in moving.get(start..).unwrap_or_default() {
        let needed = claims.get(column).map_or(0, |claim| claim.min).saturating_add(GAP);
        if needed > space - used {
            break;
        }
        used += needed;
        shown.push(column);
    }
    shown
}

/// The columns that fit, in their order; the first always does.
fn keep(claims: &[Claim], space: u16) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..claims.len()).collect();
    let drop_of = |column: usize| claims.get(column).map_or(0, |claim| claim.drop);
    while kept.len() > 1 && needed(claims, &kept) > u32::from(space) {
        // Of equals, the rightmost leaves. Those that stay leave only when nothing else is left.
        let leaving = (1..kept.len()).max_by_key(|&at| drop_of(kept[at]));
        match leaving {
            Some(at) => drop(kept.remove(at)),
            None => break,
        }
    }
    kept
}

/// The space that these columns need: their least widths, but what columns of words like while there is luxury.
fn needed(claims: &[Claim], columns: &[usize]) -> u32 {
    let claims = || columns.iter().filter_map(|&column| claims.get(column));
    let luxury = claims().any(|claim| claim.drop >= LUXURY);
    let width = |claim: &Claim| {
        let words = claim.words && claim.drop < LUXURY;
        u32::from(if luxury && words { claim.preferred } else { claim.min })
    };
    claims().map(width).sum::<u32>() + u32::from(GAP) * (columns.len() as u32).saturating_sub(1)
}

/// How far one can scroll: until the last column shows.
fn furthest(claims: &[Claim], moving: &[usize], space: u16) -> usize {
    let first = claims.first().map_or(0, |first| u32::from(first.min));
    let mut used = first;
    for (at, &column) in moving.iter().enumerate().rev() {
        used += claims.get(column).map_or(0, |claim| u32::from(claim.min)) + u32::from(GAP);
        if used > u32::from(space) {
            return (at + 1).min(moving.len() - 1);
        }
    }
    0
}

/// Hands out what is left over: first everybody up to the preferred width, then as far as they can grow; in both
/// rounds those that leave last are served first.
fn place(claims: &[Claim], shown: &[usize], space: u16) -> Vec<Placed> {
    let claim = |column: usize| {
        claims.get(column).copied().unwrap_or(Claim { min: 0, preferred: 0, grow: 0, drop: 0, words: false })
    };
    let mut widths: Vec<u16> = shown.iter().map(|&c| claim(c).min.min(space)).collect();
    let mut by_rank: Vec<usize> = (0..shown.len()).collect();
    by_rank.sort_by_key(|&at| claim(shown[at]).drop);
    let gaps = GAP.saturating_mul(u16::try_from(shown.len()).unwrap_or(u16::MAX).saturating_sub(1));
    let mut left_over = space.saturating_sub(widths.iter().sum::<u16>().saturating_add(gaps));
    for wish in [|c: Claim| c.preferred, |c: Claim| c.preferred.saturating_add(c.grow)] {
        for &at in &by_rank {
            let more = wish(claim(shown[at])).saturating_sub(widths[at]).min(left_over);
            widths[at] += more;
            left_over -= more;
        }
    }
    let mut x = 0;
    let mut placed = Vec::with_capacity(shown.len());
    for (&column, &width) in shown.iter().zip(&widths) {
        placed.push(Placed { column, x, width });
        x += width + GAP;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Five columns: a name, one that stays, and three that leave in the order c, e, d.
    fn claims() -> Vec<Claim> {
        [(10, 20, 10, 0), (8, 8, 0, 0), (20, 30, 0, 3), (6, 6, 0, 1), (6, 6, 0, 2)]
            .map(|(min, preferred, grow, drop)| Claim { min, preferred, grow, drop, words: false })
            .to_vec()
    }

    fn shown(space: u16, scroll: usize) -> Vec<usize> {
        layout(&claims(), space, scroll).placed.iter().map(|p| p.column).collect()
    }

    #[test]
    fn columns_leave_in_their_declared_order() {
        for (space, expected) in [
            (58, &[0, 1, 2, 3, 4][..]),
            (57, &[0, 1, 3, 4]),
            (36, &[0, 1, 3, 4]),
            (35, &[0, 1, 3]),
            (27, &[0, 1]),
            (19, &[0]),
            (1, &[0]),
            (0, &[]),
        ] {
            assert_eq!(shown(space, 0), expected, "{space} columns");
        }
    }

    #[test]
    fn luxury_never_cuts_words() {
        let name = Claim { min: 10, preferred: 20, grow: 5, drop: 0, words: true };
        let luxury = Claim { min: 6, preferred: 6, grow: 0, drop: LUXURY, words: false };
        let kept = |space: u16| layout(&[name, luxury], space, 0).placed.len();
        assert_eq!((kept(27), kept(28)), (1, 2));
        let asked = layout(&[name, luxury], 20, 1);
        assert_eq!((asked.placed.len(), asked.scroll, asked.more_right), (2, 1, false), "unless asked to");
        let useful = Claim { drop: LUXURY - 1, ..luxury };
        assert_eq!(layout(&[name, useful], 18, 0).placed.len(), 2, "useful columns may");
    }

    #[test]
    fn scrolling_reaches_every_column_and_keeps_the_first() {
        assert_eq!(shown(36, 0), [0, 1, 3, 4]);
        assert_eq!(shown(36, 1), [0, 3, 4], "the wide one does not fit yet");
        assert_eq!(shown(36, 2), [0, 4], "nor here");
        assert_eq!(shown(36, 3), [0, 2]);
        assert_eq!(shown(36, 99), [0, 2], "there is nothing behind the last");
        let end = layout(&claims(), 36, 99);
        assert_eq!((end.scroll, end.more_left, end.more_right), (3, true, false));
        let wide = layout(&claims(), 200, 5);
        assert_eq!((wide.scroll, wide.more_left, wide.more_right), (0, false, false));
    }

    #[test]
    fn left_over_space_goes_to_wishes_by_rank_then_to_growth() {
        let widths = |space| layout(&claims(), space, 0).placed.iter().map(|p| p.width).collect::<Vec<_>>();
        assert_eq!(widths(58), [10, 8, 20, 6, 6]);
        assert_eq!(widths(63), [15, 8, 20, 6, 6], "the name comes first");
        assert_eq!(widths(78), [20, 8, 30, 6, 6]);
        assert_eq!(widths(200), [30, 8, 30, 6, 6], "growth ends");
    }

    proptest! {
        #[test]
        fn columns_never_overlap_nor_leave_the_space(
            claims in proptest::collection::vec((0u16..40, 0u16..40, 0u16..40, 0u8..12), 0..12),
            space in 0u16..300,
            scroll in 0usize..20,
        ) {
            let claims: Vec<Claim> = claims.into_iter()
                .map(|(min, more, grow, drop)| Claim { min, preferred: min + more, grow, drop, words: drop % 2 == 0 }).collect();
            let layout = layout(&claims, space, scroll);
            let mut end = 0;
            for placed in &layout.placed {
                prop_assert!(placed.x >= end);
                end = placed.x + placed.width;
                prop_assert!(end <= space);
            }
            prop_assert_eq!(layout.placed.is_empty(), claims.is_empty() || space == 0);
        }

        #[test]
        fn every_column_that_fits_beside_the_first_can_be_scrolled_to(
            claims in proptest::collection::vec((1u16..40, 0u8..12), 1..12),
            space in 1u16..300,
        ) {
            let claims: Vec<Claim> = claims.into_iter()
                .map(|(min, drop)| Claim { min, preferred: min, grow: 0, drop, words: false }).collect();
            let mut seen = std::collections::BTreeSet::new();
            for scroll in 0..claims.len() {
                seen.extend(layout(&claims, space, scroll).placed.iter().map(|p| p.column));
            }
            for (column, claim) in claims.iter().enumerate() {
                if column == 0 || claims[0].min + GAP + claim.min <= space {
                    prop_assert!(seen.contains(&column), "column {column} of {claims:?} in {space}");
                }
            }
        }
    }
}
