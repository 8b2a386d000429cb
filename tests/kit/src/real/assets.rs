//! Where the programs of real clusters come from.
//!
//! `KUBEBUILDER_ASSETS`, the ecosystem's own convention, names a folder that holds them. Without it they are built
//! once with Go from the modules in `tests/tools` and kept in the cache folder, for all checkouts and processes.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use anyhow::{Context, Result, bail};

use crate::cache::{self, Toolset};

/// What the tools build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `etcd`
    Etcd,
    /// `etcdutl`, which makes the data of an etcd member from a snapshot
    Etcdutl,
    /// `kube-apiserver`
    KubeApiserver,
    /// `kube-controller-manager`
    KubeControllerManager,
    /// `kube-scheduler`
    KubeScheduler,
    /// `kubectl`
    Kubectl,
    /// `kubelet`
    Kubelet,
    /// `kube-proxy`
    KubeProxy,
    /// `pause`, the first process of every pod
    Pause,
    /// `coredns`
    Coredns,
    /// `kine`
    Kine,
    /// `metrics-server`
    MetricsServer,
    /// `vcluster`, the official command line for virtual clusters
    Vcluster,
    /// `versitygw`, a storage that speaks S3
    Versitygw,
}

impl Program {
    const ALL: [Self; 14] = [
        Self::Etcd,
        Self::Etcdutl,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubectl,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Pause,
        Self::Coredns,
        Self::Kine,
        Self::MetricsServer,
        Self::Vcluster,
        Self::Versitygw,
    ];

    /// Its file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Etcdutl => "etcdutl",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubectl => "kubectl",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Pause => "pause",
            Self::Coredns => "coredns",
            Self::Kine => "kine",
            Self::MetricsServer => "metrics-server",
            Self::Vcluster => "vcluster",
            Self::Versitygw => "versitygw",
        }
    }

    fn toolset(self) -> Toolset {
        match self {
            Self::Etcd
            | Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kubectl => Toolset::ControlPlane,
            Self::Kubelet | Self::KubeProxy | Self::Pause => Toolset::Node,
            Self::Etcdutl => Toolset::Etcdutl,
            Self::Coredns => Toolset::Dns,
            Self::Kine => Toolset::Kine,
            Self::MetricsServer => Toolset::Metrics,
            Self::Vcluster => Toolset::Cli,
            Self::Versitygw => Toolset::S3,
        }
    }
}

/// A folder that holds the programs of one toolset.
#[derive(Debug, Clone)]
pub struct Assets {
    folder: PathBuf,
}

impl Assets {
    /// The control plane: the folder named by `KUBEBUILDER_ASSETS`, else the cached build, which is made when it is
    /// missing (minutes).
    ///
    /// # Errors
    /// When Go is missing or the build fails; one line says what to do.
    pub fn find() -> Result<Self> {
        Self::of(Toolset::ControlPlane)
    }

    /// Those among which a program is.
    ///
    /// # Errors
    /// When Go is missing or the build fails; one line says what to do.
    pub fn of_program(program: Program) -> Result<Self> {
        Self::of(program.toolset())
    }

    /// The programs of a toolset. `KUBEBUILDER_ASSETS` stands for the control plane; the other sets are taken from it
    /// only where it has all of their programs, which its usual contents do not.
    ///
    /// # Errors
    /// When Go is missing or the build fails; one line says what to do.
    pub fn of(toolset: Toolset) -> Result<Self> {
        if let Some(folder) = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
            let given = Self { folder: folder.into() };
            if toolset == Toolset::ControlPlane
                || programs(toolset).all(|program| given.path(program).is_ok())
            {
                return Ok(given);
            }
        }
        let folder = toolset.cache().context("looking for the cache folder of test tools")?;
        if !folder.is_dir() {
            build_once(toolset, &folder)?;
        }
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
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

fn programs(toolset: Toolset) -> impl Iterator<Item = Program> {
    Program::ALL.into_iter().filter(move |program| program.toolset() == toolset)
}

/// Builds into a folder beside the wanted one and renames it, so that the wanted one is whole or not there. The lock
/// makes processes that want it at the same time wait for one build.
fn build_once(toolset: Toolset, folder: &Path) -> Result<()> {
    let parent = folder.parent().context("the cache folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    let lock = parent.join(format!("{}.lock", toolset.name()));
    let lock = File::create(&lock).with_context(|| format!("creating {}", lock.display()))?;
    lock.lock().with_context(|| format!("waiting for another process that builds {}", toolset.name()))?;
    if folder.is_dir() {
        return Ok(());
    }
    let fresh = folder.with_extension("new");
    if let Err(error) = fs::remove_dir_all(&fresh)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("removing {}", fresh.display()));
    }
    build(toolset, &fresh)?;
    fs::rename(&fresh, folder).with_context(|| format!("moving {} into place", fresh.display()))
}

fn build(toolset: Toolset, target: &Path) -> Result<()> {
    let Some(go) = cache::on_path("go") else {
        bail!(
            "Go is missing: install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver"
        );
    };
    let source = toolset.source();
    fs::create_dir_all(target).with_context(|| format!("creating {}", target.display()))?;
    // Not through `eprintln`: the test harness would hold it back until the test has failed.
    let names: Vec<_> = programs(toolset).map(Program::name).collect();
    let notice = format!("building {} for tests, once; this takes some minutes\n", names.join(", "));
    io::stderr().write_all(notice.as_bytes()).context("writing to standard error")?;
    let output = Command::new(go)
        .current_dir(&source)
        .arg("build")
        .args(cache::BUILD_FLAGS)
        .args(toolset.flags())
        .arg(format!("-ldflags={}", linker_flags(toolset)?))
        .arg("-o")
        .arg(target)
        .args(names.iter().map(|name| format!("./{name}")))
        .env("CGO_ENABLED", if toolset.needs_c() { "1" } else { "0" })
        .output()
        .context("running go build")?;
    if !output.status.success() {
        bail!("go build in {} failed:\n{}", source.display(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// The version a toolset's `go.mod` pins a module to, such as `v1.36.2`.
///
/// # Errors
/// When the file cannot be read or does not require that module.
pub fn pinned(toolset: Toolset, module: &str) -> Result<String> {
    let go_mod = toolset.source().join("go.mod");
    let text = fs::read_to_string(&go_mod).with_context(|| format!("reading {}", go_mod.display()))?;
    text.lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .find_map(|line| line.strip_prefix(module)?.strip_prefix(' '))
        .map(|version| version.trim().to_owned())
        .with_context(|| format!("{} does not require {module}", go_mod.display()))
}

/// Stamps the version in: without it clients see v0.0.0-master.
fn linker_flags(toolset: Toolset) -> Result<String> {
    let mut flags = vec!["-s -w".to_owned()];
    match toolset {
        Toolset::ControlPlane | Toolset::Node => {
            let version = pinned(toolset, "k8s.io/kubernetes")?;
            let mut numbers = version.trim_start_matches('v').split('.');
            let (major, minor) = (numbers.next().unwrap_or("0"), numbers.next().unwrap_or("0"));
            let package = "k8s.io/component-base/version";
            for (name, value) in [("gitVersion", version.as_str()), ("gitMajor", major), ("gitMinor", minor)]
            {
                flags.push(format!("-X {package}.{name}={value}"));
            }
        }
        Toolset::Dns | Toolset::Etcdutl | Toolset::Metrics | Toolset::S3 => {}
        Toolset::Cli => {
            let version = pinned(toolset, "github.com/loft-sh/vcluster")?;
            flags.push(format!("-X main.version={}", version.trim_start_matches('v')));
        }
        Toolset::Kine => {
            let version = pinned(toolset, "github.com/k3s-io/kine")?;
            flags.push(format!("-X github.com/k3s-io/kine/pkg/version.Version={version}"));
            flags.push("-linkmode=external -extldflags=-static".to_owned());
        }
    }
    Ok(flags.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_of_the_control_planes_release() {
        let pin = |toolset| pinned(toolset, "k8s.io/kubernetes").unwrap();
        assert_eq!(pin(Toolset::ControlPlane), pin(Toolset::Node));
    }

    #[test]
    fn etcdutl_is_of_the_release_of_etcd() {
        let etcd = pinned(Toolset::ControlPlane, "go.etcd.io/etcd/server/v3").unwrap();
        assert_eq!(pinned(Toolset::Etcdutl, "go.etcd.io/etcd/etcdutl/v3").unwrap(), etcd);
    }

    #[test]
    fn every_toolset_has_its_version_stamped_in_or_knows_it() {
        assert!(linker_flags(Toolset::Node).unwrap().contains("version.gitVersion=v1."));
        assert!(linker_flags(Toolset::Kine).unwrap().contains("version.Version=v0."));
        assert!(pinned(Toolset::Dns, "github.com/coredns/coredns").unwrap().starts_with("v1."));
        assert!(pinned(Toolset::Metrics, "sigs.k8s.io/metrics-server").unwrap().starts_with("v0."));
    }
}
