//! What a machine needs to run nodes.
//!
//! The build script includes this file too, so it uses the standard library alone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Installs what [`missing`] looks for. Relative to the source tree.
pub const INSTALL: &str = "tests/node/install-packages";

/// Folders for `PATH` of everything that is run for a node: system programs are not on everybody's.
pub const PROGRAMS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Where Debian puts the network plugins.
pub const CNI_PLUGINS: &str = "/usr/lib/cni";

/// Programs and the Debian packages that they are in.
const NEEDED: [(&str, &str); 10] = [
    ("containerd", "containerd"),
    ("containerd-shim-runc-v2", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("nft", "nftables"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("busybox", "busybox-static"),
];
const PLUGINS: [&str; 4] = ["ptp", "host-local", "portmap", "loopback"];

/// A program in one of [`PROGRAMS`].
pub fn program(name: &str) -> Option<PathBuf> {
    PROGRAMS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// Where Debian puts PostgreSQL, a folder for each version.
const POSTGRES: &str = "/usr/lib/postgresql";

/// The folder with the programs of the newest PostgreSQL.
pub fn postgres() -> Option<PathBuf> {
    let versions = fs::read_dir(POSTGRES).ok()?.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    versions.filter(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file()).max()
}

/// Why this machine cannot run nodes, in one line that says what to do; none when it can.
pub fn missing() -> Option<String> {
    if cfg!(not(target_os = "linux")) {
        return Some("nodes need Linux".to_owned());
    }
    // The owner of a process's own folder is its effective user.
    if fs::metadata("/proc/self").map_or(true, |own| own.uid() != 0) {
        return Some("nodes need root: run this as root".to_owned());
    }
    let plugin_is_missing = |name: &&str| !Path::new(CNI_PLUGINS).join(name).is_file();
    let mut packages: Vec<&str> = NEEDED
        .into_iter()
        .filter(|(name, _)| program(name).is_none())
        .map(|(_, package)| package)
        .chain(PLUGINS.iter().any(plugin_is_missing).then_some("containernetworking-plugins"))
        .chain(postgres().is_none().then_some("postgresql"))
        .collect();
    packages.dedup();
    (!packages.is_empty()).then(|| format!("nodes need {}: run {INSTALL} as root", packages.join(", ")))
}
