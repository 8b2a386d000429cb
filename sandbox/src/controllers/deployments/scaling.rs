//! What becomes of the ReplicaSets of a Deployment whose number of replicas changes, or that is paused: they keep their
//! proportions, so that a rollout goes neither faster nor slower. Pure.

use std::cmp::Reverse;

use super::rolling::Wish;

/// A ReplicaSet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) wanted: i64,
    pub(super) available: i64,
    /// How many replicas the Deployment wanted when this size was chosen.
    pub(super) desired: Option<i64>,
    /// How many pods there could be then.
    pub(super) most: Option<i64>,
    /// It has the present template.
    pub(super) new: bool,
}

/// Whether the number of replicas has changed since the sizes were chosen.
pub(super) fn is_due(wish: Wish, parts: &[Part]) -> bool {
    let differs = |part: &Part| part.desired.is_some_and(|desired| desired != wish.replicas);
    parts.iter().any(|part| part.wanted > 0 && differs(part))
}

/// The sizes of ReplicaSets, oldest first; `pods` is how many pods there are at all.
pub(super) fn sizes(wish: Wish, parts: &[Part], pods: i64) -> Vec<i64> {
    let mut sizes: Vec<i64> = parts.iter().map(|part| part.wanted).collect();
    let active: Vec<usize> = positions(parts, |part| part.wanted > 0);
    if let [] | [_] = active.as_slice() {
        let new = positions(parts, |part| part.new).first().copied();
        let only = active.first().copied().or(new).or_else(|| parts.len().checked_sub(1));
        if let Some(size) = only.and_then(|only| sizes.get_mut(only)) {
            *size = wish.replicas;
        }
        return sizes;
    }
    let saturated = |part: &Part| {
        part.new
            && [part.wanted, part.available, part.desired.unwrap_or(-1)].iter().all(|n| *n == wish.replicas)
    };
    if parts.iter().any(saturated) {
        return parts.iter().map(|part| if part.new { part.wanted } else { 0 }).collect();
    }
    if !wish.recreate {
        share_out(wish, parts, pods, &active, &mut sizes);
    }
    sizes
}

fn positions(parts: &[Part], like: impl Fn(&Part) -> bool) -> Vec<usize> {
    parts.iter().enumerate().filter(|(_, part)| like(part)).map(|(index, _)| index).collect()
}

/// Gives every active ReplicaSet its share of what comes or goes, the largest first.
fn share_out(wish: Wish, parts: &[Part], pods: i64, active: &[usize], sizes: &mut [i64]) {
    let allowed = if wish.replicas > 0 { wish.replicas + wish.surge } else { 0 };
    let change = allowed - sizes.iter().sum::<i64>();
    let mut order = active.to_vec();
    // Of equal ones the newer comes first when there is to be more, and the older when there is to be less.
    order.sort_by_key(|index| {
        let age = i64::try_from(*index).unwrap_or(i64::MAX);
        (Reverse(parts.get(*index).map(|part| part.wanted)), if change > 0 { -age } else { age })
    });
    let mut changed = 0;
    for index in &order {
        let (Some(part), Some(size)) = (parts.get(*index), sizes.get_mut(*index)) else { continue };
        let share = fraction(wish, part, pods);
        let left = change - changed;
        let share = if change > 0 { share.min(left) } else { share.max(left) };
        if left != 0 {
            *size += share;
            changed += share;
        }
    }
    if let Some(largest) = order.first().and_then(|index| sizes.get_mut(*index)) {
        *largest = (*largest + change - changed).max(0);
    }
}

/// By how much a ReplicaSet grows or shrinks when it keeps its proportion.
fn fraction(wish: Wish, part: &Part, pods: i64) -> i64 {
    if wish.replicas == 0 {
        return -part.wanted;
    }
    let before = part.most.filter(|most| *most > 0).unwrap_or(pods);
    if before == 0 {
        return 0;
    }
    // Rounded to the nearest, halves up: nothing is negative here.
    (2 * part.wanted * (wish.replicas + wish.surge) + before) / (2 * before) - part.wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(replicas: i64, surge: i64) -> Wish {
        Wish { replicas, surge, unavailable: 0, recreate: false }
    }

    fn part(wanted: i64, of: i64, most: i64) -> Part {
        Part { wanted, available: wanted, desired: Some(of), most: Some(most), new: false }
    }

    #[test]
    fn proportions_are_kept() {
        let new = |part: Part| Part { new: true, ..part };
        let cases: [(&str, Wish, Vec<Part>, Vec<i64>); 9] = [
            ("alone", wish(5, 1), vec![new(part(3, 3, 4))], vec![5]),
            ("only an old one has pods", wish(5, 1), vec![part(3, 3, 4), new(part(0, 3, 4))], vec![5, 0]),
            ("nobody has pods", wish(5, 1), vec![part(0, 0, 0), new(part(0, 0, 0))], vec![0, 5]),
            ("twice as many", wish(20, 2), vec![part(8, 10, 11), new(part(3, 10, 11))], vec![16, 6]),
            ("half as many", wish(5, 1), vec![part(8, 10, 11), new(part(3, 10, 11))], vec![4, 2]),
            ("more of equal ones", wish(3, 0), vec![part(1, 2, 2), new(part(1, 2, 2))], vec![1, 2]),
            ("less of equal ones", wish(3, 0), vec![part(2, 4, 4), new(part(2, 4, 4))], vec![1, 2]),
            ("none", wish(0, 1), vec![part(2, 4, 5), new(part(3, 4, 5))], vec![0, 0]),
            ("the new one is whole", wish(3, 1), vec![part(1, 3, 4), new(part(3, 3, 4))], vec![0, 3]),
        ];
        for (why, wish, parts, expected) in cases {
            assert_eq!(sizes(wish, &parts, 0), expected, "{why}");
        }
        let recreate = Wish { recreate: true, ..wish(9, 0) };
        let both = [part(2, 4, 4), new(part(2, 4, 4))];
        assert_eq!(sizes(recreate, &both, 4), [2, 2]);
        assert!(is_due(wish(5, 1), &both) && !is_due(wish(4, 1), &both));
        assert!(!is_due(wish(5, 1), &[Part { wanted: 0, ..part(0, 4, 4) }]), "who has no pods says nothing");
    }
}
