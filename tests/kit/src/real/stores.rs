//! Stores by themselves: etcd with as many members as wanted, and kine in front of SQLite. Members can be stopped and ended.

use std::fmt::Display;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::assets::{Assets, Program};
use super::process::{Guard, Running};
use crate::wait::PATIENCE;

/// Port for clients.
pub const CLIENTS: u16 = 2379;
/// Port for metrics in plain HTTP.
pub const METRICS: u16 = 2381;
const PEERS: u16 = 2380;

/// etcd in as many members as were wanted, each on a loopback address of its own, without certificates. Dropping it ends all.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<Member>,
    // Outlives the members: one that is started again finds its data.
    _data: TempDir,
}

#[derive(Debug)]
struct Member {
    address: Ipv4Addr,
    path: PathBuf,
    args: Vec<String>,
    // Ends the program, which is only then reaped.
    runs: Option<(Guard, Running)>,
}

impl Etcd {
    /// Starts the members, and waits until all of them take connections. `quota` is the most bytes that their files may have.
    /// Blocks.
    ///
    /// # Errors
    /// When etcd cannot be had, or one of the members ends; with its last log lines.
    pub fn start(members: u8, quota: Option<u64>) -> Result<Self> {
        Self::prepare(members, quota)?.run()
    }

    /// Starts one member on what `etcdutl snapshot restore` makes of a snapshot, with its latest revision raised by `bump` and all before
    /// it compacted. Blocks.
    ///
    /// # Errors
    /// When the programs cannot be had, or the snapshot is not taken; with what `etcdutl` says.
    pub fn restored(snapshot: &Path, bump: i64) -> Result<Self> {
        let etcd = Self::prepare(1, None)?;
        let names = ["name", "data-dir", "initial-cluster", "initial-advertise-peer-urls"];
        let taken = |arg: &&String| names.iter().any(|name| arg.starts_with(&format!("--{name}=")));
        let output = Command::new(program(Program::Etcdutl)?)
            .args(["snapshot", "restore"])
            .arg(snapshot)
            .args(etcd.members[0].args.iter().filter(taken))
            .args([flag("bump-revision", bump), "--mark-compacted".to_owned()])
            .output()
            .context("running etcdutl")?;
        ensure!(output.status.success(), "etcdutl: {}", String::from_utf8_lossy(&output.stderr));
        etcd.run()
    }

    fn run(mut self) -> Result<Self> {
        self.members.iter_mut().try_for_each(Member::start)?;
        self.members.iter_mut().try_for_each(Member::wait)?;
        Ok(self)
    }

    fn prepare(members: u8, quota: Option<u64>) -> Result<Self> {
        let path = program(Program::Etcd)?;
        let data = TempDir::with_prefix("v9s-etcd-")?;
        let addresses: Vec<_> = (0..members).map(|_| address()).collect();
        let name = |at: usize| format!("member-{at}");
        let peers: Vec<_> = addresses
            .iter()
            .enumerate()
            .map(|(at, address)| format!("{}=http://{address}:{PEERS}", name(at)))
            .collect();
        let member = |(at, address): (usize, &Ipv4Addr)| {
            let mut args = vec![
                flag("name", name(at)),
                flag("data-dir", data.path().join(name(at)).display()),
                flag("listen-client-urls", format_args!("http://{address}:{CLIENTS}")),
                flag("advertise-client-urls", format_args!("http://{address}:{CLIENTS}")),
                flag("listen-peer-urls", format_args!("http://{address}:{PEERS}")),
                flag("initial-advertise-peer-urls", format_args!("http://{address}:{PEERS}")),
                flag("listen-metrics-urls", format_args!("http://{address}:{METRICS}")),
                flag("initial-cluster", peers.join(",")),
                "--unsafe-no-fsync".to_owned(),
                // A machine that compiles beside it loses no leader so.
                flag("heartbeat-interval", 500),
                flag("election-timeout", 5000),
                flag("log-level", "warn"),
            ];
            args.extend(quota.map(|bytes| flag("quota-backend-bytes", bytes)));
            Member { address: *address, path: path.clone(), args, runs: None }
        };
        let members = addresses.iter().enumerate().map(member).collect();
        Ok(Self { members, _data: data })
    }

    /// `HOST:PORT` for clients of each member, in order.
    pub fn addresses(&self) -> Vec<String> {
        self.members.iter().map(Member::client).collect()
    }

    /// Ends a member as a machine that loses power does.
    pub fn kill(&mut self, member: usize) {
        self.members[member].runs = None;
    }

    /// Starts one again that was ended, with the data that it had.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn revive(&mut self, member: usize) -> Result<()> {
        self.members[member].start()?;
        self.members[member].wait()
    }

    /// Stops a member in the middle of whatever it does (`STOP`), or lets it go on (`CONT`).
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, member: usize, signal: &str) -> Result<()> {
        let (_, running) = self.members[member].runs.as_ref().context("it does not run")?;
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(running.pid().to_string()).status()?;
        ensure!(sent.success(), "kill -{signal}: {sent}");
        Ok(())
    }
}

impl Member {
    fn client(&self) -> String {
        format!("{}:{CLIENTS}", self.address)
    }

    fn start(&mut self) -> Result<()> {
        let mut guard = Guard::start(TempDir::with_prefix("v9s-etcd-log-")?)?;
        let running = guard.spawn(&self.path, Command::new(&self.path).args(&self.args))?;
        self.runs = Some((guard, running));
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        let address = self.client();
        let (_, running) = self.runs.as_mut().context("it does not run")?;
        answers(&address, running)
    }
}

/// kine in front of a SQLite database. Dropping it ends it.
#[derive(Debug)]
pub struct Kine {
    _guard: Guard,
    _running: Running,
    address: Ipv4Addr,
    database: PathBuf,
}

impl Kine {
    /// Starts it with an empty database, and waits until it takes connections. Blocks.
    ///
    /// # Errors
    /// When kine cannot be had, or ends; with its last log lines.
    pub fn start() -> Result<Self> {
        Self::run(None)
    }

    /// Starts it with a copy of a database. Blocks.
    ///
    /// # Errors
    /// As above.
    pub fn over(database: &Path) -> Result<Self> {
        Self::run(Some(database))
    }

    fn run(from: Option<&Path>) -> Result<Self> {
        let path = program(Program::Kine)?;
        let mut guard = Guard::start(TempDir::with_prefix("v9s-kine-")?)?;
        let database = guard.folder().join("state.db");
        if let Some(from) = from {
            std::fs::copy(from, &database).with_context(|| format!("copying {}", from.display()))?;
        }
        let address = address();
        let options = "_journal=WAL&cache=shared&_busy_timeout=30000&_txlock=immediate";
        let args = [
            flag("endpoint", format_args!("sqlite://{}?{options}", database.display())),
            flag("listen-address", format_args!("{address}:{CLIENTS}")),
            flag("metrics-bind-address", 0),
        ];
        let mut command = Command::new(&path);
        command.args(args).current_dir(guard.folder());
        let mut running = guard.spawn(&path, &mut command)?;
        answers(&format!("{address}:{CLIENTS}"), &mut running)?;
        Ok(Self { _guard: guard, _running: running, address, database })
    }

    /// `HOST:PORT` for clients.
    pub fn address(&self) -> String {
        format!("{}:{CLIENTS}", self.address)
    }

    /// The file of the database; `-wal` and `-shm` are beside it.
    pub fn database(&self) -> &Path {
        &self.database
    }
}

/// Writes a value, and answers what the store said.
///
/// # Errors
/// When there is no answer, or the store refuses; with what it says.
pub async fn put(address: &str, key: &str, value: &[u8]) -> Result<Value> {
    let body = json!({"key": STANDARD.encode(key), "value": STANDARD.encode(value)});
    Ok(serde_json::from_str(&ask(address, "/v3/kv/put", &body).await?)?)
}

/// Asks the JSON gateway that etcd has beside gRPC, and answers what it said; of a stream, what it said until it was closed or said that
/// it is over.
///
/// # Errors
/// When there is no answer, or the store refuses; with what it says.
pub async fn ask(address: &str, path: &str, body: &Value) -> Result<String> {
    let request = http::Request::post(format!("http://{address}{path}"))
        .body(kube::client::Body::from(body.to_string().into_bytes()))?;
    let client =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let asked = async {
        let mut answer = client.request(request).await?;
        let mut text = String::new();
        while let Some(frame) = answer.body_mut().frame().await {
            text += &frame?
                .into_data()
                .map(|data| String::from_utf8_lossy(&data).into_owned())
                .unwrap_or_default();
            if text.contains("\"canceled\":true") {
                break;
            }
        }
        anyhow::Ok((answer.status(), text))
    };
    let (status, text) = tokio::time::timeout(PATIENCE, asked).await.context("no answer")??;
    ensure!(status.is_success(), "{text}");
    Ok(text)
}

pub(super) fn program(program: Program) -> Result<PathBuf> {
    let path = Assets::of_program(program)?.path(program)?;
    path.canonicalize().with_context(|| format!("looking for {}", path.display()))
}

/// A loopback address that nothing else in this process has, nor in another.
pub(super) fn address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    // Pods, nodes and Services of tests are elsewhere, and 127.0 is everybody's.
    Ipv4Addr::new(127, 128 | (high >> 1), low, NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn answers(address: &str, running: &mut Running) -> Result<()> {
    let begun = Instant::now();
    let socket = address.parse().context("an address")?;
    while TcpStream::connect_timeout(&socket, Duration::from_secs(1)).is_err() {
        running.check()?;
        if begun.elapsed() > PATIENCE {
            bail!("nothing listens on {address}; {}", running.last_lines());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn flag(name: &str, value: impl Display) -> String {
    format!("--{name}={value}")
}
