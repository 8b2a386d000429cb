//! The host is lost at any write: another run completes it, or deleting takes all of it away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::client::Body;
use kube::{Api, Client};
use v9s::cluster::Cluster;
use v9s::operation::Operation;
use v9s::provision::create::{CreateError, Created, Effect, Preset, Request, effects, look_and_plan};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host as Seeded;

use crate::shell::{Shell, err};

/// A way to the host that is lost with a certain write.
#[derive(Clone)]
struct Wire {
    host: Client,
    writes: Arc<AtomicUsize>,
    /// The write with which it is lost, from 0.
    lost_with: usize,
    /// The host still gets that write; its answer is lost.
    carried_out: bool,
    lost: Arc<AtomicBool>,
}

impl Wire {
    fn new(host: &Seeded, lost_with: usize, carried_out: bool) -> Wire {
        Wire { host: host.client(), writes: Arc::default(), lost_with, carried_out, lost: Arc::default() }
    }

    fn cluster(&self, host: &Seeded) -> Cluster {
        let wire = self.clone();
        let service = tower::service_fn(move |request| wire.clone().pass(request));
        Cluster::from_client("host", host.url(), "default", Client::new(service, "default"))
    }

    async fn pass(self, request: http::Request<Body>) -> Result<http::Response<Body>> {
        let tries = request.uri().query().is_some_and(|query| query.contains("dryRun"));
        let is_write = request.method() == http::Method::PATCH && !tries;
        let lost_now = is_write && self.writes.fetch_add(1, Ordering::SeqCst) == self.lost_with;
        if lost_now && !self.carried_out {
            self.lost.store(true, Ordering::SeqCst);
        }
        ensure!(!self.lost.load(Ordering::SeqCst), "the connection was lost");
        let answer = self.host.send(request).await?;
        self.lost.fetch_or(lost_now, Ordering::SeqCst);
        ensure!(!lost_now, "the connection was lost");
        Ok(answer)
    }
}

async fn run(cluster: Cluster, request: &Request) -> Result<Created, CreateError> {
    let making = request.clone();
    Operation::start("create", request.steps(), |progress| making.carry_out(cluster, progress)).result().await
}

/// Loses the host with a write, and then has another run complete it, or takes away what is there.
async fn lose(host: &Seeded, shell: &Shell, write: usize, carried_out: bool) -> Result<()> {
    let when = if carried_out { "after" } else { "before" };
    let namespace = host.named(&format!("lost-{when}-{write}"));
    let request = Request::new("half", &namespace, Preset::Prod.text())?;
    let wire = Wire::new(host, write, carried_out);
    let lost = run(wire.cluster(host), &request).await;
    ensure!(matches!(lost, Err(CreateError::Unwritten(_))), "write {write}: {lost:?}");

    if carried_out {
        let whole = Cluster::from_client("host", host.url(), "default", host.client());
        run(whole.clone(), &request).await.with_context(|| format!("completing after write {write}"))?;
        let (_, planned) = look_and_plan(&whole, &request).await?;
        let left: Vec<_> = effects(&whole, &planned)
            .await?
            .into_iter()
            .filter(|(_, effect)| *effect != Effect::Nothing)
            .collect();
        ensure!(left.is_empty(), "after write {write}: {left:?}");
    }
    let there = Api::<Namespace>::all(host.client()).get_opt(&namespace).await?.is_some();
    ensure!(there == (write > 0 || carried_out), "write {write}");
    if there {
        let mut gone = false;
        let mut told = String::new();
        // What controllers make of it while it is looked at is in the next plan.
        for _ in 0..3 {
            let deleted = shell.v9s(&["delete", "half", "-n", &namespace, "--confirm", "half"]).await?;
            told = err(&deleted);
            gone = Api::<Namespace>::all(host.client()).get_opt(&namespace).await?.is_none();
            if gone {
                break;
            }
        }
        ensure!(gone, "after write {write}, {when} it was carried out: the namespace is there: {told}");
    }
    Ok(())
}

both_hosts! {
    #![needs(controllers)]

    async fn a_host_that_is_lost_with_any_write_leaves_what_can_be_completed_or_deleted(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let wire = Wire::new(&host, usize::MAX, false);
        let whole = host.named("lost-never");
        run(wire.cluster(&host), &Request::new("half", &whole, Preset::Prod.text())?).await?;
        let writes = wire.writes.load(Ordering::SeqCst);
        ensure!(writes >= 15, "{writes} writes");
        for some in (0..writes).collect::<Vec<_>>().chunks(6) {
            try_join_all(some.iter().map(|write| lose(&host, &shell, *write, write % 2 == 0))).await?;
        }
        Ok(())
    }
}
