//! Who signs in a virtual cluster: its own authority, the one of front proxies, the one of etcd.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::PkiError;
use super::certificate::Authority;

/// The authority of the virtual cluster, under its three names.
const ALIASES: [&str; 3] = ["ca", "server-ca", "client-ca"];
const FRONT_PROXY: &str = "front-proxy-ca";
const ETCD: &str = "etcd-ca";
/// Subject of the authority of the virtual cluster.
const CLUSTER: &str = "kubernetes";

/// All of them.
pub(super) struct Authorities {
    /// Of the API server, and of everybody who talks to it.
    pub cluster: Authority,
    /// Of proxies that say on whose behalf they ask.
    pub front_proxy: Authority,
    /// Of the members of etcd and of those who use it.
    pub etcd: Authority,
}

impl Authorities {
    pub fn make(now: DateTime<Utc>) -> Result<Self, PkiError> {
        Ok(Authorities {
            cluster: Authority::make(CLUSTER, now)?,
            front_proxy: Authority::make(FRONT_PROXY, now)?,
            etcd: Authority::make(ETCD, now)?,
        })
    }

    /// Those whose keys are among the files.
    pub fn of(files: &BTreeMap<String, String>) -> Result<Self, PkiError> {
        let text = |file: &str| files.get(file).map(String::as_str).unwrap_or_default();
        let of = |name: &str, certificate: &str, key: &'static str| {
            Authority::of_key(name, text(certificate), text(key))
                .map_err(|error| PkiError::Unusable { file: key, why: error.to_string() })
        };
        Ok(Authorities {
            cluster: of(CLUSTER, "server-ca.crt", "server-ca.key")?,
            front_proxy: of(FRONT_PROXY, "front-proxy-ca.crt", "front-proxy-ca.key")?,
            etcd: of(ETCD, "etcd-ca.crt", "etcd-ca.key")?,
        })
    }

    pub fn put(&self, files: &mut BTreeMap<String, String>) {
        for alias in ALIASES {
            self.cluster.put(alias, files);
        }
        self.front_proxy.put(FRONT_PROXY, files);
        self.etcd.put(ETCD, files);
    }
}
