//! The certificates of a virtual cluster (docs/vclusters.md, Certificates): when they end, and how they are made anew.

mod digest;
mod rollout;
pub mod rotate;
mod seen;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use k8s_openapi::ByteString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use x509_parser::prelude::{FromDer as _, X509Certificate};

pub use seen::{Seen, look};

use crate::cluster::{Cluster, ObjectRef, ReadError, Resource};
use crate::target::Target;
use crate::wire;

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateInfo {
    /// Key in the Secret, such as `apiserver.crt`, or `admin.conf` for the one in that kubeconfig.
    pub file: String,
    /// Whom it names.
    pub subject: String,
    /// Whether it signs others.
    pub authority: bool,
    /// When it ends; none when it cannot be read.
    pub ends: Option<DateTime<Utc>>,
}

impl CertificateInfo {
    /// Whole days until it ends, negative afterwards.
    pub fn days_left(&self, now: DateTime<Utc>) -> Option<i64> {
        self.ends.map(|ends| (ends - now).num_seconds().div_euclid(86_400))
    }
}

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    data: BTreeMap<String, ByteString>,
}

/// Reads the certificates in the Secret `NAME-certs`, the first to end first. Its keys are not looked at.
///
/// # Errors
/// When the Secret is not there or may not be read.
pub async fn check(cluster: &Cluster, target: &Target) -> Result<Vec<CertificateInfo>, ReadError> {
    let name = wire::name::certificates_secret(&target.name);
    let secret = ObjectRef::namespaced(Resource::SECRETS, target.namespace.clone(), name);
    let content = cluster.get::<Secret>(&secret).await;
    let content =
        content.map_err(|failure| cluster.error(format!("read the certificates in {secret}"), failure))?;
    Ok(infos(&content.data))
}

/// The certificates among the files of a Secret.
pub fn infos(data: &BTreeMap<String, ByteString>) -> Vec<CertificateInfo> {
    let mut infos: Vec<CertificateInfo> = Vec::new();
    for (file, bytes) in data {
        let pem = match file.rsplit_once('.') {
            Some((_, "crt")) => Some(bytes.0.clone()),
            Some((_, "conf")) => Some(of_kubeconfig(&bytes.0).unwrap_or_default()),
            _ => None,
        };
        infos.extend(pem.map(|pem| info(file, &pem)));
    }
    infos.sort_by(|a, b| (a.ends, &a.file).cmp(&(b.ends, &b.file)));
    infos
}

fn of_kubeconfig(yaml: &[u8]) -> Option<Vec<u8>> {
    let config: Value = serde_saphyr::from_slice(yaml).ok()?;
    let encoded = config.pointer("/users/0/user/client-certificate-data")?.as_str()?;
    STANDARD.decode(encoded).ok()
}

fn info(file: &str, pem: &[u8]) -> CertificateInfo {
    let read = || {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
        let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
        let name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        let ends = DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)?;
        Some((name.unwrap_or_default().to_owned(), certificate.is_ca(), ends))
    };
    match read() {
        Some((subject, authority, ends)) => {
            CertificateInfo { file: file.to_owned(), subject, authority, ends: Some(ends) }
        }
        None => {
            CertificateInfo { file: file.to_owned(), subject: String::new(), authority: false, ends: None }
        }
    }
}
