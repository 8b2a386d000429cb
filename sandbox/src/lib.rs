//! An embedded Kubernetes host: an API server with just enough controllers, inside the process.

pub mod kinds;
pub mod table;
