//! What each subcommand does.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, setsid};
use tokio::signal::unix::{SignalKind, signal};
use v9s_testkit::cache::Toolset;
use v9s_testkit::node::{self, Cluster, requirements};
use v9s_testkit::real::assets::Assets;
use v9s_testkit::real::{self, ControlPlane};

use crate::record::Record;

/// Starts `run` in the background and waits until its cluster is ready.
pub fn up(name: &str, nodes: usize) -> Result<()> {
    // In the foreground, so that what is missing or takes minutes is seen.
    prepare(nodes)?;
    let record = Record::of(name)?;
    record.create()?;
    let log = record.log();
    if record.try_lock()?.is_none() {
        bail!("the cluster {name} runs already: its kubeconfig is {}", record.kubeconfig().display());
    }
    let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
    let mut runner = Command::new(std::env::current_exe().context("looking for this program")?)
        .args(["run", name, "--nodes", &nodes.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(output)
        .spawn()
        .context("starting this program in the background")?;
    let answer = runner.stdout.take().context("it has no standard output")?;
    let mut kubeconfig = String::new();
    BufReader::new(answer).read_line(&mut kubeconfig).context("waiting for the cluster")?;
    if kubeconfig.is_empty() {
        let status = runner.wait().context("waiting for the cluster")?;
        let said = fs::read_to_string(&log).unwrap_or_default();
        record.remove()?;
        bail!("the cluster {name} did not start ({status}):\n{said}");
    }
    say(kubeconfig.trim_end())
}

/// Tells the process that runs the cluster to end, and waits for it.
pub fn down(name: &str) -> Result<()> {
    let record = Record::of(name)?;
    if !record.exists() {
        bail!("there is no cluster {name}");
    }
    if record.try_lock()?.is_none() {
        let pid = Pid::from_raw(record.pid()?).context("its process id is not one")?;
        kill_process(pid, Signal::TERM).with_context(|| format!("telling process {pid:?} to end"))?;
        record.wait_for_end()?;
        if record.exists() {
            bail!(
                "the cluster {name} did not end well:\n{}",
                fs::read_to_string(record.log()).unwrap_or_default()
            );
        }
        return Ok(());
    }
    // Its process died, and its guard has stopped it.
    record.remove()
}

/// Prints name, state and kubeconfig of each cluster.
pub fn list() -> Result<()> {
    for name in Record::names()? {
        let record = Record::of(&name)?;
        let state = match (record.try_lock()?.is_some(), record.kubeconfig().exists()) {
            (true, _) => "dead",
            (false, true) => "ready",
            (false, false) => "starting",
        };
        say(&format!("{name}\t{state}\t{}", record.kubeconfig().display()))?;
    }
    Ok(())
}

/// Prints where the programs are, and builds them when they are not there yet.
pub fn path() -> Result<()> {
    say(&Assets::find()?.folder().display().to_string())
}

/// Runs a cluster until this process is told to end.
pub fn run(name: &str, nodes: usize) -> Result<()> {
    prepare(nodes)?;
    let record = Record::of(name)?;
    record.create()?;
    let Some(_lock) = record.try_lock()? else { bail!("the cluster {name} runs already") };
    // In the background the terminal must not take the cluster along; in the foreground a shell has made this process
    // the leader of a group, which cannot leave its session.
    let _ = setsid();
    record.write_pid()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before the start, so that being told to end in the middle of it leaves nothing either.
    let ended = runtime
        .block_on(async { anyhow::Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)) });
    let (mut terminated, mut interrupted) = ended.context("listening to signals")?;
    let running = start(nodes)?;
    record.write_kubeconfig(&running.kubeconfig())?;
    // Nobody may be listening any more.
    let _ = say(&record.kubeconfig().display().to_string());
    runtime.block_on(async {
        tokio::select! { _ = terminated.recv() => {}, _ = interrupted.recv() => {} }
    });
    running.stop()?;
    record.remove()
}

enum Running {
    Plane(Box<ControlPlane>),
    Cluster(Box<Cluster>),
}

impl Running {
    fn kubeconfig(&self) -> String {
        match self {
            Self::Plane(plane) => plane.kubeconfig(),
            Self::Cluster(cluster) => cluster.kubeconfig(),
        }
    }

    fn stop(self) -> Result<()> {
        match self {
            Self::Plane(plane) => {
                drop(plane);
                Ok(())
            }
            Self::Cluster(cluster) => cluster.stop(),
        }
    }
}

fn start(nodes: usize) -> Result<Running> {
    if nodes == 0 {
        let options = real::Options { controllers: true, scheduler: true, ..Default::default() };
        return Ok(Running::Plane(Box::new(ControlPlane::start(&options)?)));
    }
    let options = node::Options { nodes, ..Default::default() };
    Ok(Running::Cluster(Box::new(Cluster::start(&options)?)))
}

/// Says what is missing, and builds what is needed.
fn prepare(nodes: usize) -> Result<()> {
    Assets::find()?;
    if nodes > 0 {
        if let Some(reason) = requirements::missing() {
            bail!(reason);
        }
        for toolset in Toolset::OF_NODES {
            Assets::of(toolset)?;
        }
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").context("writing to standard output")
}

/// Tells a person what went wrong.
pub fn complain(line: &str) {
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "{line}");
}
