//! The life of virtual clusters through an API server: the same cases on every host.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod adopting;
mod archived;
mod chosen;
mod deleting;
mod editing;
mod faults;
mod issuing;
mod observing;
mod pausing;
mod probing;
mod program;
mod quotas;
mod reinstating;
mod restoring;
mod seat;
mod terms;
mod tunnels;
mod wizard;
