//! The live model: watches on the hosts, folded into one immutable snapshot of all virtual clusters.

mod bucket;
pub mod config;
mod derive;
mod few;
pub mod findings;
pub mod image;
mod judge;
pub mod live;
pub mod model;
mod pod_status;
mod pool;
mod protobuf;
pub mod quantity;
pub mod quota;
mod restarts;
mod rows;
mod source;
pub mod state;
mod table;
mod told;
mod views;

pub use live::{FleetOptions, HostTarget, LiveFleet};
pub use model::{Fleet, Host, Vcluster, VclusterKey};

pub use crate::health::Thresholds;
