//! The live model: watches on the hosts, folded into one immutable snapshot of all virtual clusters.

pub mod model;
pub mod quota;
pub mod state;

pub use model::{Fleet, Host, Vcluster, VclusterKey};
