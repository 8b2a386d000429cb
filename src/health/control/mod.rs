//! How well the control plane of a virtual cluster is, as somebody who looks at it finds it: what was read, and what that comes to. Pure.

mod judge;
mod requests;
#[cfg(test)]
mod tests;
mod told;

use std::time::Duration;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;

pub use judge::{Duty, code, duty, judge};
pub use requests::{ENOUGH, Requests, Traffic};
pub use told::{checks, containers, dns, lease, part, usage};

use crate::known::Known;

/// A control plane at one moment, as far as it could be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When.
    pub taken: DateTime<Utc>,
    /// What its API server answers when it is asked whether it is ready.
    pub api: Known<Api>,
    /// What that counts of the requests it has answered.
    pub requests: Known<Requests>,
    /// The programs that act on what is stored.
    pub controllers: Vec<Controller>,
    /// The pods of its name server, as the tenant sees them.
    pub dns: Known<Vec<DnsPod>>,
    /// The containers of its own pods on the host.
    pub containers: Known<Vec<Container>>,
    /// What these use, where the host measures it.
    pub usage: Known<Vec<Usage>>,
}

/// An API server's answer at `/readyz?verbose`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// How long it took, with the way there and back.
    pub took: Duration,
    /// Whether it is ready.
    pub ready: bool,
    /// What it has checked, in its order.
    pub checks: Vec<Check>,
}

/// One line of that answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name, such as `etcd`.
    pub name: SmolStr,
    /// Whether it passed.
    pub well: bool,
    /// What it says: `ok`, or why not.
    pub says: SmolStr,
}

/// A program that acts on what is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Controller {
    /// Its name, which is that of its Lease.
    pub name: &'static str,
    /// How it is run.
    pub part: Part,
    /// Its Lease; none when there is none.
    pub lease: Known<Option<Lease>>,
}

/// How a program of the control plane is run, as the pods on the host tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// In a container of its own, one of several of which a Lease chooses one.
    Elects,
    /// In a container of its own, the only one: it needs no Lease.
    Alone {
        /// Whether its container is ready.
        ready: bool,
    },
    /// In a container with others, which does not tell; or nobody knows.
    Inside,
    /// There is none, although its companions have containers of their own.
    Absent,
}

/// A Lease, by the clock of the API server that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: SmolStr,
    /// For how long it had not been renewed when it was read; none where that cannot be told.
    pub age: Option<Duration>,
    /// For how long a renewal is good.
    pub term: Duration,
}

/// A pod of the name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsPod {
    /// Its name inside.
    pub name: SmolStr,
    /// Whether it answers.
    pub ready: bool,
    /// How often its containers were started anew.
    pub restarts: u32,
    /// Why it is not ready, if it says.
    pub why: Option<SmolStr>,
}

/// A container of the control plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// Its pod.
    pub pod: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Whether it is ready.
    pub ready: bool,
    /// What it does not run for, such as `CrashLoopBackOff`.
    pub waits: Option<SmolStr>,
    /// How often it was started anew.
    pub restarts: u32,
    /// How it ended last.
    pub ended: Option<End>,
    /// Processors that it may use, if that is limited.
    pub cpu: Option<f64>,
    /// Bytes that it may use, if that is limited.
    pub memory: Option<f64>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// In a word: `OOMKilled`, `Error`, `Completed`.
    pub reason: SmolStr,
    /// Its exit code.
    pub exit: i32,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

/// What a container uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Its pod.
    pub pod: SmolStr,
    /// Its name.
    pub container: SmolStr,
    /// Processors.
    pub cpu: f64,
    /// Bytes.
    pub memory: f64,
}

impl Reading {
    /// What a container uses.
    pub fn usage(&self, container: &Container) -> Option<&Usage> {
        let is = |usage: &&Usage| usage.pod == container.pod && usage.container == container.name;
        self.usage.get()?.iter().find(is)
    }

    /// What came to its API server since an earlier reading, or since it began.
    pub fn traffic(&self, before: Option<&Reading>) -> Option<Traffic> {
        Some(self.requests.get()?.traffic(before.and_then(|before| before.requests.get())))
    }

    /// Processors and bytes of all containers together.
    pub fn used(&self) -> Option<(f64, f64)> {
        let all = self.usage.get()?;
        Some((all.iter().map(|usage| usage.cpu).sum(), all.iter().map(|usage| usage.memory).sum()))
    }
}
