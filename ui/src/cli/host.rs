//! The one host that a subcommand is about.

use anyhow::{Context, bail};
use v9s::audit::AuditLog;
use v9s::cluster::Cluster;

use crate::app::runner::{Clusters, source_at_hand};
use crate::settings::Settings;

/// Opens the host that the command line means; every change made on it is recorded. Nothing is painted, so a credential
/// plugin may ask its questions.
pub async fn open(settings: &Settings) -> anyhow::Result<Cluster> {
    let mut connect = settings.connect.clone();
    connect.interactive = true;
    let audit = AuditLog::at(settings.dirs.audit());
    let clusters = Clusters::new(source_at_hand(settings.kubeconfig.clone()), connect, audit);
    let targets = clusters.targets(&settings.session).await.map_err(anyhow::Error::msg)?;
    let [target] = targets.as_slice() else {
        bail!("this is about one host, and --context names {}; name one", targets.len());
    };
    clusters.open(&target.context).await.map_err(anyhow::Error::msg)
}

/// A runtime for one subcommand.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
