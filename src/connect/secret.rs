//! What the Secret `vc-NAME` says about getting in (docs/vclusters.md, Objects).
//!
//! Only data is taken out of it. A kubeconfig may also name programs to run and files to read; whoever can write the Secret
//! must not be able to make an operator's machine do either.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use k8s_openapi::ByteString;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// Key of the whole kubeconfig.
const CONFIG: &str = "config";
/// Where the API server is when the Secret does not say.
const DEFAULT_SERVER: &str = "https://localhost:8443";

/// Text that no message, log or `{:?}` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Hidden(text.into())
    }

    /// The text, for a file or a connection.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// How the server proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// By a certificate of this authority, PEM.
    Authority(String),
    /// By a certificate of an authority that the machine trusts.
    System,
    /// Not at all: the Secret says so.
    Nothing,
}

/// How we prove who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// By a client certificate, PEM.
    Certificate {
        /// The certificate.
        certificate: String,
        /// Its key.
        key: Hidden,
    },
    /// By a bearer token.
    Token(Hidden),
}

/// What it takes to talk to the API server of a virtual cluster, wherever it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Its URL as the Secret says; `https://localhost:8443` means that nobody has said.
    pub server: String,
    /// How it proves who it is.
    pub trust: Trust,
    /// How we do.
    pub identity: Identity,
}

/// A Secret that does not get us in. Its content is never quoted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccessError {
    /// It has nothing to prove who we are.
    #[error("it holds no credentials: neither a client certificate with its key nor a token")]
    NoCredentials,
    /// A part of it cannot be read.
    #[error("its {part} cannot be read: {why}")]
    Unreadable {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Access {
    /// Reads the data of a Secret `vc-NAME`: the kubeconfig in the key `config` first, then the keys
    /// `certificate-authority`, `client-certificate`, `client-key` and `token` for what it lacks.
    ///
    /// # Errors
    /// When there are no credentials in it, or what there is cannot be read.
    pub fn of_secret(data: &BTreeMap<String, ByteString>) -> Result<Self, AccessError> {
        let config =
            data.get(CONFIG).map(|bytes| Parts::of_config(&bytes.0)).transpose()?.unwrap_or_default();
        let pem = |key: &str, part: &'static str| match data.get(key).filter(|bytes| !bytes.0.is_empty()) {
            None => Ok(None),
            Some(bytes) => text(part, bytes.0.clone()).map(Some),
        };
        let or = |first: Option<String>, key: &'static str| match first {
            Some(first) => Ok(Some(first)),
            None => pem(key, key),
        };
        let trust = match or(config.authority, "certificate-authority")? {
            _ if config.insecure => Trust::Nothing,
            Some(pem) => Trust::Authority(pem),
            None => Trust::System,
        };
        let certificate = or(config.certificate, "client-certificate")?;
        let key = or(config.key, "client-key")?;
        let identity = match (certificate, key, or(config.token, "token")?) {
            (Some(certificate), Some(key), _) => Identity::Certificate { certificate, key: Hidden(key) },
            (_, _, Some(token)) => Identity::Token(Hidden(token.trim().to_owned())),
            _ => return Err(AccessError::NoCredentials),
        };
        Ok(Access { server: server(config.server)?, trust, identity })
    }

    /// The host in the server's URL, without brackets: a name for which its certificate holds.
    pub fn host(&self) -> Option<String> {
        let uri: Uri = self.server.parse().ok()?;
        Some(uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned())
    }

    /// Whether the URL leads to this machine only, as it does when nothing was exported.
    pub fn is_local(&self) -> bool {
        let host = self.host().unwrap_or_default();
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

fn server(said: Option<String>) -> Result<String, AccessError> {
    let said = said.filter(|url| !url.trim().is_empty()).unwrap_or_else(|| DEFAULT_SERVER.to_owned());
    let unreadable = |why| AccessError::Unreadable { part: "server", why };
    let uri: Uri = said.trim().parse().map_err(|_| unreadable("it is not a URL"))?;
    if uri.scheme_str() != Some("https") {
        // Credentials would travel in clear.
        return Err(unreadable("it is not an https URL"));
    }
    match uri.host() {
        Some(_) => Ok(said.trim().trim_end_matches('/').to_owned()),
        None => Err(unreadable("it names no host")),
    }
}

fn text(part: &'static str, bytes: Vec<u8>) -> Result<String, AccessError> {
    String::from_utf8(bytes).map_err(|_| AccessError::Unreadable { part, why: "it is not text" })
}

/// What a kubeconfig says, as far as it is data.
#[derive(Default)]
struct Parts {
    server: Option<String>,
    insecure: bool,
    authority: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Kubeconfig {
    current_context: Option<String>,
    clusters: Option<Vec<Value>>,
    users: Option<Vec<Value>>,
    contexts: Option<Vec<Value>>,
}

impl Parts {
    fn of_config(yaml: &[u8]) -> Result<Self, AccessError> {
        let unreadable =
            |_| AccessError::Unreadable { part: CONFIG, why: "it is not the YAML of a kubeconfig" };
        let config: Kubeconfig = serde_saphyr::from_slice(yaml).map_err(unreadable)?;
        let contexts = config.contexts.unwrap_or_default();
        let current = config.current_context.as_deref().unwrap_or_default();
        let context = named(&contexts, current).or(contexts.first()).and_then(|named| named.get("context"));
        let of = |list: &Option<Vec<Value>>, part: &str| {
            let list = list.as_deref().unwrap_or_default();
            let name = context.and_then(|context| context.get(part)?.as_str()).unwrap_or_default();
            named(list, name).or(list.first()).and_then(|named| named.get(part)).cloned().unwrap_or_default()
        };
        let (cluster, user) = (of(&config.clusters, "cluster"), of(&config.users, "user"));
        let word = |value: &Value, key: &str| {
            value.get(key).and_then(Value::as_str).filter(|word| !word.is_empty()).map(str::to_owned)
        };
        let pem = |value: &Value, key: &'static str| match word(value, key) {
            None => Ok(None),
            Some(encoded) => {
                let bytes = STANDARD.decode(encoded.trim());
                let bytes =
                    bytes.map_err(|_| AccessError::Unreadable { part: key, why: "it is not base64" })?;
                text(key, bytes).map(Some)
            }
        };
        Ok(Parts {
            server: word(&cluster, "server"),
            insecure: cluster.get("insecure-skip-tls-verify").and_then(Value::as_bool) == Some(true),
            authority: pem(&cluster, "certificate-authority-data")?,
            certificate: pem(&user, "client-certificate-data")?,
            key: pem(&user, "client-key-data")?,
            token: word(&user, "token"),
        })
    }
}

fn named<'a>(list: &'a [Value], name: &str) -> Option<&'a Value> {
    list.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, ByteString> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec()))).collect()
    }

    fn config(cluster: Value, user: Value) -> String {
        json!({
            "current-context": "it",
            "clusters": [{"name": "other", "cluster": {"server": "https://wrong"}}, {"name": "c", "cluster": cluster}],
            "users": [{"name": "other", "user": {"token": "wrong"}}, {"name": "u", "user": user}],
            "contexts": [{"name": "other", "context": {"cluster": "other", "user": "other"}},
                {"name": "it", "context": {"cluster": "c", "user": "u"}}],
        })
        .to_string()
    }

    fn encoded(text: &str) -> String {
        STANDARD.encode(text)
    }

    #[test]
    fn the_current_context_of_the_kubeconfig_counts() {
        let cluster =
            json!({"server": "https://localhost:8443/", "certificate-authority-data": encoded("CA")});
        let user = json!({"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY")});
        let access = Access::of_secret(&data(&[("config", &config(cluster, user))])).unwrap();
        assert_eq!(access.server, "https://localhost:8443");
        assert_eq!(access.trust, Trust::Authority("CA".into()));
        assert_eq!(
            access.identity,
            Identity::Certificate { certificate: "CERT".into(), key: Hidden::new("KEY") }
        );
        assert!(access.is_local());
        assert!(!format!("{access:?}").contains("KEY"));
    }

    #[test]
    fn single_keys_fill_in_what_the_kubeconfig_lacks() {
        let single = [("certificate-authority", "CA"), ("client-certificate", "CERT"), ("client-key", "KEY")];
        let access = Access::of_secret(&data(&single)).unwrap();
        assert_eq!((access.server.as_str(), access.trust), (DEFAULT_SERVER, Trust::Authority("CA".into())));
        let by_token = Access::of_secret(&data(&[("token", "t0ken\n")])).unwrap();
        assert_eq!(by_token.identity, Identity::Token(Hidden::new("t0ken")));
        assert_eq!(by_token.trust, Trust::System);
    }

    #[test]
    fn what_would_run_a_program_or_read_a_file_is_not_taken() {
        let cluster = json!({"server": "https://10.0.0.1", "certificate-authority": "/etc/passwd", "proxy-url": "http://evil"});
        for user in [
            json!({"exec": {"command": "rm"}}),
            json!({"tokenFile": "/etc/shadow"}),
            json!({"client-certificate": "/a", "client-key": "/b"}),
        ] {
            let refused = Access::of_secret(&data(&[("config", &config(cluster.clone(), user))]));
            assert_eq!(refused, Err(AccessError::NoCredentials));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_never_quoted() {
        let user = json!({"token": "t0p-s3cret"});
        let cases = [
            (
                "config: [t0p-s3cret",
                "its config cannot be read: it is not the YAML of a kubeconfig".to_owned(),
            ),
            (&config(json!({"server": "http://a"}), user.clone()), "it is not an https URL".into()),
            (&config(json!({"server": "https://"}), user.clone()), "server cannot be read".into()),
            (&config(json!({"certificate-authority-data": "%t0p-s3cret"}), user), "it is not base64".into()),
            (&config(json!({}), json!({"client-certificate-data": encoded("C")})), "no credentials".into()),
            ("", "no credentials".into()),
            ("- t0p-s3cret", "not the YAML of a kubeconfig".into()),
        ];
        for (text, expected) in cases {
            let error = Access::of_secret(&data(&[("config", text)])).unwrap_err().to_string();
            assert!(error.contains(&expected), "{text}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn an_insecure_server_stays_one() {
        let cluster = json!({"server": "https://vc.example.com:30443", "insecure-skip-tls-verify": true});
        let access =
            Access::of_secret(&data(&[("config", &config(cluster, json!({"token": "t"})))])).unwrap();
        assert_eq!((access.trust.clone(), access.is_local()), (Trust::Nothing, false));
        assert_eq!(access.host().as_deref(), Some("vc.example.com"));
    }
}
