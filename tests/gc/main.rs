//! Leftovers of virtual clusters: proven, planned and collected, on hosts whose virtual clusters answer.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod collecting;
mod law;
mod lies;
mod program;
mod proofs;
mod seat;
mod stuck;
