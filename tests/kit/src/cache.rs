//! Where test tooling keeps what is costly to make: outside the source tree, shared by all checkouts.
//!
//! The build script includes this file too, so it uses the standard library alone.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Linker and compiler flags of the tools, without the version stamp. They are part of the cache key.
pub const BUILD_FLAGS: [&str; 3] = ["-trimpath", "-mod=readonly", "-p=2"];

/// Folder of the Go module that pins the control plane.
pub fn tools_source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools")
}

/// v9s's folder under `$XDG_CACHE_HOME`, or under `~/.cache` when that is unset or relative (as the XDG base
/// directory specification says). `None` when there is no home either.
pub fn cache_root() -> Option<PathBuf> {
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    Some(xdg.or_else(home)?.join("v9s"))
}

/// Where the programs built from [`tools_source`] are kept. The name carries a hash of everything that the build
/// reads, so that a changed pin is another folder.
pub fn tools_cache() -> io::Result<PathBuf> {
    let source = tools_source();
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
    let root = cache_root()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "neither XDG_CACHE_HOME nor HOME is set"))?;
    Ok(root.join(format!("control-plane-{:016x}", hasher.finish())))
}

/// A program of this name on `PATH`.
pub fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}
