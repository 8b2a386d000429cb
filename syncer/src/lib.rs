//! The companion of a virtual cluster: what a tenant creates runs on the host, what the host reports comes back.

mod applier;
pub mod beginning;
mod configured;
pub mod context;
pub mod dns;
pub mod engine;
pub mod identity;
pub mod keeper;
pub mod kubelet;
pub mod leader;
pub mod observe;
pub mod probe;
pub mod process;
mod requests;
pub mod resources;
pub mod serve;
pub mod service_range;
mod sides;
mod sockets;
pub mod status;
mod tls;
pub mod translate;
pub mod webhook;
