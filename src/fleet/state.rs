//! The one word that says how a virtual cluster is, and its rank.

use serde::Serialize;

use crate::fleet::model::Severity;

/// State of a virtual cluster. The words are the official CLI's own where it has one (docs/vclusters.md, State).
///
/// The order is "worst first": sorting rows by state puts what needs a person at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum State {
    /// The control plane does not serve.
    Down,
    /// The control plane serves, and something in it is broken.
    Degraded,
    /// What could be looked up does not tell.
    Unknown,
    /// The control plane serves, and what tenants change takes long to arrive.
    Lagging,
    /// On its way up, or waiting for something.
    Pending,
    /// Being removed.
    Terminating,
    /// Stopped for a restore.
    Restoring,
    /// Scaled to zero by somebody who left no mark.
    ScaledDown,
    /// Control plane up, workloads asleep.
    SleepingWorkloads,
    /// Paused or put to sleep, with a mark.
    Paused,
    /// As it should be.
    Running,
}

impl State {
    /// All states, worst first.
    pub const ALL: [State; 11] = [
        State::Down,
        State::Degraded,
        State::Unknown,
        State::Lagging,
        State::Pending,
        State::Terminating,
        State::Restoring,
        State::ScaledDown,
        State::SleepingWorkloads,
        State::Paused,
        State::Running,
    ];

    /// The word for screens and scripts.
    pub fn word(self) -> &'static str {
        match self {
            State::Down => "Down",
            State::Degraded => "Degraded",
            State::Unknown => "Unknown",
            State::Lagging => "Lagging",
            State::Pending => "Pending",
            State::Terminating => "Terminating",
            State::Restoring => "Restoring",
            State::ScaledDown => "ScaledDown",
            State::SleepingWorkloads => "Sleeping (workloads only)",
            State::Paused => "Paused",
            State::Running => "Running",
        }
    }

    /// How urgent the state is by itself. Unknown is never fine.
    pub fn severity(self) -> Severity {
        match self {
            State::Down | State::Degraded => Severity::Critical,
            State::Unknown | State::Lagging | State::Pending | State::Terminating | State::ScaledDown => {
                Severity::Warning
            }
            State::Restoring | State::SleepingWorkloads | State::Paused => Severity::Info,
            State::Running => Severity::Ok,
        }
    }
}
