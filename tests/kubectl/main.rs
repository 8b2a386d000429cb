//! An unmodified `kubectl`, asked the same of a real API server and of the embedded one.
//!
//! A story is a text of commands (`stories/`). It is played on both hosts, each in a namespace of its own, and
//! what kubectl said is compared, with what must differ masked (see `mask`). Nothing is recorded: the real server of
//! this very run decides. What needs a kubelet, which the real host has not, is played on the embedded one alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the failure")]

mod beside;
mod documents;
mod inside;
mod mask;
mod stories;
mod story;
