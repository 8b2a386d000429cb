//! TLS of the endpoint: the certificate it shows, and whose certificates it takes for callers'.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::tls;

/// Where the certificate that is shown comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serving {
    /// Made at start, for these names; nobody can check it, as with kubelets that make their own.
    Made(Vec<String>),
    /// Read from files, PEM.
    Files {
        /// Certificate and those that lead from it to its authority.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Serving {
    /// Makes or reads it.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else.
    pub fn shown(&self) -> Result<Shown> {
        match self {
            Serving::Made(names) => {
                made(names).context("cannot make the certificate of the kubelet endpoint")
            }
            Serving::Files { certificate, key } => {
                let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
                    .with_context(|| format!("cannot read {}", certificate.display()))?
                    .collect();
                let chain =
                    chain.with_context(|| format!("{} is no certificate in PEM", certificate.display()))?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .with_context(|| format!("cannot read a key from {}", key.display()))?;
                Ok(Shown { chain, key })
            }
        }
    }
}

fn made(names: &[String]) -> Result<Shown> {
    let (certificate, key) = tls::self_signed(names.to_vec(), "v9s-syncer kubelet endpoint", |_| {})?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(Shown { chain: vec![certificate.der().clone()], key })
}

/// How connections are accepted. Without authorities (PEM) nobody can show a certificate, and all need a token.
///
/// # Errors
/// When certificate and key do not belong together, or the authorities cannot be read.
pub fn server(shown: &Shown, authorities: Option<&str>) -> Result<ServerConfig> {
    let roots = authorities.map(roots).transpose()?;
    tls::server(shown.chain.clone(), shown.key.clone_key(), roots)
        .context("the kubelet endpoint cannot show this certificate")
}

fn roots(pem: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.context("the authority of clients is no certificate in PEM")?;
        roots.add(certificate).context("the authority of clients cannot be used")?;
    }
    anyhow::ensure!(!roots.is_empty(), "the authority of clients is empty");
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn a_made_certificate_serves_with_and_without_authorities() {
        let shown = Serving::Made(vec!["localhost".into()]).shown().unwrap();
        assert!(server(&shown, None).is_ok());
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = authority.self_signed(&key).unwrap().pem();
        assert!(server(&shown, Some(&authority)).is_ok());
        for broken in ["", "nonsense"] {
            let error = server(&shown, Some(broken)).unwrap_err().to_string();
            assert!(error.contains("authority of clients"), "{error}");
        }
    }

    #[test]
    fn files_that_are_missing_are_named() {
        let missing = Serving::Files { certificate: "/no/such.crt".into(), key: "/no/such.key".into() };
        assert!(missing.shown().unwrap_err().to_string().contains("/no/such.crt"));
    }
}
