//! A virtual cluster as it should be: its settings, and what the host has to say about them.

pub mod service_range;
pub mod values;
