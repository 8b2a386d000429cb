//! What most tests need: a namespace of their own inside the shared virtual cluster.

use std::ops::Deref;

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use v9s::names::{Translator, VirtualName};
use v9s_testkit::kubeconfig;
use v9s_testkit::pods::{Done, Room};

use crate::tenancy::Tenancy;

/// A namespace inside a virtual cluster.
pub struct Tenant {
    pub tenancy: &'static Tenancy,
    /// Its virtual cluster's namespace on the host.
    pub outside: Room,
    room: Room,
}

impl Tenant {
    /// Makes the namespace in the shared virtual cluster; pods can be created in it at once.
    pub async fn take(namespace: &str) -> Result<Self> {
        let tenancy = tokio::task::spawn_blocking(Tenancy::shared).await??;
        let client = kubeconfig::client(&tenancy.kubeconfig()).await?;
        Ok(Self { tenancy, outside: tenancy.outside().await?, room: Room::take(client, namespace).await? })
    }

    /// The rights that are published are all that the companion has asked for so far.
    pub async fn nothing_was_forbidden(&self) -> Result<()> {
        let log = self.tenancy.log().await?;
        let forbidden: Vec<_> =
            log.lines().filter(|line| line.to_lowercase().contains("forbidden")).collect();
        anyhow::ensure!(
            forbidden.is_empty(),
            "docs/syncer-deploy.yaml gives too few rights:\n{}",
            forbidden.join("\n")
        );
        Ok(())
    }

    /// What the host has of it, and what the companion said last: for whoever looks why a test failed.
    pub async fn state(&self) -> String {
        let mut told = String::from("on the host:\n");
        let pods = self.outside.api::<Pod>().list(&ListParams::default()).await;
        for pod in pods.map(|pods| pods.items).unwrap_or_default() {
            let name = pod.metadata.name.unwrap_or_default();
            let (going, status) = (pod.metadata.deletion_timestamp, pod.status.unwrap_or_default());
            let states: Vec<_> = status.container_statuses.into_iter().flatten().map(|it| it.state).collect();
            told += &format!("{name}: {:?}, going since {going:?}, {states:?}\n", status.phase);
        }
        let log = self.tenancy.last_words().await;
        let lines: Vec<_> = log.lines().rev().take(60).collect();
        told += "the companion:\n";
        lines.into_iter().rev().for_each(|line| told += &format!("{line}\n"));
        told
    }

    /// Name on the host of an object of this namespace.
    pub fn outside_name(&self, name: &str) -> String {
        let names = Translator::new(self.tenancy.name.as_str(), self.tenancy.namespace());
        names.host_name(&VirtualName::namespaced(self.namespace.as_str(), name)).to_string()
    }

    /// What a script in a pod says that must succeed, asked of the host.
    pub async fn sh(&self, pod: &str, script: &str) -> Result<String> {
        self.outside.sh(&self.outside_name(pod), script).await
    }

    /// Runs a script in a pod until it succeeds and says this, asked of the host.
    pub async fn sh_until(&self, pod: &str, script: &str, wanted: impl Fn(&str) -> bool) -> Result<()> {
        self.outside.sh_until(&self.outside_name(pod), script, wanted).await
    }

    /// What a script in a pod does, asked of the host.
    pub async fn run(&self, pod: &str, script: &str) -> Result<Done> {
        self.outside.exec(&self.outside_name(pod), "main", &["sh", "-c", script], "").await
    }
}

impl Deref for Tenant {
    type Target = Room;

    fn deref(&self) -> &Room {
        &self.room
    }
}

/// Tests of a tenant, each in a namespace that is named like it.
macro_rules! tenants {
    ($(async fn $name:ident($tenant:ident: Tenant) -> Result<()> $body:block)*) => {
        $(v9s_testkit::node_test! {
            fn $name() -> Result<()> {
                v9s_testkit::attempts::twice_named(stringify!($name), |name| {
                    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
                    runtime.block_on(async {
                        let $tenant = crate::tenant::Tenant::take(name).await?;
                        let done: Result<()> = async { $body }.await;
                        if let Err(error) = done {
                            return Err(error.context($tenant.state().await));
                        }
                        $tenant.nothing_was_forbidden().await
                    })
                })
            }
        })*
    };
}
pub(crate) use tenants;
