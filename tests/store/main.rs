//! Stores of virtual clusters: real etcd and real kine, asked, filled up and mended by v9s.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod reading;
mod recovering;
mod seat;
