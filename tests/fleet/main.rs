//! The fleet as it is seen through an API server: the same cases on every host.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod control;
mod faults;
mod health;
mod listing;
mod permissions;
mod states;
mod storms;
mod watching;
