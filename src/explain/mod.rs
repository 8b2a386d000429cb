//! Why a pod is not what it should be: from what was gathered to one sentence with the fix. docs/explain.md lists the causes.
//!
//! [`explain`] is pure: facts in, a verdict out. Each cause is a function of its own in one of the families under `causes/`; the
//! order of the registry there is the ranking. [`gather`] is the thin edge that reads the facts, on the host and inside.

mod causes;
mod facts;
mod gather;
mod message;
mod pod;
mod verdict;

pub use causes::codes;
pub use facts::{Claim, Facts, Plane, Seen, Side, Subject, Tenant, Workload};
pub use gather::{ExplainError, Wish, gather};
pub(crate) use message::exceeded;
pub use verdict::{Also, Answer, Cause, Evidence, Fix, Sure, Verdict, explain};

#[cfg(test)]
mod tests;
