//! What is not known is said, never guessed: the type of every fact that may be missing.

use std::fmt;

use serde::{Serialize, Serializer};
use smol_str::SmolStr;

/// A fact about a cluster, or the reason why it is not known.
///
/// Unknown is a state of its own: it is never shown as zero and never as healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// The fact.
    Yes(T),
    /// Not known, and why: a sentence fragment for a person, such as `forbidden: needs list pods in team-a`.
    No(SmolStr),
    /// The question does not arise, such as the sync lag of a paused virtual cluster.
    NotApplicable,
}

impl<T> Known<T> {
    /// An unknown fact with the reason.
    pub fn unknown(why: impl Into<SmolStr>) -> Self {
        Known::No(why.into())
    }

    /// The fact, if known.
    pub fn get(&self) -> Option<&T> {
        match self {
            Known::Yes(value) => Some(value),
            Known::No(_) | Known::NotApplicable => None,
        }
    }

    /// Why the fact is not known, if it is not.
    pub fn why(&self) -> Option<&str> {
        match self {
            Known::No(why) => Some(why),
            Known::Yes(_) | Known::NotApplicable => None,
        }
    }

    /// Whether the fact is known.
    pub fn is_known(&self) -> bool {
        matches!(self, Known::Yes(_))
    }

    /// Changes the fact and leaves the reasons for not knowing it.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Known::Yes(value) => Known::Yes(change(value)),
            Known::No(why) => Known::No(why),
            Known::NotApplicable => Known::NotApplicable,
        }
    }

    /// Borrows the fact.
    pub fn as_ref(&self) -> Known<&T> {
        match self {
            Known::Yes(value) => Known::Yes(value),
            Known::No(why) => Known::No(why.clone()),
            Known::NotApplicable => Known::NotApplicable,
        }
    }
}

/// `?` when unknown, an en dash when the question does not arise.
impl<T: fmt::Display> fmt::Display for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Known::Yes(value) => value.fmt(f),
            Known::No(_) => f.pad("?"),
            Known::NotApplicable => f.pad("–"),
        }
    }
}

/// Unknown and not applicable are both `null` for scripts; the reasons are in the row's `unknown` map.
impl<T: Serialize> Serialize for Known<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Known::Yes(value) => value.serialize(serializer),
            Known::No(_) | Known::NotApplicable => serializer.serialize_none(),
        }
    }
}
