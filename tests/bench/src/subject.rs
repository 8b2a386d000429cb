//! A host filled with a fleet.

use std::time::Instant;

use anyhow::{Context, Result};
use kube::Client;
use v9s_sandbox::Sandbox;
use v9s_testkit::kubeconfig;
use v9s_testkit::real::{ControlPlane, Options};
use v9s_ui::demo::fleet::fleet_of;
use v9s_ui::demo::install::{Install, Installed, install};
use v9s_ui::demo::objects::Setting;
use v9s_ui::demo::seed::Seed;

use crate::HostKind;

/// A host that holds a fleet. Dropping it ends the host.
pub struct Subject {
    /// For people.
    pub name: &'static str,
    /// What it says it is.
    pub version: String,
    /// The administrator's kubeconfig.
    pub kubeconfig: String,
    /// Virtual clusters on it.
    pub vclusters: usize,
    /// What it holds.
    pub installed: Installed,
    _server: Server,
}

/// Held to keep it running.
enum Server {
    Real(#[expect(dead_code, reason = "its drop ends the programs")] Box<ControlPlane>),
    Embedded(#[expect(dead_code, reason = "its drop ends the server")] Box<Sandbox>),
}

impl Subject {
    /// Starts a host and fills it.
    pub async fn start(kind: HostKind, vclusters: usize, pods: usize) -> Result<Self> {
        let (name, server, kubeconfig) = match kind {
            HostKind::Real => {
                let start = || ControlPlane::start(&Options::default());
                let plane = tokio::task::spawn_blocking(start).await.context("starting the host")??;
                let kubeconfig = plane.kubeconfig();
                ("etcd and kube-apiserver", Server::Real(Box::new(plane)), kubeconfig)
            }
            HostKind::Embedded => {
                let sandbox = Sandbox::start(v9s_sandbox::Options::default()).await?;
                let kubeconfig = sandbox.kubeconfig();
                ("the embedded host", Server::Embedded(Box::new(sandbox)), kubeconfig)
            }
        };
        let started = Instant::now();
        eprintln!("{name}: creating {vclusters} virtual clusters and {pods} pods");
        let client = kubeconfig::client(&kubeconfig).await?;
        let now = chrono::Utc::now();
        let tenants = fleet_of(vclusters, pods, Seed::new(7), now);
        let setting = Setting { now, nodes: Vec::new(), managed_fields: false };
        // A field manager's entries are written by the real server itself.
        let how = Install { concurrency: 32, status: true, controlled: true };
        let installed = install(&client, &tenants, &setting, how).await?;
        eprintln!("{name}: {installed:?} after {:.0?}", started.elapsed());
        let version = client.apiserver_version().await?.git_version;
        Ok(Self { name, version, kubeconfig, vclusters, installed, _server: server })
    }

    /// A client with all rights.
    pub async fn client(&self) -> Result<Client> {
        kubeconfig::client(&self.kubeconfig).await
    }
}
