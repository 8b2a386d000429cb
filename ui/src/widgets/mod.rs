//! What is drawn in more than one place.

pub mod table;
