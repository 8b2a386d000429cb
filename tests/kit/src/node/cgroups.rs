//! Control groups of a cluster: what a node's pods may use is set there, and they tell which processes belong to it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

const MOUNT: &str = "/sys/fs/cgroup";
/// What kubelet and containers limit (control groups version 2). kubelet refuses a group that lacks one that the root has.
const CONTROLLERS: [&str; 6] = ["cpu", "cpuset", "hugetlb", "io", "memory", "pids"];

/// The hierarchies of this machine.
#[derive(Debug)]
pub(super) enum Hierarchies {
    /// Version 1, also beside a second version that has no controllers: one folder per set of controllers.
    Many(Vec<PathBuf>),
    /// Version 2.
    One(PathBuf),
}

impl Hierarchies {
    /// Looks at what is mounted.
    ///
    /// # Errors
    /// When there is none.
    pub fn find() -> Result<Self> {
        let mount = Path::new(MOUNT);
        if mount.join("cgroup.controllers").is_file() {
            return Ok(Self::One(mount.to_owned()));
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(mount).with_context(|| format!("reading {MOUNT}"))? {
            let entry = entry?;
            // Links lead to hierarchies with several controllers; `unified` has none.
            let is_own = entry.file_type()?.is_dir() && entry.file_name() != "unified";
            if is_own && entry.path().join("cgroup.procs").is_file() {
                found.push(entry.path());
            }
        }
        ensure!(!found.is_empty(), "no control groups are mounted in {MOUNT}: nodes need them");
        Ok(Self::Many(found))
    }

    /// Makes a group and those above it in every hierarchy, and returns its folders.
    ///
    /// # Errors
    /// When the kernel refuses; it does in a container without rights on its control groups.
    pub fn make(&self, path: &[&str]) -> Result<Vec<PathBuf>> {
        match self {
            Self::Many(roots) => roots.iter().map(|root| make_in(root, path)).collect(),
            Self::One(root) => Ok(vec![make_unified(root, path)?]),
        }
    }

    /// Turns the controllers on that nodes need, and notes in the cluster's folder which ones were on before. A
    /// cluster that runs already has noted it, and what is on now is its doing.
    ///
    /// # Errors
    /// When the kernel refuses, or the note cannot be written.
    pub fn enable(&self, folder: &Path) -> Result<()> {
        let Self::One(root) = self else { return Ok(()) };
        const NOTE: &str = "controllers";
        let home = folder.parent().context("a cluster's folder has a parent")?;
        let mut before = fs::read_to_string(root.join("cgroup.subtree_control"))
            .with_context(|| format!("reading the controllers of {}", root.display()))?;
        for entry in fs::read_dir(home).with_context(|| format!("reading {}", home.display()))? {
            if let Ok(noted) = fs::read_to_string(entry?.path().join(NOTE)) {
                before = noted;
            }
        }
        let note = folder.join(NOTE);
        fs::write(&note, before).with_context(|| format!("writing {}", note.display()))?;
        enable_in(root)
    }
}

fn make_in(root: &Path, path: &[&str]) -> Result<PathBuf> {
    let mut folder = root.to_owned();
    for part in path {
        let above = folder.clone();
        folder.push(part);
        make_folder(&folder)?;
        // A new group of this controller has no processor and no memory, and nothing can be put into it.
        for setting in ["cpuset.cpus", "cpuset.mems"] {
            let (from, to) = (above.join(setting), folder.join(setting));
            if from.is_file() {
                let value =
                    fs::read_to_string(&from).with_context(|| format!("reading {}", from.display()))?;
                fs::write(&to, value.trim()).with_context(|| format!("writing {}", to.display()))?;
            }
        }
    }
    Ok(folder)
}

/// Processes may only be in groups without groups below them (the root aside), so controllers are turned on above.
fn make_unified(root: &Path, path: &[&str]) -> Result<PathBuf> {
    let mut folder = root.to_owned();
    for (depth, part) in path.iter().enumerate() {
        if depth > 0 {
            enable_in(&folder)?;
        }
        folder.push(part);
        make_folder(&folder)?;
    }
    Ok(folder)
}

fn enable_in(folder: &Path) -> Result<()> {
    let list = folder.join("cgroup.controllers");
    let there = fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    let control = folder.join("cgroup.subtree_control");
    for name in there.split_whitespace().filter(|name| CONTROLLERS.contains(name)) {
        fs::write(&control, format!("+{name}"))
            .with_context(|| format!("turning the controller {name} on in {}", control.display()))?;
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making the control group {}", folder.display()))
}
