//! The process around the engine: configuration in, both API servers found, one replica writing, an orderly end.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use serde::Deserialize;
use smol_str::SmolStr;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::EnvFilter;
use v9s::cluster::{Cluster, FailureKind, ObjectRef, Resource};
use v9s::provision::values::{self, Settings, settings::Logging};
use v9s::wire::name;

use crate::configured;
use crate::context::{Context, Minors};
use crate::engine::Engine;
use crate::leader::Candidate;
use crate::observe::{self, Mode, Observer};
use crate::serve::mirroring::Mirroring;
use crate::serve::{Told, probes::Probes};
use crate::sides::{open_host, open_tenant};
use crate::{beginning, dns, kubelet, requests, resources, serve, service_range, status, webhook};

/// Where the chart mounts the configuration.
const CONFIG: &str = "/var/lib/vcluster/config.yaml";
/// How long what is under way may take at the end.
const DRAIN: Duration = Duration::from_secs(10);
/// Wait between two tries to reach an API server.
const RETRY: Duration = Duration::from_secs(1);

/// The companion of one virtual cluster.
#[derive(Debug, Parser)]
#[command(name = "v9s-syncer", version, about = "Mirrors a virtual cluster to its host cluster")]
pub struct Options {
    /// Name of the virtual cluster, which is also the name of its Service on the host
    #[arg(long, env = "VCLUSTER_NAME")]
    pub name: SmolStr,
    /// Its namespace on the host
    #[arg(long, env = "POD_NAMESPACE")]
    pub namespace: SmolStr,
    /// Kubeconfig of the virtual API server
    #[arg(
        long,
        env = "V9S_VIRTUAL_KUBECONFIG",
        value_name = "FILE",
        required_unless_present = "print_service_range"
    )]
    pub virtual_kubeconfig: Option<PathBuf>,
    /// Where the virtual API server is, instead of where its kubeconfig says; its certificate must be good for this name
    #[arg(long, value_name = "URL")]
    pub virtual_server: Option<http::Uri>,
    /// Kubeconfig of the host; by default the pod's own service account, or the environment's
    #[arg(long, value_name = "FILE")]
    pub host_kubeconfig: Option<PathBuf>,
    /// vcluster.yaml [default: /var/lib/vcluster/config.yaml, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address of /healthz, /readyz and /metrics
    #[arg(long, default_value = "0.0.0.0:9090", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Address on which the virtual API server asks about Services; port 0 takes any
    #[arg(long, default_value = "127.0.0.1:10260", value_name = "ADDRESS")]
    pub webhook_listen: SocketAddr,
    /// HOST:PORT by which the virtual API server reaches --webhook-listen [default: the address itself]
    #[arg(long, value_name = "HOST:PORT")]
    pub webhook_advertise: Option<String>,
    /// Print what the virtual API server is to get as --service-cluster-ip-range, and end
    #[arg(long)]
    pub print_service_range: bool,
    /// What the virtual API server takes for kubelets
    #[command(flatten)]
    pub kubelet: kubelet::Options,
    /// Mirror, or stand beside another syncer, write to nothing, and measure
    #[arg(long, value_enum, default_value_t = Mode::Sync)]
    pub mode: Mode,
    /// Write only while holding the Lease: for more than one replica
    #[arg(long)]
    pub leader_elect: bool,
    /// What this replica calls itself [default: host name and process number]
    #[arg(long, env = "POD_NAME")]
    pub identity: Option<SmolStr>,
    /// Seconds between two turns of the canary, a ConfigMap that goes round to measure the lag of an idle virtual cluster;
    /// 0 for none
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub canary_interval: u64,
    /// What is logged, such as `info` or `v9s_syncer=debug`
    #[arg(long, env = "V9S_LOG", default_value = "info")]
    pub log: String,
}

/// Runs until it is told to end.
///
/// # Errors
/// Why it cannot start: a bad configuration with every mistake in it, an unreadable kubeconfig, a Service that is missing.
pub async fn run(options: Options) -> Result<()> {
    if options.mode == Mode::Observe && options.leader_elect {
        bail!("--mode observe takes part in no election: it writes nothing; leave --leader-elect out");
    }
    let (settings, unread) = match read_settings(options.config.as_deref()) {
        // Who only looks gets nothing wrong by it, and another syncer may know settings that we do not.
        Err(error) if options.mode == Mode::Observe => (Settings::default(), Some(error)),
        settings => (settings?, None),
    };
    if options.print_service_range {
        return print_service_range(&options, &settings).await;
    }
    start_log(&options.log, settings.logging)?;
    if let Some(error) = unread {
        tracing::warn!(%error, "what is mirrored by default is observed");
    }
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    let (host, tenant) = (open_host(&options).await?, open_tenant(&options).await?);
    serve(options, settings, host, tenant, stop).await
}

/// The same between API servers that were found by somebody else, without a log and signals of its own: files that the options
/// name are not read.
///
/// # Errors
/// Why it cannot start.
pub async fn serve(
    options: Options,
    settings: Settings,
    host: Cluster,
    tenant: Cluster,
    stop: CancellationToken,
) -> Result<()> {
    kubelet::check(&settings)?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}: another --listen is needed", options.listen))?;
    let kubelet = kubelet::Server::bind(options.kubelet.clone()).await?;
    let Some(ctx) = stop.run_until_cancelled(meet(&options, &settings, &kubelet, &tenant, &host)).await
    else {
        return Ok(());
    };
    let mut ctx = ctx?;
    let identity = options.identity.clone().unwrap_or_else(own_identity);
    if options.mode == Mode::Observe {
        let observer = Observer::start(ctx, &settings.sync, &tenant, &host, identity);
        observe::run(observer, host, listener, stop).await;
        return Ok(());
    }
    let asked = asked_for_ranges(&options, &settings, &tenant, &host);
    let Some(ranges) = stop.run_until_cancelled(service_range::learn(&asked)).await else { return Ok(()) };
    ctx.service_range = ranges.tenant.clone();
    tracing::info!(vcluster = %ctx.vcluster, namespace = %ctx.host_namespace, "both API servers are reached");

    let Some(mirrored) = stop.run_until_cancelled(mirrored(&settings, &host)).await else { return Ok(()) };
    let mirrored = mirrored?;
    let mut kinds = resources::registry(&mirrored);
    let every = Some(Duration::from_secs(options.canary_interval)).filter(|every| !every.is_zero());
    let canary = resources::canary::register(&mut kinds, every);
    let engine = Arc::new(Engine::start(ctx.clone(), kinds, tenant.clone(), host.clone()));
    let tasks = TaskTracker::new();
    // The Lease is kept until nothing is written any more.
    let leave = CancellationToken::new();
    let mut leads = None;
    if options.leader_elect {
        let (lead, led) = watch::channel(false);
        leads = Some(led.clone());
        engine.suspend(Some(FOLLOWS.into()));
        let candidate = Candidate {
            cluster: host.clone(),
            namespace: ctx.host_namespace.clone(),
            name: name::leader_lease(&ctx.vcluster).into(),
            identity: identity.clone(),
            terms: configured::terms(&settings),
        };
        tasks.spawn(candidate.run(lead, leave.clone()));
        tasks.spawn(follow(Arc::clone(&engine), led, stop.clone()));
    }
    let webhook = webhook::Options::new(options.webhook_listen, options.webhook_advertise.clone());
    let sides = (tenant.clone(), host.clone());
    tasks.spawn(webhook::run(webhook, ctx.clone(), sides.0, sides.1, Arc::clone(&engine), stop.clone()));
    if let Some(dns) = dns::Dns::of(&settings) {
        tasks.spawn(dns::run(dns, tenant.clone(), Arc::clone(&engine), stop.clone()));
    }
    let first = beginning::objects(&settings);
    if !first.is_empty() {
        tasks.spawn(beginning::run(first, tenant.clone(), Arc::clone(&engine), stop.clone()));
    }
    tokio::spawn(service_range::keep_telling(asked, ranges, Arc::clone(&engine)));
    tasks.spawn(kubelet.start(
        ctx.clone(),
        Arc::clone(&engine),
        tenant.clone(),
        host.clone(),
        leave.clone(),
    )?);
    tasks.spawn(resources::withdrawn::run(Arc::clone(&engine), tenant.clone(), mirrored, stop.clone()));
    let probes = Arc::new(Probes::default());
    tasks.spawn(Arc::clone(&probes).run(tenant, host.clone(), stop.clone()));
    let told: Arc<dyn Told> =
        Arc::new(Mirroring { engine: Arc::clone(&engine), canary, probes, leads, identity });
    tasks.spawn(serve::run(listener, Arc::clone(&told), leave.clone()));
    tasks.spawn(status::publish(ctx, host, told, stop.clone()));
    tasks.close();

    stop.cancelled().await;
    tracing::info!("ending: what is under way is finished first");
    engine.stop(DRAIN).await;
    leave.cancel();
    let _ = tokio::time::timeout(DRAIN, tasks.wait()).await;
    Ok(())
}

const FOLLOWS: &str = "mirrored by another replica";

/// Writes while this replica leads.
async fn follow(engine: Arc<Engine>, mut led: watch::Receiver<bool>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = led.changed() => if changed.is_err() { return },
        }
        let leads = *led.borrow_and_update();
        tracing::info!(leads, "leadership");
        engine.suspend((!leads).then(|| FOLLOWS.into()));
    }
}

fn read_settings(config: Option<&Path>) -> Result<Settings> {
    let path = config.unwrap_or(Path::new(CONFIG));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        // Only a file that nobody asked for may be missing.
        Err(error) if config.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    match values::read(&text) {
        Ok(settings) => Ok(settings),
        Err(problems) => bail!("{} cannot be used:\n{problems}", path.display()),
    }
}

fn start_log(filter: &str, logging: Logging) -> Result<()> {
    // The HTTP layers log whole requests, which may hold what nobody should find in a log.
    let quiet = "kube_client=error,hyper=error,hyper_util=error,rustls=error";
    let filter = EnvFilter::try_new(format!("{filter},{quiet}"))
        .with_context(|| format!("--log {filter} cannot be read: try info, or v9s_syncer=debug"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match logging {
        Logging::Json => log.json().try_init(),
        Logging::Console => log.with_ansi(false).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))
}

fn stop_on_signal(stop: CancellationToken) -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    })
}

fn asked_for_ranges(
    options: &Options,
    settings: &Settings,
    tenant: &Cluster,
    host: &Cluster,
) -> service_range::Sides {
    service_range::Sides {
        tenant: tenant.clone(),
        host: host.clone(),
        service: ObjectRef::namespaced(Resource::SERVICES, options.namespace.clone(), options.name.clone()),
        configured: service_range::configured(&settings.networking),
    }
}

/// For whoever starts the virtual API server, which is not there yet.
async fn print_service_range(options: &Options, settings: &Settings) -> Result<()> {
    let host = open_host(options).await?;
    let sides = asked_for_ranges(options, settings, &host, &host);
    let range = service_range::of_host(&sides).await.map_err(|failure| {
        anyhow::anyhow!(
            "cannot find out the addresses of the host's Services: {failure}; {}",
            failure.remedy()
        )
    })?;
    writeln!(std::io::stdout(), "{}", range.flag()).context("cannot write the answer")
}

#[derive(Deserialize)]
struct Version {
    minor: String,
}

#[derive(Deserialize)]
struct Service {
    metadata: ServiceMeta,
    #[serde(default)]
    spec: ServiceSpec,
}

#[derive(Deserialize)]
struct ServiceMeta {
    uid: SmolStr,
}

#[derive(Deserialize, Default)]
struct ServiceSpec {
    #[serde(rename = "clusterIPs", default)]
    cluster_ips: Vec<SmolStr>,
    #[serde(default)]
    selector: BTreeMap<SmolStr, SmolStr>,
}

/// Waits until both API servers answer, and learns what does not change.
async fn meet(
    options: &Options,
    settings: &Settings,
    kubelet: &kubelet::Server,
    tenant: &Cluster,
    host: &Cluster,
) -> Result<Context> {
    let virtual_minor = minor(tenant, "virtual").await;
    let host_minor = minor(host, "host").await;
    let service = ObjectRef::namespaced(Resource::SERVICES, options.namespace.clone(), options.name.clone());
    let Service { metadata, spec } = loop {
        match requests::get::<Service>(host, &service.path()).await {
            Ok(service) => break service,
            Err(failure) if failure.kind == FailureKind::NotFound => {
                bail!(
                    "the host has no {service}: it is the Service by which the virtual cluster is reached, and owns what is mirrored; are --name and --namespace right?"
                )
            }
            Err(failure) if matches!(failure.kind, FailureKind::Forbidden | FailureKind::Unauthorized) => {
                bail!(
                    "the host does not let us read {service}: {failure}; the Role of the virtual cluster must allow `get` on services"
                )
            }
            Err(failure) => tracing::warn!(%failure, "the host does not answer yet"),
        }
        sleep(RETRY).await;
    };
    let proxied = settings.networking.proxy_kubelets;
    Ok(Context {
        owner_uid: settings.set_owner.then_some(metadata.uid),
        cluster_domain: settings.networking.cluster_domain.as_str().into(),
        api_addresses: spec.cluster_ips.into_iter().filter(|address| address != "None").collect(),
        minors: Minors { virtual_side: virtual_minor, host: host_minor },
        pods: configured::pods(settings),
        nodes: configured::nodes(settings),
        reach: kubelet.reach(proxied.by_hostname, proxied.by_ip, spec.selector),
        ..Context::new(options.name.clone(), options.namespace.clone())
    })
}

/// What is mirrored, once the host has said how it serves what is its own kind of thing.
async fn mirrored(settings: &Settings, host: &Cluster) -> Result<resources::Settings> {
    let mut served = std::collections::BTreeMap::new();
    for name in settings.sync.custom_resources.keys() {
        let found = loop {
            match resources::served(host, name).await {
                Ok(found) => break found,
                Err(failure) => {
                    tracing::warn!(%failure, %name, "the host does not say how it serves a resource")
                }
            }
            sleep(RETRY).await;
        };
        served.extend(found.map(|resource| (name.clone(), resource)));
    }
    Ok(resources::configured(&settings.sync, &settings.networking.replicate_services, &served)?)
}

/// The minor version of a server, once it answers.
async fn minor(cluster: &Cluster, which: &str) -> u32 {
    loop {
        match requests::get::<Version>(cluster, "/version").await {
            Ok(version) => {
                // Some distributions write `36+`.
                let digits: String = version.minor.chars().take_while(char::is_ascii_digit).collect();
                return digits.parse().unwrap_or(Minors::default().host);
            }
            Err(failure) => tracing::warn!(%failure, which, "the API server does not answer yet"),
        }
        sleep(RETRY).await;
    }
}

fn own_identity() -> SmolStr {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    smol_str::format_smolstr!("{}_{}", host.trim(), std::process::id())
}
