//! Certificates of one host, made at start and kept in memory only, or given; and the kubeconfig that trusts them.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value, json};
use smol_str::SmolStr;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::access::User;

/// Names that the serving certificate holds for.
const NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "kubernetes.default.svc"];

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate itself.
    #[error("cannot make the serving certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// Its use.
    #[error("cannot serve TLS with the certificate: {0}")]
    Tls(#[from] rustls::Error),
    /// A certificate or key that was given.
    #[error("a certificate or key cannot be read: {0}")]
    Given(#[from] rustls::pki_types::pem::Error),
    /// The authority of clients that was given.
    #[error("the authority of clients cannot be used: {0}")]
    Clients(#[from] rustls::server::VerifierBuilderError),
}

/// Certificates that are given to an API server, PEM each, in place of those that it makes.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificates {
    /// Its own, and those that lead from it to its authority.
    pub serving: String,
    /// Its key.
    pub key: String,
    /// Whose certificates tell who a client is.
    pub clients: String,
}

impl std::fmt::Debug for Certificates {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates")
    }
}

/// What a host needs to serve TLS.
pub struct Tls {
    /// The authority as PEM, for kubeconfigs and `kube-root-ca.crt`.
    pub authority: String,
    /// How to accept connections. Offers HTTP/2 and HTTP/1.1, as a real API server.
    pub server: Arc<ServerConfig>,
    /// Who signs certificates of clients; none where the authority was given without its key.
    pub(crate) signer: Option<Arc<Signer>>,
}

/// The authority of a host with its key.
pub(crate) struct Signer(CertifiedIssuer<'static, KeyPair>);

impl std::fmt::Debug for Signer {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// The certificate (PEM) of a client that this request (PEM) names, good between two moments.
    ///
    /// # Errors
    /// When the request cannot be read, or asks for what a client's certificate does not hold.
    pub(crate) fn sign(
        &self,
        request: &str,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<String, rcgen::Error> {
        let mut request = CertificateSigningRequestParams::from_pem(request)?;
        let params = &mut request.params;
        params.not_before = SystemTime::from(from).into();
        params.not_after = SystemTime::from(until).into();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Ok(request.signed_by(&self.0)?.pem())
    }
}

impl Tls {
    /// Makes an authority and a serving certificate for loopback and these names.
    ///
    /// # Errors
    /// When the crypto provider refuses; does not happen on platforms that rustls supports.
    pub fn make(names: &[String]) -> Result<Self, TlsError> {
        let authority = authority()?;
        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(
            NAMES.into_iter().map(str::to_owned).chain(names.iter().cloned()).collect::<Vec<_>>(),
        )?;
        leaf.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let leaf = leaf.signed_by(&key, &authority)?;
        let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone())?;
        let server = server(roots, chain, key)?;
        Ok(Tls { authority: authority.pem(), server, signer: Some(Arc::new(Signer(authority))) })
    }
}

impl Tls {
    /// Serves with certificates that were given. Clients may show one of theirs.
    ///
    /// # Errors
    /// When they are no certificates and keys, or do not belong together.
    pub fn given(given: &Certificates) -> Result<Self, TlsError> {
        let all = |pem: &str| CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let mut roots = RootCertStore::empty();
        for authority in all(&given.clients)? {
            roots.add(authority)?;
        }
        let key = PrivateKeyDer::from_pem_slice(given.key.as_bytes())?;
        let server = server(roots, all(&given.serving)?, key)?;
        // The authority of clients is the one that the virtual cluster's own certificates come from.
        Ok(Tls { authority: given.clients.clone(), server, signer: None })
    }
}

/// Serves with a certificate; clients may show one of these authorities.
fn server(
    clients: RootCertStore,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(clients), Arc::clone(&provider));
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients.allow_unauthenticated().build()?)
        .with_single_cert(chain, key)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

/// Whom a verified certificate (DER) names: its common name is the user, its organisations are the groups.
pub(crate) fn caller(certificate: &[u8]) -> Option<User> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let subject = certificate.subject();
    let name = subject.iter_common_name().next()?.as_str().ok()?;
    let mut user = User::named(name);
    user.groups.extend(subject.iter_organization().filter_map(|group| group.as_str().ok()).map(SmolStr::new));
    (!name.is_empty()).then_some(user)
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, "v9s-sandbox");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// A kubeconfig with one context of the given name that reaches `url` with a bearer token.
pub fn kubeconfig(context: &str, url: &str, authority: &str, token: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": context,
        "clusters": [{"name": context, "cluster": {
            "server": url, "certificate-authority-data": STANDARD.encode(authority),
        }}],
        "users": [{"name": context, "user": {"token": token}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubeconfig_carries_the_authority_and_the_token() {
        let tls = Tls::make(&[]).expect("certificates");
        assert!(tls.authority.starts_with("-----BEGIN CERTIFICATE-----"));
        let config = kubeconfig("demo", "https://127.0.0.1:1", &tls.authority, "secret");
        let data = config["clusters"][0]["cluster"]["certificate-authority-data"].as_str().expect("a text");
        assert_eq!(STANDARD.decode(data).ok(), Some(tls.authority.into_bytes()));
        assert_eq!(config["users"][0]["user"]["token"], "secret");
    }
}
