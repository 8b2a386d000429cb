//! Which virtual cluster a name means, on the hosts that the command line names.

use anyhow::{Context, bail};
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::target::{FindError, Target, find};

pub(super) use crate::cli::host::clusters;
use crate::settings::Settings;

/// Runs a verb on a runtime of its own, and lets nothing that hangs keep the shell waiting.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = crate::cli::host::runtime()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

/// The one host of the command line; `what` is done there.
pub(super) async fn the_host(settings: &Settings, what: &str) -> anyhow::Result<Cluster> {
    match clusters(settings).await?.as_slice() {
        [one] => Ok(one.clone()),
        _ => bail!("say on which host {what}: --context"),
    }
}

/// The one namespace of the command line, if it names one.
pub(super) fn namespace(settings: &Settings) -> anyhow::Result<Option<SmolStr>> {
    match settings.session.namespaces.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => bail!("name one namespace: a virtual cluster is in one"),
    }
}

/// Finds it. None where there is none on any of the hosts, which were all asked.
pub(super) async fn look(
    clusters: &[Cluster],
    namespace: Option<&str>,
    name: &str,
) -> anyhow::Result<Option<(Cluster, Target)>> {
    let mut found = None;
    for cluster in clusters {
        match find(cluster, namespace, name).await {
            Err(FindError::None { .. }) => {}
            Err(error) => bail!("{error}; {}", error.remedy()),
            Ok(target) => {
                if let Some((_, other)) = &found {
                    let other: &Target = other;
                    bail!(
                        "{name} is on {} and on {}; say which one with --context",
                        other.host,
                        cluster.context
                    );
                }
                found = Some((cluster.clone(), target));
            }
        }
    }
    Ok(found)
}

/// Finds it, or says that there is none.
pub(super) async fn the_one(settings: &Settings, name: &str) -> anyhow::Result<(Cluster, Target)> {
    let clusters = clusters(settings).await?;
    let namespace = namespace(settings)?;
    let found = look(&clusters, namespace.as_deref(), name).await?;
    found.with_context(|| {
        let place = namespace.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
        let hosts: Vec<&str> = clusters.iter().map(|cluster| cluster.context.as_str()).collect();
        format!("no virtual cluster {name}{place} on {}; `v9s list` shows those there are", hosts.join(", "))
    })
}

/// Refuses to change anything where that was switched off.
pub(super) fn may_change(settings: &Settings) -> anyhow::Result<()> {
    if settings.config.read_only {
        bail!("nothing is changed: v9s is read-only (--read-only, or `read-only` in its configuration)");
    }
    Ok(())
}
