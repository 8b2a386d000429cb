//! When certificates end.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use k8s_openapi::ByteString;
use serde::Serialize;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};
use x509_parser::prelude::{FromDer as _, X509Certificate};

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
        self.ends.map(|ends| days_left(ends, now))
    }
}

/// Whole days until then, negative afterwards.
pub fn days_left(ends: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    (ends - now).num_seconds().div_euclid(86_400)
}

/// The certificates among the files of a Secret, the first to end first; before them what cannot be read.
pub fn infos(data: &BTreeMap<String, ByteString>) -> Vec<CertificateInfo> {
    told(data.iter().map(|(file, bytes)| (file.as_str(), bytes.0.as_slice())))
}

/// The moment at which the first of these ends, authorities included: nothing is good for longer than who signed it.
///
/// # Errors
/// Which one cannot be read, or that there is none: then nobody knows.
pub fn first_end(infos: &[CertificateInfo]) -> Result<DateTime<Utc>, SmolStr> {
    if let Some(unread) = infos.iter().find(|info| info.ends.is_none()) {
        return Err(format_smolstr!("the certificate in {} cannot be read", unread.file));
    }
    let first = infos.iter().filter_map(|info| info.ends).min();
    first.ok_or_else(|| SmolStr::new_static("there is no certificate"))
}

/// A moment as an annotation tells it.
pub fn written(end: DateTime<Utc>) -> String {
    end.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn told<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<CertificateInfo> {
    let of = |(file, bytes): (&str, &[u8])| match file.rsplit_once('.') {
        Some((_, "crt")) => Some(info(file, bytes)),
        Some((_, "conf")) => Some(info(file, &of_kubeconfig(bytes).unwrap_or_default())),
        _ => None,
    };
    let mut infos: Vec<CertificateInfo> = files.filter_map(of).collect();
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
