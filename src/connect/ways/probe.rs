//! Tries whether the API server of a virtual cluster answers somewhere, and under which name.

use std::time::Duration;

use futures::future::join_all;

use super::{Closed, Way};
use crate::cluster::{Cluster, ConnectOptions, Failure, FailureKind, KubeconfigSource, open};
use crate::connect::kubeconfig::Entry;
use crate::connect::secret::{Access, Trust};

/// A way that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The way.
    pub way: Way,
    /// The name that the certificate holds for, where it is not the host of the URL.
    pub tls_server_name: Option<String>,
}

/// Names for which the certificate of a virtual cluster may hold, best first: the one in its own kubeconfig, those that every API
/// server of Kubernetes has, that of its Service.
pub fn certificate_names(access: &Access, namespace: &str, name: &str) -> Vec<String> {
    let mut names: Vec<String> = access.host().into_iter().collect();
    for more in ["localhost", "kubernetes.default.svc", &format!("{name}.{namespace}"), name] {
        if !names.iter().any(|one| one == more) {
            names.push(more.to_owned());
        }
    }
    names
}

/// Whether the virtual cluster answers at a URL. Answers the name that its certificate holds for, where it is not the host of the
/// URL. Its authority signs for no other server, so any of its names proves who it is.
///
/// # Errors
/// What came of it instead.
pub async fn reach(
    access: &Access,
    server: &str,
    names: &[String],
    limit: Duration,
) -> Result<Option<String>, Failure> {
    // An authority of the machine signs for everybody: only the name in the URL says who it is.
    let names = if matches!(access.trust, Trust::Authority(_)) { names } else { &[] };
    let mut last = None;
    for name in std::iter::once(None).chain(names.iter().map(Some)) {
        match ask(access, server, name, limit).await {
            Ok(()) => return Ok(name.cloned()),
            Err(failure) if failure.kind == FailureKind::Tls => last = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    Err(last.unwrap_or_else(|| Failure::new(FailureKind::Tls, "its certificate holds for no name")))
}

async fn ask(access: &Access, server: &str, name: Option<&String>, limit: Duration) -> Result<(), Failure> {
    let cluster = client(access, server, name.map(String::as_str), limit).await?;
    match cluster.version().await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.failure),
    }
}

/// A client of the virtual cluster.
pub(crate) async fn client(
    access: &Access,
    server: &str,
    tls_server_name: Option<&str>,
    limit: Duration,
) -> Result<Cluster, Failure> {
    let entry = Entry {
        name: "vcluster".into(),
        server: server.to_owned(),
        tls_server_name: tls_server_name.map(str::to_owned),
        access: access.clone(),
        namespace: None,
        origin: None,
    };
    let source = KubeconfigSource::Text(entry.to_yaml().into());
    let options = ConnectOptions { request_timeout: limit, ..ConnectOptions::default() };
    let opened = open(&source, None, &options).await;
    opened.map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))
}

/// Tries all ways at once, each for so long. Answers the first of them in order that is open, and why those before it are not.
pub async fn try_all(
    access: &Access,
    ways: Vec<Way>,
    names: &[String],
    limit: Duration,
) -> (Option<Found>, Vec<Closed>) {
    let tries = ways.iter().map(|way| async {
        let tried = tokio::time::timeout(limit, reach(access, &way.server, names, limit)).await;
        tried.unwrap_or_else(|_| Err(Failure::timeout(limit)))
    });
    let answers = join_all(tries).await;
    let mut closed = Vec::new();
    for (way, answer) in ways.into_iter().zip(answers) {
        match answer {
            Ok(tls_server_name) => return (Some(Found { way, tls_server_name }), closed),
            Err(failure) => {
                closed.push(Closed { by: way.by, server: Some(way.server), why: failure.to_string() });
            }
        }
    }
    (None, closed)
}
