//! What was written, and how it went: by kind, side, verb and result.

use std::collections::BTreeMap;

use tokio::time::Instant;
use v9s::cluster::{Failure, FailureKind};

use super::key::{KindId, Side};
use super::lag::TURN;
use super::plan::{Part, Write};

/// What a write asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// A new object.
    Create,
    /// A change of an object.
    Patch,
    /// A change of its status or of another subresource.
    PatchSubresource,
    /// The end of an object.
    Delete,
    /// A pod gets its node.
    Bind,
    /// Tokens of the virtual API server, put into a Secret.
    Tokens,
}

/// How a write went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is done.
    Ok,
    /// 409: somebody was faster.
    Conflict,
    /// 404 or 410: the object is not there any more.
    Gone,
    /// 429: the server asks for patience.
    Busy,
    /// 401, 403, 422 and the like: the server does not accept it.
    Refused,
    /// Everything else: the server fails or cannot be reached.
    Failed,
}

impl Verb {
    /// What this write asks for.
    pub fn of(write: &Write) -> Self {
        match write {
            Write::Create { .. } | Write::Ensure { .. } => Verb::Create,
            Write::Patch { part: Part::Main, .. } => Verb::Patch,
            Write::Patch { .. } => Verb::PatchSubresource,
            Write::Delete { .. } => Verb::Delete,
            Write::Bind { .. } => Verb::Bind,
            Write::Tokens(_) => Verb::Tokens,
        }
    }

    /// The word for it in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Patch => "patch",
            Verb::PatchSubresource => "patch_subresource",
            Verb::Delete => "delete",
            Verb::Bind => "bind",
            Verb::Tokens => "tokens",
        }
    }
}

impl Outcome {
    /// What a failure comes to.
    pub fn of(failure: &Failure) -> Self {
        match failure.kind {
            FailureKind::Conflict => Outcome::Conflict,
            FailureKind::NotFound | FailureKind::Gone => Outcome::Gone,
            FailureKind::Busy { .. } => Outcome::Busy,
            FailureKind::Forbidden | FailureKind::Unauthorized | FailureKind::Rejected => Outcome::Refused,
            _ => Outcome::Failed,
        }
    }

    /// The word for it in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Conflict => "conflict",
            Outcome::Gone => "gone",
            Outcome::Busy => "busy",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// How the writes on one side were answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// All that were answered.
    pub all: u64,
    /// 409.
    pub conflicts: u64,
    /// 429.
    pub busy: u64,
    /// What the server does not accept.
    pub refused: u64,
    /// What failed otherwise.
    pub failed: u64,
}

impl Answers {
    fn add(&mut self, outcome: Outcome) {
        self.all += 1;
        match outcome {
            Outcome::Ok | Outcome::Gone => {}
            Outcome::Conflict => self.conflicts += 1,
            Outcome::Busy => self.busy += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Failed => self.failed += 1,
        }
    }

    fn and(self, other: Answers) -> Answers {
        Answers {
            all: self.all + other.all,
            conflicts: self.conflicts + other.conflicts,
            busy: self.busy + other.busy,
            refused: self.refused + other.refused,
            failed: self.failed + other.failed,
        }
    }
}

/// How often which write went how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    total: BTreeMap<(KindId, Side, Verb, Outcome), u64>,
    /// This turn and the one before, each virtual and host.
    recent: [[Answers; 2]; 2],
    turned: Option<Instant>,
}

impl Tally {
    /// Takes note of one.
    pub fn add(&mut self, kind: KindId, write: &Write, outcome: Outcome, now: Instant) {
        *self.total.entry((kind, write.side(), Verb::of(write), outcome)).or_default() += 1;
        self.turn(now);
        self.recent[0][write.side() as usize].add(outcome);
    }

    fn turn(&mut self, now: Instant) {
        let age = self.turned.map_or(2 * TURN, |turned| now.duration_since(turned));
        if age >= TURN {
            let before = if age < 2 * TURN { self.recent[0] } else { <[Answers; 2]>::default() };
            self.recent = [<[Answers; 2]>::default(), before];
            self.turned = Some(now);
        }
    }

    /// Answers of the last minute or two, virtual and host.
    pub fn recent(&self, now: Instant) -> [Answers; 2] {
        let mut tally = Tally { total: BTreeMap::new(), ..*self };
        tally.turn(now);
        let [this, before] = tally.recent;
        [this[0].and(before[0]), this[1].and(before[1])]
    }

    /// All that were not zero.
    pub fn iter(&self) -> impl Iterator<Item = (KindId, Side, Verb, Outcome, u64)> {
        self.total.iter().map(|((kind, side, verb, outcome), count)| (*kind, *side, *verb, *outcome, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use v9s::cluster::{ObjectRef, Resource};

    use crate::engine::plan::Absence;

    #[test]
    fn answers_are_counted_by_side_and_forgotten_after_two_turns() {
        let delete = |side| Write::Delete {
            side,
            target: ObjectRef::namespaced(Resource::PODS, "tenants", "web"),
            uid: "u".into(),
            revision: None,
            grace: None,
            because: Absence::Seen,
        };
        let begin = Instant::now();
        let mut tally = Tally::default();
        assert_eq!(tally.recent(begin), <[Answers; 2]>::default());
        for outcome in [Outcome::Ok, Outcome::Busy, Outcome::Refused, Outcome::Conflict, Outcome::Failed] {
            tally.add(KindId(0), &delete(Side::Host), outcome, begin);
        }
        tally.add(KindId(0), &delete(Side::Virtual), Outcome::Gone, begin + TURN);
        let one = Answers { all: 1, ..Answers::default() };
        let five = Answers { all: 5, conflicts: 1, busy: 1, refused: 1, failed: 1 };
        assert_eq!(tally.recent(begin + TURN), [one, five]);
        assert_eq!(tally.recent(begin + 2 * TURN + Duration::from_secs(1)), [one, Answers::default()]);
        assert_eq!(tally.recent(begin + 9 * TURN), <[Answers; 2]>::default());
        assert_eq!(tally.iter().map(|(.., count)| count).sum::<u64>(), 6, "the total stays");
    }
}
