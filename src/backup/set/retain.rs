//! Which backups may go. Pure: what is kept follows from cards, rules and the time.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;

use super::card::Card;

/// What is kept: whatever one of the rules keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// So many of each virtual cluster, the newest.
    pub last: Option<usize>,
    /// Those that are younger.
    pub within: Option<Duration>,
}

impl Keep {
    /// Whether there is a rule: without one everything is kept.
    pub fn says_something(&self) -> bool {
        self.last.is_some() || self.within.is_some()
    }
}

/// The places of those cards whose backups may go. The newest of each virtual cluster on each host stays whatever the rules say, and
/// so does one from the future, whose clock is not ours.
pub fn to_remove(cards: &[Card], keep: Keep, now: DateTime<Utc>) -> Vec<usize> {
    if !keep.says_something() {
        return Vec::new();
    }
    let mut tenants: BTreeMap<(&SmolStr, &SmolStr, &SmolStr), Vec<usize>> = BTreeMap::new();
    for (index, card) in cards.iter().enumerate() {
        let tenant = &card.header.tenant;
        tenants.entry((&tenant.host, &tenant.namespace, &tenant.name)).or_default().push(index);
    }
    let began = |index: usize| cards[index].header.began;
    let mut gone = Vec::new();
    for (_, mut backups) in tenants {
        backups.sort_by_key(|index| std::cmp::Reverse((began(*index), *index)));
        for (place, index) in backups.into_iter().enumerate() {
            let counted = keep.last.is_some_and(|last| place < last);
            let young = keep.within.is_some_and(|within| match (now - began(index)).to_std() {
                Ok(age) => age <= within,
                Err(_) => true,
            });
            if place > 0 && !counted && !young {
                gone.push(index);
            }
        }
    }
    gone.sort_unstable();
    gone
}
