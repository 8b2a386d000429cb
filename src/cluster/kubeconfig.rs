//! Kubeconfig files: where they are, how several become one, which contexts they have.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::Config;
use kube::config::{Kubeconfig, KubeconfigError};
use smol_str::{SmolStr, ToSmolStr};

use super::connect::ConnectError;

/// Name of the context when v9s runs in a pod and finds no kubeconfig.
pub(super) const IN_CLUSTER: &str = "in-cluster";

/// Where contexts come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KubeconfigSource {
    /// The files of `KUBECONFIG`, else `~/.kube/config`, else the pod's own service account.
    #[default]
    Environment,
    /// One file, as given with `--kubeconfig`.
    File(PathBuf),
    /// YAML that is already at hand.
    Text(Arc<str>),
}

/// One context of a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextInfo {
    /// Its name.
    pub name: SmolStr,
    /// URL of its API server, empty when its cluster entry is missing.
    pub server: SmolStr,
    /// Its namespace, `default` when it names none.
    pub namespace: SmolStr,
    /// Whether it is the current one.
    pub current: bool,
}

/// The contexts of a kubeconfig, in its order.
///
/// # Errors
/// When there is no kubeconfig, or it cannot be read.
pub fn contexts(source: &KubeconfigSource) -> Result<Vec<ContextInfo>, ConnectError> {
    let Some(kubeconfig) = load(source)? else {
        let config = Config::incluster().map_err(|_| missing())?;
        return Ok(vec![ContextInfo {
            name: SmolStr::new_static(IN_CLUSTER),
            server: config.cluster_url.to_smolstr(),
            namespace: config.default_namespace.into(),
            current: true,
        }]);
    };
    let server_of = |cluster: &str| {
        let named = kubeconfig.clusters.iter().find(|named| named.name == cluster);
        named.and_then(|named| named.cluster.as_ref()?.server.clone()).unwrap_or_default()
    };
    let info = |named: &kube::config::NamedContext| {
        let context = named.context.as_ref();
        ContextInfo {
            name: named.name.as_str().into(),
            server: context.map(|context| server_of(&context.cluster)).unwrap_or_default().into(),
            namespace: context.and_then(|context| context.namespace.as_deref()).unwrap_or("default").into(),
            current: kubeconfig.current_context.as_deref() == Some(&named.name),
        }
    };
    Ok(kubeconfig.contexts.iter().map(info).collect())
}

pub(super) fn pick(kubeconfig: &Kubeconfig, wanted: Option<&str>) -> Result<SmolStr, ConnectError> {
    let known = || {
        let names: Vec<&str> = kubeconfig.contexts.iter().map(|named| named.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let current = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty());
    let Some(name) = wanted.or(current) else {
        return Err(ConnectError::NoCurrentContext { known: known() });
    };
    if kubeconfig.contexts.iter().any(|named| named.name == name) {
        Ok(name.into())
    } else {
        Err(ConnectError::UnknownContext { wanted: name.to_owned(), known: known() })
    }
}

/// None when there is no kubeconfig file at all and a pod's service account may serve instead.
pub(super) fn load(source: &KubeconfigSource) -> Result<Option<Kubeconfig>, ConnectError> {
    match source {
        KubeconfigSource::File(path) => read(path).map(Some),
        KubeconfigSource::Text(text) => {
            let parsed = Kubeconfig::from_yaml(text);
            parsed.map(Some).map_err(|error| unreadable("(given as text)", &error))
        }
        KubeconfigSource::Environment => load_all(&environment_paths()),
    }
}

/// Merges files as kubectl does: files of the list that do not exist are passed over.
fn load_all(paths: &[PathBuf]) -> Result<Option<Kubeconfig>, ConnectError> {
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| path.exists()) {
        let next = read(path)?;
        merged = Some(match merged {
            Some(first) => {
                first.merge(next).map_err(|error| unreadable(&path.display().to_string(), &error))?
            }
            None => next,
        });
    }
    Ok(merged)
}

fn environment_paths() -> Vec<PathBuf> {
    let listed = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    if let Some(listed) = listed {
        return std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    }
    std::env::home_dir().map(|home| home.join(".kube").join("config")).into_iter().collect()
}

fn read(path: &Path) -> Result<Kubeconfig, ConnectError> {
    Kubeconfig::read_from(path).map_err(|error| unreadable(&path.display().to_string(), &error))
}

pub(super) fn missing() -> ConnectError {
    let paths: Vec<String> = environment_paths().iter().map(|path| path.display().to_string()).collect();
    ConnectError::NoKubeconfig { looked_for: paths.join(", ") }
}

fn unreadable(place: &str, error: &KubeconfigError) -> ConnectError {
    ConnectError::Kubeconfig { place: place.to_owned(), reason: plain(error) }
}

/// The error without what it may quote: a parse error of a kubeconfig can contain a token.
pub(super) fn plain(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(cause, _) => cause.to_string(),
        KubeconfigError::Parse(cause) => match cause.location() {
            Some(at) => format!("line {}, column {}: not the YAML of a kubeconfig", at.line(), at.column()),
            None => "not the YAML of a kubeconfig".to_owned(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cluster) const TWO: &str = r"
apiVersion: v1
kind: Config
current-context: eu
clusters:
- name: eu
  cluster: { server: 'https://eu.example:6443' }
- name: us
  cluster: { server: 'https://127.0.0.1:6443' }
contexts:
- name: eu
  context: { cluster: eu, user: me, namespace: team-a }
- name: us
  context: { cluster: us, user: me }
- name: broken
  context: { cluster: nowhere, user: me }
- name: plugin
  context: { cluster: eu, user: plugin }
- name: asks
  context: { cluster: eu, user: asks }
users:
- name: me
  user: { token: t0p-s3cret }
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: no-such-credential-plugin
      installHint: get it from the platform team
      interactiveMode: IfAvailable
- name: asks
  user:
    exec: { apiVersion: client.authentication.k8s.io/v1, command: ask-me, interactiveMode: Always }
";

    fn source() -> KubeconfigSource {
        KubeconfigSource::Text(TWO.into())
    }

    #[test]
    fn contexts_say_server_namespace_and_which_is_current() {
        let found = contexts(&source()).unwrap();
        let names: Vec<_> = found.iter().map(|context| context.name.as_str()).collect();
        assert_eq!(names, ["eu", "us", "broken", "plugin", "asks"]);
        assert_eq!(found[0].server, "https://eu.example:6443");
        assert_eq!((found[0].namespace.as_str(), found[1].namespace.as_str()), ("team-a", "default"));
        assert_eq!((found[0].current, found[1].current), (true, false));
        assert_eq!(found[2].server, "");
    }

    #[test]
    fn a_broken_file_gives_its_place_and_quotes_nothing() {
        let source = KubeconfigSource::Text("users: [{name: me, user: {token: [t0p-s3cret]}}]".into());
        let error = contexts(&source).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn files_of_the_list_that_do_not_exist_are_passed_over() {
        let here = std::env::temp_dir().join(format!("v9s-kubeconfig-{}", std::process::id()));
        std::fs::write(&here, TWO).unwrap();
        let paths = [PathBuf::from("/nonexistent/kubeconfig"), here.clone()];
        let merged = load_all(&paths).unwrap().unwrap();
        std::fs::remove_file(&here).unwrap();
        assert_eq!(merged.contexts.len(), 5);
        assert!(load_all(&paths[..1]).unwrap().is_none());
    }
}
