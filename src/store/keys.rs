//! The client certificate for etcd, from the Secret with all certificates of a virtual cluster (docs/vclusters.md, Objects).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::ByteString;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use smol_str::{SmolStr, format_smolstr};

/// Who signs the members' certificates.
const AUTHORITY: &str = "etcd-ca.crt";
/// Certificates that etcd takes, in the order in which they are used: the first is made for asking after its health.
const CLIENTS: [&str; 2] = ["etcd-healthcheck-client", "apiserver-etcd-client"];

/// What we prove ourselves with, and whom we believe.
///
/// # Errors
/// Which file is missing or unusable; never what is in it.
pub(super) fn proof(files: &BTreeMap<String, ByteString>) -> Result<Arc<ClientConfig>, SmolStr> {
    let file = |name: &str| files.get(name).map(|bytes| bytes.0.as_slice()).filter(|bytes| !bytes.is_empty());
    let authority = file(AUTHORITY).ok_or_else(|| format_smolstr!("it has no {AUTHORITY}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
        added.ok_or_else(|| format_smolstr!("{AUTHORITY} cannot be read"))?;
    }
    let pair =
        |name: &'static str| Some((file(&format!("{name}.crt"))?, file(&format!("{name}.key"))?, name));
    let found = CLIENTS.into_iter().find_map(pair);
    let (certificate, key, name) = found.ok_or_else(|| {
        format_smolstr!("it has neither {}.crt nor {}.crt with its key", CLIENTS[0], CLIENTS[1])
    })?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let (Ok(chain), Ok(key)) = (chain, PrivateKeyDer::from_pem_slice(key)) else {
        return Err(format_smolstr!("{name}.crt or its key cannot be read"));
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |error: rustls::Error| format_smolstr!("{name}.crt does not go with its key: {error}");
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key);
    let mut config = config.map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_nothing_is_quoted() {
        let with = |files: &[(&str, &str)]| -> SmolStr {
            let files = files.iter().map(|(name, text)| ((*name).to_owned(), ByteString((*text).into())));
            proof(&files.collect()).unwrap_err()
        };
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let pem = made.cert.pem();
        assert_eq!(with(&[]), "it has no etcd-ca.crt");
        assert_eq!(
            with(&[("etcd-ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]),
            "etcd-ca.crt cannot be read"
        );
        let without = with(&[("etcd-ca.crt", &pem), ("apiserver-etcd-client.crt", &pem)]);
        assert!(
            without.contains("neither etcd-healthcheck-client.crt nor apiserver-etcd-client.crt"),
            "{without}"
        );
        let broken = with(&[
            ("etcd-ca.crt", &pem),
            ("apiserver-etcd-client.crt", &pem),
            ("apiserver-etcd-client.key", "secret words"),
        ]);
        assert_eq!(broken, "apiserver-etcd-client.crt or its key cannot be read");
    }
}
