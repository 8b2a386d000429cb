//! How many pods each ReplicaSet of a Deployment should have next. Pure.

use serde_json::Value;

use super::super::workload::{number, share};

/// What a Deployment wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) replicas: i64,
    /// More than `replicas` there may be for a while.
    pub(super) surge: i64,
    /// Fewer than `replicas` may be available for a while.
    pub(super) unavailable: i64,
    pub(super) recreate: bool,
}

impl Wish {
    pub(super) fn read(deployment: &Value) -> Self {
        let replicas = number(deployment, "/spec/replicas", 1).max(0);
        let strategy = &deployment["spec"]["strategy"];
        let recreate = strategy["type"] == "Recreate";
        let rolling = &strategy["rollingUpdate"];
        let mut surge = share(&rolling["maxSurge"], replicas, true).unwrap_or(0);
        let mut unavailable = share(&rolling["maxUnavailable"], replicas, false).unwrap_or(0);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        if recreate {
            (surge, unavailable) = (0, 0);
        }
        Wish { replicas, surge, unavailable: unavailable.min(replicas), recreate }
    }
}

/// Sizes of ReplicaSets: wanted and available pods. The new one is None before it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) wanted: i64,
    pub(super) available: i64,
}

/// What the sizes of the new ReplicaSet and the old ones, oldest first, should be now. Pods that are on their way out
/// count for `Recreate`: it waits for them.
pub(super) fn next_sizes(wish: Wish, new: Size, old: &[Size], terminating: bool) -> (i64, Vec<i64>) {
    let old_wanted: i64 = old.iter().map(|size| size.wanted).sum();
    let unchanged = || old.iter().map(|size| size.wanted).collect::<Vec<_>>();
    if wish.recreate {
        let waits = old_wanted > 0 || terminating;
        return (if waits { new.wanted } else { wish.replicas }, vec![0; old.len()]);
    }
    let total = old_wanted + new.wanted;
    if new.wanted > wish.replicas {
        return (wish.replicas, unchanged());
    }
    let room = wish.replicas + wish.surge - total;
    if new.wanted < wish.replicas && room > 0 {
        return (wish.replicas.min(new.wanted + room), unchanged());
    }
    // Old ones may go as far as enough stay available; unhealthy ones go first.
    let least = wish.replicas - wish.unavailable;
    let mut may_go = total - least - (new.wanted - new.available).max(0);
    let mut sizes = unchanged();
    for (size, old) in sizes.iter_mut().zip(old) {
        let unhealthy = (old.wanted - old.available).clamp(0, may_go.max(0));
        *size -= unhealthy;
        may_go -= unhealthy;
    }
    let available = new.available + old.iter().map(|size| size.available).sum::<i64>();
    let mut may_go = (available - least).max(0);
    for size in &mut sizes {
        let goes = may_go.min(*size);
        *size -= goes;
        may_go -= goes;
    }
    (new.wanted, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why, wish, new, old, expected sizes.
    type Case<'t> = (&'t str, Wish, Size, &'t [Size], (i64, &'t [i64]));

    const fn at(wanted: i64, available: i64) -> Size {
        Size { wanted, available }
    }

    fn wish(replicas: i64, surge: i64, unavailable: i64) -> Wish {
        Wish { replicas, surge, unavailable, recreate: false }
    }

    #[test]
    fn a_rollout_never_leaves_the_bounds() {
        let cases: [Case<'_>; 9] = [
            ("a first one starts whole", wish(3, 1, 0), at(0, 0), &[], (3, &[])),
            ("room for the surge only", wish(3, 1, 0), at(0, 0), &[at(3, 3)], (1, &[3])),
            ("waits for the new one", wish(3, 1, 0), at(1, 0), &[at(3, 3)], (1, &[3])),
            ("an old one goes for a new one", wish(3, 1, 0), at(1, 1), &[at(3, 3)], (1, &[2])),
            ("old ones go first without surge", wish(3, 0, 1), at(0, 0), &[at(3, 3)], (0, &[2])),
            ("then the new one grows", wish(3, 0, 1), at(0, 0), &[at(2, 2)], (1, &[2])),
            ("unhealthy old ones go at once", wish(3, 1, 0), at(1, 0), &[at(3, 1)], (1, &[3])),
            ("the oldest goes first", wish(4, 1, 1), at(2, 2), &[at(1, 1), at(2, 2)], (2, &[0, 1])),
            ("scaling down", wish(1, 1, 0), at(3, 3), &[], (1, &[])),
        ];
        for (why, wish, new, old, (size, sizes)) in cases {
            assert_eq!(next_sizes(wish, new, old, false), (size, sizes.to_vec()), "{why}");
        }
        let recreate = Wish { recreate: true, ..wish(3, 0, 0) };
        assert_eq!(next_sizes(recreate, at(0, 0), &[at(3, 3)], true), (0, vec![0]));
        assert_eq!(next_sizes(recreate, at(0, 0), &[at(0, 0)], true), (0, vec![0]));
        assert_eq!(next_sizes(recreate, at(0, 0), &[at(0, 0)], false), (3, vec![0]));
    }
}
