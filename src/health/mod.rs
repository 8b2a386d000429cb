//! How well virtual clusters are: what counts as a finding, and what a companion's word comes to. Pure.

pub mod backups;
pub mod export;
pub mod lag;
pub mod store;
pub mod sync;
pub mod thresholds;

pub use backups::Backups;
pub use lag::{Evidence, Place, Verdict, where_is_the_lag};
pub use sync::Companion;
pub use thresholds::Thresholds;
