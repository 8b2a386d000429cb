//! Keys and certificates of a virtual cluster: who is who in it. Made once and kept; only what names the API server is made
//! anew when it gets other names.
//!
//! The files are those of the official Secret `NAME-certs`. Authorities live ten years and leaves one.

mod authorities;
mod certificate;
mod ends;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;
use thiserror::Error;

use crate::provision::objects::{API_PORT, Blueprint};
use crate::provision::values::settings::BackingStore;
use crate::wire::{KUBELET_DOMAIN, name};
use authorities::Authorities;
use certificate::{Authority, Purpose, Subject};
pub use ends::{CertificateInfo, days_left, first_end, infos, written};

/// etcd may grow to as many members without new certificates.
const MOST_MEMBERS: u32 = 5;

/// Kubeconfigs in the Secret: file, user, group.
const CONFIGS: [(&str, &str, &str); 3] = [
    ("admin.conf", "kubernetes-admin", "system:masters"),
    ("controller-manager.conf", "system:kube-controller-manager", ""),
    ("scheduler.conf", "system:kube-scheduler", ""),
];
/// Every file that is always there.
const NEEDED: [&str; 20] = [
    "ca.crt",
    "ca.key",
    "server-ca.crt",
    "server-ca.key",
    "client-ca.crt",
    "client-ca.key",
    "apiserver.crt",
    "apiserver.key",
    "apiserver-kubelet-client.crt",
    "apiserver-kubelet-client.key",
    "front-proxy-ca.crt",
    "front-proxy-ca.key",
    "front-proxy-client.crt",
    "front-proxy-client.key",
    "sa.key",
    "sa.pub",
    "admin.conf",
    "controller-manager.conf",
    "etcd-ca.crt",
    "etcd-ca.key",
];

/// Why there are no keys.
#[derive(Debug, Error)]
pub enum PkiError {
    /// The library refused.
    #[error("cannot make a certificate: {0}")]
    Made(#[from] rcgen::Error),
    /// What is there is not what it should be.
    #[error("{file} in the Secret with the certificates cannot be used: {why}")]
    Unusable {
        /// Key in the Secret.
        file: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// The administrator's way in, PEM each.
#[derive(Clone, PartialEq, Eq)]
pub struct Admin {
    /// Whose certificates the server shows.
    pub authority: String,
    /// The administrator's certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admin")
    }
}

/// All files of the Secret `NAME-certs`, by key.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    files: BTreeMap<String, String>,
    admin: Admin,
}

impl fmt::Debug for Keys {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files.keys()).finish()
    }
}

impl Keys {
    /// Makes all of them. `names` are those of the API server, `now` is the time.
    ///
    /// # Errors
    /// When a name cannot be in a certificate.
    pub fn make(plan: &Blueprint, names: &[String], now: DateTime<Utc>) -> Result<Keys, PkiError> {
        let mut files = BTreeMap::new();
        let authorities = Authorities::make(now)?;
        authorities.put(&mut files);
        let (key, public) = certificate::signing_key()?;
        files.insert("sa.key".to_owned(), key);
        files.insert("sa.pub".to_owned(), public);
        let admin = leaves(&authorities, plan, names, now, &mut files)?;
        Ok(Keys { files, admin })
    }

    /// Those that are there with every leaf made anew. Authorities and the key that signs tokens stay: who trusts them goes on
    /// doing so, and every token stays good.
    ///
    /// # Errors
    /// When a file is missing or cannot be used.
    pub fn renewed(
        mut files: BTreeMap<String, String>,
        plan: &Blueprint,
        names: &[String],
        now: DateTime<Utc>,
    ) -> Result<Keys, PkiError> {
        if let Some(file) = NEEDED.into_iter().find(|file| !files.contains_key(*file)) {
            return Err(PkiError::Unusable { file, why: "it is missing".to_owned() });
        }
        let authorities = Authorities::of(&files)?;
        let admin = leaves(&authorities, plan, names, now, &mut files)?;
        Ok(Keys { files, admin })
    }

    /// Those of the Secret, as they are.
    ///
    /// # Errors
    /// When the administrator's kubeconfig cannot be used.
    pub fn of_files(files: BTreeMap<String, String>) -> Result<Keys, PkiError> {
        let admin = admin_of(files.get("admin.conf").map(String::as_str).unwrap_or_default())?;
        Ok(Keys { files, admin })
    }

    /// Those that are there already; None when a file is missing, so that nothing was ever made with them. The API server's own
    /// certificate is made anew when it lacks a name.
    ///
    /// # Errors
    /// When what is there cannot be read, or nothing can be made with it.
    pub fn kept(
        mut files: BTreeMap<String, String>,
        names: &[String],
        now: DateTime<Utc>,
    ) -> Result<Option<Keys>, PkiError> {
        if NEEDED.iter().any(|file| !files.contains_key(*file)) {
            return Ok(None);
        }
        let text = |file: &str| files.get(file).cloned().unwrap_or_default();
        let admin = admin_of(&text("admin.conf"))?;
        let serving_now = text("apiserver.crt");
        if !certificate::lacks(&serving_now, names)
            .map_err(|why| PkiError::Unusable { file: "apiserver.crt", why })?
            .is_empty()
        {
            serving(&Authorities::of(&files)?.cluster, names, now, &mut files)?;
        }
        Ok(Some(Keys { files, admin }))
    }

    /// All of them, by key of the Secret.
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// The moment at which the first of its certificates ends.
    ///
    /// # Errors
    /// Which one cannot be read.
    pub fn first_end(&self) -> Result<DateTime<Utc>, SmolStr> {
        first_end(&ends::told(self.files.iter().map(|(file, text)| (file.as_str(), text.as_bytes()))))
    }

    /// The administrator's way in.
    pub fn admin(&self) -> Admin {
        self.admin.clone()
    }
}

/// Every name and address by which the virtual API server is called: from inside the pod, from the host, by tenants' pods, and as
/// the settings add. `addresses` are what its Service is reached by: addresses, and names of a load balancer.
pub fn serving_names(plan: &Blueprint, addresses: &[SmolStr]) -> Vec<String> {
    let (own, namespace) = (plan.name, plan.namespace);
    let domain = &plan.settings.networking.cluster_domain;
    let headless = name::headless_service(own);
    let mut names: Vec<String> =
        ["localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
            .map(str::to_owned)
            .into();
    names.push(format!("kubernetes.default.svc.{domain}"));
    for service in [own, headless.as_str()] {
        names.push(service.to_owned());
        names.push(format!("{service}.{namespace}"));
        names.push(format!("{service}.{namespace}.svc"));
        names.push(format!("{service}.{namespace}.svc.{domain}"));
    }
    names.push(format!("*.{KUBELET_DOMAIN}"));
    names.extend(addresses.iter().map(ToString::to_string));
    let ingress = plan.settings.control_plane.exposure.ingress.as_ref();
    names.extend(ingress.map(|ingress| ingress.host.clone()).filter(|host| !host.is_empty()));
    names.extend(plan.settings.control_plane.proxy.extra_sans.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Everything that the authorities sign; the administrator's way in.
fn leaves(
    authorities: &Authorities,
    plan: &Blueprint,
    names: &[String],
    now: DateTime<Utc>,
    files: &mut BTreeMap<String, String>,
) -> Result<Admin, PkiError> {
    let Authorities { cluster, front_proxy, etcd: store } = authorities;
    serving(cluster, names, now, files)?;
    let kubelet = Subject::member("kube-apiserver-kubelet-client", "system:masters");
    cluster.issue(&kubelet, Purpose::Client, &[], now)?.put("apiserver-kubelet-client", files);
    let client = Subject::named("front-proxy-client");
    front_proxy.issue(&client, Purpose::Client, &[], now)?.put("front-proxy-client", files);
    etcd(store, plan, now, files)?;
    configs(cluster, now, files)
}

fn serving(
    authority: &Authority,
    names: &[String],
    now: DateTime<Utc>,
    files: &mut BTreeMap<String, String>,
) -> Result<(), PkiError> {
    let subject = Subject::named("kube-apiserver");
    authority.issue(&subject, Purpose::Server, names, now)?.put("apiserver", files);
    Ok(())
}

/// The kubeconfigs of the programs in the pod, which reach the API server without leaving it.
fn configs(
    authority: &Authority,
    now: DateTime<Utc>,
    files: &mut BTreeMap<String, String>,
) -> Result<Admin, PkiError> {
    let mut admin = None;
    for (file, user, group) in CONFIGS {
        let subject = if group.is_empty() { Subject::named(user) } else { Subject::member(user, group) };
        let leaf = authority.issue(&subject, Purpose::Client, &[], now)?;
        let server = format!("https://127.0.0.1:{API_PORT}");
        let pem = authority.certificate();
        let document = crate::provision::objects::document(
            user.trim_start_matches("system:"),
            &server,
            Some(pem),
            &leaf.certificate,
            &leaf.key,
        );
        files.insert(file.to_owned(), document);
        let of_it = Admin { authority: pem.to_owned(), certificate: leaf.certificate, key: leaf.key };
        admin.get_or_insert(of_it);
    }
    admin.ok_or_else(|| PkiError::Unusable {
        file: "admin.conf",
        why: "nobody is the administrator".to_owned(),
    })
}

/// Members' certificates are for all that there may ever be.
fn etcd(
    authority: &Authority,
    plan: &Blueprint,
    now: DateTime<Utc>,
    files: &mut BTreeMap<String, String>,
) -> Result<(), PkiError> {
    let (service, headless) = (name::etcd(plan.name), name::etcd_headless_service(plan.name));
    let (namespace, domain) = (plan.namespace, &plan.settings.networking.cluster_domain);
    let members = match &plan.settings.control_plane.store {
        BackingStore::DeployedEtcd(etcd) => etcd.replicas.max(MOST_MEMBERS),
        _ => MOST_MEMBERS,
    };
    let mut hosts = vec![service.clone(), headless.clone()];
    hosts.extend((0..members).map(|member| format!("{service}-{member}.{headless}")));
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    for host in hosts {
        names.push(format!("{host}.{namespace}"));
        names.push(format!("{host}.{namespace}.svc"));
        names.push(format!("{host}.{namespace}.svc.{domain}"));
        names.push(host);
    }
    for (file, subject) in [("etcd-server", service.as_str()), ("etcd-peer", service.as_str())] {
        authority.issue(&Subject::named(subject), Purpose::Both, &names, now)?.put(file, files);
    }
    for (file, user) in [
        ("apiserver-etcd-client", "kube-apiserver-etcd-client"),
        ("etcd-healthcheck-client", "kube-etcd-healthcheck-client"),
    ] {
        let subject = Subject::member(user, "system:masters");
        authority.issue(&subject, Purpose::Client, &[], now)?.put(file, files);
    }
    Ok(())
}

/// What a kubeconfig of this Secret holds.
fn admin_of(config: &str) -> Result<Admin, PkiError> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let unusable = |why: &str| PkiError::Unusable { file: "admin.conf", why: why.to_owned() };
    let config: serde_json::Value = serde_saphyr::from_str(config).map_err(|_| unusable("it is no YAML"))?;
    let text = |path: &str| -> Result<String, PkiError> {
        let encoded = config.pointer(path).and_then(serde_json::Value::as_str);
        let bytes = encoded.and_then(|text| STANDARD.decode(text).ok());
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| unusable("a certificate or key is missing"))
    };
    Ok(Admin {
        authority: text("/clusters/0/cluster/certificate-authority-data")?,
        certificate: text("/users/0/user/client-certificate-data")?,
        key: text("/users/0/user/client-key-data")?,
    })
}
