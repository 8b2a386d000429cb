//! What every test of this suite needs: a store, and a way to write into it.

use std::future::Future;
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;
use tokio::sync::Mutex;
use v9s::store::{Kind, Store, of_addresses};
use v9s_testkit::real::stores::{Etcd, METRICS, put};
use v9s_testkit::wait::until;

/// What etcd says when its file is as large as it may be.
pub const FULL: &str = "database space exceeded";

/// etcd with its own process for each member.
pub struct Seat {
    pub etcd: Arc<Mutex<Etcd>>,
    pub addresses: Vec<String>,
    pub store: Store,
}

impl Seat {
    /// With as many members; their files may have as many bytes.
    pub async fn take(members: u8, quota: Option<u64>) -> Result<Self> {
        let etcd = tokio::task::spawn_blocking(move || Etcd::start(members, quota)).await??;
        let addresses = etcd.addresses();
        let store = of_addresses("team-a/shop", Kind::DeployedEtcd, &addresses, Some(METRICS));
        let seat = Seat { etcd: Arc::new(Mutex::new(etcd)), addresses, store };
        seat.led().await?;
        Ok(seat)
    }

    /// Waits until every member that answers knows the same leader; the place of that one.
    pub async fn led(&self) -> Result<usize> {
        until("a leader that all know", || async {
            let seen: Vec<_> = self.store.status().await.into_iter().map(|seen| seen.status).collect();
            let leaders: Vec<u64> = seen.iter().flatten().map(|status| status.leader).collect();
            let first = leaders.first().copied().filter(|leader| *leader > 0)?;
            let same = leaders.iter().all(|leader| *leader == first);
            let place = seen.iter().position(|it| it.as_ref().is_ok_and(|status| status.id == first));
            place.filter(|_| same)
        })
        .await
    }

    /// Writes a value by the JSON gateway that etcd has beside gRPC. Only for want of space it is refused; elections pass.
    pub async fn put(&self, key: &str, value: &[u8]) -> Result<Value> {
        until("a write", || async {
            match put(&self.addresses[0], key, value).await {
                Err(error) if !format!("{error:#}").contains(FULL) => None,
                done => Some(done),
            }
        })
        .await?
    }

    /// Kills a member.
    pub async fn kill(&self, member: usize) -> Result<()> {
        let mut etcd = Arc::clone(&self.etcd).lock_owned().await;
        Ok(tokio::task::spawn_blocking(move || etcd.kill(member)).await?)
    }
}

impl Seat {
    /// Starts a member again that was killed.
    pub async fn revive(&self, member: usize) -> Result<()> {
        let mut etcd = Arc::clone(&self.etcd).lock_owned().await;
        tokio::task::spawn_blocking(move || etcd.revive(member)).await?
    }
}

/// Runs a body on a runtime of its own, and a second time when it fails.
pub fn run<F: Future<Output = Result<()>>>(body: impl Fn() -> F) -> Result<()> {
    v9s_testkit::attempts::twice(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(body())
    })
}

/// Tests with programs that must be there.
macro_rules! stores {
    ($(async fn $name:ident() -> Result<()> $body:block)*) => {
        $(v9s_testkit::real_test! {
            fn $name() -> Result<()> { crate::seat::run(|| async { $body }) }
        })*
    };
}
pub(crate) use stores;
