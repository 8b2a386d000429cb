//! The hosts that a subcommand is about.

use anyhow::{Context, anyhow, bail};
use smol_str::SmolStr;
use v9s::audit::AuditLog;
use v9s::cluster::{self, Cluster, ConnectOptions, contexts};

use crate::settings::Settings;

/// The clusters of the command line, each opened; every change made on them is recorded.
pub async fn clusters(settings: &Settings) -> anyhow::Result<Vec<Cluster>> {
    let mut clusters = Vec::new();
    for name in names(settings)? {
        clusters.push(open_context(settings, name.as_deref()).await?);
    }
    Ok(clusters)
}

/// The one that it must be.
pub async fn open(settings: &Settings) -> anyhow::Result<Cluster> {
    match names(settings)?.as_slice() {
        [name] => open_context(settings, name.as_deref()).await,
        several => bail!("this is about one host, and --context names {}; name one", several.len()),
    }
}

/// Contexts; None is the current one.
fn names(settings: &Settings) -> anyhow::Result<Vec<Option<SmolStr>>> {
    if settings.session.all_contexts {
        let all = contexts(&settings.kubeconfig).map_err(|error| anyhow!("{error}; {}", error.remedy()))?;
        return Ok(all.into_iter().map(|context| Some(context.name)).collect());
    }
    Ok(match settings.session.contexts.as_slice() {
        [] => vec![None],
        named => named.iter().cloned().map(Some).collect(),
    })
}

async fn open_context(settings: &Settings, name: Option<&str>) -> anyhow::Result<Cluster> {
    // Nothing is painted on the terminal: a credential plugin may ask its questions.
    let options = ConnectOptions {
        interactive: true,
        audit: Some(AuditLog::at(settings.dirs.audit())),
        ..settings.connect.clone()
    };
    let opened = cluster::open(&settings.kubeconfig, name, &options).await;
    opened.map_err(|error| anyhow!("{error}; {}", error.remedy()))
}

/// A runtime for one subcommand.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
