//! What every test of this suite needs: a namespace of its own on the shared cluster.

use std::ops::Deref;

use anyhow::Result;
use serde_json::{Value, json};
use v9s_testkit::kubeconfig;
use v9s_testkit::node::{self, Cluster};
use v9s_testkit::pods::Room;

/// A namespace on the shared cluster.
pub struct Seat {
    pub cluster: &'static Cluster,
    room: Room,
}

impl Seat {
    /// Makes the namespace; pods can be created in it at once.
    pub async fn take(namespace: &str) -> Result<Self> {
        let cluster = tokio::task::spawn_blocking(node::shared).await??;
        let client = kubeconfig::client(&cluster.kubeconfig()).await?;
        Ok(Self { cluster, room: Room::take(client, namespace).await? })
    }

    /// A `spec` that puts a pod on the node of this number.
    pub fn on(&self, node: usize) -> Value {
        json!({"nodeSelector": {"kubernetes.io/hostname": self.cluster.nodes()[node].name()}})
    }
}

impl Deref for Seat {
    type Target = Room;

    fn deref(&self) -> &Room {
        &self.room
    }
}

/// Tests on the shared cluster, each in a namespace that is named like it.
macro_rules! on_nodes {
    ($(async fn $name:ident($seat:ident: Seat) -> Result<()> $body:block)*) => {
        $(v9s_testkit::node_test! {
            fn $name() -> Result<()> {
                v9s_testkit::attempts::twice_named(stringify!($name), |name| {
                    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
                    runtime.block_on(async {
                        let $seat = crate::seat::Seat::take(name).await?;
                        $body
                    })
                })
            }
        })*
    };
}
pub(crate) use on_nodes;
