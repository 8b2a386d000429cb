//! What the end-to-end suites share: hosts to run on, pseudo-terminals, pictures, faults on the wire.
//!
//! Suites use [`both_hosts!`] to run one body on the embedded host and on a real API server; [`real`] tells where the
//! latter comes from.

pub mod attempts;
pub mod cache;
pub mod gateway;
pub mod host;
pub mod inside;
pub mod kubeconfig;
pub mod node;
pub mod objects;
pub mod picture;
pub mod pods;
pub mod proxy;
pub mod pty;
pub mod real;
pub mod rooms;
pub mod seat;
pub mod served;
pub mod subnet;
pub mod users;
pub mod wait;

/// The model of a terminal's screen that [`pty`] gives out.
pub use vt100;
