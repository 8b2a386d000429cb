//! Verbs of the real program that are killed, or lose their API server, at each write: the same command run again completes them,
//! and what there is then is what an undisturbed run leaves.

mod room;
mod state;

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::process::Command;
use v9s_testkit::both_hosts;
use v9s_testkit::gateway::{Gateway, Seen, Wrong};
use v9s_testkit::host::Host;

pub use room::Room;
use state::State;

/// Runs that are under way at a time.
const AT_ONCE: usize = 6;
/// Of the writes on a real API server, every so many are tried.
const SAMPLE: usize = 4;
/// What may go wrong. That nothing of a write arrives looks the same to the host whoever is to blame.
const WRONGS: [(bool, Seen); 3] = [(false, Seen::Silence), (true, Seen::Silence), (true, Seen::Loss)];

/// A verb, and what is done before it.
struct Verb {
    name: &'static str,
    /// Commands that bring a virtual cluster there; `NAME` is its name.
    first: &'static [&'static [&'static str]],
    command: &'static [&'static str],
}

const VERBS: [Verb; 12] = [
    Verb { name: "pause", first: &[], command: &["pause", "NAME"] },
    Verb { name: "resume", first: &[&["pause", "NAME"]], command: &["resume", "NAME"] },
    Verb { name: "protect", first: &[], command: &["protect", "NAME"] },
    Verb { name: "restart", first: &[], command: &["restart", "NAME"] },
    Verb { name: "rotate", first: &[], command: &["certs", "rotate", "NAME"] },
    Verb { name: "extend", first: &[], command: &["extend", "NAME", "--forever", "--owner", "jane"] },
    // Without waiting, as nothing runs in pods here.
    Verb { name: "observe", first: &[&["official"]], command: &["observe", "NAME", "--no-wait"] },
    Verb {
        name: "unobserve",
        first: &[&["official"], &["observe", "NAME", "--no-wait"]],
        command: &["observe", "NAME", "--remove"],
    },
    Verb { name: "delete", first: &[], command: &["delete", "NAME", "--confirm", "NAME"] },
    // Something goes, something changes, something is made; without waiting, as nothing mirrors here.
    Verb {
        name: "edit",
        first: &[],
        command: &[
            "edit",
            "NAME",
            "--no-wait",
            "--set",
            "policies.networkPolicy.enabled=false",
            "--set",
            "policies.limitRange.enabled=true",
            "--set",
            "policies.resourceQuota.quota={requests.cpu: 30}",
        ],
    },
    // The object first, and then what it is made of.
    Verb { name: "quota", first: &[], command: &["quota", "NAME", "--no-wait", "--set", "requests.cpu=30"] },
    Verb {
        name: "reap",
        first: &[&["extend", "NAME", "--ttl", "1s"], &["wait"]],
        command: &["reap", "--yes"],
    },
];

impl Verb {
    /// Runs it to its end through a gateway, or until it is killed; how many writes it has made.
    async fn run(&self, room: &Room, wrong: Option<Wrong>) -> Result<usize> {
        let gateway = Gateway::before(&room.kubeconfig, wrong).await?;
        let mut child = room.program(&gateway.kubeconfig, self.command)?;
        let Some(wrong) = wrong else {
            let said = child.wait_with_output().await?;
            let told =
                String::from_utf8_lossy(&said.stderr).into_owned() + &String::from_utf8_lossy(&said.stdout);
            ensure!(said.status.success(), "{} ended with {}: {told}", self.name, said.status);
            return Ok(gateway.writes().len());
        };
        match wrong.seen {
            Seen::Silence => {
                tokio::select! {
                    // SIGKILL: nothing is put in order.
                    () = gateway.struck() => child.kill().await?,
                    // A run may take fewer writes than another: some are tried again when something gets ahead of them.
                    ended = child.wait() => ensure!(ended?.success(), "{} ended before write {}", self.name, wrong.write),
                }
            }
            Seen::Loss | Seen::Refusal(_) => {
                let said = child.wait_with_output().await?;
                let told = String::from_utf8_lossy(&said.stderr).into_owned()
                    + &String::from_utf8_lossy(&said.stdout);
                if gateway.writes().len() <= wrong.write {
                    ensure!(
                        said.status.success(),
                        "{} ended before write {}: {told}",
                        self.name,
                        wrong.write
                    );
                } else {
                    ensure!(!said.status.success(), "{} says that it was done: {told}", self.name);
                    ensure!(told.contains("gateway"), "{} does not say who is lost: {told}", self.name);
                }
            }
        }
        Ok(gateway.writes().len())
    }

    /// A virtual cluster of its own, where the verb can begin.
    async fn prepare(&self, host: &Host, stem: &str) -> Result<Room> {
        let room = Room::make(host, stem).await?;
        for command in self.first {
            match command {
                ["official"] => room.of_somebody_else().await?,
                ["wait"] => tokio::time::sleep(std::time::Duration::from_millis(2100)).await,
                _ => room.v9s(command).await?,
            }
        }
        Ok(room)
    }

    /// What is there after a run in which nothing goes wrong, and how many writes that takes.
    async fn undisturbed(&self, host: &Host) -> Result<(State, usize)> {
        let room = self.prepare(host, &format!("{}-whole", self.name)).await?;
        let writes = self.run(&room, None).await.with_context(|| format!("{} undisturbed", self.name))?;
        room.settled().await?;
        Ok((State::settled(&room).await?, writes))
    }

    /// One thing goes wrong; then the same again.
    async fn disturbed(&self, host: &Host, expected: &State, wrong: Wrong) -> Result<()> {
        let kind = if wrong.seen == Seen::Loss { "lost" } else { "killed" };
        let done = if wrong.done { "after" } else { "before" };
        let stem = format!("{}-{kind}-{done}-{}", self.name, wrong.write);
        let trial = async {
            let room = self.prepare(host, &stem).await?;
            self.run(&room, Some(wrong)).await?;
            let told = room.again(self.command).await?;
            State::becomes(&room, expected).await.with_context(|| told)
        };
        trial.await.with_context(|| format!("{} {kind} {done} write {}", self.name, wrong.write))
    }
}

async fn all(host: &Host, verb: &Verb) -> Result<()> {
    let (expected, writes) = verb.undisturbed(host).await?;
    ensure!(writes > 0, "{} writes nothing", verb.name);
    let step = if host.is_real() { SAMPLE } else { 1 };
    // The first and the last in any case.
    let places = (0..writes).filter(|at| at % step == 0 || *at + 1 == writes);
    let wrongs = places.flat_map(|write| WRONGS.map(|(done, seen)| Wrong { write, done, seen }));
    stream::iter(wrongs)
        .map(|wrong| verb.disturbed(host, &expected, wrong))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// The program with this kubeconfig and a home of its own.
fn program(home: &std::path::Path, kubeconfig: &std::path::Path, arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v9s"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn verb(name: &str) -> &'static Verb {
    VERBS.iter().find(|verb| verb.name == name).expect("it is in the table")
}

both_hosts! {
    #![needs(controllers)]

    async fn pausing_is_completed_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("pause")).await
    }

    async fn resuming_is_completed_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("resume")).await
    }

    async fn marks_are_completed_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("protect")).await?;
        all(&host, verb("extend")).await
    }

    async fn restarting_is_completed_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("restart")).await
    }

    async fn observing_is_completed_and_taken_away_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("observe")).await?;
        all(&host, verb("unobserve")).await
    }

    async fn rotating_is_completed_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("rotate")).await
    }

    async fn editing_is_completed_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("edit")).await
    }

    async fn other_limits_are_completed_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("quota")).await
    }

    async fn deleting_is_completed_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("delete")).await
    }

    async fn reaping_is_completed_whatever_happens(host: Host) -> Result<()> {
        all(&host, verb("reap")).await
    }
}
