//! Both API servers as the options name them.

use anyhow::{Context as _, Result};
use v9s::cluster::{Cluster, ConnectOptions, KubeconfigSource, Names, open};

use crate::process::Options;

/// The image holds one static program, which resolves names without the C library.
fn connect() -> ConnectOptions {
    ConnectOptions { names: Names::Own, ..ConnectOptions::default() }
}

/// The host.
///
/// # Errors
/// When its kubeconfig, or the pod's own account, cannot be used.
pub async fn open_host(options: &Options) -> Result<Cluster> {
    let source =
        options.host_kubeconfig.clone().map_or(KubeconfigSource::Environment, KubeconfigSource::File);
    let opened = open(&source, None, &connect()).await;
    opened.context("the host cluster")
}

/// The virtual cluster.
///
/// # Errors
/// When its kubeconfig cannot be used.
pub async fn open_tenant(options: &Options) -> Result<Cluster> {
    let file = options.virtual_kubeconfig.clone().context("--virtual-kubeconfig is needed")?;
    let source = KubeconfigSource::File(file);
    let connect = ConnectOptions { server: options.virtual_server.clone(), ..connect() };
    let opened = open(&source, None, &connect).await;
    opened.context("the virtual cluster")
}
