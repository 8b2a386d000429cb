//! What can be asked for on the command line. Names are those of `kubectl` and k9s where these have one.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use smol_str::SmolStr;

use super::verbs;
use crate::columns::fleet::COLUMNS;
use crate::filter::{Filter, Selector, fleet::LANGUAGE};

/// Terminal dashboard for people who run many virtual Kubernetes clusters on a few host clusters
#[derive(Debug, Parser)]
#[command(name = "v9s", version, max_term_width = 100)]
pub struct Cli {
    /// What holds for every subcommand.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// Without one, the dashboard starts.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What v9s can do besides the dashboard.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the fleet for people and scripts
    List(ListArgs),
    /// Say what is wrong, worst first, for scripts; documented in docs/health.md
    Check(CheckArgs),
    /// Alerts and a dashboard for Prometheus and Grafana, from the metrics of companions
    Export(ExportArgs),
    /// Make a virtual cluster
    Create(CreateArgs),
    /// Open a shell in a virtual cluster, run a command there, or write a kubeconfig for it
    Connect(verbs::connect::ConnectCommand),
    /// Return from the context of a virtual cluster; list and remove stale ones
    Disconnect(verbs::disconnect::DisconnectArgs),
    /// Issue a kubeconfig to hand out: for a person or a service account, with an end
    Kubeconfig(verbs::kubeconfig::KubeconfigArgs),
    /// Stop a virtual cluster and what runs in it
    Pause(verbs::pause::PauseArgs),
    /// Start a paused virtual cluster again
    Resume(verbs::resume::ResumeArgs),
    /// Replace the pods of a virtual cluster's control plane, one after the other
    Restart(verbs::restart::RestartArgs),
    /// Put a companion beside a virtual cluster that somebody else's syncer runs, to measure its lag; or take it away
    Observe(verbs::observe::ObserveArgs),
    /// Keep a virtual cluster from being deleted
    Protect(verbs::protect::ProtectArgs),
    /// List when the certificates of a virtual cluster end, or make new ones
    Certs(verbs::certs::CertsArgs),
    /// Change the configuration of a virtual cluster
    Edit(verbs::edit::EditArgs),
    /// Show how the quota of a virtual cluster stands and who takes it, or set other limits; documented in docs/quota.md
    Quota(verbs::quota::QuotaArgs),
    /// Give a virtual cluster more time to live, or an owner
    Extend(verbs::extend::ExtendArgs),
    /// Delete the virtual clusters whose time is over
    Reap(verbs::reap::ReapArgs),
    /// Delete a virtual cluster with everything that was made for it
    Delete(verbs::delete::DeleteArgs),
    /// Take a backup of a virtual cluster: its state, configuration and keys; list backups and take old ones away
    Backup(verbs::backup::BackupArgs),
    /// Put the state of a backup in the place of what a virtual cluster has stored
    Restore(verbs::restore::RestoreArgs),
    /// Look what is wrong with the store of a virtual cluster, and put another in the place of a broken one
    Recover(verbs::recover::RecoverArgs),
    /// Read a backup to its end and say whether it is whole
    Verify(verbs::verify::VerifyArgs),
    /// Say why a pod is not what it should be, and what to do
    Explain(verbs::explain::ExplainArgs),
    /// Try whether the pods of one virtual cluster reach those of another; documented in docs/health.md
    Probe(verbs::probe::ProbeArgs),
    /// Show how the store of a virtual cluster is, or recover its space; documented in docs/health.md
    Store(verbs::store::StoreArgs),
    /// Find what virtual clusters have left on their host, prove it, and collect it
    Gc(verbs::gc::GcArgs),
    /// Start the dashboard on an embedded host with an invented, living fleet
    Demo(DemoArgs),
    /// Run the embedded host by itself and print a kubeconfig for it
    Sandbox(SandboxArgs),
    /// Print a completion script for a shell
    Completion {
        /// Which shell
        shell: Shell,
    },
    /// Print the version
    Version,
}

/// Flags of every subcommand.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalArgs {
    /// Which clusters, and as whom.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// What of them.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Offer nothing that changes a cluster
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Theme by name, or a TOML file
    #[arg(long, global = true, value_name = "NAME", help_heading = "Appearance")]
    pub theme: Option<String>,
    /// Only ASCII signs
    #[arg(long, global = true, help_heading = "Appearance")]
    pub ascii: bool,
    /// Configuration file [default: ~/.config/v9s/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How much goes to the log file in the state folder
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,
}

/// Which clusters, and as whom.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Clusters")]
pub struct ConnectArgs {
    /// Kube contexts of the host clusters [default: the current one]
    #[arg(long, global = true, value_name = "NAME,…", value_delimiter = ',', value_parser = non_empty)]
    pub context: Vec<SmolStr>,
    /// Every context of the kubeconfig
    #[arg(long, global = true, conflicts_with = "context")]
    pub all_contexts: bool,
    /// Kubeconfig file [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// User to act as
    #[arg(long = "as", global = true, value_name = "USER")]
    pub impersonate: Option<String>,
    /// Group to act as; may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", requires = "impersonate")]
    pub impersonate_groups: Vec<String>,
    /// How long one answer of an API server may take, such as 10s or 1m
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub request_timeout: Option<Duration>,
}

/// What of the fleet.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Scope")]
pub struct ScopeArgs {
    /// Host namespace; may be repeated [default: all that may be seen]
    #[arg(short, long, global = true, value_name = "NAME", value_delimiter = ',', value_parser = non_empty)]
    pub namespace: Vec<SmolStr>,
    /// All host namespaces, whatever the configuration says
    #[arg(short = 'A', long, global = true, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Label selector on the control planes, such as 'env in (dev,test),!old'
    #[arg(short = 'l', long, global = true, value_parser = selector)]
    pub selector: Option<Selector>,
}

/// Flags of `v9s list`.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: OutputFormat,
    /// Filter as behind `/` in the dashboard, such as 'state:degraded lag>2s'
    #[arg(short, long, value_name = "TERMS", value_parser = filter)]
    pub filter: Option<String>,
    /// Those that end by themselves within that time, such as 24h; the first to end first
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub expiring: Option<Duration>,
    /// Column to sort by, worst or largest first [default: context, namespace, name]
    #[arg(long, value_name = "COLUMN", value_parser = column)]
    pub sort_by: Option<&'static str>,
    /// Leave the headings out of tables
    #[arg(long)]
    pub no_headers: bool,
}

/// Flags of `v9s check`; documented in docs/health.md.
#[derive(Debug, Clone, Default, Args)]
pub struct CheckArgs {
    /// Name of a virtual cluster [default: all that may be seen]
    #[arg(value_name = "NAME", value_parser = non_empty)]
    pub name: Option<SmolStr>,
    /// How the findings are printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: verbs::ResultFormat,
}

/// Flags of `v9s export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// What is printed
    #[command(subcommand)]
    pub what: Export,
}

/// What can be exported.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Export {
    /// Alerting rules with the thresholds of the configuration, as YAML
    PrometheusRules {
        /// As a PrometheusRule object for the Prometheus operator, with this name
        #[arg(long, value_name = "NAME", value_parser = non_empty)]
        object: Option<SmolStr>,
    },
    /// A dashboard to be imported, as JSON
    GrafanaDashboard,
}

/// Flags of `v9s create`; documented in docs/create.md.
#[derive(Debug, Clone, Default, Args)]
pub struct CreateArgs {
    /// Its name; its namespace is --namespace [default: vcluster-NAME]
    pub name: String,
    /// vcluster.yaml; may be repeated, later files win; - is standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// One setting, such as controlPlane.distro.k8s.version=v1.35.1; may be repeated, wins over files
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// What to begin with: dev, ci, prod, or a file of the presets folder beside the configuration
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// How long it is to live, such as 8h or 3d: `v9s reap` deletes it afterwards
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub ttl: Option<Duration>,
    /// Who answers for it
    #[arg(long, value_name = "WHO", value_parser = non_empty)]
    pub owner: Option<SmolStr>,
    /// Print the objects as YAML, keys among them, and change nothing
    #[arg(long, conflicts_with_all = ["dry_run", "wait"])]
    pub print: bool,
    /// Say what would be done, and change nothing
    #[arg(long, conflicts_with = "wait")]
    pub dry_run: bool,
    /// Wait until it can be used
    #[arg(long)]
    pub wait: bool,
    /// Wait until it can be used, and open a shell in it
    #[arg(long, conflicts_with_all = ["print", "dry_run"])]
    pub connect: bool,
    /// Command to run in it instead of a shell; its exit code is passed on
    #[arg(last = true, value_name = "COMMAND", requires = "connect")]
    pub command: Vec<std::ffi::OsString>,
    /// How long at most, such as 90s or 5m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Also where it may not come up or not be what was asked for, such as without room on any node
    #[arg(long)]
    pub anyway: bool,
}

/// How `v9s list` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// The most telling columns
    #[default]
    Table,
    /// Every column
    Wide,
    /// One document with every fact; documented in docs/list.md
    Json,
    /// The same as YAML
    Yaml,
    /// NAMESPACE/NAME, one per line
    Name,
}

/// Flags of `v9s demo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct DemoArgs {
    /// How many virtual clusters [default: a handful that shows every kind of trouble once]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub vclusters: Option<u32>,
    /// How many synced pods in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=500_000))]
    pub pods: Option<u32>,
    /// The host delays, refuses and cuts requests now and then
    #[arg(long)]
    pub chaos: bool,
}

/// Flags of `v9s sandbox`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct SandboxArgs {
    /// Port on the loopback interface [default: any free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Write the kubeconfig to a file that only you can read, instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub write_kubeconfig: Option<PathBuf>,
    /// Put the fleet of the demo on it, and its life
    #[arg(long)]
    pub demo: bool,
    /// What of it.
    #[command(flatten)]
    pub fleet: DemoArgs,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogLevel {
    /// What went wrong
    Error,
    /// … and what was odd
    Warn,
    /// … and what was done
    #[default]
    Info,
    /// … and why
    Debug,
    /// Everything
    Trace,
}

impl LogLevel {
    /// The word that log filters know.
    pub fn word(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

pub(super) fn non_empty(text: &str) -> Result<SmolStr, String> {
    match text.trim() {
        "" => Err("a name is missing".to_owned()),
        name => Ok(name.into()),
    }
}

fn selector(text: &str) -> Result<Selector, String> {
    Selector::parse(text).map_err(|error| error.to_string())
}

/// Checks a filter; it is read again where it is used.
fn filter(text: &str) -> Result<String, String> {
    Filter::parse(&LANGUAGE, text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn column(text: &str) -> Result<&'static str, String> {
    let found = COLUMNS.iter().find(|column| column.id == text);
    found.map(|column| column.id).ok_or_else(|| {
        let ids: Vec<&str> = COLUMNS.iter().map(|column| column.id).collect();
        format!("there are {}", ids.join(", "))
    })
}

/// A whole number of seconds, or a number with a unit, as `kubectl` takes it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = match text.parse::<u32>() {
        Ok(seconds) => Some(f64::from(seconds)),
        Err(_) => crate::filter::seconds(text),
    };
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|d| !d.is_zero()).ok_or_else(|| "such as 10s or 1m30s, and more than nothing".to_owned())
}
