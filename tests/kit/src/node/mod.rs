//! A whole cluster on this machine, whose pods really run: a [`ControlPlane`], and nodes with containerd, kubelet and
//! kube-proxy in namespaces of their own.
//!
//! It needs root and the packages that [`requirements`] names. Everything a cluster consists of carries its name,
//! `v9s0` to `v9s31`: processes by their control groups, the machine's one network interface, the folder with all data.
//! Dropping a [`Cluster`] ends and removes exactly that, and so does the death of this process; sysctls, packet
//! filters, mounts and bridges of the machine are not touched to begin with.

mod bring_up;
mod cgroups;
mod claim;
mod containerd;
mod dns;
mod guard;
pub mod image;
pub mod images;
mod kubelet;
mod layout;
mod machine;
mod network;
pub mod postgres;
pub mod requirements;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail, ensure};
use tempfile::NamedTempFile;

use crate::real::ControlPlane;
use crate::real::launch::Place;
use crate::real::process::Running;
use guard::Guard;
use image::Image;
pub use layout::MOST_NODES;
use machine::Machine;
use network::Network;

/// What a cluster consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many nodes, 1 to [`MOST_NODES`].
    pub nodes: usize,
    /// Further flags of the API server.
    pub apiserver_args: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { nodes: 1, apiserver_args: Vec::new() }
    }
}

/// A running cluster; dropping it ends it and leaves the machine as it was.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the guard ends all processes and removes the folder, then they are reaped.
    guard: Guard,
    name: String,
    folder: PathBuf,
    nodes: Vec<Node>,
    _network: Network,
    plane: ControlPlane,
}

/// A node of a running cluster.
#[derive(Debug)]
pub struct Node {
    machine: Machine,
    address: Ipv4Addr,
    programs: Vec<Running>,
}

impl Cluster {
    /// Starts one and waits until its nodes and its name server are ready. Blocks; call it from a blocking thread.
    ///
    /// # Errors
    /// When this machine cannot run nodes, in one line that says what to do; when a program cannot be had, ends, or is
    /// not ready in time, with its last log lines. Nothing is left running then.
    pub fn start(options: &Options) -> Result<Self> {
        if let Some(reason) = requirements::missing() {
            bail!(reason);
        }
        ensure!(
            (1..=MOST_NODES).contains(&options.nodes),
            "a test cluster has 1 to {MOST_NODES} nodes, not {}",
            options.nodes
        );
        bring_up::start(options)
    }

    /// Its name, which its network interface and its control groups have too.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The administrator's kubeconfig (JSON, which is YAML). It works on this machine, and in pods.
    pub fn kubeconfig(&self) -> String {
        self.plane.kubeconfig()
    }

    /// Its control plane.
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// Where a further control plane lives that pods of this cluster are to reach, such as that of a virtual cluster:
    /// beside this one, with the same range of addresses for Services. It ends with this cluster at the latest.
    pub fn beside(&self) -> Place {
        self.plane.place().clone()
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Gives all nodes an image, beside those that all have: [`images::BUSYBOX`], the name server and the container
    /// that holds a pod's namespaces.
    ///
    /// # Errors
    /// When it cannot be packed, or a node does not take it.
    pub fn import(&self, image: &Image) -> Result<()> {
        let archive = NamedTempFile::new_in(&self.folder).context("making a file for an image")?;
        image.pack(archive.path())?;
        self.nodes.iter().try_for_each(|node| containerd::import(&node.machine, archive.path()))
    }

    /// Ends it and tells whether that went well.
    ///
    /// # Errors
    /// When something of it is left on the machine; what, is on standard error.
    pub fn stop(mut self) -> Result<()> {
        self.guard.end()
    }
}

impl Node {
    /// The name of its node object.
    pub fn name(&self) -> &str {
        &self.machine.name
    }

    /// Its address in the cluster's network, which this machine reaches.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Ends a container of this node as the kernel ends one that runs out of memory. `id` is what the pod's status says:
    /// `containerd://` and a number.
    ///
    /// # Errors
    /// When there is no such container, or it does not run.
    pub fn kill_container(&self, id: &str) -> Result<()> {
        let id = id.strip_prefix("containerd://").with_context(|| format!("{id} is not containerd's"))?;
        containerd::kill(&self.machine, id)
    }

    /// A command that runs in the node's namespaces, beside kubelet.
    pub fn command(&self, program: &str) -> Command {
        self.machine.command(program)
    }

    fn check(&mut self) -> Result<()> {
        self.programs.iter_mut().try_for_each(Running::check)
    }

    fn last_lines(&self) -> String {
        self.programs.iter().map(Running::last_lines).collect::<Vec<_>>().join("\n")
    }
}

/// The cluster with two nodes that tests of this process share; started at the first call.
///
/// # Errors
/// Why it could not be started. The answer is kept: later tests fail at once and for the same reason.
pub fn shared() -> Result<&'static Cluster> {
    static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
    let started = SHARED.get_or_init(|| {
        Cluster::start(&Options { nodes: 2, ..Options::default() }).map_err(|error| format!("{error:#}"))
    });
    started.as_ref().map_err(|error| anyhow!("the cluster with real nodes did not start: {error}"))
}

/// Marks a test on real nodes: a test where they can run, an ignored one with the reason elsewhere.
#[cfg(real_node)]
#[macro_export]
macro_rules! node_test {
    ($($test:tt)*) => { #[test] $($test)* };
}

/// Marks a test on real nodes: a test where they can run, an ignored one with the reason elsewhere.
#[cfg(not(real_node))]
#[macro_export]
macro_rules! node_test {
    ($($test:tt)*) => {
        #[test]
        #[ignore = "needs Go, root and the packages that tests/node/install-packages installs"]
        $($test)*
    };
}

/// `PATH` of what is run for a cluster: system programs are not on everybody's.
fn path() -> String {
    requirements::PROGRAMS.join(":")
}
