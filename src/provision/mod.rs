//! A virtual cluster as it should be: its settings.

pub mod values;
