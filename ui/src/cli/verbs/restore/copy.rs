//! `v9s restore NAME --into NEW`: another virtual cluster with the state of a backup.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use smol_str::SmolStr;
use v9s::backup::archive::Tenant;
use v9s::backup::set::{Config, configured};
use v9s::lifecycle::certs::rotate::PATIENCE;
use v9s::lifecycle::restore::Request;
use v9s::operation::Operation;
use v9s::provision::create::{self, Request as Making};
use v9s::provision::values::{self, Layer};
use v9s::target::{find, refresh};

use super::{Meant, RestoreArgs};
use crate::cli::create::given;
use crate::cli::steps::follow;
use crate::cli::verbs::host::{namespace, the_host};
use crate::cli::verbs::{Outcome, Report};
use crate::settings::Settings;

/// Flags of a restore into another virtual cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct CopyArgs {
    /// Make another virtual cluster of this name, in --namespace, and restore into that; NAME stays as it is
    #[arg(long = "into", value_name = "NEW", conflicts_with_all = ["undo", "of", "safety_to", "recipient", "no_safety_backup"])]
    pub new: Option<SmolStr>,
    /// Namespace of the virtual cluster whose backup it is [default: the one that the backup names, if NAME is right]
    #[arg(long, value_name = "NAMESPACE", requires = "new")]
    pub of_namespace: Option<SmolStr>,
    /// Another vcluster.yaml over the one in the backup, such as one with another store; may be repeated
    #[arg(short, long, value_name = "FILE", requires = "new")]
    pub file: Vec<PathBuf>,
    /// One setting of vcluster.yaml, such as controlPlane.backingStore.etcd.deploy.enabled=true; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "new")]
    pub set: Vec<String>,
}

/// Makes the new one, and restores into it.
pub(super) async fn run(
    settings: &Settings,
    args: &RestoreArgs,
    new: &SmolStr,
    from: &str,
) -> anyhow::Result<Report> {
    let cluster = the_host(settings, "the new one is made").await?;
    let namespace = namespace(settings)?.unwrap_or_else(|| format!("vcluster-{new}").into());
    create::check_name("name", new)?;
    create::check_name("namespace", &namespace)?;
    if let Ok(there) = find(&cluster, Some(&namespace), new).await {
        bail!(
            "{there} is there already: without --into, `v9s restore {new} --of NAMESPACE/NAME` gives it another's state"
        );
    }
    let mut request = super::request(settings, args, &cluster, (&namespace, new), from)?;
    request.safety = None;
    let (whose, config) = read(args, &request).await?;
    request.expected = whose;
    let making = making(args, config, &namespace, new)?;
    let name = format!("{namespace}/{new}");
    let report = Report::new("restore", &refresh(&cluster, &namespace, new).await?);
    let from = request.at.place().of(&request.name);
    if args.verb.dry_run {
        let lines = vec![
            format!("make {name} by the vcluster.yaml of the backup"),
            format!("put the state of {} in {from} in the place of its store", request.expected),
        ];
        return Ok(report
            .with_plan(lines)
            .ended(Outcome::Planned, format!("{name} would be made of {from}")));
    }
    let steps = making.steps();
    let (on, title) = (cluster.clone(), format!("create {name}"));
    let operation = Operation::start(title, steps, |progress| making.carry_out(on, progress));
    let (made, state) = follow(operation, args.verb.output.shown(settings)).await;
    let report = report.with_steps(&state);
    if let Err(error) = made {
        let message = format!(
            "{name} was not made: {error}; {}. `v9s delete {new} -n {namespace}` takes away what there is of it",
            error.remedy()
        );
        return Ok(report.ended(Outcome::Failed, message));
    }
    let target = find(&cluster, Some(&namespace), new).await?;
    super::restore(settings, args, cluster, target, (request, Meant::AsNothingIsLost)).await
}

/// Reads the backup for whose it is, which must be right, and for how that was configured.
async fn read(args: &RestoreArgs, request: &Request) -> anyhow::Result<(Tenant, Option<Config>)> {
    let name = &args.verb.name;
    let named = args.copy.of_namespace.as_ref().map(|namespace| Tenant {
        host: SmolStr::default(),
        namespace: namespace.clone(),
        name: name.clone(),
    });
    let found = configured(&request.at, &request.name, &request.identities, named.as_ref()).await?;
    if let Some(named) = named {
        return Ok((named, found.config));
    }
    let tenant = found.tenant.context("the snapshot does not say whose it is")?;
    if &tenant.name != name {
        bail!("it is a backup of {tenant}, and not of {name}");
    }
    Ok((tenant, found.config))
}

/// The new one: configured as the old one was, with what is said on the command line over it.
fn making(args: &RestoreArgs, config: Option<Config>, namespace: &str, new: &str) -> anyhow::Result<Making> {
    let mut layers = Vec::new();
    match config {
        Some(config) if config.whole => {
            layers.push(Layer { name: "vcluster.yaml of the backup".to_owned(), text: config.text });
        }
        _ if !args.copy.file.is_empty() => {}
        _ => bail!("the backup does not hold the whole vcluster.yaml: give it with --file"),
    }
    layers.extend(given(&args.copy.file, &args.copy.set)?);
    let config = values::layered(&layers)?;
    let making = Making::new(new, namespace, &config)
        .map_err(|problems| anyhow::anyhow!("the configuration cannot be used for {new}:\n{problems}"))?;
    Ok(Making { patience: Some(PATIENCE), anyway: args.verb.anyway, ..making })
}
