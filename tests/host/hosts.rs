//! The same test on both servers.

use kube::Client;
use v9s_sandbox::Sandbox;
use v9s_sandbox::store::{Gr, WriteOptions};
use v9s_testkit::host::{Host as Real, Needs};
use v9s_testkit::kubeconfig;

/// An API server under test.
pub struct Host {
    client: Client,
    server: Server,
}

enum Server {
    Embedded(Box<Sandbox>),
    Real(Box<Real>),
}

impl Host {
    pub async fn embedded() -> anyhow::Result<Self> {
        let sandbox = Sandbox::start(v9s_sandbox::Options::default()).await?;
        let client = kubeconfig::client(&sandbox.kubeconfig()).await?;
        Ok(Self { client, server: Server::Embedded(Box::new(sandbox)) })
    }

    pub async fn real(real: Real) -> anyhow::Result<Self> {
        Ok(Self { client: real.client(), server: Server::Real(Box::new(real)) })
    }

    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A new namespace that no other test uses.
    pub async fn namespace(&self, stem: &str) -> anyhow::Result<String> {
        let sandbox = match &self.server {
            Server::Real(real) => return real.namespace(stem).await,
            Server::Embedded(sandbox) => sandbox,
        };
        let namespace = serde_json::json!({"metadata": {"name": stem}});
        let options = WriteOptions::default();
        Ok(sandbox.store().create(&Gr::core("namespaces"), None, namespace, &options)?.name().to_owned())
    }
}

pub const NEEDS: Needs = Needs::NONE;

/// Makes `NAME::embedded` and `NAME::real` of each test.
macro_rules! both {
    ($(async fn $name:ident($host:ident: Host) -> anyhow::Result<()> $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports)]
            use super::*;
            use crate::hosts::Host;

            async fn body($host: Host) -> anyhow::Result<()> $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() -> anyhow::Result<()> {
                body(Host::embedded().await?).await
            }

            v9s_testkit::real_test! {
                fn real() -> anyhow::Result<()> {
                    v9s_testkit::host::run_real(crate::hosts::NEEDS, |real| async move {
                        body(Host::real(real).await?).await
                    })
                }
            }
        })*
    };
}
pub(crate) use both;
