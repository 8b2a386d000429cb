//! Nodes that do not exist: they take pods up, run them by the clock, and end them.
//!
//! What images do is registered by the embedding program ([`Images`]). The status of a pod holds all there is to know
//! about it, so that nothing is kept per pod and any pod can be taken up at any time; logs are computed from it.

mod behaviour;
mod container;
mod fit;
mod floor;
mod glance;
mod hand;
mod inside;
pub(crate) mod kubelet;
pub(crate) mod lifecycle;
mod log;
mod machine;
mod note;
mod pod;
mod ports;
pub(crate) mod programs;
pub(crate) mod scheduler;
mod shell;
mod works;

pub(crate) use behaviour::matches;
pub use behaviour::{Behaviour, Container, Exit, Images, Pull, Run, Work};
pub(crate) use fit::{NodeView, Taint, toleration};
pub(crate) use floor::Floor;
pub use hand::Hand;
pub use inside::Runtime;
pub use log::Log;
pub use machine::Machines;
pub use ports::{Port, Ports};
pub use works::{Access, ControlPlane, Process, Program};
pub(crate) use works::{Door, Works};
