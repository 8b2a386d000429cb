//! The program `v9s-cluster`, with records in a folder of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use v9s_testkit::cache::cache_root;
use v9s_testkit::kubeconfig;
use v9s_testkit::node::images::BUSYBOX;

/// All that is started for a test has this variable in its environment, and a value of its own.
pub const MARK: &str = "V9S_TRACES_TEST";

pub struct Program {
    home: TempDir,
}

/// A cluster that was started.
pub struct Started<'a> {
    pub name: String,
    pub kubeconfig: PathBuf,
    program: &'a Program,
}

impl Program {
    pub fn new() -> Result<Self> {
        wait_for_others()?;
        let home = tempfile::tempdir()?;
        // The programs are in the cache that all share; only the records are the test's.
        let shared = cache_root().context("no cache folder")?;
        fs::create_dir_all(&shared)?;
        let own = home.path().join("v9s");
        fs::create_dir(&own)?;
        fs::create_dir(home.path().join("tmp"))?;
        for toolset in v9s_testkit::cache::Toolset::OF_NODES
            .into_iter()
            .chain([v9s_testkit::cache::Toolset::ControlPlane])
        {
            v9s_testkit::real::assets::Assets::of(toolset)?;
            let built = toolset.cache()?;
            let name = built.file_name().context("the cache has a name")?;
            if built.is_dir() {
                std::os::unix::fs::symlink(&built, own.join(name))?;
            }
        }
        Ok(Self { home })
    }

    /// The temporary folder of what is started for this test.
    pub fn temporary(&self) -> PathBuf {
        self.home.path().join("tmp")
    }

    /// What marks the processes of this test.
    pub fn mark(&self) -> String {
        self.home.path().display().to_string()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_v9s-cluster"));
        command.args(args).env(MARK, self.mark());
        command.env("XDG_CACHE_HOME", self.home.path()).env("TMPDIR", self.temporary());
        command
    }

    /// Runs it to its end, which must be a good one, and returns what it printed.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        output(&mut self.command(args))
    }

    pub fn up(&self, name: &str) -> Result<Started<'_>> {
        let printed = self.run(&["up", name])?;
        Ok(Started { name: name.to_owned(), kubeconfig: printed.trim().into(), program: self })
    }

    /// Starts a cluster and kills the process that starts it once a file is there.
    pub fn kill_start_at(&self, file: &Path) -> Result<()> {
        let mut runner = self.command(&["run", "early"]).stdout(Stdio::null()).spawn()?;
        let deadline = Instant::now() + Duration::from_secs(120);
        while !file.exists() {
            if let Some(status) = runner.try_wait()? {
                bail!("the start ended with {status} before {} was there", file.display());
            }
            ensure!(Instant::now() < deadline, "{} does not come", file.display());
            std::thread::sleep(Duration::from_millis(5));
        }
        runner.kill()?;
        runner.wait()?;
        Ok(())
    }

    /// Waits until nothing runs that watches over a cluster of this test.
    pub fn wait_for_guards(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.guards()?.is_empty() {
            ensure!(Instant::now() < deadline, "the guard does not end: {:?}", self.guards());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Process ids of the shells that end what a killed process has started.
    fn guards(&self) -> Result<Vec<String>> {
        let is_guard = |arg: &str| arg == "v9s-cluster-guard" || arg == "v9s-test-guard";
        let mark = format!("{MARK}={}", self.mark());
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let path = entry?.path();
            // Processes end while they are looked at.
            let read = |name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
            if read("cmdline").split('\0').any(is_guard) && read("environ").split('\0').any(|own| own == mark)
            {
                found.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
            }
        }
        Ok(found)
    }
}

impl Drop for Program {
    /// A test that fails leaves clusters that it has not stopped yet.
    fn drop(&mut self) {
        for line in self.run(&["list"]).unwrap_or_default().lines() {
            let name = line.split('\t').next().unwrap_or_default();
            // The test has failed already.
            let _ = self.run(&["down", name]);
        }
    }
}

impl Started<'_> {
    pub fn server(&self) -> Result<String> {
        kubeconfig::authority(&fs::read_to_string(&self.kubeconfig)?)
    }

    /// Runs the kubectl that is beside the control plane's programs.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        let folder = self.program.run(&["path"])?;
        let mut command = Command::new(PathBuf::from(folder.trim()).join("kubectl"));
        output(command.arg("--kubeconfig").arg(&self.kubeconfig).args(args))
    }

    /// Starts a pod that runs a shell script and waits until it is ready.
    pub fn run_pod(&self, name: &str, script: &str) -> Result<()> {
        let image = format!("--image={BUSYBOX}");
        self.kubectl(&["run", name, &image, "--restart=Never", "--", "sh", "-c", script])?;
        self.kubectl(&["wait", "--for=condition=Ready", &format!("pod/{name}"), "--timeout=120s"])?;
        Ok(())
    }

    /// Kills the process that `up` left in the background.
    pub fn kill_runner(&self) -> Result<()> {
        let pid = fs::read_to_string(self.kubeconfig.with_file_name("pid"))?;
        kill(&[pid.trim()])
    }

    /// Kills it and the guards that would clean up after it.
    pub fn kill_runner_and_guards(&self) -> Result<()> {
        let guards = self.program.guards()?;
        ensure!(!guards.is_empty(), "nothing watches over the cluster");
        kill(&guards.iter().map(String::as_str).collect::<Vec<_>>())?;
        self.kill_runner()
    }
}

/// The cluster of a test process that has just ended may still be on its way out.
fn wait_for_others() -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Path::new("/var/lib/v9s-clusters").exists() {
        ensure!(
            Instant::now() < deadline,
            "a cluster runs on this machine: stop it, it would be taken for a trace"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn kill(pids: &[&str]) -> Result<()> {
    output(Command::new("sh").args(["-c", "kill -KILL \"$@\"", "sh"]).args(pids)).map(drop)
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
