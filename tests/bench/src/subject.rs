//! A host filled with a fleet.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use kube::Client;
use v9s_testkit::kubeconfig;
use v9s_testkit::real::{ControlPlane, Options};
use v9s_ui::demo::fleet::fleet_of;
use v9s_ui::demo::install::{Install, Installed, install};
use v9s_ui::demo::objects::{Maker, Setting};
use v9s_ui::demo::seed::Seed;

use crate::HostKind;
use crate::embedded::Embedded;

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
    Embedded(#[expect(dead_code, reason = "its drop ends the process")] Embedded),
}

impl Subject {
    /// Starts a host and fills it; a real one that was filled alike before keeps what it was filled with.
    pub async fn start(kind: HostKind, vclusters: usize, pods: usize) -> Result<Self> {
        let now = chrono::Utc::now();
        let tenants = fleet_of(vclusters, pods, Seed::new(7), now);
        let data = data_folder(vclusters, pods)?;
        let (name, server, kubeconfig) = match kind {
            HostKind::Real => {
                if !data.join(FILLED).is_file() && data.is_dir() {
                    std::fs::remove_dir_all(&data).context("removing what an interrupted run has left")?;
                }
                let options = Options { data: Some(data.join("etcd")), ..Options::default() };
                let start = move || ControlPlane::start(&options);
                let plane = tokio::task::spawn_blocking(start).await.context("starting the host")??;
                let kubeconfig = plane.kubeconfig();
                ("etcd and kube-apiserver", Server::Real(Box::new(plane)), kubeconfig)
            }
            HostKind::Embedded => {
                let (host, kubeconfig) = Embedded::start()?;
                ("the embedded host", Server::Embedded(host), kubeconfig)
            }
        };
        let client = kubeconfig::client(&kubeconfig).await?;
        let remembered = (kind == HostKind::Real).then(|| data.join(FILLED));
        let installed = match remembered.as_ref().and_then(|path| recall(path)) {
            Some(installed) => installed,
            None => {
                let started = Instant::now();
                eprintln!("{name}: creating {vclusters} virtual clusters and {pods} pods");
                // A field manager's entries are written by the server itself.
                let setting = Setting { now, nodes: Vec::new(), managed_fields: false };
                let how = Install { concurrency: 32, status: true, controlled: true };
                let installed = install(&client, &tenants, &setting, how).await?;
                eprintln!("{name}: {} objects after {:.0?}", installed.objects, started.elapsed());
                if let Some(path) = remembered {
                    let text = format!("{} {}", installed.objects, installed.synced_pods);
                    std::fs::write(&path, text).context("remembering what the host holds")?;
                }
                installed
            }
        };
        let version = client.apiserver_version().await?.git_version;
        Ok(Self { name, version, kubeconfig, vclusters, installed, _server: server })
    }

    /// A client with all rights.
    pub async fn client(&self) -> Result<Client> {
        kubeconfig::client(&self.kubeconfig).await
    }
}

/// Says in a data folder that it was filled to the end, and with how much.
const FILLED: &str = "filled";

fn recall(path: &Path) -> Option<Installed> {
    let text = std::fs::read_to_string(path).ok()?;
    let (objects, synced_pods) = text.split_once(' ')?;
    Some(Installed { objects: objects.parse().ok()?, synced_pods: synced_pods.parse().ok()? })
}

/// Where the real host keeps a fleet of this size. Another way to make tenants is another folder.
fn data_folder(vclusters: usize, pods: usize) -> Result<PathBuf> {
    let now = chrono::DateTime::UNIX_EPOCH;
    let setting = Setting { now, nodes: Vec::new(), managed_fields: false };
    let mut hasher = DefaultHasher::new();
    (vclusters, pods).hash(&mut hasher);
    for tenant in &fleet_of(20, 200, Seed::new(7), now) {
        let maker = Maker::new(tenant, &setting);
        let owner = maker.planned_owner();
        for object in maker.chart().into_iter().chain(maker.synced(&owner)).chain(maker.pods(&owner)) {
            object.to_string().hash(&mut hasher);
        }
    }
    let root = v9s_testkit::cache::cache_root().context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(root.join(format!("bench-{:016x}", hasher.finish())))
}
