//! The syncer between two API servers: what a tenant creates appears on the host, what the host reports comes back.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod agreement;
mod canary;
mod content;
mod dns;
mod drift;
mod explained;
mod faults;
mod health;
mod kubectl;
mod kubelet;
mod leaders;
mod mirrored;
mod observe;
mod odd;
mod pair;
mod pods;
mod process;
mod ranges;
mod readiness;
mod resolver;
mod services;
mod settings;
mod shown;
mod volumes;
mod webhook;
mod wire;
