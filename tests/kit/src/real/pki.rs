//! Keys and certificates of one control plane: one authority, one certificate per client, a service-account key.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

/// A certificate and its key, PEM.
#[derive(Debug)]
pub struct Identity {
    pub cert: String,
    pub key: String,
}

/// Everything that clients of the control plane need; what its programs read from files is in the folder.
#[derive(Debug)]
pub struct Pki {
    pub ca_pem: String,
    pub admin: Identity,
    issuer: Issuer<'static, KeyPair>,
}

/// As whom the API server asks the servers behind its aggregation layer.
pub const FRONT_PROXY: &str = "front-proxy-client";

impl Pki {
    /// Makes new keys and writes what the programs read: `ca.{crt,key}`, `apiserver.{crt,key}` for these names and addresses,
    /// `kubelet-client.{crt,key}`, `front-proxy-ca.crt`, `front-proxy-client.{crt,key}`, `sa.{pub,key}`.
    pub fn write(folder: &Path, hosts: &[String]) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let (issuer, ca_pem) = authority("kubernetes")?;
        let ca_key = issuer.key().serialize_pem();
        let (front_proxies, front_proxy_ca) = authority("front-proxy-ca")?;
        let front_proxy = identity(&front_proxies, FRONT_PROXY, None, &[])?;

        let names: Vec<&str> = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
            .into_iter()
            .chain(hosts.iter().map(String::as_str))
            .collect();
        let server = identity(&issuer, "kube-apiserver", None, &names)?;
        let kubelet_client = identity(&issuer, "kube-apiserver-kubelet-client", Some("system:masters"), &[])?;
        let service_accounts = KeyPair::generate()?;
        for (name, text) in [
            ("ca.crt", &ca_pem),
            ("ca.key", &ca_key),
            ("apiserver.crt", &server.cert),
            ("apiserver.key", &server.key),
            ("kubelet-client.crt", &kubelet_client.cert),
            ("kubelet-client.key", &kubelet_client.key),
            ("front-proxy-ca.crt", &front_proxy_ca),
            ("front-proxy-client.crt", &front_proxy.cert),
            ("front-proxy-client.key", &front_proxy.key),
            ("sa.key", &service_accounts.serialize_pem()),
            ("sa.pub", &service_accounts.public_key_pem()),
        ] {
            write_private(&folder.join(name), text)?;
        }
        Ok(Self {
            admin: identity(&issuer, "kubernetes-admin", Some("system:masters"), &[])?,
            ca_pem,
            issuer,
        })
    }

    /// A certificate that says who a client is.
    pub fn client(&self, user: &str, group: Option<&str>) -> Result<Identity> {
        identity(&self.issuer, user, group, &[])
    }
}

/// A new authority, and its certificate as PEM.
fn authority(name: &str) -> Result<(Issuer<'static, KeyPair>, String)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = distinguished(name, None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

fn identity(
    issuer: &Issuer<'_, KeyPair>,
    name: &str,
    group: Option<&str>,
    hosts: &[&str],
) -> Result<Identity> {
    let mut params = CertificateParams::new(hosts.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    params.distinguished_name = distinguished(name, group);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    Ok(Identity { cert: params.signed_by(&key, issuer)?.pem(), key: key.serialize_pem() })
}

fn distinguished(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject
}

/// Writes a file that only its owner may read.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("creating {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))
}
