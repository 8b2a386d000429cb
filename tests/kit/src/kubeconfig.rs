//! Kubeconfig texts for test hosts, and clients from them.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{
    Context as KubeContext, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};
use kube::{Client, Config};
use serde_json::{Value, json};

/// What a client proves who it is with: the `user` part of a kubeconfig.
#[derive(Debug, Clone)]
pub struct Credentials(Value);

impl Credentials {
    /// A client certificate and its key, PEM.
    pub fn certificate(cert: &str, key: &str) -> Self {
        Self(json!({
            "client-certificate-data": STANDARD.encode(cert),
            "client-key-data": STANDARD.encode(key),
        }))
    }
}

/// A kubeconfig with one context of this name. It is JSON, which is YAML.
pub fn text(context: &str, url: &str, ca_pem: &str, credentials: &Credentials) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": url, "certificate-authority-data": STANDARD.encode(ca_pem)}}],
        "users": [{"name": context, "user": credentials.0}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "current-context": context,
    })
    .to_string()
}

/// The same kubeconfig, acting as another user, and reaching its cluster at another address when one is given.
///
/// # Errors
/// When the text is no kubeconfig.
pub fn altered(text: &str, impersonate: Option<&str>, url: Option<&str>) -> Result<String> {
    let mut config = Kubeconfig::from_yaml(text).context("reading a test host's kubeconfig")?;
    for user in &mut config.auth_infos {
        if let (Some(name), Some(auth)) = (impersonate, &mut user.auth_info) {
            auth.impersonate = Some(name.to_owned());
        }
    }
    for cluster in &mut config.clusters {
        if let (Some(url), Some(cluster)) = (url, &mut cluster.cluster) {
            cluster.server = Some(url.to_owned());
        }
    }
    serde_json::to_string(&config).context("writing a kubeconfig")
}

/// The same kubeconfig for a client that shows this bearer token instead of what it showed.
///
/// # Errors
/// When the text is no kubeconfig in JSON, as those of test hosts are.
pub fn with_token(text: &str, token: &str) -> Result<String> {
    let mut config: Value = serde_json::from_str(text).context("reading a test host's kubeconfig")?;
    for user in config["users"].as_array_mut().into_iter().flatten() {
        user["user"] = json!({"token": token});
    }
    Ok(config.to_string())
}

/// One kubeconfig with the first context of each text under a new name; the first is the current one.
///
/// # Errors
/// When a text is no kubeconfig.
pub fn joined(parts: &[(&str, &str)]) -> Result<String> {
    let mut whole = Kubeconfig::default();
    for (name, text) in parts {
        let part = Kubeconfig::from_yaml(text).context("reading a test host's kubeconfig")?;
        let name = (*name).to_owned();
        whole
            .clusters
            .extend(part.clusters.into_iter().take(1).map(|one| NamedCluster { name: name.clone(), ..one }));
        whole.auth_infos.extend(
            part.auth_infos.into_iter().take(1).map(|one| NamedAuthInfo { name: name.clone(), ..one }),
        );
        whole.contexts.extend(part.contexts.into_iter().take(1).map(|one| {
            let context = one.context.clone().map(|context| KubeContext {
                cluster: name.clone(),
                user: Some(name.clone()),
                ..context
            });
            NamedContext { name: name.clone(), context, ..one }
        }));
        whole.current_context.get_or_insert(name);
    }
    serde_json::to_string(&whole).context("writing a kubeconfig")
}

/// `host:port` of the server of a kubeconfig's first cluster.
///
/// # Errors
/// When the text is no kubeconfig or names no server.
pub fn authority(text: &str) -> Result<String> {
    let config = Kubeconfig::from_yaml(text).context("reading a test host's kubeconfig")?;
    let cluster = config.clusters.into_iter().find_map(|named| named.cluster);
    let server = cluster.and_then(|cluster| cluster.server).context("the kubeconfig names no server")?;
    let uri: http::Uri = server.parse().with_context(|| format!("reading the address {server}"))?;
    Ok(uri.authority().with_context(|| format!("{server} has no host"))?.to_string())
}

/// A client from a kubeconfig's current context. It belongs to the runtime it is made on.
///
/// # Errors
/// When the text is no kubeconfig or names no usable context.
pub async fn client(text: &str) -> Result<Client> {
    let config = Kubeconfig::from_yaml(text).context("reading a test host's kubeconfig")?;
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
        .await
        .context("using a test host's kubeconfig")?;
    Client::try_from(config).context("making a client for a test host")
}
