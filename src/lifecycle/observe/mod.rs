//! The companion beside a virtual cluster that somebody else's syncer runs: installed so that its lag is measured, and removed
//! without a trace.
//!
//! It may read what it compares, and write the one ConfigMap that it publishes. That ConfigMap is made here, so that the companion needs
//! no right to create any: what is taken away it cannot bring back. Nothing that belongs to the virtual cluster is changed. Everything that is made
//! carries a label by which it is found again, and belongs to the workload of the control plane: it goes with that, whoever deletes it.

mod carry;
mod look;
mod objects;
mod plan;
#[cfg(test)]
mod tests;

pub use carry::{INSTALL_STEPS, REMOVE_STEPS, Wait, install, remove};
pub use look::{Found, Made, is_whole, look, made};
pub use objects::watched;
pub use plan::{InstallPlan, RemovePlan, Wanted, plan, removal};

/// The word for the record.
const ACTION: &str = "observe";

/// Selects everything that was made for the companion of a virtual cluster.
fn selector(name: &str) -> String {
    format!("{}={name}", crate::wire::label::OBSERVER_OF)
}
