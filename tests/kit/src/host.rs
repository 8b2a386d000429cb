//! One test body, two hosts: the embedded one and a real API server.
//!
//! ```text
//! v9s_testkit::both_hosts! {
//!     async fn a_paused_vcluster_says_so(host: Host) -> anyhow::Result<()> {
//!         let namespace = host.namespace("team").await?;
//!         host.seed(&[/* objects */]).await?;
//!         …
//!     }
//! }
//! ```
//!
//! makes the tests `a_paused_vcluster_says_so::embedded` and `a_paused_vcluster_says_so::real`. Where no real API
//! server can be had, the latter is reported as ignored, with the reason (see this package's build script).

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use kube::Client;
use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};
use v9s_sandbox::Sandbox;
use v9s_sandbox::controllers;

use crate::attempts::{self, Outcome};
use crate::kubeconfig;
use crate::objects;
use crate::real::{self, ControlPlane};

/// What a test needs of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    controllers: bool,
    scheduler: bool,
    dual_stack: bool,
    alone: bool,
}

impl Needs {
    /// A host that other tests use too, without controllers: tests write every status themselves.
    pub const NONE: Self = Self { controllers: false, scheduler: false, dual_stack: false, alone: false };

    /// Controllers run: StatefulSets get pods, quotas are counted, namespaces end.
    #[must_use]
    pub const fn controllers(self) -> Self {
        Self { controllers: true, ..self }
    }

    /// Controllers run, and pods are looked at by the scheduler.
    #[must_use]
    pub const fn scheduler(self) -> Self {
        Self { controllers: true, scheduler: true, ..self }
    }

    /// Services have addresses of both families.
    #[must_use]
    pub const fn dual_stack(self) -> Self {
        Self { dual_stack: true, ..self }
    }

    /// Nobody else uses this host. A real one costs ten seconds then; the shared one holds objects of other tests.
    #[must_use]
    pub const fn alone(self) -> Self {
        Self { alone: true, ..self }
    }
}

/// The IPv6 addresses of Services, where a test needs some.
const RANGE_V6: (std::net::Ipv6Addr, u8) = (std::net::Ipv6Addr::new(0xfd00, 0x96, 0, 0, 0, 0, 0, 0), 112);

impl Needs {
    fn real(self) -> real::Options {
        let Needs { controllers, scheduler, dual_stack, alone: _ } = self;
        let ranges = format!("--service-cluster-ip-range=10.96.0.0/16,{}/{}", RANGE_V6.0, RANGE_V6.1);
        let apiserver_args = if dual_stack { vec![ranges] } else { Vec::new() };
        real::Options { controllers, scheduler, apiserver_args, ..real::Options::default() }
    }
}

/// A Kubernetes API server to test against.
pub struct Host {
    /// `embedded` or `real`, for messages.
    pub name: &'static str,
    /// The administrator's kubeconfig.
    pub kubeconfig: String,
    prefix: String,
    client: Client,
    server: Server,
}

enum Server {
    Embedded(Box<Sandbox>),
    Shared(&'static ControlPlane),
    Own(Box<ControlPlane>),
}

impl Host {
    /// An embedded host of this test's own.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn embedded(needs: Needs) -> Result<Self> {
        // As on the real one, nobody makes volumes, nor schedules pods unless a test asks for it.
        let frozen = if needs.scheduler { Vec::new() } else { vec!["scheduler".into()] };
        let controllers = needs.controllers.then(|| controllers::Options {
            provisioners: Vec::new(),
            frozen,
            ..controllers::Options::default()
        });
        let range =
            |needed: bool| needed.then(|| controllers::Ipv6Range::new(RANGE_V6.0, RANGE_V6.1)).flatten();
        let ipv6_services = range(needs.dual_stack);
        let options = v9s_sandbox::Options { controllers, ipv6_services, ..Default::default() };
        let sandbox = Sandbox::start(options).await?;
        let kubeconfig = sandbox.kubeconfig();
        let server = Server::Embedded(Box::new(sandbox));
        Self::new("embedded", kubeconfig, server).await
    }

    /// A real API server, started at first use and shared by the tests of this process unless the test wants it alone.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn real(needs: Needs) -> Result<Self> {
        let start = move || -> Result<Server> {
            if needs.alone {
                Ok(Server::Own(Box::new(ControlPlane::start(&needs.real())?)))
            } else {
                real::shared(&needs.real()).map(Server::Shared)
            }
        };
        let server = tokio::task::spawn_blocking(start).await.context("starting a real control plane")??;
        let kubeconfig = match &server {
            Server::Embedded(sandbox) => sandbox.kubeconfig(),
            Server::Shared(plane) => plane.kubeconfig(),
            Server::Own(plane) => plane.kubeconfig(),
        };
        Self::new("real", kubeconfig, server).await
    }

    async fn new(name: &'static str, kubeconfig: String, server: Server) -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let client = kubeconfig::client(&kubeconfig).await?;
        Ok(Self { name, kubeconfig, prefix, client, server })
    }

    /// A client with all rights.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Whether this is etcd and kube-apiserver.
    pub fn is_real(&self) -> bool {
        self.sandbox().is_none()
    }

    /// The embedded host, for what only it can do: faults in the server, objects without HTTP.
    pub fn sandbox(&self) -> Option<&Sandbox> {
        match &self.server {
            Server::Embedded(sandbox) => Some(sandbox),
            Server::Shared(_) | Server::Own(_) => None,
        }
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        match &self.server {
            Server::Embedded(sandbox) => sandbox.url(),
            Server::Shared(plane) => plane.url(),
            Server::Own(plane) => plane.url(),
        }
    }

    /// Where the store of a real one answers, etcd's HTTP gateway.
    pub fn store_url(&self) -> Option<&str> {
        match &self.server {
            Server::Embedded(_) => None,
            Server::Shared(plane) => Some(plane.store_url()),
            Server::Own(plane) => Some(plane.store_url()),
        }
    }

    /// The name that this test's namespaces and cluster-wide objects begin with; no other test has it.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A name that no other test uses: the prefix, `-`, the stem.
    pub fn named(&self, stem: &str) -> String {
        format!("{}-{stem}", self.prefix)
    }

    /// Creates a namespace called [`Self::named`] and returns that name.
    ///
    /// # Errors
    /// What the server said.
    pub async fn namespace(&self, stem: &str) -> Result<String> {
        let name = self.named(stem);
        self.seed(&[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})]).await?;
        Ok(name)
    }

    /// Creates objects of any kind in turn, as they are given: a `status` is written too, which a plain create would
    /// drop. Returns what the server made of them.
    ///
    /// # Errors
    /// What the server said, and of which object.
    pub async fn seed(&self, objects: &[Value]) -> Result<Vec<DynamicObject>> {
        let mut made = Vec::with_capacity(objects.len());
        for object in objects {
            let seeded = self.seed_one(object).await;
            made.push(seeded.with_context(|| {
                format!("seeding {} on the {} host", objects::summary(object), self.name)
            })?);
        }
        Ok(made)
    }

    async fn seed_one(&self, object: &Value) -> Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(object.clone())?;
        let api = objects::api_of(&self.client, &object)?;
        let created = api.create(&PostParams::default(), &object).await?;
        let Some(status) = object.data.get("status") else { return Ok(created) };
        let mut with_status = created;
        with_status.data["status"] = status.clone();
        let name = with_status.metadata.name.clone().context("the server gave it no name")?;
        Ok(api.replace_status(&name, &PostParams::default(), &with_status).await?)
    }
}

/// Runs a test body on an embedded host; what the macros expand to.
///
/// # Panics
/// When the host does not start.
#[doc(hidden)]
pub fn run_embedded<F, T: Outcome>(needs: Needs, body: impl Fn(Host) -> F) -> T
where
    F: Future<Output = T>,
{
    run(|| Host::embedded(needs), body)
}

/// Runs a test body on a real host; what the macros expand to.
///
/// # Panics
/// When the host does not start.
#[doc(hidden)]
pub fn run_real<F, T: Outcome>(needs: Needs, body: impl Fn(Host) -> F) -> T
where
    F: Future<Output = T>,
{
    run(|| Host::real(needs), body)
}

#[allow(clippy::panic, reason = "runs in tests, where a panic is the failure")]
fn run<S, F, T: Outcome>(start: impl Fn() -> S, body: impl Fn(Host) -> F) -> T
where
    S: Future<Output = Result<Host>>,
    F: Future<Output = T>,
{
    attempts::twice(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
        runtime.block_on(async {
            let host = start().await.unwrap_or_else(|error| panic!("no host: {error:#}"));
            body(host).await
        })
    })
}

/// Marks a test on the real host: a test where one can be had, an ignored one with the reason elsewhere.
#[cfg(real_host)]
#[doc(hidden)]
#[macro_export]
macro_rules! real_test {
    ($($test:tt)*) => { #[test] $($test)* };
}

/// Marks a test on the real host: a test where one can be had, an ignored one with the reason elsewhere.
#[cfg(not(real_host))]
#[doc(hidden)]
#[macro_export]
macro_rules! real_test {
    ($($test:tt)*) => {
        #[test]
        #[ignore = "needs a real API server: install Go 1.26 or newer, or set KUBEBUILDER_ASSETS"]
        $($test)*
    };
}

/// Tests that run on both hosts; see the [module](crate::host). `#![needs(controllers, alone)]` as the first line
/// asks for what [`Needs`] describes, for all tests of the invocation.
#[macro_export]
macro_rules! both_hosts {
    (#![needs($($need:ident),*)] $($rest:tt)*) => { $crate::both_hosts! { @ [$($need),*] $($rest)* } };
    (@ $needs:tt $($(#[$meta:meta])* async fn $name:ident($host:ident: Host) $(-> $result:ty)? $body:block)*) => {
        $($crate::both_hosts! { @one $needs [$(#[$meta])*] $name $host [$($result)?] $body })*
    };
    (@one [$($need:ident),*] [$($meta:tt)*] $name:ident $host:ident [$($result:ty)?] $body:block) => {
        $($meta)*
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            use $crate::host::{Host, Needs};

            const NEEDS: Needs = Needs::NONE$(.$need())*;

            async fn body($host: Host) $(-> $result)? $body

            #[test]
            fn embedded() $(-> $result)? { $crate::host::run_embedded(NEEDS, body) }

            $crate::real_test! { fn real() $(-> $result)? { $crate::host::run_real(NEEDS, body) } }
        }
    };
    ($($rest:tt)*) => { $crate::both_hosts! { @ [] $($rest)* } };
}
