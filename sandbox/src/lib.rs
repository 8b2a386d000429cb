//! An embedded Kubernetes host: an API server with just enough controllers, inside the process.

pub mod fields;
pub mod kinds;
pub mod patch;
pub mod table;
