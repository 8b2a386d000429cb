//! Where test tooling keeps what is costly to make: outside the source tree, shared by all checkouts.
//!
//! The build script includes this file too, so it uses the standard library alone.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Compiler flags of all tools, without the version stamp. They are part of the cache key.
pub const BUILD_FLAGS: [&str; 3] = ["-trimpath", "-mod=readonly", "-p=2"];

/// A Go module of test tools. Each is built and kept by itself, so that a test waits only for programs it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Toolset {
    /// etcd, API server, controller manager, scheduler, kubectl.
    ControlPlane,
    /// What runs on a node: kubelet, kube-proxy, the pause container.
    Node,
    /// The cluster's name server.
    Dns,
    /// What makes the data of an etcd member from a snapshot. No part of the control plane's: `KUBEBUILDER_ASSETS` never holds it.
    Etcdutl,
    /// The store that small clusters use in place of etcd.
    Kine,
    /// The server of resource metrics.
    Metrics,
    /// The official command line for virtual clusters.
    Cli,
    /// A storage that speaks S3.
    S3,
}

impl Toolset {
    /// What a node and the pods of a new cluster run, beside the control plane.
    pub const OF_NODES: [Self; 2] = [Self::Node, Self::Dns];

    /// Name of its folder in the cache, before the hash.
    pub fn name(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Node => "node",
            Self::Dns => "dns",
            Self::Etcdutl => "etcdutl",
            Self::Kine => "kine",
            Self::Metrics => "metrics",
            Self::Cli => "cli",
            Self::S3 => "s3",
        }
    }

    /// Folder of the Go module that pins it.
    pub fn source(self) -> PathBuf {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools");
        match self {
            Self::ControlPlane => tools,
            other => tools.join(other.name()),
        }
    }

    /// Further compiler flags. SQLite is C and is compiled in, so that the program runs in an empty image: the C
    /// library is linked statically then, and what would load libraries at run time is left out.
    pub fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Kine => &["-tags=netgo,osusergo,sqlite_omit_load_extension"],
            _ => &[],
        }
    }

    /// Whether C code is compiled in.
    pub fn needs_c(self) -> bool {
        self == Self::Kine
    }

    /// Where the programs built from [`Self::source`] are kept. The name carries a hash of everything that the build
    /// reads, so that a changed pin is another folder.
    ///
    /// # Errors
    /// When the source cannot be read, or there is no cache folder.
    pub fn cache(self) -> io::Result<PathBuf> {
        let source = self.source();
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&source)? {
            let path = entry?.path();
            let inner = if path.is_dir() { path.join("main.go") } else { path };
            if inner.is_file() {
                files.insert(inner.strip_prefix(&source).unwrap_or(&inner).to_owned(), fs::read(&inner)?);
            }
        }
        // Its algorithm may change with a Rust release; then the programs are built once more, and that is all.
        let mut hasher = DefaultHasher::new();
        (BUILD_FLAGS, files).hash(&mut hasher);
        for flag in self.flags() {
            flag.hash(&mut hasher);
        }
        let root = cache_root().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "neither XDG_CACHE_HOME nor HOME is set")
        })?;
        Ok(root.join(format!("{}-{:016x}", self.name(), hasher.finish())))
    }
}

/// v9s's folder under `$XDG_CACHE_HOME`, or under `~/.cache` when that is unset or relative (as the XDG base
/// directory specification says). `None` when there is no home either.
pub fn cache_root() -> Option<PathBuf> {
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    Some(xdg.or_else(home)?.join("v9s"))
}

/// A program of this name on `PATH`.
pub fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}
