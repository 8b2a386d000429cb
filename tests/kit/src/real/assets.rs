//! Where the control plane's programs come from.
//!
//! `KUBEBUILDER_ASSETS`, the ecosystem's own convention, names a folder that holds them. Without it they are built
//! once with Go from the module in `tests/tools` and kept in the cache folder, for all checkouts and processes.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use anyhow::{Context, Result, bail};

use crate::cache;

/// What the tools build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `etcd`
    Etcd,
    /// `kube-apiserver`
    KubeApiserver,
    /// `kube-controller-manager`
    KubeControllerManager,
    /// `kube-scheduler`
    KubeScheduler,
    /// `kubectl`
    Kubectl,
}

impl Program {
    const ALL: [Self; 5] =
        [Self::Etcd, Self::KubeApiserver, Self::KubeControllerManager, Self::KubeScheduler, Self::Kubectl];

    /// Its file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubectl => "kubectl",
        }
    }
}

/// A folder that holds the programs.
#[derive(Debug, Clone)]
pub struct Assets {
    folder: PathBuf,
}

impl Assets {
    /// The folder named by `KUBEBUILDER_ASSETS`, else the cached build, which is made when it is missing (minutes).
    ///
    /// # Errors
    /// When Go is missing or the build fails; one line says what to do.
    pub fn find() -> Result<Self> {
        if let Some(folder) = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
            return Ok(Self { folder: folder.into() });
        }
        let folder = cache::tools_cache().context("looking for the cache folder of test tools")?;
        if !folder.is_dir() {
            build_once(&folder)?;
        }
        Ok(Self { folder })
    }

    /// Where a program is.
    ///
    /// # Errors
    /// When the folder, given by the environment, does not hold it.
    pub fn path(&self, program: Program) -> Result<PathBuf> {
        let path = self.folder.join(program.name());
        if !path.is_file() {
            bail!(
                "{} is not in {}: add it there, or unset KUBEBUILDER_ASSETS to have it built with Go",
                program.name(),
                self.folder.display()
            );
        }
        Ok(path)
    }
}

/// Builds into a folder beside the wanted one and renames it, so that the wanted one is whole or not there. The lock
/// makes processes that want it at the same time wait for one build.
fn build_once(folder: &Path) -> Result<()> {
    let parent = folder.parent().context("the cache folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    let lock = parent.join("control-plane.lock");
    let lock = File::create(&lock).with_context(|| format!("creating {}", lock.display()))?;
    lock.lock().context("waiting for another process that builds the control plane")?;
    if folder.is_dir() {
        return Ok(());
    }
    let fresh = folder.with_extension("new");
    if let Err(error) = fs::remove_dir_all(&fresh)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("removing {}", fresh.display()));
    }
    build(&fresh)?;
    fs::rename(&fresh, folder).with_context(|| format!("moving {} into place", fresh.display()))
}

fn build(target: &Path) -> Result<()> {
    let Some(go) = cache::on_path("go") else {
        bail!(
            "Go is missing: install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver"
        );
    };
    let source = cache::tools_source();
    let version = kubernetes_version(&source.join("go.mod"))?;
    fs::create_dir_all(target).with_context(|| format!("creating {}", target.display()))?;
    // Not through `eprintln`: the test harness would hold it back until the test has failed.
    let notice = format!("building etcd and Kubernetes {version} for tests, once; this takes some minutes\n");
    io::stderr().write_all(notice.as_bytes()).context("writing to standard error")?;
    let output = Command::new(go)
        .current_dir(&source)
        .arg("build")
        .args(cache::BUILD_FLAGS)
        .arg(format!("-ldflags={}", linker_flags(&version)))
        .arg("-o")
        .arg(target)
        .args(Program::ALL.map(|program| format!("./{}", program.name())))
        .env("CGO_ENABLED", "0")
        .output()
        .context("running go build")?;
    if !output.status.success() {
        bail!("go build in {} failed:\n{}", source.display(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// The pin in `go.mod`, such as `v1.36.2`.
fn kubernetes_version(go_mod: &Path) -> Result<String> {
    let text = fs::read_to_string(go_mod).with_context(|| format!("reading {}", go_mod.display()))?;
    text.lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"))
        .map(|version| format!("v{}", version.trim()))
        .with_context(|| format!("{} does not require k8s.io/kubernetes", go_mod.display()))
}

/// Without these clients see version v0.0.0-master.
fn linker_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or("0"), numbers.next().unwrap_or("0"));
    let package = "k8s.io/component-base/version";
    let stamp = |name: &str, value: &str| format!("-X {package}.{name}={value}");
    ["-s -w".to_owned(), stamp("gitVersion", version), stamp("gitMajor", major), stamp("gitMinor", minor)]
        .join(" ")
}
