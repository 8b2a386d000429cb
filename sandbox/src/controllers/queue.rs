//! Keys that wait to be worked off, now or later.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

/// Longest wait after repeated failures.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(5);

/// A set of keys to work off in order, each once, some only from a time on.
#[derive(Debug)]
pub(crate) struct Queue<K> {
    ready: BTreeSet<K>,
    later: BTreeSet<(DateTime<Utc>, K)>,
    due: BTreeMap<K, DateTime<Utc>>,
    failures: BTreeMap<K, u32>,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Queue {
            ready: BTreeSet::new(),
            later: BTreeSet::new(),
            due: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Queue<K> {
    /// To be worked off as soon as possible.
    pub(crate) fn add(&mut self, key: K) {
        self.ready.insert(key);
    }

    /// To be worked off at a time; an earlier time that is planned already stays.
    pub(crate) fn add_at(&mut self, key: K, time: DateTime<Utc>) {
        match self.due.get(&key) {
            Some(planned) if *planned <= time => return,
            Some(planned) => {
                self.later.remove(&(*planned, key.clone()));
            }
            None => {}
        }
        self.due.insert(key.clone(), time);
        self.later.insert((time, key));
    }

    /// To be tried again after a while that doubles with each failure in a row: 1 s, 2 s, 4 s, …
    pub(crate) fn retry(&mut self, key: K, now: DateTime<Utc>) {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = TimeDelta::seconds(1 << (*failures).min(9)).min(LONGEST_WAIT);
        *failures += 1;
        self.add_at(key, now + wait);
    }

    /// The last try succeeded.
    pub(crate) fn succeeded(&mut self, key: &K) {
        self.failures.remove(key);
    }

    /// Nothing of this key is to be done any more.
    pub(crate) fn forget(&mut self, key: &K) {
        self.ready.remove(key);
        self.failures.remove(key);
        if let Some(time) = self.due.remove(key) {
            self.later.remove(&(time, key.clone()));
        }
    }

    /// The next key that is due.
    pub(crate) fn pop(&mut self, now: DateTime<Utc>) -> Option<K> {
        while let Some((time, key)) = self.later.first().cloned() {
            if time > now {
                break;
            }
            self.later.pop_first();
            self.due.remove(&key);
            self.ready.insert(key);
        }
        self.ready.pop_first()
    }

    /// When something is due next; the past when something is due now.
    pub(crate) fn next(&self) -> Option<DateTime<Utc>> {
        if self.ready.is_empty() {
            return self.later.first().map(|(time, _)| *time);
        }
        Some(DateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn keys_come_once_and_not_before_their_time() {
        let mut queue = Queue::default();
        queue.add("b");
        queue.add("a");
        queue.add("b");
        queue.add_at("c", at(10));
        queue.add_at("c", at(20));
        assert_eq!(queue.next(), Some(DateTime::UNIX_EPOCH));
        assert_eq!((queue.pop(at(0)), queue.pop(at(0)), queue.pop(at(0))), (Some("a"), Some("b"), None));
        assert_eq!(queue.next(), Some(at(10)));
        assert_eq!((queue.pop(at(10)), queue.pop(at(30))), (Some("c"), None));
    }

    #[test]
    fn an_earlier_time_replaces_a_later_one() {
        let mut queue = Queue::default();
        queue.add_at("a", at(20));
        queue.add_at("a", at(5));
        assert_eq!((queue.pop(at(5)), queue.pop(at(20))), (Some("a"), None));
    }

    #[test]
    fn failures_wait_longer_and_success_forgets_them() {
        let mut queue = Queue::default();
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..10 {
            queue.retry("a", now);
            let next = queue.next().expect("planned");
            waits.push((next - now).num_seconds());
            now = next;
            queue.pop(now);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        queue.succeeded(&"a");
        queue.retry("a", now);
        assert_eq!(queue.next(), Some(now + TimeDelta::seconds(1)));
        queue.forget(&"a");
        assert_eq!(queue.next(), None);
    }
}
