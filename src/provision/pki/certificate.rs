//! Single certificates.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Datelike as _, Days, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::GeneralName;

/// Of an authority.
const LONG: Days = Days::new(3650);
/// Of everything else.
const SHORT: Days = Days::new(365);

/// Who a certificate is about.
pub(super) struct Subject<'a> {
    name: &'a str,
    group: Option<&'a str>,
}

impl<'a> Subject<'a> {
    pub fn named(name: &'a str) -> Self {
        Subject { name, group: None }
    }

    pub fn member(name: &'a str, group: &'a str) -> Self {
        Subject { name, group: Some(group) }
    }

    fn distinguished(&self) -> DistinguishedName {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, self.name);
        if let Some(group) = self.group {
            subject.push(DnType::OrganizationName, group);
        }
        subject
    }
}

/// What a certificate is good for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Server,
    Client,
    Both,
}

/// A certificate and its key, PEM.
pub(super) struct Leaf {
    pub certificate: String,
    pub key: String,
}

impl Leaf {
    pub fn put(&self, name: &str, files: &mut BTreeMap<String, String>) {
        files.insert(format!("{name}.crt"), self.certificate.clone());
        files.insert(format!("{name}.key"), self.key.clone());
    }
}

/// Who issues certificates.
pub(super) struct Authority {
    own: Leaf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn make(name: &str, now: DateTime<Utc>) -> Result<Self, rcgen::Error> {
        let params = authority_params(name, now)?;
        let key = KeyPair::generate()?;
        let own = Leaf { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() };
        Ok(Authority { own, issuer: Issuer::new(params, key) })
    }

    /// The one of this name whose key is at hand.
    pub fn of_key(name: &str, certificate: &str, key: &str) -> Result<Self, rcgen::Error> {
        let issuer = Issuer::new(authority_params(name, Utc::now())?, KeyPair::from_pem(key)?);
        let own = Leaf { certificate: certificate.to_owned(), key: key.to_owned() };
        Ok(Authority { own, issuer })
    }

    pub fn certificate(&self) -> &str {
        &self.own.certificate
    }

    pub fn put(&self, name: &str, files: &mut BTreeMap<String, String>) {
        self.own.put(name, files);
    }

    /// A certificate for a year.
    pub fn issue(
        &self,
        subject: &Subject,
        purpose: Purpose,
        names: &[String],
        now: DateTime<Utc>,
    ) -> Result<Leaf, rcgen::Error> {
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name = subject.distinguished();
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let (server, client) = (ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth);
        params.extended_key_usages = match purpose {
            Purpose::Server => vec![server],
            Purpose::Client => vec![client],
            Purpose::Both => vec![server, client],
        };
        limit(&mut params, now, SHORT);
        let key = KeyPair::generate()?;
        Ok(Leaf { certificate: params.signed_by(&key, &self.issuer)?.pem(), key: key.serialize_pem() })
    }
}

fn authority_params(name: &str, now: DateTime<Utc>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = Subject::named(name).distinguished();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    limit(&mut params, now, LONG);
    Ok(params)
}

/// From yesterday, for clocks that are late.
fn limit(params: &mut CertificateParams, now: DateTime<Utc>, length: Days) {
    let date = |day: DateTime<Utc>| {
        let part = |number: u32| u8::try_from(number).unwrap_or(1);
        date_time_ymd(day.year(), part(day.month()), part(day.day()))
    };
    params.not_before = date(now.checked_sub_days(Days::new(1)).unwrap_or(now));
    params.not_after = date(now.checked_add_days(length).unwrap_or(now));
}

/// A key for signing tokens, and its public half, PEM.
pub(super) fn signing_key() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

/// Names that a certificate does not hold for.
pub(super) fn lacks(certificate: &str, names: &[String]) -> Result<Vec<String>, String> {
    let (_, pem) = parse_x509_pem(certificate.as_bytes()).map_err(|_| "it is no PEM".to_owned())?;
    let certificate = pem.parse_x509().map_err(|_| "it is no certificate".to_owned())?;
    let alternative =
        certificate.subject_alternative_name().map_err(|_| "its names cannot be read".to_owned())?;
    let held: Vec<String> = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        })
        .collect();
    let canonical = |name: &String| name.parse::<IpAddr>().map_or_else(|_| name.clone(), |it| it.to_string());
    Ok(names.iter().map(canonical).filter(|name| !held.contains(name)).collect())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
