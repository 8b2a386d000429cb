//! How well virtual clusters are: what counts as a finding, and what a companion's word comes to. Pure.

pub mod backups;
pub mod certificates;
pub mod control;
pub mod export;
mod histogram;
pub mod isolation;
pub mod lag;
pub mod quota;
pub mod store;
pub mod sync;
pub mod thresholds;

pub use backups::Backups;
pub use certificates::Certificates;
pub use histogram::Histogram;
pub use isolation::Isolation;
pub use lag::{Evidence, Place, Verdict, where_is_the_lag};
pub use sync::Companion;
pub use thresholds::Thresholds;
