//! A PostgreSQL server of Debian's on this machine, for pods of a cluster.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::requirements;
use crate::real::process::{Guard, Running};

/// Whom the server runs as: it refuses to run as root. Debian's package makes this user.
const USER: &str = "postgres";
/// How often it is looked whether it answers.
const LOOKS: usize = 300;

/// The server. Dropping it ends it and removes its data, and so does the death of this process.
#[derive(Debug)]
pub struct Postgres {
    // Ends what runs, which is only then reaped.
    _guard: Guard,
    _server: Running,
    address: SocketAddr,
    password: String,
}

impl Postgres {
    /// Starts one on an address of this machine that pods reach, and waits until it answers. Blocks.
    ///
    /// # Errors
    /// When Debian's package is missing, or the server does not start, with its last log lines.
    pub fn start(address: Ipv4Addr) -> Result<Self> {
        let programs = requirements::postgres()
            .with_context(|| format!("PostgreSQL is missing: run {} as root", requirements::INSTALL))?;
        let folder = tempfile::Builder::new().prefix("v9s-postgres-").tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let (user, group) = ids()?;
        let password = format!("test-{}", std::process::id());
        let (data, secret) = (folder.path().join("data"), folder.path().join("password"));
        fs::create_dir(&data)?;
        fs::write(&secret, &password)?;
        for path in [&data, &secret] {
            chown(path, Some(user), Some(group))?;
        }
        let mut guard = Guard::start(folder)?;
        let mut init = as_user(&programs.join("initdb"));
        init.args([
            "--auth=scram-sha-256",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        init.arg("--pwfile").arg(&secret).arg("--pgdata").arg(&data);
        let made = init.output().context("running initdb")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let allowed = data.join("pg_hba.conf");
        fs::write(&allowed, "host all all all scram-sha-256\n")?;
        // Whoever takes the port in between makes the server end, and its log says so.
        let port = TcpListener::bind((address, 0)).context("looking for a port")?.local_addr()?.port();
        let server = programs.join("postgres");
        let mut command = as_user(&server);
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            &format!("listen_addresses={address}"),
            "unix_socket_directories=",
            "fsync=off",
            "max_connections=50",
        ] {
            command.args(["-c", setting]);
        }
        let mut server = guard.spawn(&server, &mut command)?;
        let address = SocketAddr::from((address, port));
        wait(address, &mut server)?;
        Ok(Self { _guard: guard, _server: server, address, password })
    }

    /// A URL of a database in it; whoever connects first makes it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@{}/{database}?sslmode=disable", self.password, self.address)
    }
}

fn wait(address: SocketAddr, server: &mut Running) -> Result<()> {
    for _ in 0..LOOKS {
        server.check()?;
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("PostgreSQL does not answer on {address}; {}", server.last_lines())
}

/// A command that runs as the server's user and has nothing of root's.
fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups", "--inh-caps=-all"])
        .arg(program)
        .current_dir("/")
        .env_clear()
        .env("PATH", super::path());
    command
}

/// Numbers of the user and its group.
fn ids() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("reading the users of this machine")?;
    let line = users.lines().find(|line| line.starts_with(&format!("{USER}:")));
    let mut fields = line.with_context(|| format!("there is no user {USER}"))?.split(':').skip(2);
    let mut number = || -> Result<u32> { Ok(fields.next().context("no number")?.parse()?) };
    Ok((number()?, number()?))
}
