//! A node as the kernel sees it: namespaces and control groups on this machine, in which programs are started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cgroups::Hierarchies;
use super::layout::Layout;
use crate::real::launch::in_groups;
use crate::real::process::Running;

const INIT: &str = include_str!("init.sh");
const BOOT_PATIENCE: Duration = Duration::from_secs(120);

/// A node without programs yet.
#[derive(Debug)]
pub(super) struct Machine {
    pub name: String,
    folder: PathBuf,
    groups: Vec<PathBuf>,
    init: Running,
}

impl Machine {
    /// Makes the node's namespaces and waits until its file system is in place. `programs` is a folder that is
    /// `/run/v9s/bin` within the node.
    pub fn boot(
        layout: Layout,
        node: usize,
        home: &Path,
        hierarchies: &Hierarchies,
        programs: &Path,
    ) -> Result<Self> {
        let name = Layout::node(node);
        let folder = home.join(&name);
        fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let script = folder.join("init.sh");
        fs::write(&script, INIT).with_context(|| format!("writing {}", script.display()))?;
        let groups = hierarchies.make(&[&layout.name(), &name, "system"])?;
        let mut command = in_groups(&groups, Path::new("unshare"));
        command
            .args(["--mount", "--propagation=private", "--net", "--uts", "--ipc", "--pid", "--fork"])
            .args(["--kill-child", "--mount-proc", "sh"])
            .args([script.as_path(), Path::new(&name), &folder, programs])
            .env("PATH", super::path());
        let init = Running::start("init", &mut command, &folder)?;
        let mut machine = Self { name, folder, groups, init };
        machine.wait_for_init()?;
        Ok(machine)
    }

    fn wait_for_init(&mut self) -> Result<()> {
        let ready = self.outside("ready");
        let deadline = Instant::now() + BOOT_PATIENCE;
        while !ready.exists() {
            self.init.check()?;
            if Instant::now() > deadline {
                bail!("{} did not boot in {BOOT_PATIENCE:?}: {}", self.name, self.init.last_lines());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// A process that is in the node's network namespace.
    pub fn pid(&self) -> u32 {
        self.init.pid()
    }

    /// Where a file that is `/run/v9s/NAME` within the node is outside of it.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.folder.join("run/v9s").join(name)
    }

    /// A command that runs within the node.
    pub fn command(&self, program: &str) -> Command {
        let pid = self.pid();
        let mut command = in_groups(&self.groups, Path::new("nsenter"));
        command
            .arg(format!("--target={pid}"))
            .args(["--mount", "--net", "--uts", "--ipc"])
            // That process made the namespace for its children and is not in it.
            .arg(format!("--pid=/proc/{pid}/ns/pid_for_children"))
            .args(["--", program])
            .env("PATH", super::path());
        command
    }

    /// Starts a program within the node; its log is in the node's folder.
    pub fn start(&self, name: &str, program: &str, args: &[&str]) -> Result<Running> {
        Running::start(name, self.command(program).args(args), &self.folder)
            .with_context(|| format!("on {}", self.name))
    }

    /// Writes `/run/v9s/NAME` of the node.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.outside(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started or fails; with what it said.
pub(super) fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
