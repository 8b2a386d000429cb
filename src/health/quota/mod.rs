//! How the quota of a virtual cluster stands beyond what is used now: where it goes, who takes it, and who is kept waiting. Pure.

pub mod blocked;
pub mod demand;
mod fit;
pub mod trend;

pub use blocked::{Blocked, Lack};
pub use demand::{Consumer, Demand, KeyDemand, Whose};
pub use trend::{Course, Outlook, Watch, outlook};

/// Codes of what a quota can come to, besides those that the host tells at once.
pub mod code {
    /// At the present rate one of its keys is full before long.
    pub const RUNS_OUT: &str = "quota-runs-out";
    /// Pods do not start for want of room in it.
    pub const BLOCKS: &str = "quota-blocks";
}
