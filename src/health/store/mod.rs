//! How well a store is: what was read of it, and what that comes to. Pure.

mod crash;
mod figures;
mod judge;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;

pub use crash::{Remedy, Trouble, remedy, trouble};
pub use figures::Figures;
pub use judge::{code, judge, quorum};

use crate::known::Known;
use crate::store::{Alarm, Engine, Kind, Member, MemberStatus};

/// A store at one moment, as far as it could be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When.
    pub taken: DateTime<Utc>,
    /// Which store the configuration says; not known where that cannot be read.
    pub kind: Known<Kind>,
    /// What speaks to us; none where nothing does.
    pub engine: Option<Engine>,
    /// Its processes that were asked, by name.
    pub processes: Vec<Process>,
    /// Members that should be there and have no pod.
    pub absent: Vec<SmolStr>,
    /// Members as they know each other; the question does not arise for kine.
    pub members: Known<Vec<Member>>,
    /// Alarms that are raised; the question does not arise for kine.
    pub alarms: Known<Vec<Alarm>>,
    /// Volumes that it is on.
    pub volumes: Known<Vec<Volume>>,
    /// What the API server of the virtual cluster says of it, where that was asked because nothing else can be.
    pub told: Known<Told>,
    /// Why it could not be asked, and what a person can do about it.
    pub closed: Option<(SmolStr, SmolStr)>,
}

/// One process of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// Its pod or address.
    pub name: SmolStr,
    /// How it says it is.
    pub status: Known<MemberStatus>,
    /// How long the answer took.
    pub took: Duration,
    /// What it counts of itself.
    pub figures: Known<Figures>,
}

/// A volume of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The pod that it is in.
    pub pod: SmolStr,
    /// The claim.
    pub claim: SmolStr,
    /// Bytes that are used.
    pub used: u64,
    /// Bytes that there are.
    pub capacity: u64,
}

impl Volume {
    /// Use of it, 0 to 1.
    pub fn share(&self) -> f64 {
        if self.capacity == 0 { 1.0 } else { self.used as f64 / self.capacity as f64 }
    }

    /// Bytes that are free.
    pub fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }
}

/// What the API server of the virtual cluster says of its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Whether it reaches its store; else what it says.
    pub ready: Result<(), SmolStr>,
    /// How long the answer took, with the way there and back.
    pub took: Duration,
}

/// How many bytes a day the largest file of a store grows, by two readings of it; none where they are too close to tell.
pub fn growth_a_day(first: &Reading, newest: &Reading) -> Option<f64> {
    const LEAST: f64 = 600.0;
    const DAY: f64 = 86_400.0;
    let seconds = (newest.taken - first.taken).num_seconds() as f64;
    let size = |reading: &Reading| reading.known().map(|(_, status)| status.size).max();
    let grown = size(newest)? as f64 - size(first)? as f64;
    (seconds >= LEAST).then(|| grown / seconds * DAY)
}

impl Reading {
    /// Processes that have said how they are.
    pub fn known(&self) -> impl Iterator<Item = (&Process, &MemberStatus)> {
        self.processes.iter().filter_map(|process| Some((process, process.status.get()?)))
    }

    /// The process that leads, by the word of those that answer.
    pub fn leader(&self) -> Option<&Process> {
        self.known()
            .find(|(_, status)| status.leader != 0 && status.leader == status.id)
            .map(|(process, _)| process)
    }

    /// The most bytes that the file of a process may have: by its own word, else by its figures.
    pub fn quota(process: &Process) -> Option<u64> {
        process.status.get()?.quota.or_else(|| process.figures.get()?.quota)
    }
}
