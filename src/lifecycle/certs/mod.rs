//! The certificates of a virtual cluster (docs/vclusters.md, Certificates): when they end, and how they are made anew.

mod digest;
mod rollout;
pub mod rotate;
mod seen;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use serde::Deserialize;

pub use seen::{Seen, look};

use crate::cluster::{Cluster, ObjectRef, ReadError, Resource};
pub use crate::provision::pki::{CertificateInfo, days_left, first_end, infos};
use crate::wire;

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    data: BTreeMap<String, ByteString>,
}

/// Reads the certificates in the Secret `NAME-certs` of a virtual cluster, the first to end first. Its keys are not looked at.
///
/// # Errors
/// When the Secret is not there or may not be read.
pub async fn check(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Vec<CertificateInfo>, ReadError> {
    let secret = ObjectRef::namespaced(Resource::SECRETS, namespace, wire::name::certificates_secret(name));
    let content = cluster.get::<Secret>(&secret).await;
    let content =
        content.map_err(|failure| cluster.error(format!("read the certificates in {secret}"), failure))?;
    Ok(infos(&content.data))
}
