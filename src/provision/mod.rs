//! A virtual cluster as it should be: its settings, its objects on the host, its keys, and how all of it comes to be.

pub mod create;
pub mod objects;
pub mod pki;
pub mod service_range;
pub mod values;
