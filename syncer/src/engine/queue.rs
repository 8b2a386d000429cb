//! Work items: each key at most once, never two at a time, fair between virtual namespaces.
//!
//! The rules of the work queue that Kubernetes controllers share (a key that changes while it is worked on is worked on
//! once more; failures are tried again after a growing time), with lanes: every virtual namespace has its turn, so that a
//! noisy one delays itself alone.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use rand::RngExt;
use smol_str::SmolStr;
use tokio::time::Instant;

use super::key::{Key, Side};
use super::room;

/// Wait after a first failure.
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// Longest wait after failures.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How urgent a key is. What a person or a deletion waits for comes before what can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Somebody has changed or deleted something.
    Now,
    /// From a list, a resync or another pair.
    Later,
}

/// A key whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Which pair.
    pub key: Key,
    /// When it was first asked for.
    pub since: Instant,
}

/// The keys that wait. Not thread-safe: the engine's lock guards it.
#[derive(Debug, Default)]
pub struct Queue {
    lanes: [Lanes; 2],
    /// Keys that wait in a lane, with the time they were first asked for.
    waiting: HashMap<Key, (Urgency, Instant)>,
    /// Keys under way.
    under_way: HashMap<Key, Work>,
    delayed: BinaryHeap<Reverse<(Instant, u64, Key)>>,
    /// The latest time a key was put off to, so that older entries of the heap are passed over.
    put_off: HashMap<Key, (Instant, u64)>,
    failures: HashMap<Key, u32>,
    busy_lanes: HashMap<SmolStr, usize>,
    serial: u64,
}

/// What happens to a key while it is under way.
#[derive(Debug, Default)]
struct Work {
    /// It was asked for again.
    again: Option<Urgency>,
    /// UIDs of its objects, virtual and host, whose end a watch has told: an answer that comes after that shows what
    /// was before.
    ended: [Option<SmolStr>; 2],
}

#[derive(Debug, Default)]
struct Lanes {
    keys: HashMap<SmolStr, VecDeque<Key>>,
    turns: VecDeque<SmolStr>,
}

impl Lanes {
    fn push(&mut self, key: Key) {
        let lane = self.keys.entry(key.lane()).or_default();
        if lane.is_empty() {
            self.turns.push_back(key.lane());
        }
        lane.push_back(key);
    }

    /// The next key of the next lane that may have one more under way.
    fn pop(&mut self, may: impl Fn(&SmolStr) -> bool) -> Option<Key> {
        for _ in 0..self.turns.len() {
            let lane = self.turns.pop_front()?;
            if !may(&lane) {
                self.turns.push_back(lane);
                continue;
            }
            let Some(keys) = self.keys.get_mut(&lane) else { continue };
            let key = keys.pop_front();
            if keys.is_empty() {
                self.keys.remove(&lane);
            } else {
                self.turns.push_back(lane);
            }
            if key.is_some() {
                return key;
            }
        }
        None
    }
}

impl Queue {
    /// Asks for a key.
    pub fn add(&mut self, key: Key, urgency: Urgency, now: Instant) {
        self.put_off.remove(&key);
        if let Some(work) = self.under_way.get_mut(&key) {
            work.again = Some(work.again.map_or(urgency, |before| before.min(urgency)));
            return;
        }
        let since = match self.waiting.get(&key) {
            Some((before, _)) if *before <= urgency => return,
            // Its place in the less urgent lane is passed over when it comes up.
            Some((_, since)) => *since,
            None => now,
        };
        self.waiting.insert(key.clone(), (urgency, since));
        self.lanes[urgency as usize].push(key);
    }

    /// Asks for a key after a while; asking again before that brings it forward.
    pub fn add_after(&mut self, key: Key, wait: Duration, now: Instant) {
        if self.waiting.contains_key(&key) {
            return;
        }
        let at = now + wait;
        if self.put_off.get(&key).is_some_and(|(sooner, _)| *sooner <= at) {
            return;
        }
        self.serial += 1;
        self.put_off.insert(key.clone(), (at, self.serial));
        self.delayed.push(Reverse((at, self.serial, key)));
    }

    /// The next key, unless all that wait belong to namespaces that have `most` under way already.
    pub fn next(&mut self, most: usize, now: Instant) -> Option<Turn> {
        self.wake(now);
        let busy = &self.busy_lanes;
        let may = |lane: &SmolStr| busy.get(lane).is_none_or(|under_way| *under_way < most);
        let waiting = &self.waiting;
        let (key, since) = [Urgency::Now, Urgency::Later].into_iter().find_map(|urgency| {
            let lanes = &mut self.lanes[urgency as usize];
            loop {
                let key = lanes.pop(may)?;
                match waiting.get(&key) {
                    Some((current, since)) if *current == urgency => break Some((key, *since)),
                    _ => {}
                }
            }
        })?;
        self.waiting.remove(&key);
        *self.busy_lanes.entry(key.lane()).or_default() += 1;
        self.under_way.insert(key.clone(), Work::default());
        Some(Turn { key, since })
    }

    /// A key was dealt with.
    pub fn done(&mut self, key: &Key, now: Instant) {
        self.failures.remove(key);
        self.leave(key, now);
    }

    /// A key could not be dealt with: it is tried again after a time that grows, unless it changes before. Answers when.
    pub fn failed(&mut self, key: &Key, at_least: Option<Duration>, now: Instant) -> Duration {
        let failures = self.failures.entry(key.clone()).or_default();
        *failures = failures.saturating_add(1);
        let grown = FIRST_WAIT.saturating_mul(1 << (*failures - 1).min(16)).min(LONGEST_WAIT);
        // Spread, so that what failed together is not tried together.
        let spread = grown.mul_f64(rand::rng().random_range(0.75..1.25));
        let wait = at_least.map_or(spread, |least| least.max(spread));
        self.leave(key, now);
        self.add_after(key.clone(), wait, now);
        wait
    }

    /// When the next key that was put off is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.delayed.peek().map(|Reverse((at, _, _))| *at)
    }

    /// How many keys wait for their turn.
    pub fn depth(&self) -> usize {
        self.waiting.len()
    }

    /// How many keys are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// A watch has told that an object of a key is gone.
    pub fn ended(&mut self, key: &Key, side: Side, uid: SmolStr) {
        if let Some(work) = self.under_way.get_mut(key) {
            work.ended[side as usize] = Some(uid);
        }
    }

    /// Whether this object of a key has ended while the key was under way.
    pub fn has_ended(&self, key: &Key, side: Side, uid: &str) -> bool {
        let work = self.under_way.get(key);
        work.is_some_and(|work| work.ended[side as usize].as_deref() == Some(uid))
    }

    /// Whether a key waits, is under way, or is put off.
    pub fn knows(&self, key: &Key) -> bool {
        self.waiting.contains_key(key) || self.under_way.contains_key(key) || self.put_off.contains_key(key)
    }

    /// The keys that wait for their turn, and since when.
    pub fn waiting(&self) -> impl Iterator<Item = (&Key, Instant)> {
        self.waiting.iter().map(|(key, (_, since))| (key, *since))
    }

    /// Gives back what a burst has taken.
    pub fn give_back(&mut self) {
        room::give_back(&mut self.waiting);
        room::give_back(&mut self.under_way);
        room::give_back(&mut self.put_off);
        room::give_back(&mut self.failures);
        if self.delayed.is_empty() {
            self.delayed = BinaryHeap::new();
        }
    }

    fn leave(&mut self, key: &Key, now: Instant) {
        let lane = key.lane();
        if let Some(under_way) = self.busy_lanes.get_mut(&lane) {
            *under_way -= 1;
            if *under_way == 0 {
                self.busy_lanes.remove(&lane);
            }
        }
        if let Some(Work { again: Some(urgency), .. }) = self.under_way.remove(key) {
            self.add(key.clone(), urgency, now);
        }
    }

    fn wake(&mut self, now: Instant) {
        while let Some(Reverse((at, _, _))) = self.delayed.peek() {
            if *at > now {
                return;
            }
            let Some(Reverse((_, serial, key))) = self.delayed.pop() else { return };
            if self.put_off.get(&key).is_some_and(|(_, latest)| *latest == serial) {
                self.add(key, Urgency::Later, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use v9s::names::VirtualName;

    use super::super::key::KindId;
    use super::*;

    #[test]
    fn what_has_ended_while_a_key_is_under_way_is_known_until_it_is_dealt_with() {
        let now = Instant::now();
        let key = Key::new(KindId(0), VirtualName::namespaced("shop", "web"));
        let mut queue = Queue::default();
        queue.ended(&key, Side::Host, "u1".into());
        assert!(!queue.has_ended(&key, Side::Host, "u1"), "no answer is under way that could come late");
        queue.add(key.clone(), Urgency::Now, now);
        assert!(queue.next(1, now).is_some());
        queue.ended(&key, Side::Host, "u1".into());
        assert!(queue.has_ended(&key, Side::Host, "u1"));
        assert!(!queue.has_ended(&key, Side::Virtual, "u1"), "the other side's is another object");
        assert!(!queue.has_ended(&key, Side::Host, "u2"), "what came after it lives");
        queue.done(&key, now);
        assert!(!queue.has_ended(&key, Side::Host, "u1"));
    }
}
