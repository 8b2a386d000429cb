//! Probes of the network between tenants, on both hosts: what they come to, and that nothing of them is left in any case. What pods do is
//! played here.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;
use v9s::cluster::Cluster;
use v9s::operation::{Cancelled, Operation};
use v9s::probe::{self, Plan, ProbeError, Probed, STEPS, Verdict, Wanted};
use v9s_testkit::both_hosts;
use v9s_testkit::gateway::{Gateway, Seen, Wrong};
use v9s_testkit::host::Host;
use v9s_ui::demo::spec::Tenant;

use crate::seat::{cluster, look, put, tenant, until};

const WORD: &str = r#"{"heard":"word"}"#;
const SILENCE: &str = r#"{"heard":"silence"}"#;
/// What it writes when nothing goes wrong: three Jobs come, and go.
const WRITES: usize = 6;
/// Long enough for pods that are played, and short enough to wait for a deadline.
const QUICK: Wanted = Wanted {
    port: 8080,
    timeout: Duration::from_secs(1),
    start: Duration::from_secs(4),
    linger: Duration::from_secs(1),
    image: None,
};

/// Two tenants.
struct Pair {
    from: Tenant,
    to: Tenant,
}

impl Pair {
    async fn put(host: &Host, stem: &str) -> Result<Pair> {
        let pair = Pair { from: tenant(host, &format!("{stem}-a")), to: tenant(host, &format!("{stem}-b")) };
        put(host, &pair.from).await?;
        put(host, &pair.to).await?;
        Ok(pair)
    }

    async fn plan(&self, host: &Host, wanted: Wanted) -> Result<(Cluster, Plan)> {
        let cluster = cluster(&host.kubeconfig).await?;
        let (from, to) = (look(&cluster, &self.from).await?, look(&cluster, &self.to).await?);
        let found = probe::look(&cluster, from, to).await?;
        Ok((cluster, probe::plan(found, wanted)?))
    }

    /// Does in their pods what programs and nodes would, for as long as this is kept: callers end with these words.
    fn played(&self, host: &Host, caller: &'static str, control: &'static str) -> AbortOnDropHandle<()> {
        let apis =
            [&self.from, &self.to].map(|tenant| Api::<Pod>::namespaced(host.client(), &tenant.namespace));
        AbortOnDropHandle::new(tokio::spawn(async move {
            let ours = ListParams::default().labels("v9s.io/probe");
            loop {
                for pods in &apis {
                    for pod in pods.list(&ours).await.map(|list| list.items).unwrap_or_default() {
                        // It may be gone by now.
                        let _ = play(pods, &pod, caller, control).await;
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }))
    }

    /// What is there of probes.
    async fn left(&self, host: &Host) -> Result<usize> {
        let ours = ListParams::default().labels("v9s.io/probe");
        let mut count = 0;
        for tenant in [&self.from, &self.to] {
            let jobs: Api<Job> = Api::namespaced(host.client(), &tenant.namespace);
            let pods: Api<Pod> = Api::namespaced(host.client(), &tenant.namespace);
            count += jobs.list(&ours).await?.items.len() + pods.list(&ours).await?.items.len();
        }
        Ok(count)
    }
}

async fn play(pods: &Api<Pod>, pod: &Pod, caller: &str, control: &str) -> Result<()> {
    let name = pod.metadata.name.as_deref().context("a name")?;
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    if phase != Some("Pending") && phase.is_some() {
        return Ok(());
    }
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let ended = |said: &str| {
        let end = json!({"exitCode": 0, "reason": "Completed", "message": said});
        json!({"phase": "Succeeded", "containerStatuses": [{"name": "probe", "image": "i", "imageID": "i",
            "ready": false, "restartCount": 0, "state": {"terminated": end}}]})
    };
    let status = match labels.get("v9s.io/probe-role").map(String::as_str) {
        Some("listener") => json!({"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}],
            "conditions": [{"type": "Ready", "status": "True"}]}),
        Some("caller") => ended(caller),
        _ => ended(control),
    };
    pods.patch_status(name, &PatchParams::default(), &Patch::Merge(json!({"status": status}))).await?;
    Ok(())
}

async fn probed(cluster: Cluster, plan: Plan) -> Result<Probed, ProbeError> {
    let operation = Operation::start("probe", STEPS, move |progress| async move {
        probe::carry_out(&cluster, &plan, &progress).await
    });
    operation.result().await
}

/// A run in which one thing goes wrong: with silence v9s is killed then.
async fn disturbed(host: &Host, pair: &Pair, wrong: Wrong) -> Result<()> {
    let gateway = Gateway::before(&host.kubeconfig, Some(wrong)).await?;
    let (_, plan) = pair.plan(host, QUICK).await?;
    let through = cluster(&gateway.kubeconfig).await?;
    let operation = Operation::start("probe", STEPS, move |progress| async move {
        tokio::select! {
            done = probe::carry_out(&through, &plan, &progress) => done,
            () = gateway.struck(), if wrong.seen == Seen::Silence => Err(Cancelled.into()),
        }
    });
    let done: Result<Probed, ProbeError> = operation.result().await;
    let is_told = match &done {
        Ok(probed) => probed.left.is_some(),
        Err(_) => true,
    };
    ensure!(is_told, "{wrong:?} was not noticed: {done:?}");
    Ok(())
}

both_hosts! {
    #![needs(controllers)]

    async fn what_the_pods_say_is_the_verdict_and_nothing_of_them_is_left(host: Host) -> Result<()> {
        let pair = Pair::put(&host, "tried").await?;
        for (caller, control, expected) in [
            (SILENCE, WORD, "isolated"),
            (WORD, WORD, "open"),
            (SILENCE, SILENCE, "unknown"),
            ("error: no such subcommand", WORD, "unknown"),
        ] {
            let _nodes = pair.played(&host, caller, control);
            let (cluster, plan) = pair.plan(&host, Wanted::default()).await?;
            let probed = probed(cluster, plan).await?;
            assert_eq!(probed.verdict.word(), expected, "{probed:?}");
            assert_eq!(probed.left, None, "{probed:?}");
            assert_eq!(pair.left(&host).await?, 0);
        }
        Ok(())
    }

    async fn a_listener_that_never_runs_is_told_with_what_it_waits_for(host: Host) -> Result<()> {
        let pair = Pair::put(&host, "unstarted").await?;
        let (cluster, plan) = pair.plan(&host, QUICK).await?;
        let probed = probed(cluster, plan).await?;
        let Verdict::Unknown { why } = &probed.verdict else { panic!("{probed:?}") };
        assert!(why.starts_with("no listener runs: "), "{why}");
        assert_eq!((probed.call, pair.left(&host).await?), (None, 0));
        Ok(())
    }

    async fn pods_of_probes_are_no_pods_of_tenants(host: Host) -> Result<()> {
        use v9s::fleet::live::{FleetOptions, HostTarget, LiveFleet};
        let pair = Pair::put(&host, "uncounted").await?;
        let count = async || -> Result<u32> {
            let live = LiveFleet::start(vec![HostTarget::of_cluster(cluster(&host.kubeconfig).await?)], FleetOptions::default());
            let fleet = live.settled(Duration::from_secs(60)).await;
            let row = fleet.vclusters.iter().find(|row| row.key.name == pair.to.name.as_str()).context("it is found")?;
            Ok(row.synced.get().context("pods are known")?.total)
        };
        let before = count().await?;
        let (cluster, plan) = pair.plan(&host, Wanted::default()).await?;
        let running = AbortOnDropHandle::new(tokio::spawn(probed(cluster, plan)));
        until("the listener is there", || async { Ok(pair.left(&host).await? > 1) }).await?;
        assert_eq!(count().await?, before);
        drop(running);
        Ok(())
    }

    async fn whenever_v9s_dies_the_host_takes_all_of_it_away(host: Host) -> Result<()> {
        let pair = Pair::put(&host, "killed").await?;
        let _nodes = pair.played(&host, SILENCE, WORD);
        let wrongs = (0..WRITES).flat_map(|write| {
            [(false, Seen::Silence), (true, Seen::Silence), (true, Seen::Loss)].map(|(done, seen)| Wrong { write, done, seen })
        });
        stream::iter(wrongs)
            .map(|wrong| disturbed(&host, &pair, wrong))
            .buffer_unordered(6)
            .try_collect::<Vec<()>>()
            .await?;
        until("nothing of any of them is left", || async { Ok(pair.left(&host).await? == 0) }).await
    }
}
