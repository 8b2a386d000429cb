//! `v9s create` as a person runs it, on every host: what is accepted, refused, completed and recorded. That virtual clusters
//! made so come up is tried on a real node, in `tests/create-node`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod connecting;
mod embedded;
mod ending;
mod exposed;
mod faults;
mod found;
mod halfway;
mod input;
mod killed;
mod made;
mod nested;
mod preflight;
mod rotating;
mod shell;
