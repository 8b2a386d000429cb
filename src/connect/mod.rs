//! Reaching the API server of a virtual cluster: its kubeconfig, the ways to it, and tunnels.

pub mod issue;
pub mod kubeconfig;
mod open;
pub mod secret;
pub mod tunnel;
pub mod ways;

pub use open::{Asked, ConnectError, Connected, Reached, STEPS, connect};
