//! SPDY/3.1 as far as Kubernetes clients use it: the client opens streams, each with headers, and both sides write
//! into them. `kubectl` speaks it inside a WebSocket for port-forward, older clients straight on the connection.
//!
//! Windows are not kept: neither do the libraries on the other side.

mod frame;
mod headers;
mod session;
#[cfg(test)]
mod tests;
mod tunnel;

pub use session::{Session, Stream, StreamWriter};
pub use tunnel::tunnel;
