//! The container runtime of a node.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::images::PAUSE;
use super::machine::{Machine, run};
use super::requirements::CNI_PLUGINS;
use crate::real::process::Running;
use crate::subnet::Subnet;

/// Where it listens, within the node.
pub(super) const SOCKET: &str = "/run/containerd/containerd.sock";

const PATIENCE: Duration = Duration::from_secs(60);

/// Starts it with a network for pods and waits until it answers.
pub(super) fn start(machine: &Machine, pods: Subnet) -> Result<Running> {
    machine.write("containerd.toml", &configuration())?;
    machine.write("cni/10-pods.conflist", &network(pods))?;
    let mut running = machine.start("containerd", "containerd", &["--config", "/run/v9s/containerd.toml"])?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = run(machine.command("ctr").args(["--address", SOCKET, "version"]));
        let Err(error) = answer else { return Ok(running) };
        running.check()?;
        if Instant::now() > deadline {
            return Err(error.context(running.last_lines())).context("containerd does not answer");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Imports an image archive for kubelet's use.
pub(super) fn import(machine: &Machine, archive: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("opening {}", archive.display()))?;
    let mut command = machine.command("ctr");
    command.args(["--address", SOCKET, "--namespace", "k8s.io", "images", "import", "-"]).stdin(file);
    run(&mut command).with_context(|| format!("importing {} on {}", archive.display(), machine.name))?;
    Ok(())
}

/// Kills the first process of a container.
pub(super) fn kill(machine: &Machine, id: &str) -> Result<()> {
    let args = ["--address", SOCKET, "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", id];
    run(machine.command("ctr").args(args)).map(drop)
}

fn configuration() -> String {
    // Without the right to lower the protection from the out-of-memory killer (containers often lack it), pods would
    // not start: `restrict_oom_score_adj`.
    format!(
        r#"version = 2
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "/run/v9s/cni"
"#
    )
}

/// Each pod gets a cable to the node, which routes: without a bridge, packets between pods of a node pass the rules
/// for Services whatever the machine's settings for bridged packets are.
fn network(pods: Subnet) -> String {
    json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": false,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": pods.to_string()}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
    .to_string()
}
