//! What was written, and how it went: by kind, side, verb and result.

use std::collections::BTreeMap;

use v9s::cluster::{Failure, FailureKind};

use super::key::{KindId, Side};
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

/// How often which write went how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<(KindId, Side, Verb, Outcome), u64>);

impl Tally {
    /// Takes note of one.
    pub fn add(&mut self, kind: KindId, write: &Write, outcome: Outcome) {
        *self.0.entry((kind, write.side(), Verb::of(write), outcome)).or_default() += 1;
    }

    /// All that were not zero.
    pub fn iter(&self) -> impl Iterator<Item = (KindId, Side, Verb, Outcome, u64)> {
        self.0.iter().map(|((kind, side, verb, outcome), count)| (*kind, *side, *verb, *outcome, *count))
    }
}
