//! One virtual cluster as an entry of a kubeconfig: cluster, user and context of one name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use crate::connect::secret::{Access, Identity, Trust};

/// Name of the extension of a context that says where it came from.
pub(super) const EXTENSION: &str = "v9s.io/connect";

/// Where the context of a virtual cluster came from, kept in the context itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Name of the virtual cluster.
    pub vcluster: SmolStr,
    /// Its host namespace.
    pub namespace: SmolStr,
    /// Context of its host cluster.
    pub host_context: SmolStr,
    /// What was current before, for the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<SmolStr>,
}

/// Cluster, user and context, all of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Their name.
    pub name: SmolStr,
    /// URL by which the API server is reached.
    pub server: String,
    /// The name that its certificate must hold for, where that is not the host of the URL.
    pub tls_server_name: Option<String>,
    /// Credentials and trust.
    pub access: Access,
    /// Namespace that commands look at; none for `default`.
    pub namespace: Option<SmolStr>,
    /// Where it came from.
    pub origin: Option<Origin>,
}

impl Entry {
    /// A kubeconfig with nothing else in it, YAML.
    pub fn to_yaml(&self) -> String {
        let whole = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [self.cluster()],
            "users": [self.user()],
            "contexts": [self.context()],
            "current-context": self.name,
        });
        // Strings, booleans and lists of them always can be written; JSON is YAML, too.
        serde_saphyr::to_string(&whole).unwrap_or_else(|_| whole.to_string())
    }

    /// The item of `clusters`.
    pub(super) fn cluster(&self) -> Value {
        let mut cluster = Map::new();
        cluster.insert("server".into(), self.server.as_str().into());
        match &self.access.trust {
            Trust::Authority(pem) => {
                cluster.insert("certificate-authority-data".into(), STANDARD.encode(pem).into());
            }
            Trust::System => {}
            Trust::Nothing => {
                cluster.insert("insecure-skip-tls-verify".into(), true.into());
            }
        }
        if let Some(name) = self.tls_server_name.as_ref().filter(|_| self.access.trust != Trust::Nothing) {
            cluster.insert("tls-server-name".into(), name.as_str().into());
        }
        json!({"name": self.name, "cluster": cluster})
    }

    /// The item of `users`.
    pub(super) fn user(&self) -> Value {
        let user = match &self.access.identity {
            Identity::Certificate { certificate, key } => json!({
                "client-certificate-data": STANDARD.encode(certificate),
                "client-key-data": STANDARD.encode(key.reveal()),
            }),
            Identity::Token(token) => json!({"token": token.reveal()}),
        };
        json!({"name": self.name, "user": user})
    }

    /// The item of `contexts`.
    pub(super) fn context(&self) -> Value {
        let mut context = Map::new();
        context.insert("cluster".into(), self.name.as_str().into());
        context.insert("user".into(), self.name.as_str().into());
        if let Some(namespace) = &self.namespace {
            context.insert("namespace".into(), namespace.as_str().into());
        }
        if let Some(origin) = &self.origin {
            context.insert("extensions".into(), json!([{"name": EXTENSION, "extension": origin}]));
        }
        json!({"name": self.name, "context": context})
    }
}
