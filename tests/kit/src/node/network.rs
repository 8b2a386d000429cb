//! The network of a cluster: a switch in a namespace of its own, and a cable from it to the machine and to each node.
//!
//! The machine gets one interface, named like the cluster, and no bridge: what filters a machine's bridged packets
//! (container runtimes install such rules) does not see those between nodes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::cgroups::Hierarchies;
use super::layout::Layout;
use super::machine::Machine;
use crate::real::launch::in_groups;
use crate::real::process::Running;

/// The switch.
#[derive(Debug)]
pub(super) struct Network {
    layout: Layout,
    /// Holds the namespace.
    switch: Running,
}

impl Network {
    /// Makes the switch and connects the machine to it.
    pub fn start(layout: Layout, folder: &Path, hierarchies: &Hierarchies) -> Result<Self> {
        let name = layout.name();
        let groups = hierarchies.make(&[&name, "switch"])?;
        let mut command = in_groups(&groups, Path::new("unshare"));
        command.args(["--net", "sleep", "infinity"]).env("PATH", super::path());
        let switch = Running::start("switch", &mut command, folder)?;
        let network = Self { layout, switch };
        network.wait_for_namespace()?;
        network.on_switch("link add switch type bridge\nlink set switch up\n")?;
        let address = layout.network().interface(1);
        let pid = network.switch.pid();
        on_machine(&format!(
            "link add {name} type veth peer name machine netns {pid}\naddress add {address} dev {name}\nlink set {name} up\n"
        ))?;
        network.on_switch("link set machine master switch up\n")?;
        Ok(network)
    }

    /// The process has made its namespace when it is in another one than this process.
    fn wait_for_namespace(&self) -> Result<()> {
        let ours = std::fs::read_link("/proc/self/ns/net").context("reading the own network namespace")?;
        let path = format!("/proc/{}/ns/net", self.switch.pid());
        for _ in 0..500 {
            if std::fs::read_link(&path).is_ok_and(|theirs| theirs != ours) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        bail!("no network namespace could be made: {}", self.switch.last_lines())
    }

    /// Connects a node, with routes to the pods of the others of `nodes` nodes, and tells the machine the way to its
    /// pods.
    pub fn connect(&self, machine: &Machine, node: usize, nodes: usize) -> Result<()> {
        let layout = self.layout;
        let (port, pid) = (format!("port{node}"), machine.pid());
        self.on_switch(&format!(
            "link add {port} type veth peer name eth0 netns {pid}\nlink set {port} master switch up\n"
        ))?;
        let address = layout.network().interface(Layout::host_number(node));
        let mut script = format!(
            "address add {address} dev eth0\nlink set eth0 up\nroute add default via {}\n",
            layout.machine()
        );
        for other in (0..nodes).filter(|other| *other != node) {
            script += &format!("route add {} via {}\n", layout.pods_of(other), layout.address(other));
        }
        let mut command = machine.command("ip");
        batch(command.args(["-batch", "-"]), &script)?;
        on_machine(&format!("route add {} via {}\n", layout.pods_of(node), layout.address(node)))?;
        if node == 0 {
            // Any node translates the addresses of Services.
            on_machine(&format!("route add {} via {}\n", layout.services(), layout.address(node)))?;
        }
        Ok(())
    }

    fn on_switch(&self, script: &str) -> Result<()> {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.switch.pid())).args(["--net", "ip", "-batch", "-"]);
        batch(&mut command, script)
    }
}

fn on_machine(script: &str) -> Result<()> {
    batch(Command::new("ip").args(["-batch", "-"]), script)
}

/// Feeds commands to `ip`, which stops at the first that fails.
fn batch(command: &mut Command, script: &str) -> Result<()> {
    let mut child = command
        .env("PATH", super::path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting ip")?;
    let fed = child.stdin.take().context("ip has no standard input")?.write_all(script.as_bytes());
    let output = child.wait_with_output().context("waiting for ip")?;
    if !output.status.success() {
        bail!("setting up the network failed: {}\nof\n{script}", String::from_utf8_lossy(&output.stderr));
    }
    fed.context("writing to ip")
}
