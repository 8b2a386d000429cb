//! `v9s explain`.

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::explain::{Answer, Verdict, Wish, explain, gather};
use v9s::gc::ByConnect;

use super::ResultFormat;
use super::host::{block_on, clusters, the_one};
use crate::cli::{Exit, print};
use crate::panes::explain::Explanation;
use crate::settings::Settings;

/// Flags of `v9s explain`; documented in docs/explain.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ExplainArgs {
    /// Name of the virtual cluster; without a pod, its control plane is explained
    #[arg(value_name = "NAME", value_parser = crate::cli::args::non_empty, required_unless_present = "host_pod")]
    pub name: Option<SmolStr>,
    /// A pod in it, as the tenant names it
    #[arg(value_name = "NAMESPACE/POD", value_parser = pod)]
    pub pod: Option<Named>,
    /// A pod by its name on the host, whosever it is
    #[arg(long, value_name = "NAMESPACE/POD", value_parser = pod, conflicts_with_all = ["name", "pod"])]
    pub host_pod: Option<Named>,
    /// How it is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

/// A pod and its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
}

/// Reads `NAMESPACE/POD`; a kind in front is taken as kubectl writes it.
fn pod(text: &str) -> Result<Named, String> {
    let mut parts: Vec<&str> = text.split('/').collect();
    if parts.len() == 3 && matches!(parts[0], "pod" | "pods" | "po") {
        parts.remove(0);
    }
    match parts.as_slice() {
        [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
            Ok(Named { namespace: (*namespace).into(), name: (*name).into() })
        }
        _ => Err("say it as NAMESPACE/POD".to_owned()),
    }
}

/// Says why a pod is not what it should be. [`Exit::Partial`] when that is not known, or something could not be read.
pub fn run(settings: &Settings, args: &ExplainArgs) -> anyhow::Result<Exit> {
    let verdict = block_on(async {
        let (cluster, wish) = wish(settings, args).await?;
        let facts =
            gather(&cluster, &ByConnect::default(), &wish).await.map_err(|error| anyhow!("{error}"))?;
        Ok(explain(&facts))
    })?;
    let text = match args.output {
        ResultFormat::Text => Explanation::text(&verdict),
        ResultFormat::Json => {
            format!("{}\n", serde_json::to_string_pretty(&verdict).context("cannot be written as JSON")?)
        }
    };
    print(text.as_bytes())?;
    Ok(exit(&verdict))
}

fn exit(verdict: &Verdict) -> Exit {
    match verdict.answer {
        Answer::Unknown => Exit::Partial,
        _ if !verdict.unread.is_empty() => Exit::Partial,
        _ => Exit::Ok,
    }
}

async fn wish(settings: &Settings, args: &ExplainArgs) -> anyhow::Result<(Cluster, Wish)> {
    if let Some(Named { namespace, name }) = &args.host_pod {
        let mut all = clusters(settings).await?;
        let Some(cluster) = all.pop().filter(|_| all.is_empty()) else {
            bail!("a pod of a host is on one host; name it with --context");
        };
        return Ok((cluster, Wish::Host { namespace: namespace.clone(), pod: name.clone() }));
    }
    let name = args.name.as_deref().context("name a virtual cluster, or a pod with --host-pod")?;
    let (cluster, target) = the_one(settings, name).await?;
    Ok((
        cluster,
        match &args.pod {
            Some(Named { namespace, name }) => {
                Wish::Tenant { target, namespace: namespace.clone(), pod: name.clone() }
            }
            None => Wish::ControlPlane { target },
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_named_with_its_namespace() {
        let named =
            |namespace: &str, name: &str| Ok(Named { namespace: namespace.into(), name: name.into() });
        assert_eq!(pod("shop/web"), named("shop", "web"));
        assert_eq!(pod("pod/shop/web"), named("shop", "web"));
        for wrong in ["web", "/web", "shop/", "job/shop/web", "a/b/c/d", ""] {
            assert!(pod(wrong).is_err(), "{wrong}");
        }
    }
}
