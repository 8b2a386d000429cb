//! Where a control plane lives: its addresses, its folder, and the control groups its programs belong to.

use std::env;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::subnet::Subnet;

/// The default is the loopback interface, the system's temporary folder, and the control groups of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Where the API server listens.
    pub address: Ipv4Addr,
    /// Where Services get their addresses from.
    pub services: Subnet,
    /// Where the folder with keys, data and logs is made; the system's temporary folder when none is given.
    pub parent: Option<PathBuf>,
    /// Control groups that its programs are put into, as folders: one per hierarchy.
    pub groups: Vec<PathBuf>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST,
            services: Subnet::new(Ipv4Addr::new(10, 96, 0, 0), 16),
            parent: None,
            groups: Vec::new(),
        }
    }
}

impl Place {
    /// Folder that the control plane's folder is made in.
    pub(super) fn parent(&self) -> PathBuf {
        self.parent.clone().unwrap_or_else(env::temp_dir)
    }

    /// Address of the Service `kubernetes`, which is always the first of the range.
    pub(super) fn service_ip(&self) -> Ipv4Addr {
        self.services.nth(1)
    }

    /// The command that starts a program here.
    pub(super) fn command(&self, program: &Path) -> Command {
        if self.groups.is_empty() { Command::new(program) } else { in_groups(&self.groups, program) }
    }
}

/// A command that starts a program in these control groups, from its first instruction on: a shell enters them and
/// becomes the program.
pub(crate) fn in_groups(groups: &[PathBuf], program: &Path) -> Command {
    // `0` stands for the process that writes it.
    const ENTER: &str = r#"
while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 126; shift; done
shift
exec "$@"
"#;
    let mut command = Command::new("sh");
    command.args(["-c", ENTER, "v9s-test-launch"]).args(groups).arg("--").arg(program);
    command
}
