//! The dashboard in a real pseudo-terminal, as a person meets it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod contexts;
mod deeds;
mod manners;
mod orphans;
mod seat;
mod several;
mod tenant;
mod views;
