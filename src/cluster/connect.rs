//! From a context to a client: credentials, impersonation, timeouts, proxies; errors that say what to do.

use std::time::Duration;

use kube::Config;
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;

use super::failure::{Failure, describe_auth};
use super::kubeconfig::{IN_CLUSTER, KubeconfigSource, load, missing, pick, plain};
use super::names::Names;
use super::{Cluster, dial, proxy};
use crate::audit::AuditLog;

/// How to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// User to act as (`--as`).
    pub impersonate: Option<String>,
    /// Groups to act as (`--as-group`).
    pub impersonate_groups: Vec<String>,
    /// How long one answer may take (`--request-timeout`); also the longest silence within an answer.
    pub request_timeout: Duration,
    /// Whether a credential plugin may ask questions on the terminal. Never while a dashboard draws on it.
    pub interactive: bool,
    /// How servers are found that a kubeconfig calls by name.
    pub names: Names,
    /// Where the API server is, whatever the kubeconfig says; its certificate must be good for this name.
    pub server: Option<http::Uri>,
    /// Where every change leaves a record.
    pub audit: Option<AuditLog>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions {
            impersonate: None,
            impersonate_groups: Vec::new(),
            request_timeout: Duration::from_secs(15),
            interactive: false,
            names: Names::default(),
            server: None,
            audit: None,
        }
    }
}

/// Why there is no client for a context.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read or makes no sense.
    #[error("cannot read kubeconfig {place}: {reason}")]
    Kubeconfig {
        /// Path, or what stands for it.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is none, and this is no pod either.
    #[error("no kubeconfig: {looked_for} does not exist and this is not a pod")]
    NoKubeconfig {
        /// Paths that were tried.
        looked_for: String,
    },
    /// The context is not in the kubeconfig.
    #[error("no context named `{wanted}`; there are: {known}")]
    UnknownContext {
        /// The name that was asked for.
        wanted: String,
        /// The names there are.
        known: String,
    },
    /// No context was asked for and the kubeconfig has no current one.
    #[error("the kubeconfig has no current context; there are: {known}")]
    NoCurrentContext {
        /// The names there are.
        known: String,
    },
    /// The context exists, but what it refers to does not fit together.
    #[error("context `{context}` cannot be used: {reason}")]
    Context {
        /// Its name.
        context: SmolStr,
        /// What is wrong with it.
        reason: String,
    },
    /// The context's credential plugin is not installed.
    #[error("context `{context}` needs the credential plugin `{command}`, which is not installed")]
    PluginMissing {
        /// Name of the context.
        context: SmolStr,
        /// The program.
        command: String,
        /// What its kubeconfig says about installing it.
        hint: Option<String>,
    },
    /// The context's credential plugin did not deliver.
    #[error("context `{context}`: {reason}")]
    Plugin {
        /// Name of the context.
        context: SmolStr,
        /// What it said.
        reason: SmolStr,
    },
    /// The context's credential plugin must ask questions, and there is nowhere to ask.
    #[error("context `{context}`: its credential plugin `{command}` wants to ask on the terminal")]
    PluginAsks {
        /// Name of the context.
        context: SmolStr,
        /// The program.
        command: String,
    },
    /// The cluster was reached and refused.
    #[error("{0}")]
    Failed(Failure),
}

impl ConnectError {
    /// What a person can do about it.
    pub fn remedy(&self) -> String {
        match self {
            ConnectError::Kubeconfig { .. } => "mend the file, or name another with --kubeconfig".into(),
            ConnectError::NoKubeconfig { .. } => "set KUBECONFIG or pass --kubeconfig".into(),
            ConnectError::UnknownContext { .. } => "pass one of them with --context".into(),
            ConnectError::NoCurrentContext { .. } => {
                "pass one of them with --context, or set one: kubectl config use-context NAME".into()
            }
            ConnectError::Context { .. } => "mend its cluster and user entries in the kubeconfig".into(),
            ConnectError::PluginMissing { hint: Some(hint), .. } => hint.clone(),
            ConnectError::PluginMissing { command, .. } => format!("install `{command}` or put it on PATH"),
            ConnectError::Plugin { .. } => "log in with the plugin's own tool, then retry".into(),
            ConnectError::PluginAsks { command, .. } => {
                format!("log in with `{command}` in another terminal, then retry")
            }
            ConnectError::Failed(failure) => failure.remedy().into(),
        }
    }
}

/// A client for one context, the current one when none is named. Nothing is sent to the server yet, but a
/// credential plugin may run; dropping the future leaves it behind without waiting.
///
/// # Errors
/// When the kubeconfig, the context or its credentials are not usable.
pub async fn open(
    source: &KubeconfigSource,
    context: Option<&str>,
    options: &ConnectOptions,
) -> Result<Cluster, ConnectError> {
    let (source, context, options) = (source.clone(), context.map(str::to_owned), options.clone());
    // Reading files and running plugins blocks; a person who gives up must not wait for it.
    let work = tokio::task::spawn_blocking(move || open_blocking(&source, context.as_deref(), &options));
    work.await.map_err(|error| ConnectError::Context {
        context: SmolStr::default(),
        reason: format!("opening it was interrupted: {error}"),
    })?
}

fn open_blocking(
    source: &KubeconfigSource,
    context: Option<&str>,
    options: &ConnectOptions,
) -> Result<Cluster, ConnectError> {
    let (name, mut config) = match load(source)? {
        Some(kubeconfig) => {
            let name = pick(&kubeconfig, context)?;
            let config = config_of(kubeconfig, &name, options)?;
            (name, config)
        }
        None => (SmolStr::new_static(IN_CLUSTER), Config::incluster().map_err(|_| missing())?),
    };
    adjust(&mut config, options);
    let server = config.cluster_url.to_string().trim_end_matches('/').to_smolstr();
    let namespace = config.default_namespace.to_smolstr();
    let exec = config.auth_info.exec.clone();
    let client =
        dial::client(config, options.names).map_err(|error| client_error(&name, exec.as_ref(), error))?;
    let cluster = Cluster::from_client(name, server, namespace, client);
    let cluster = cluster.with_request_timeout(options.request_timeout);
    Ok(match &options.audit {
        Some(log) => cluster.with_audit(log.clone()),
        None => cluster,
    })
}

/// What holds for every client of ours, whatever the kubeconfig says.
fn adjust(config: &mut Config, options: &ConnectOptions) {
    // The library's own retry sleeps out of sight and repeats even POST.
    config.default_retry = false;
    config.connect_timeout = Some(options.request_timeout);
    config.read_timeout = None;
    if let Some(server) = &options.server {
        config.cluster_url = server.clone();
        config.tls_server_name = None;
    }
    if let Some(user) = &options.impersonate {
        config.auth_info.impersonate = Some(user.clone());
    }
    if !options.impersonate_groups.is_empty() {
        config.auth_info.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    if config.cluster_url.host().is_some_and(proxy::is_loopback) {
        config.disable_compression = true;
    }
}

fn config_of(
    kubeconfig: Kubeconfig,
    name: &SmolStr,
    options: &ConnectOptions,
) -> Result<Config, ConnectError> {
    let bad = |error: KubeconfigError| ConnectError::Context { context: name.clone(), reason: plain(&error) };
    let own_proxy = has_own_proxy(&kubeconfig, name);
    let wanted = KubeConfigOptions { context: Some(name.to_string()), ..KubeConfigOptions::default() };
    let mut config =
        futures::executor::block_on(Config::from_custom_kubeconfig(kubeconfig, &wanted)).map_err(bad)?;
    if !own_proxy && config.cluster_url.host().is_some_and(skips_environment_proxy) {
        config.proxy_url = None;
    }
    if let Some(exec) = &mut config.auth_info.exec
        && !options.interactive
    {
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            let command = exec.command.clone().unwrap_or_default();
            return Err(ConnectError::PluginAsks { context: name.clone(), command });
        }
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    Ok(config)
}

fn has_own_proxy(kubeconfig: &Kubeconfig, context: &str) -> bool {
    let context = kubeconfig.contexts.iter().find(|named| named.name == context);
    let cluster = context.and_then(|named| named.context.as_ref()).map(|context| context.cluster.as_str());
    let named = kubeconfig.clusters.iter().find(|named| Some(named.name.as_str()) == cluster);
    named.and_then(|named| named.cluster.as_ref()?.proxy_url.as_deref()).is_some_and(|url| !url.is_empty())
}

fn skips_environment_proxy(host: &str) -> bool {
    let no_proxy = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
    proxy::is_loopback(host) || proxy::is_exempt(host, &no_proxy)
}

fn client_error(
    context: &SmolStr,
    exec: Option<&kube::config::ExecConfig>,
    error: kube::Error,
) -> ConnectError {
    use kube::client::AuthError;
    let context = context.clone();
    match &error {
        kube::Error::Auth(AuthError::AuthExecStart(cause))
            if cause.kind() == std::io::ErrorKind::NotFound =>
        {
            ConnectError::PluginMissing {
                context,
                command: exec.and_then(|exec| exec.command.clone()).unwrap_or_default(),
                hint: exec.and_then(|exec| exec.install_hint.clone()).filter(|hint| !hint.is_empty()),
            }
        }
        kube::Error::Auth(auth) => ConnectError::Plugin { context, reason: describe_auth(auth) },
        other => ConnectError::Context { context, reason: Failure::from_kube(other).to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::kubeconfig::tests::TWO;

    fn source() -> KubeconfigSource {
        KubeconfigSource::Text(TWO.into())
    }

    async fn open_error(context: &str) -> ConnectError {
        let result = open(&source(), Some(context), &ConnectOptions::default()).await;
        result.expect_err("must not open")
    }

    #[tokio::test]
    async fn the_current_context_opens_when_none_is_named() {
        let cluster = open(&source(), None, &ConnectOptions::default()).await.unwrap();
        assert_eq!((cluster.context.as_str(), cluster.default_namespace.as_str()), ("eu", "team-a"));
        assert_eq!(cluster.server, "https://eu.example:6443");
    }

    #[tokio::test]
    async fn an_unknown_context_lists_the_known_ones() {
        let error = open_error("mars").await;
        assert_eq!(error.to_string(), "no context named `mars`; there are: eu, us, broken, plugin, asks");
        assert_eq!(error.remedy(), "pass one of them with --context");
    }

    #[tokio::test]
    async fn a_missing_plugin_is_named_with_its_install_hint() {
        let error = open_error("plugin").await;
        assert!(error.to_string().contains("`no-such-credential-plugin`, which is not installed"), "{error}");
        assert_eq!(error.remedy(), "get it from the platform team");
    }

    #[tokio::test]
    async fn a_plugin_that_must_ask_is_refused_while_nobody_can_answer() {
        assert!(
            matches!(open_error("asks").await, ConnectError::PluginAsks { command, .. } if command == "ask-me")
        );
    }

    #[tokio::test]
    async fn a_context_without_its_cluster_says_so() {
        let error = open_error("broken").await;
        assert!(error.to_string().contains("context `broken` cannot be used"), "{error}");
    }

    #[test]
    fn every_client_is_adjusted() {
        let mut config = Config::new("https://127.0.0.1:1".parse().unwrap());
        let options = ConnectOptions {
            impersonate: Some("jane".into()),
            impersonate_groups: vec!["team-a".into()],
            ..ConnectOptions::default()
        };
        adjust(&mut config, &options);
        assert!(!config.default_retry);
        assert!(config.disable_compression);
        assert_eq!(config.auth_info.impersonate.as_deref(), Some("jane"));
        assert_eq!(config.auth_info.impersonate_groups.as_deref(), Some(&["team-a".to_owned()][..]));
    }

    #[test]
    fn a_server_that_is_given_is_known_by_its_own_name() {
        let mut config = Config::new("https://localhost:8443".parse().unwrap());
        config.tls_server_name = Some("elsewhere".to_owned());
        let server = Some("https://shop.team".parse().unwrap());
        adjust(&mut config, &ConnectOptions { server, ..ConnectOptions::default() });
        assert_eq!((config.cluster_url.host(), config.tls_server_name), (Some("shop.team"), None));
    }
}
