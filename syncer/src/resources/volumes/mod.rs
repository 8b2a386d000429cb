//! Volumes: claims go to the host, what the host binds them to is shown.

mod claims;
mod fake;
mod real;
#[cfg(test)]
mod tests;

pub use claims::Claims;
pub use fake::FakeVolumes;
pub use real::Volumes;

/// Kind of claims in the registry.
const CLAIMS: &str = "persistentvolumeclaims";
/// Kind of volumes in the registry.
const VOLUMES: &str = "persistentvolumes";
