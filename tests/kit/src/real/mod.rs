//! A real control plane for tests: etcd and kube-apiserver, and when asked for, the controller manager and scheduler.
//!
//! Programs come from [`assets`]; [`ControlPlane::start`] runs them on free loopback ports with keys and data of their
//! own in a temporary folder, and ends exactly what it started, also when the test process is killed.

pub mod assets;
pub mod launch;
pub(crate) mod pki;
pub(crate) mod process;
pub mod storage;
pub mod stores;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use kube::Client;
use tempfile::TempDir;

use crate::kubeconfig::{self, Credentials};
use assets::{Assets, Program};
use launch::Place;
use pki::Pki;
use process::{Guard, Running};

/// Starting on a machine that compiles beside it takes several times the usual ten seconds.
const START_PATIENCE: Duration = Duration::from_secs(180);

/// What runs beside etcd and the API server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Run the controller manager. Without it nothing reacts to objects (no pods from StatefulSets, no quota usage,
    /// no namespace deletion), and tests may write any status they like without being corrected.
    pub controllers: bool,
    /// Of the controllers leave out those that look after nodes and volumes: a virtual cluster's are its host's, and one
    /// that hears no kubelet would declare them dead.
    pub virtual_cluster: bool,
    /// Run the scheduler.
    pub scheduler: bool,
    /// Demand service accounts of pods also without the controller manager, which makes them: tests make them then.
    pub service_accounts: bool,
    /// Further flags of the API server.
    pub apiserver_args: Vec<String>,
    /// Further names and addresses by which clients reach the API server; its certificate names them.
    pub hosts: Vec<String>,
    /// Address of a store to use in place of an etcd of its own, such as `http://127.0.0.1:2379`.
    pub store: Option<String>,
    /// Where etcd keeps its data, to find it again at the next start. None: in the folder that goes with the rest.
    pub data: Option<PathBuf>,
    /// Addresses, folder and process groups. The default suits a control plane without nodes.
    pub place: Place,
}

/// All but those of nodes and volumes.
const OF_A_VIRTUAL_CLUSTER: &str = "*,-nodeipam,-nodelifecycle,-persistentvolume-binder,-attachdetach,\
    -persistentvolume-expander,-cloud-node-lifecycle,-ttl";

/// A running control plane; dropping it ends its programs and removes their data.
#[derive(Debug)]
pub struct ControlPlane {
    // Dropped in this order: the guard ends the programs and removes the folder, then they are reaped.
    guard: Guard,
    programs: Vec<Running>,
    pki: Pki,
    place: Place,
    url: String,
    store: String,
}

impl ControlPlane {
    /// Starts one and waits until it is ready. Blocks; call it from a blocking thread.
    ///
    /// # Errors
    /// When the programs cannot be had, or one of them ends or is not ready in time; then with its last log lines.
    pub fn start(options: &Options) -> Result<Self> {
        let assets = Assets::find()?;
        let mut taken = 0;
        loop {
            match Self::try_start(&assets, options) {
                // Ports are picked free but are not ours until the program binds them.
                Err(error) if taken < 3 && format!("{error:#}").contains("address already in use") => {
                    taken += 1
                }
                outcome => return outcome,
            }
        }
    }

    fn try_start(assets: &Assets, options: &Options) -> Result<Self> {
        let place = options.place.clone();
        let folder = TempDir::with_prefix_in("v9s-control-plane-", place.parent())
            .with_context(|| format!("making a data folder in {}", place.parent().display()))?;
        let own = ["127.0.0.1".to_owned(), place.address.to_string(), place.service_ip().to_string()];
        let hosts: Vec<_> = own.into_iter().chain(options.hosts.iter().cloned()).collect();
        let pki = Pki::write(&folder.path().join("pki"), &hosts)?;
        let own = format!("http://127.0.0.1:{}", free_port(Ipv4Addr::LOCALHOST)?);
        let mut plane = Self {
            guard: Guard::start(folder)?,
            programs: Vec::new(),
            pki,
            url: format!("https://{}:{}", place.address, free_port(place.address)?),
            place,
            store: options.store.clone().unwrap_or(own),
        };
        if options.store.is_none() {
            plane.start_etcd(assets, options)?;
        }
        plane.start_apiserver(assets, options)?;
        plane.wait("/readyz")?;
        if options.controllers {
            plane.start_controllers(assets, options)?;
        }
        if options.scheduler {
            plane.start_scheduler(assets)?;
        }
        if options.controllers {
            // Pods can be created once the default service account is there.
            plane.wait("/api/v1/namespaces/default/serviceaccounts/default")?;
        }
        Ok(plane)
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its store answers, etcd's HTTP gateway too.
    pub fn store_url(&self) -> &str {
        &self.store
    }

    /// The administrator's kubeconfig (JSON, which is YAML).
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_of(&self.pki.admin)
    }

    /// The kubeconfig of a client with a certificate of its own, which says this user and group.
    ///
    /// # Errors
    /// When no certificate can be made of these names.
    pub fn kubeconfig_for(&self, user: &str, group: Option<&str>) -> Result<String> {
        Ok(self.kubeconfig_of(&self.pki.client(user, group)?))
    }

    /// The authority that all certificates of this cluster come from, PEM.
    pub fn authority(&self) -> &str {
        &self.pki.ca_pem
    }

    /// Where it lives.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    fn kubeconfig_of(&self, who: &pki::Identity) -> String {
        kubeconfig::text("real", &self.url, &self.pki.ca_pem, &Credentials::certificate(&who.cert, &who.key))
    }

    /// The API server's process id, to measure it.
    pub fn apiserver_pid(&self) -> Option<u32> {
        self.programs.iter().find(|program| program.name() == "kube-apiserver").map(Running::pid)
    }

    fn folder(&self) -> &Path {
        self.guard.folder()
    }

    fn spawn(&mut self, assets: &Assets, program: Program, args: Vec<String>) -> Result<()> {
        let path = assets.path(program)?;
        let path = path.canonicalize().with_context(|| format!("looking for {}", path.display()))?;
        let running = self.guard.spawn(&path, self.place.command(&path).args(&args))?;
        self.programs.push(running);
        Ok(())
    }

    fn start_etcd(&mut self, assets: &Assets, options: &Options) -> Result<()> {
        let peer = format!("http://127.0.0.1:{}", free_port(Ipv4Addr::LOCALHOST)?);
        let data = options.data.clone().unwrap_or_else(|| self.folder().join("etcd"));
        let args = vec![
            flag("data-dir", data.display()),
            flag("listen-client-urls", &self.store),
            flag("advertise-client-urls", &self.store),
            flag("listen-peer-urls", &peer),
            flag("initial-advertise-peer-urls", &peer),
            flag("initial-cluster", format_args!("default={peer}")),
            // What a test wrote need not outlive the machine.
            "--unsafe-no-fsync".into(),
            flag("log-level", "warn"),
            flag("quota-backend-bytes", 4_u64 << 30),
        ];
        self.spawn(assets, Program::Etcd, args)
    }

    fn start_apiserver(&mut self, assets: &Assets, options: &Options) -> Result<()> {
        let pki = |name: &str| self.folder().join("pki").join(name).display().to_string();
        let port = self.url.rsplit(':').next().unwrap_or_default();
        let mut args = vec![
            flag("etcd-servers", &self.store),
            flag("bind-address", self.place.address),
            flag("advertise-address", self.place.address),
            flag("secure-port", port),
            flag("service-cluster-ip-range", self.place.services),
            flag("authorization-mode", "Node,RBAC"),
            flag("allow-privileged", true),
            flag("client-ca-file", pki("ca.crt")),
            flag("tls-cert-file", pki("apiserver.crt")),
            flag("tls-private-key-file", pki("apiserver.key")),
            flag("service-account-issuer", "https://kubernetes.default.svc.cluster.local"),
            flag("service-account-key-file", pki("sa.pub")),
            flag("service-account-signing-key-file", pki("sa.key")),
            flag("cert-dir", self.folder().join("apiserver").display()),
            flag("kubelet-client-certificate", pki("kubelet-client.crt")),
            flag("kubelet-client-key", pki("kubelet-client.key")),
            flag("kubelet-preferred-address-types", "InternalIP"),
            // Servers behind the aggregation layer are told by the front proxy who asks.
            flag("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
            flag("requestheader-allowed-names", pki::FRONT_PROXY),
            flag("requestheader-username-headers", "X-Remote-User"),
            flag("requestheader-group-headers", "X-Remote-Group"),
            flag("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
            flag("proxy-client-cert-file", pki("front-proxy-client.crt")),
            flag("proxy-client-key-file", pki("front-proxy-client.key")),
            // On the loopback interface no pod could reach the address it would give out.
            flag("endpoint-reconciler-type", if self.place.address.is_loopback() { "none" } else { "lease" }),
        ];
        if !options.controllers && !options.service_accounts {
            // Nothing makes service accounts then, and pods would be refused without one.
            args.push(flag("disable-admission-plugins", "ServiceAccount"));
        }
        args.extend(options.apiserver_args.iter().cloned());
        self.spawn(assets, Program::KubeApiserver, args)
    }

    fn start_controllers(&mut self, assets: &Assets, options: &Options) -> Result<()> {
        let pki = |name: &str| self.folder().join("pki").join(name).display().to_string();
        let kubeconfig = self.write_kubeconfig("controller-manager", "system:kube-controller-manager")?;
        let controllers = if options.virtual_cluster { OF_A_VIRTUAL_CLUSTER } else { "*" };
        let args = vec![
            flag("controllers", controllers),
            flag("kubeconfig", &kubeconfig),
            flag("authentication-kubeconfig", &kubeconfig),
            flag("authorization-kubeconfig", &kubeconfig),
            flag("bind-address", "127.0.0.1"),
            flag("secure-port", free_port(Ipv4Addr::LOCALHOST)?),
            flag("leader-elect", false),
            flag("use-service-account-credentials", true),
            flag("root-ca-file", pki("ca.crt")),
            flag("cluster-signing-cert-file", pki("ca.crt")),
            flag("cluster-signing-key-file", pki("ca.key")),
            flag("service-account-private-key-file", pki("sa.key")),
            flag("cert-dir", self.folder().join("controller-manager").display()),
        ];
        self.spawn(assets, Program::KubeControllerManager, args)
    }

    fn start_scheduler(&mut self, assets: &Assets) -> Result<()> {
        let kubeconfig = self.write_kubeconfig("scheduler", "system:kube-scheduler")?;
        let args = vec![
            flag("kubeconfig", &kubeconfig),
            flag("authentication-kubeconfig", &kubeconfig),
            flag("authorization-kubeconfig", &kubeconfig),
            flag("bind-address", "127.0.0.1"),
            flag("secure-port", free_port(Ipv4Addr::LOCALHOST)?),
            flag("leader-elect", false),
            flag("cert-dir", self.folder().join("scheduler").display()),
        ];
        self.spawn(assets, Program::KubeScheduler, args)
    }

    fn write_kubeconfig(&self, name: &str, user: &str) -> Result<String> {
        let path = self.folder().join(format!("{name}.kubeconfig"));
        pki::write_private(&path, &self.kubeconfig_for(user, None)?)?;
        Ok(path.display().to_string())
    }

    /// Waits until a GET of this path succeeds. A program that ended, or the deadline, is the failure.
    fn wait(&mut self, path: &str) -> Result<()> {
        let config = self.kubeconfig();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(async { kubeconfig::client(&config).await })?;
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let answer = runtime.block_on(get(&client, path));
            let Err(error) = answer else { return Ok(()) };
            for program in &mut self.programs {
                program.check()?;
            }
            if Instant::now() > deadline {
                let logs: Vec<_> = self.programs.iter().map(Running::last_lines).collect();
                bail!(
                    "{}{path} was not ready after {START_PATIENCE:?}: {error:#}\n{}",
                    self.url,
                    logs.join("\n")
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

async fn get(client: &Client, path: &str) -> Result<()> {
    let request = http::Request::get(path).body(Vec::new())?;
    let answer = tokio::time::timeout(Duration::from_secs(5), client.request_text(request));
    answer.await.context("no answer")??;
    Ok(())
}

fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}

fn free_port(address: Ipv4Addr) -> Result<u16> {
    let listener =
        TcpListener::bind((address, 0)).with_context(|| format!("looking for a free port of {address}"))?;
    Ok(listener.local_addr()?.port())
}

/// The control plane with these options that tests of this process share; started at the first call.
///
/// # Errors
/// Why it could not be started. The answer is kept: later tests fail at once and for the same reason.
pub fn shared(options: &Options) -> Result<&'static ControlPlane> {
    type Slot = OnceLock<Result<ControlPlane, String>>;
    static SLOTS: Mutex<Vec<(Options, &'static Slot)>> = Mutex::new(Vec::new());
    // One after the other: two at once on two cores take longer than both in turn.
    static TURN: Mutex<()> = Mutex::new(());
    let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = match slots.iter().find(|(known, _)| known == options) {
        Some((_, slot)) => *slot,
        None => {
            // Control planes that are shared live as long as the process.
            let slot: &'static Slot = Box::leak(Box::default());
            slots.push((options.clone(), slot));
            slot
        }
    };
    drop(slots);
    let started = slot.get_or_init(|| {
        let _turn = TURN.lock();
        ControlPlane::start(options).map_err(|error| format!("{error:#}"))
    });
    started.as_ref().map_err(|error| anyhow!("the real control plane did not start: {error}"))
}
