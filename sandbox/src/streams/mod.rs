//! The wire side of what runs in pods: log text, exec and attach, port-forward.
//!
//! Everything here works on streams of bytes that HTTP hands over; which pod and container is meant, and whether the
//! client may, is settled before.

pub mod exec;
pub mod handshake;
pub mod log;
pub mod portforward;
pub mod spdy;

#[cfg(test)]
mod tests;
