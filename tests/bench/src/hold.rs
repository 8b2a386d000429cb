//! The embedded host with a fleet on it, in a process of its own that does nothing else.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use v9s_sandbox::clock::Clock;
use v9s_sandbox::{Options, Sandbox};
use v9s_ui::demo::company::Estate;
use v9s_ui::demo::fleet::fleet_of;
use v9s_ui::demo::hand::Hand;
use v9s_ui::demo::hosts::{Hosts, Plan};
use v9s_ui::demo::objects::Setting;
use v9s_ui::demo::seed::Seed;

/// What lives on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Life {
    /// The API server alone.
    None,
    /// Controllers and nodes, which have nothing left to do.
    Rest,
    /// These, and what happens in the demo.
    Demo,
}

/// How such a process says that it answers, and that everything is there and settled.
const STARTED: &str = "started";
const SETTLED: &str = "settled";

/// The process. Dropping it ends the host.
pub struct Holder {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    begin: Instant,
    /// From the start of the process to an API server that answers.
    pub start: Duration,
}

impl Holder {
    /// Starts this program again, to be a host for so many virtual clusters and pods.
    pub fn start(life: Life, vclusters: usize, pods: usize) -> Result<Self> {
        let life = life.to_possible_value().context("a life without a name")?;
        let begin = Instant::now();
        let mut child = Command::new(std::env::current_exe().context("looking for this program")?)
            .args([
                "--hold",
                life.get_name(),
                "--vclusters",
                &vclusters.to_string(),
                "--pods",
                &pods.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the embedded host")?;
        let lines = BufReader::new(child.stdout.take().context("it has no output")?).lines();
        let mut holder = Self { child, lines, begin, start: Duration::ZERO };
        holder.start = holder.said(STARTED)?;
        Ok(holder)
    }

    /// Waits until everything is there and nothing is left to do; from the start of the process until then.
    pub fn settled(&mut self) -> Result<Duration> {
        self.said(SETTLED)
    }

    fn said(&mut self, word: &str) -> Result<Duration> {
        match self.lines.next().transpose()? {
            Some(line) if line == word => Ok(self.begin.elapsed()),
            other => bail!("the embedded host has not {word}: {other:?}"),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the host: runs until its input ends.
pub async fn hold(life: Life, vclusters: usize, pods: usize) -> Result<()> {
    let clock = Clock::system();
    if life == Life::None {
        let sandbox = Sandbox::start(Options::default()).await?;
        say(STARTED)?;
        let now = clock.now();
        let estate = Estate { tenants: fleet_of(vclusters, pods, Seed::new(7), now), ..Estate::default() };
        let setting = Setting { now, nodes: vec!["node-1".to_owned()], managed_fields: false };
        Hand::new(sandbox.store().clone()).settle(&estate, &setting);
        drop(estate);
        say(SETTLED)?;
        return until_told().await;
    }
    let plan = if vclusters == 0 { Plan::empty(clock) } else { Plan::of_size(vclusters, pods, clock) };
    let plan = Plan { living: life == Life::Demo, ..plan };
    let hosts = Hosts::start(plan).await?;
    say(STARTED)?;
    hosts.settled().await?;
    say(SETTLED)?;
    until_told().await
}

fn say(word: &str) -> Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{word}")?;
    output.flush().context("telling the benchmark")
}

async fn until_told() -> Result<()> {
    let read = || std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new());
    tokio::task::spawn_blocking(read).await??;
    Ok(())
}
