//! `v9s kubeconfig`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::{ArgGroup, Args};
use smol_str::SmolStr;
use v9s::audit::AuditLog;
use v9s::cluster::{Cluster, ConnectOptions, KubeconfigSource, open};
use v9s::connect::issue::{self, Holder, IssueError, Issued, Wanted};
use v9s::connect::kubeconfig::{Entry, write_private};
use v9s::connect::secret::Access;
use v9s::connect::ways::{By, certificate_names, reach};
use v9s::connect::{self, Asked, Connected, Reached};
use v9s::operation::Operation;

use super::ask::note;
use super::host::{block_on, may_change, the_one};
use crate::cli::steps::follow;
use crate::cli::{Exit, print};
use crate::settings::Settings;

/// How long the address of a kubeconfig that is handed out may take to answer.
const TRIED: Duration = Duration::from_secs(5);

/// Flags of `v9s kubeconfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(group(ArgGroup::new("holder").required(true).args(["user", "service_account"])))]
pub struct KubeconfigArgs {
    /// Name of the virtual cluster
    #[arg(value_name = "NAME", value_parser = crate::cli::args::non_empty)]
    pub name: SmolStr,
    /// For a person of this name, by a certificate
    #[arg(long, value_name = "USER", value_parser = crate::cli::args::non_empty)]
    pub user: Option<SmolStr>,
    /// Group of that person
    #[arg(long, value_name = "GROUP", requires = "user", value_parser = crate::cli::args::non_empty)]
    pub group: Option<SmolStr>,
    /// For a service account inside, by a token; it is made if it is not there
    #[arg(long, value_name = "[NAMESPACE/]NAME", value_parser = crate::cli::args::non_empty)]
    pub service_account: Option<SmolStr>,
    /// ClusterRole inside that is bound to it, such as `view`
    #[arg(long, value_name = "ROLE", value_parser = crate::cli::args::non_empty)]
    pub role: Option<SmolStr>,
    /// Namespace inside in which the role holds [default: everywhere]
    #[arg(long, value_name = "NAMESPACE", requires = "role", value_parser = crate::cli::args::non_empty)]
    pub within: Option<SmolStr>,
    /// How long it is to be good for, at least 10m
    #[arg(long, value_name = "DURATION", default_value = "8h", value_parser = crate::cli::args::duration)]
    pub expires: Duration,
    /// Address at which whoever gets it reaches the virtual cluster [default: its own, if it has one]
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Write it to a file that only you can read, instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub write_kubeconfig: Option<PathBuf>,
}

impl KubeconfigArgs {
    fn wanted(&self) -> anyhow::Result<Wanted> {
        if self.expires < issue::SHORTEST {
            bail!(
                "--expires is at least {} minutes: no API server issues less",
                issue::SHORTEST.as_secs() / 60
            );
        }
        let holder = match (&self.user, &self.service_account) {
            (Some(name), _) => Holder::User { name: name.clone(), group: self.group.clone() },
            (None, Some(account)) => {
                let (namespace, name) = account.split_once('/').unwrap_or(("default", account));
                Holder::Account { namespace: namespace.into(), name: name.into() }
            }
            (None, None) => bail!("say for whom: --user or --service-account"),
        };
        let (role, within) = (self.role.clone(), self.within.clone());
        Ok(Wanted { holder, role, within, lifetime: self.expires })
    }
}

/// Issues a kubeconfig to hand out.
pub fn run(settings: &Settings, args: &KubeconfigArgs) -> anyhow::Result<Exit> {
    let wanted = args.wanted()?;
    block_on(async {
        may_change(settings)?;
        let (cluster, target) = the_one(settings, &args.name).await?;
        if let Some(rest) = target.rest() {
            note(&format!(
                "v9s: {target} does not run ({rest:?}): `v9s resume {} -n {}`",
                target.name, target.namespace
            ));
            return Ok(Exit::Refused);
        }
        let names_of = target.clone();
        let operation =
            Operation::start(format!("connect to {target}"), connect::STEPS, move |progress| async move {
                connect::connect(&cluster, &target, &Asked::default(), &progress).await
            });
        let Connected { entry, reached, closed } = follow(operation, Some(settings.config.ascii)).await.0?;
        let server = match (&args.server, &reached) {
            (Some(server), _) => server.clone(),
            (None, Reached::Straight(by)) if *by != By::ClusterIp => entry.server.clone(),
            _ => {
                closed.iter().for_each(|closed| note(&format!("      not open: {closed}")));
                bail!(
                    "{names_of} has no address that others could reach: expose it, or say with --server where they do"
                );
            }
        };
        let tenant = inside(settings, &entry).await?;
        let operation = Operation::start(
            format!("issue a kubeconfig for {names_of}"),
            issue::STEPS,
            move |progress| async move { issue::issue(&tenant, &wanted, &progress).await },
        );
        let (issued, _): (Result<Issued, IssueError>, _) =
            follow(operation, Some(settings.config.ascii)).await;
        let issued = issued?;
        let names = certificate_names(&entry.access, &names_of.namespace, &names_of.name);
        let tls_server_name = match reach(&entry.access, &server, &names, TRIED).await {
            Ok(name) => name,
            Err(failure) => {
                note(&format!(
                    "{server} does not answer from here ({failure}); those who get it may fare better"
                ));
                None
            }
        };
        drop(reached);
        let access = Access { identity: issued.identity, ..entry.access };
        let name = SmolStr::from(format!("{}_{}", names_of.name, names_of.namespace));
        let handed =
            Entry { name, server, tls_server_name, access, namespace: args.within.clone(), origin: None };
        note(&format!("it is good until {}", issued.expires.to_rfc3339()));
        match &args.write_kubeconfig {
            None => print(handed.to_yaml().as_bytes()),
            Some(path) => {
                write_private(path, &handed.to_yaml())?;
                Ok(Exit::Ok)
            }
        }
    })
}

/// The virtual cluster as its administrator; what is made in it leaves a record.
async fn inside(settings: &Settings, entry: &Entry) -> anyhow::Result<Cluster> {
    let options = ConnectOptions {
        audit: Some(AuditLog::at(settings.dirs.audit())),
        impersonate: None,
        impersonate_groups: Vec::new(),
        ..settings.connect.clone()
    };
    Ok(open(&KubeconfigSource::Text(entry.to_yaml().into()), None, &options).await?)
}
