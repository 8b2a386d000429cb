//! The fleet as it is seen through an API server: the same cases on every host.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod listing;
mod states;
mod watching;
