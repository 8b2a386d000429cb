//! What a StatefulSet does next. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::workload::number;

/// What a StatefulSet wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// Number of the first pod.
    pub(super) start: i64,
    pub(super) replicas: i64,
    /// One pod after the other; else all at once.
    pub(super) ordered: bool,
    /// Pods from this number on follow a new revision by themselves; None: only when they are deleted.
    pub(super) update_from: Option<i64>,
    /// Name of the newest revision.
    pub(super) newest: String,
}

impl Wish {
    pub(super) fn read(set: &Value, newest: &str) -> Self {
        let strategy = &set["spec"]["updateStrategy"];
        let update_from =
            (strategy["type"] != "OnDelete").then(|| number(strategy, "/rollingUpdate/partition", 0));
        Wish {
            start: number(set, "/spec/ordinals/start", 0),
            replicas: number(set, "/spec/replicas", 1).max(0),
            ordered: set["spec"]["podManagementPolicy"] != "Parallel",
            update_from,
            newest: newest.to_owned(),
        }
    }

    pub(super) fn ordinals(&self) -> std::ops::Range<i64> {
        self.start..self.start + self.replicas
    }
}

/// A pod of a StatefulSet, as far as its plan depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) healthy: bool,
    pub(super) over: bool,
    pub(super) deleting: bool,
    pub(super) revision: String,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Create(i64),
    /// Delete a pod that is over, not wanted any more, or of an old revision.
    Delete(i64),
}

/// What to do now, given the pods by number. Ordered sets do one thing and wait until it is done.
pub(super) fn plan(wish: &Wish, members: &BTreeMap<i64, Member>) -> Vec<Action> {
    let mut actions = Vec::new();
    for ordinal in wish.ordinals() {
        let action = match members.get(&ordinal) {
            None => Some(Action::Create(ordinal)),
            Some(member) if member.over && !member.deleting => Some(Action::Delete(ordinal)),
            Some(_) => None,
        };
        actions.extend(action);
        let settled = members.get(&ordinal).is_some_and(|member| member.healthy && !member.deleting);
        if wish.ordered && !settled {
            return actions;
        }
    }
    let surplus: Vec<i64> =
        members.keys().copied().filter(|ordinal| !wish.ordinals().contains(ordinal)).rev().collect();
    for ordinal in &surplus {
        if members.get(ordinal).is_some_and(|member| !member.deleting) {
            actions.push(Action::Delete(*ordinal));
        }
        if wish.ordered {
            return actions;
        }
    }
    if actions.is_empty() {
        actions.extend(next_update(wish, members));
    }
    actions
}

/// The pod that is to follow a new revision next: from the highest number down, one after the other.
fn next_update(wish: &Wish, members: &BTreeMap<i64, Member>) -> Option<Action> {
    let from = wish.update_from?;
    for ordinal in wish.ordinals().rev().take_while(|ordinal| *ordinal >= wish.start.max(from)) {
        let member = members.get(&ordinal)?;
        if member.revision != wish.newest && !member.deleting {
            return Some(Action::Delete(ordinal));
        }
        if !member.healthy || member.deleting {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Action::{Create, Delete};
    use super::*;

    /// Why, wish, pods by number, expected actions.
    type Case = (&'static str, Wish, Vec<(i64, Member)>, Vec<Action>);

    #[test]
    fn pods_come_and_go_one_after_the_other() {
        let pod = |healthy: bool, revision: &str| Member {
            healthy,
            over: false,
            deleting: false,
            revision: revision.to_owned(),
        };
        let good = || pod(true, "new");
        let old = || pod(true, "old");
        let ill = || pod(false, "new");
        let going = || Member { deleting: true, ..good() };
        let over = || Member { over: true, ..ill() };
        let wish = |replicas: i64| Wish {
            start: 0,
            replicas,
            ordered: true,
            update_from: Some(0),
            newest: "new".to_owned(),
        };
        let parallel = Wish { ordered: false, ..wish(3) };
        let partitioned = Wish { update_from: Some(1), ..wish(2) };
        let on_delete = Wish { update_from: None, ..wish(1) };
        let shifted = Wish { start: 5, ..wish(1) };
        let cases: [Case; 16] = [
            ("the first", wish(2), vec![], vec![Create(0)]),
            ("waits for the first", wish(2), vec![(0, ill())], vec![]),
            ("the second", wish(2), vec![(0, good())], vec![Create(1)]),
            ("a gap is filled first", wish(2), vec![(1, good())], vec![Create(0)]),
            ("enough", wish(1), vec![(0, good())], vec![]),
            ("what is over is replaced", wish(1), vec![(0, over())], vec![Delete(0)]),
            ("the highest goes first", wish(1), vec![(0, good()), (1, good()), (2, good())], vec![Delete(2)]),
            ("one at a time", wish(1), vec![(0, good()), (1, good()), (2, going())], vec![]),
            ("an ill one holds up scaling down", wish(1), vec![(0, ill()), (1, good())], vec![]),
            ("updates start at the top", wish(2), vec![(0, old()), (1, old())], vec![Delete(1)]),
            ("and wait", wish(2), vec![(0, old()), (1, ill())], vec![]),
            ("and go on", wish(2), vec![(0, old()), (1, good())], vec![Delete(0)]),
            ("a partition keeps the old ones", partitioned, vec![(0, old()), (1, good())], vec![]),
            ("only when deleted", on_delete, vec![(0, old())], vec![]),
            ("all at once", parallel, vec![(1, ill())], vec![Create(0), Create(2)]),
            ("numbers may start anywhere", shifted, vec![(0, good())], vec![Create(5)]),
        ];
        for (why, wish, members, expected) in cases {
            assert_eq!(plan(&wish, &members.into_iter().collect()), expected, "{why}");
        }
    }
}
