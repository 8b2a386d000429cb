//! Images under the names that the world knows them by: those that every node has, and those that a test may import.

use std::process::Command;

use anyhow::{Context, Result};

use super::image::Image;
use super::machine::run;
use super::requirements;
use crate::cache::Toolset;
use crate::real::assets::{Assets, Program, pinned};

/// The first container of every pod; containerd is told this name.
pub(super) const PAUSE: &str = "registry.k8s.io/pause:3.10";

/// A shell and the usual small programs, of the release that Debian has.
pub const BUSYBOX: &str = "docker.io/library/busybox:1.35";

/// The container that holds a pod's namespaces.
pub(super) fn pause(node: &Assets) -> Result<Image> {
    Ok(Image::named(PAUSE).program("/pause", &node.path(Program::Pause)?).entrypoint(&["/pause"]))
}

/// BusyBox with a name for each of its applets, and the users that pods expect.
pub(super) fn busybox() -> Result<Image> {
    let program = requirements::program("busybox").context("busybox is missing")?;
    let applets = run(Command::new(&program).arg("--list"))?;
    let image = Image::named(BUSYBOX)
        .program("/bin/busybox", &program)
        .folder("/tmp", 0o1777)
        .folder("/root", 0o700)
        .folder("/home", 0o755)
        .text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n")
        .text("/etc/group", "root:x:0:\nnobody:x:65534:\n")
        .link("/usr/bin/env", "/bin/busybox")
        .command(&["sh"]);
    let applets = applets.lines().filter(|applet| *applet != "busybox");
    Ok(applets.fold(image, |image, applet| image.link(&format!("/bin/{applet}"), "busybox")))
}

/// The cluster's name server.
pub(super) fn coredns(dns: &Assets) -> Result<Image> {
    Ok(Image::named(&coredns_name()?)
        .program("/coredns", &dns.path(Program::Coredns)?)
        .entrypoint(&["/coredns"]))
}

/// The public name of the image of the name server, with the version that is built.
///
/// # Errors
/// When no version is pinned.
pub fn coredns_name() -> Result<String> {
    Ok(format!("registry.k8s.io/coredns/coredns:{}", pinned(Toolset::Dns, "github.com/coredns/coredns")?))
}

/// A store on SQLite in place of etcd, which keeps its data in `/db` unless told otherwise. It is built when this is first called (minutes).
///
/// # Errors
/// When it cannot be built.
pub fn kine() -> Result<Image> {
    let name = format!("docker.io/rancher/kine:{}", pinned(Toolset::Kine, "github.com/k3s-io/kine")?);
    let program = Assets::of(Toolset::Kine)?.path(Program::Kine)?;
    Ok(Image::named(&name).program("/bin/kine", &program).folder("/db", 0o700).entrypoint(&["/bin/kine"]))
}

/// A program of Kubernetes as Kubernetes publishes it, such as `kube-apiserver`, in the version of the test's control plane.
///
/// # Errors
/// When it cannot be built.
pub fn kubernetes(program: Program) -> Result<Image> {
    let name = program.name();
    let image = Image::named(&format!("registry.k8s.io/{name}:{}", kubernetes_version()?));
    let path = Assets::find()?.path(program)?;
    Ok(image.program(&format!("/usr/local/bin/{name}"), &path))
}

/// The version of those, such as `v1.36.2`.
///
/// # Errors
/// When no version is pinned.
pub fn kubernetes_version() -> Result<String> {
    pinned(Toolset::ControlPlane, "k8s.io/kubernetes")
}

/// etcd as it is published, with the program that restores snapshots, under the tag that virtual clusters name by default.
///
/// # Errors
/// When it cannot be built.
pub fn etcd() -> Result<Image> {
    let image = Image::named("registry.k8s.io/etcd:3.6.8-0");
    [Program::Etcd, Program::Etcdutl].into_iter().try_fold(image, |image, program| {
        let path = Assets::of_program(program)?.path(program)?;
        Ok(image.program(&format!("/usr/local/bin/{}", program.name()), &path))
    })
}

/// The server of resource metrics. It is built when this is first called (minutes).
///
/// # Errors
/// When it cannot be built.
pub fn metrics_server() -> Result<Image> {
    let program = Assets::of(Toolset::Metrics)?.path(Program::MetricsServer)?;
    Ok(Image::named(&metrics_server_name()?)
        .program("/metrics-server", &program)
        .folder("/tmp", 0o1777)
        .entrypoint(&["/metrics-server"]))
}

/// The public name of its image, with the version that is built.
///
/// # Errors
/// When no version is pinned.
pub fn metrics_server_name() -> Result<String> {
    let version = pinned(Toolset::Metrics, "sigs.k8s.io/metrics-server")?;
    Ok(format!("registry.k8s.io/metrics-server/metrics-server:{version}"))
}
