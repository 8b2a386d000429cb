//! `v9s connect`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use smol_str::SmolStr;
use tokio::signal::unix::{Signal, SignalKind, signal};
use v9s::cluster::{Cluster, KubeconfigSource};
use v9s::connect::kubeconfig::{Change, Document, Entry, Written, change, default_path, write_private};
use v9s::connect::tunnel::Tunnel;
use v9s::connect::{self, Asked, Connected, Reached};
use v9s::lifecycle::Decision;
use v9s::lifecycle::resume::{self, ResumeOptions};
use v9s::operation::Operation;
use v9s::target::{Rest, Target, refresh};

use super::ask::{note, somebody_is_there, yes};
use super::host::{block_on, may_change, the_one};
use super::session::{self, Seat};
use crate::cli::steps::follow;
use crate::cli::{Exit, print};
use crate::settings::Settings;

/// Flags of `v9s connect`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ConnectCommand {
    /// Name of the virtual cluster
    #[arg(value_name = "NAME", value_parser = crate::cli::args::non_empty)]
    pub name: SmolStr,
    /// Print a kubeconfig, and keep the tunnel if there is one
    #[arg(long, group = "mode")]
    pub print: bool,
    /// Write a kubeconfig to a file that only you can read, and keep the tunnel if there is one
    #[arg(long, value_name = "FILE", group = "mode")]
    pub write_kubeconfig: Option<PathBuf>,
    /// Put a context into your own kubeconfig and make it the current one
    #[arg(long, group = "mode")]
    pub merge: bool,
    /// Name of the context [default: vcluster_NAME_NAMESPACE_CONTEXT]
    #[arg(long, value_name = "NAME")]
    pub context_name: Option<SmolStr>,
    /// Reach it at this address and no other
    #[arg(long, value_name = "URL", conflicts_with = "tunnel")]
    pub server: Option<String>,
    /// Always through a tunnel, even where there is a straight way
    #[arg(long)]
    pub tunnel: bool,
    /// Port of the tunnel on this machine [default: any free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub local_port: u16,
    /// Resume it without a question if it is paused
    #[arg(long)]
    pub wake: bool,
    /// How long it may take to come up
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
    /// Command to run instead of a shell; its exit code is passed on
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "mode")]
    pub command: Vec<OsString>,
}

/// Connects, and does what was asked for with the connection.
pub fn run(settings: &Settings, args: &ConnectCommand) -> anyhow::Result<ExitCode> {
    block_on(async {
        let (cluster, target) = the_one(settings, &args.name).await?;
        let Some(target) = awake(settings, args, &cluster, target).await? else {
            return Ok(Exit::Refused.into());
        };
        let own_file = default_path(
            match &settings.kubeconfig {
                KubeconfigSource::File(path) => Some(path.as_path()),
                _ => None,
            },
            std::env::var_os("KUBECONFIG"),
            std::env::home_dir(),
        );
        let asked = Asked {
            name: args.context_name.clone(),
            server: args.server.clone(),
            straight: !args.tunnel,
            tunnel: true,
            local_port: args.local_port,
            patience: args.timeout,
            previous: own_file.as_deref().and_then(current_context),
        };
        let connected = open(cluster, target.clone(), asked, Some(settings.config.ascii)).await?;
        use_it(args, &target, connected, own_file).await
    })
}

async fn open(
    cluster: Cluster,
    target: Target,
    asked: Asked,
    ascii: Option<bool>,
) -> anyhow::Result<Connected> {
    let operation =
        Operation::start(format!("connect to {target}"), connect::STEPS, move |progress| async move {
            connect::connect(&cluster, &target, &asked, &progress).await
        });
    let (connected, _) = follow(operation, ascii).await;
    let connected = connected?;
    for closed in &connected.closed {
        note(&format!("      not open: {closed}"));
    }
    Ok(connected)
}

/// Makes sure that it runs; None when it rests and nobody has agreed to wake it.
async fn awake(
    settings: &Settings,
    args: &ConnectCommand,
    cluster: &Cluster,
    target: Target,
) -> anyhow::Result<Option<Target>> {
    let since = match target.rest() {
        None => return Ok(Some(target)),
        Some(Rest::Paused(since)) => since.map(|since| format!(" since {since}")).unwrap_or_default(),
        Some(Rest::Asleep | Rest::Restoring | Rest::ScaledDown) => String::new(),
    };
    let options = ResumeOptions::default();
    let plan = match resume::plan(&target, &options) {
        Decision::Do(plan) => plan,
        Decision::Nothing(_) => return Ok(Some(target)),
        Decision::Refused(refusal) => {
            note(&format!("v9s: {target} does not run; {refusal}"));
            refusal.instead().iter().for_each(|command| note(&format!("  {command}")));
            return Ok(None);
        }
    };
    let agreed = if args.wake {
        true
    } else if somebody_is_there() {
        yes(&format!("{target} is paused{since}. Wake it?"))
    } else {
        note(&format!(
            "v9s: {target} is paused{since}, and nobody can be asked whether to wake it: say --wake, or `v9s resume {} -n {}`",
            target.name, target.namespace
        ));
        return Ok(None);
    };
    if !agreed {
        note("it was left paused");
        return Ok(None);
    }
    may_change(settings)?;
    let resuming = resume::start(cluster.clone(), target.clone(), plan, options);
    let (done, _) = follow(resuming, Some(settings.config.ascii)).await;
    done.with_context(|| format!("{target} was not resumed to the end"))?;
    Ok(Some(refresh(cluster, &target.namespace, &target.name).await?))
}

async fn use_it(
    args: &ConnectCommand,
    target: &Target,
    connected: Connected,
    own_file: Option<PathBuf>,
) -> anyhow::Result<ExitCode> {
    let Connected { entry, reached, .. } = connected;
    // Heard from now on: whoever sees the file may end this at once.
    let mut ends = Ends::listen()?;
    let tunnel = match reached {
        Reached::Tunnel(tunnel) => Some(tunnel),
        Reached::Straight(_) => None,
    };
    if args.print {
        print(entry.to_yaml().as_bytes())?;
        keep(tunnel, target, &mut ends).await?;
    } else if let Some(path) = &args.write_kubeconfig {
        write_private(path, &entry.to_yaml())?;
        note(&format!("{} leads to {target}", path.display()));
        keep(tunnel, target, &mut ends).await?;
    } else if args.merge {
        let path = own_file
            .context("there is no home folder in which a kubeconfig could be: name one with --kubeconfig")?;
        merge(&path, &entry)?;
        if tunnel.is_some() {
            keep(tunnel, target, &mut ends).await?;
            take_out(&path, &entry)?;
        }
    } else {
        let seat = Seat::new(&entry)?;
        let tenant = target.to_string();
        let command = if !args.command.is_empty() {
            seat.command(&args.command, &tenant)?
        } else if somebody_is_there() {
            note(&format!("a shell in {tenant}: `exit` leaves it; your own kubeconfig is as it was"));
            seat.shell(&session::own_shell(), &tenant)?
        } else {
            bail!(
                "there is no terminal for a shell: say --print, --write-kubeconfig FILE, --merge, or -- COMMAND"
            );
        };
        let code = session::run(command).await?;
        drop(tunnel);
        return Ok(ExitCode::from(code));
    }
    Ok(ExitCode::SUCCESS)
}

/// The signals by which somebody ends this.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
}

impl Ends {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Ends { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }
}

/// Keeps a tunnel until somebody ends it, and tells how it is doing.
async fn keep(tunnel: Option<Tunnel>, target: &Target, ends: &mut Ends) -> anyhow::Result<()> {
    let Some(tunnel) = tunnel else { return Ok(()) };
    note(&format!("{target} is at https://{} until this ends (Ctrl-C)", tunnel.local));
    let mut states = tunnel.state();
    let mut told = states.borrow_and_update().health.clone();
    loop {
        tokio::select! {
            changed = states.changed() => {
                changed.context("the tunnel has ended by itself")?;
                let health = states.borrow_and_update().health.clone();
                if health.to_string() != told.to_string() {
                    note(&format!("tunnel: {health}"));
                    told = health;
                }
            }
            _ = ends.interrupt.recv() => return Ok(()),
            _ = ends.terminate.recv() => return Ok(()),
        }
    }
}

fn merge(path: &Path, entry: &Entry) -> anyhow::Result<()> {
    match change(path, |document| document.with(&Change::put(entry, true)))? {
        Written::Unchanged => note(&format!("{} has the context {} already", path.display(), entry.name)),
        Written::Changed { backup } => {
            note(&format!(
                "the current context of {} is {}; `v9s disconnect` returns",
                path.display(),
                entry.name
            ));
            if let Some(backup) = backup {
                note(&format!("what was there before is in {}", backup.display()));
            }
        }
    }
    Ok(())
}

/// Its tunnel is closed: the context leads nowhere.
fn take_out(path: &Path, entry: &Entry) -> anyhow::Result<()> {
    change(path, |document| {
        let back = super::disconnect::leave(document, &entry.name);
        document.with(&back.and_remove(document, std::slice::from_ref(&entry.name)))
    })?;
    note(&format!("the context {} was taken out of {}", entry.name, path.display()));
    Ok(())
}

/// What is current now, for the way back.
fn current_context(path: &Path) -> Option<SmolStr> {
    let text = std::fs::read_to_string(path).ok()?;
    Document::read(&text).ok()?.current().map(SmolStr::from)
}
