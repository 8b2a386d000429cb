//! What keeps v9s from a store, in words for a person.

use std::time::Duration;

use smol_str::SmolStr;
use thiserror::Error;

use crate::cluster::{Failure, ReadError};

/// A store that did not do what was asked of it.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StoreError {
    /// The host did not tell where it is.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// The virtual cluster does not run, and neither does its store.
    #[error("the store of {vcluster} does not run: {how}")]
    Rests {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// How it rests.
        how: SmolStr,
    },
    /// Nothing of it runs although it should.
    #[error("the store of {vcluster} has no pods that run: {why}")]
    NoPods {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// What there is instead.
        why: SmolStr,
    },
    /// There is no way to it from outside.
    #[error("the store of {vcluster} cannot be reached from outside: {why}")]
    NoWay {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// Why.
        why: SmolStr,
        /// What a person can do about it.
        remedy: &'static str,
    },
    /// What is needed to prove who we are cannot be had.
    #[error("the {what} of {vcluster} cannot be used for its store: {why}")]
    Keys {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// Which object.
        what: SmolStr,
        /// Why. Its content is never quoted.
        why: SmolStr,
    },
    /// A process of it could not be reached, or did not answer.
    #[error("cannot {what} of {member} (store of {vcluster}): {failure}")]
    Unanswered {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// Pod or address.
        member: SmolStr,
        /// What was tried, such as `read the status`.
        what: &'static str,
        /// What came of it.
        failure: Failure,
    },
    /// It answered that it does not do this.
    #[error("{member} (store of {vcluster}) refuses to {what}: {said}")]
    Refused {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// Pod or address.
        member: SmolStr,
        /// What was tried.
        what: &'static str,
        /// What it said.
        said: SmolStr,
    },
    /// The revision that was asked for is compacted by now.
    #[error("{member} (store of {vcluster}) has compacted the revision {revision}")]
    Compacted {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// Pod or address.
        member: SmolStr,
        /// The revision.
        revision: i64,
    },
    /// The answer is longer than was wanted; none of it was taken.
    #[error("the answer of {member} (store of {vcluster}) to {what} is longer than {room} bytes")]
    TooLong {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// Pod or address.
        member: SmolStr,
        /// What was tried.
        what: &'static str,
        /// Bytes that it may have.
        room: usize,
    },
    /// What it is kept in cannot do this at all.
    #[error("the store of {vcluster} is kine in front of a database, which cannot {what}")]
    Unable {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// What was tried.
        what: &'static str,
    },
    /// A snapshot that ended early or is not what its sender had.
    #[error("the snapshot of {member} (store of {vcluster}) is damaged: {why}")]
    Damaged {
        /// The virtual cluster.
        vcluster: SmolStr,
        /// Pod or address.
        member: SmolStr,
        /// In which way.
        why: SmolStr,
    },
}

impl StoreError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            StoreError::Unread(error) => error.remedy(),
            StoreError::Rests { .. } => "`v9s resume NAME` starts it",
            StoreError::NoPods { .. } => "look at its pods on the host, and their events",
            StoreError::NoWay { remedy, .. } => remedy,
            StoreError::Keys { .. } => {
                "`v9s certs NAME` shows its certificates; `v9s certs rotate NAME` makes new ones"
            }
            StoreError::Unanswered { failure, .. } => failure.remedy(),
            StoreError::Refused { .. } => "look at the log of that pod",
            StoreError::Compacted { .. } => "begin again at a revision of now",
            StoreError::TooLong { .. } => "ask for fewer keys at once",
            StoreError::Unable { .. } => "read its keys at one revision instead",
            StoreError::Damaged { .. } => "take another",
        }
    }

    /// Whether another process of the same store may answer what this one did not.
    pub(super) fn is_of_one_member(&self) -> bool {
        matches!(self, StoreError::Unanswered { .. })
    }
}

/// How long an answer was waited for, as part of an error.
pub(super) fn late(after: Duration) -> Failure {
    Failure::timeout(after)
}
