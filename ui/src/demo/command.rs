//! The bodies of `v9s demo` and `v9s sandbox`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use futures::FutureExt as _;
use tokio::runtime::Runtime;
use v9s::cluster::KubeconfigSource;
use v9s_sandbox::clock::Clock;

use super::hosts::{Hosts, Plan};
use crate::app::runner::Source;
use crate::app::world::Session;
use crate::cli::{DemoArgs, GlobalArgs, SandboxArgs};
use crate::dashboard;
use crate::settings::Settings;

/// Threads for the embedded hosts; the dashboard has its own.
const WORKERS: usize = 2;

/// Runs the dashboard on embedded hosts that stop with it.
///
/// # Errors
/// When there is no terminal, or a host cannot start.
pub fn demo(mut settings: Settings, global: &GlobalArgs, args: &DemoArgs) -> anyhow::Result<ExitCode> {
    // What the person's configuration says of clusters and namespaces means their own, not the demo's.
    settings.session = Session {
        contexts: global.connect.context.clone(),
        all_contexts: global.connect.context.is_empty(),
        namespaces: global.scope.namespace.clone(),
    };
    let runtime = runtime()?;
    let plan = plan(args);
    // The hosts live as long as this does, whoever still holds the source.
    let hosts: Arc<OnceLock<Hosts>> = Arc::default();
    let (held, handle) = (Arc::clone(&hosts), runtime.handle().clone());
    let source: Source = async move {
        let started = handle.spawn(Hosts::start(plan)).await.map_err(|error| error.to_string())?;
        let started = started.map_err(|error| format!("{error:#}"))?;
        let text = started.kubeconfig().map_err(|error| format!("{error:#}"))?;
        // It is set once: the source is shared and runs once.
        let _ = held.set(started);
        Ok(KubeconfigSource::Text(text.into()))
    }
    .boxed()
    .shared();
    let filter = global.scope.selector.as_ref().map(|selector| format!("-l {selector}"));
    let ended = dashboard::run(settings, source, filter.as_deref());
    drop(hosts);
    runtime.shutdown_background();
    ended
}

/// Runs embedded hosts until they are told to stop.
///
/// # Errors
/// When a host cannot start, or its kubeconfig cannot be written.
pub fn sandbox(args: &SandboxArgs) -> anyhow::Result<ExitCode> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let clock = Clock::system();
        let mut plan = if args.demo || args.fleet != DemoArgs::default() {
            plan(&args.fleet)
        } else {
            Plan::empty(clock)
        };
        plan.port = args.port;
        let hosts = Hosts::start(plan).await?;
        let kubeconfig = hosts.kubeconfig()?;
        match &args.write_kubeconfig {
            Some(path) => write_private(path, &kubeconfig)
                .with_context(|| format!("cannot write the kubeconfig to {}", path.display()))?,
            None => {
                let mut out = std::io::stdout().lock();
                out.write_all(kubeconfig.as_bytes()).and_then(|()| out.flush()).context("cannot print")?;
            }
        }
        let _ = writeln!(std::io::stderr(), "the embedded host runs until ctrl-c");
        until_told().await
    })?;
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("v9s-sandbox")
        .enable_all()
        .build()
        .context("cannot start the runtime of the embedded host")
}

/// What the arguments ask for: the company, or a fleet of a size.
fn plan(args: &DemoArgs) -> Plan {
    let clock = Clock::system();
    let plan = match (args.vclusters, args.pods) {
        (None, None) => Plan::company(clock),
        (Some(vclusters), None) => Plan::of_size(vclusters as usize, 20 * vclusters as usize, clock),
        (vclusters, Some(pods)) => {
            let vclusters = vclusters.unwrap_or_else(|| (pods / 50).clamp(10, 1_000));
            Plan::of_size(vclusters as usize, pods as usize, clock)
        }
    };
    Plan { chaos: args.chaos, ..plan }
}

/// Writes a file that only its owner can read: there is a token in it.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(0o600);
        let file = options.open(path)?;
        // A file that was there keeps its old mode otherwise.
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    options.open(path)?.write_all(text.as_bytes())
}

/// Waits for ctrl-c or a termination signal.
async fn until_told() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        let kind = tokio::signal::unix::SignalKind::terminate();
        let mut terminate = tokio::signal::unix::signal(kind).context("cannot listen for signals")?;
        tokio::select! {
            ended = tokio::signal::ctrl_c() => ended.context("cannot listen for ctrl-c"),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.context("cannot listen for ctrl-c")
}
