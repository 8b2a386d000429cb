//! Backups of real stores, to folders and to a real storage that speaks S3.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod all;
mod buckets;
mod dashboard;
mod looked;
mod noted;
mod program;
mod rebuilt;
mod scheduled;
mod seat;
mod taken;
