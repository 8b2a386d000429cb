//! What is looked at before certificates are made anew.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;

use super::digest::digest;
use super::{CertificateInfo, infos};
use crate::cluster::{Cluster, FailureKind, ObjectRef, Resource};
use crate::lifecycle::LifeError;
use crate::provision::create::{Request, ServiceNow};
use crate::provision::values::Problems;
use crate::target::Target;
use crate::wire::{annotation, name};

/// The keys and certificates of a virtual cluster as its host has them, and what new ones are made by.
#[derive(Clone)]
pub struct Seen {
    pub(super) uid: SmolStr,
    pub(super) resource_version: SmolStr,
    pub(super) files: BTreeMap<String, String>,
    /// Digest that the last rotation has left on the Secret.
    pub(super) mark: Option<SmolStr>,
    /// The administrator's certificate as the Secret with the kubeconfig has it.
    pub(super) handed_out: Option<Vec<u8>>,
    /// What it was made by.
    pub(super) request: Request,
    /// UID of the Service by which its API server is reached, and by what that is reached itself.
    pub(super) service: SmolStr,
    pub(super) addresses: Vec<SmolStr>,
}

impl fmt::Debug for Seen {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("files", &self.files.keys())
            .field("mark", &self.mark)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Secret {
    metadata: Meta,
    #[serde(default)]
    data: BTreeMap<String, ByteString>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    uid: SmolStr,
    resource_version: SmolStr,
    #[serde(default)]
    annotations: BTreeMap<SmolStr, SmolStr>,
}

/// Looks at the Secrets, the configuration and the Service.
///
/// # Errors
/// When one of them cannot be read, or is not what v9s has made.
pub async fn look(cluster: &Cluster, target: &Target) -> Result<Seen, LifeError> {
    let own = |kind, name: String| ObjectRef::namespaced(kind, target.namespace.clone(), name);
    let certificates = own(Resource::SECRETS, name::certificates_secret(&target.name));
    let Secret { metadata, data } = read(cluster, &certificates).await?;
    let config = cluster.vcluster_config_as_written(&target.namespace, &target.name).await?;
    let unusable = |problems: Problems| {
        let what = own(Resource::SECRETS, name::config_secret(&target.name)).to_string();
        LifeError::Unusable { what, why: problems.to_string() }
    };
    let request = Request::new(&target.name, &target.namespace, &config).map_err(unusable)?;
    let kubeconfig = own(Resource::SECRETS, name::kubeconfig_secret(&target.name));
    let handed_out = match cluster.get::<Secret>(&kubeconfig).await {
        Ok(secret) => secret.data.get("client-certificate").map(|bytes| bytes.0.clone()),
        Err(failure) if failure.kind == FailureKind::NotFound => None,
        Err(failure) => return Err(cluster.error(format!("read {kubeconfig}"), failure).into()),
    };
    let service: ServiceNow = read(cluster, &own(Resource::SERVICES, target.name.to_string())).await?;
    let utf8 = |(file, bytes): (String, ByteString)| Some((file, String::from_utf8(bytes.0).ok()?));
    Ok(Seen {
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        files: data.into_iter().filter_map(utf8).collect(),
        mark: metadata.annotations.get(annotation::CERTIFICATES).cloned(),
        handed_out,
        request,
        addresses: service.addresses(),
        service: service.metadata.uid,
    })
}

async fn read<T: DeserializeOwned>(cluster: &Cluster, object: &ObjectRef) -> Result<T, LifeError> {
    let found = cluster.get(object).await;
    Ok(found.map_err(|failure| cluster.error(format!("read {object}"), failure))?)
}

impl Seen {
    /// The digest of the certificates that are there.
    pub(super) fn digest(&self) -> SmolStr {
        digest(&self.files)
    }

    /// The certificates that are there.
    pub(super) fn infos(&self) -> Vec<CertificateInfo> {
        let bytes = |text: &String| ByteString(text.clone().into_bytes());
        infos(&self.files.iter().map(|(file, text)| (file.clone(), bytes(text))).collect())
    }
}
