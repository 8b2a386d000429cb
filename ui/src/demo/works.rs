//! What really runs in the demo: control planes that `v9s create` makes. Their API servers are embedded ones, and their
//! companions are the one that clusters run; what else is in such a pod only says that it runs.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser as _;
use serde_json::Value;
use v9s::cluster::{Cluster, ConnectOptions, KubeconfigSource, open};
use v9s::provision::values;
use v9s_sandbox::node::{Behaviour, Container, ControlPlane, Images, Process, Program, Pull, Work};
use v9s_syncer::process::{self, Options};

/// Where the syncer's `vcluster.yaml` is.
const CONFIG: &str = "/var/lib/vcluster/config.yaml";
/// Where a pod has its account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The variable with the address of its API server.
const HOST: &str = "KUBERNETES_SERVICE_HOST";
/// Between two looks for the API server beside it.
const LOOK: Duration = Duration::from_millis(200);
/// Every pod of the demo is on the one network of this process: ports are those that are free.
const PORTS: [&str; 3] =
    ["--listen=127.0.0.1:0", "--webhook-listen=127.0.0.1:0", "--kubelet-listen=127.0.0.1:0"];

/// The rules for their images, before those that are there already.
pub fn images() -> Images {
    let quick = |_: &Container<'_>| Behaviour { pull: Pull::Cached, ..Behaviour::default() };
    let syncer = Program::new(run);
    // Ready when it says so.
    let says_so = |_: &Container<'_>| Behaviour { pull: Pull::Cached, ready: None, ..Behaviour::default() };
    Images::default()
        .run("*/kube-apiserver:*", says_so, |_| Work::ControlPlane(ControlPlane::default()))
        .run("*v9s-syncer:*", says_so, move |_| Work::Program(syncer.clone()))
        .on("*/kube-controller-manager:*", quick)
        .on("*/kine:*", quick)
}

async fn run(process: Process) -> i64 {
    match mirror(&process).await {
        Ok(()) => 0,
        Err(error) => {
            process.log(format!("v9s-syncer: {error:#}"));
            1
        }
    }
}

async fn mirror(process: &Process) -> Result<()> {
    let identity = process.pod["metadata"]["name"].as_str().unwrap_or_default();
    // Its own namespace is that of the cluster which it takes for its host: the pod may come from inside of a virtual one.
    let namespace = process.environment.get("POD_NAMESPACE").map_or(process.namespace(), String::as_str);
    let own = [format!("--namespace={namespace}"), format!("--identity={identity}")];
    let words = ["v9s-syncer"].into_iter().chain(process.arguments.iter().map(String::as_str));
    let words = words.chain(own.iter().map(String::as_str)).chain(PORTS);
    let options = Options::try_parse_from(words)?;
    let settings = match values::read(&process.file(CONFIG).unwrap_or_default()) {
        Ok(settings) => settings,
        Err(problems) => bail!("{CONFIG} cannot be used:\n{problems}"),
    };
    let stop = process.stop.clone();
    let Some(beside) = stop.run_until_cancelled(beside(process)).await else { return Ok(()) };
    let (outside, above) = host_of(process)?;
    let host = connect(outside).await.context("the host cluster")?;
    let file = options.virtual_kubeconfig.as_deref().context("--virtual-kubeconfig is needed")?;
    let kubeconfig = process.file(&file.display().to_string()).context("its kubeconfig is not there")?;
    let tenant = connect(at(&kubeconfig, &beside)?).await.context("the virtual cluster")?;
    process.log(format!("mirrors {beside}"));
    process.set_ready(true);
    let here = stop.child_token();
    tokio::select! {
        done = process::serve(options, settings, host, tenant, here.clone()) => done,
        () = moved(process, &beside, above.as_deref()) => bail!("the API server is another one by now"),
    }
}

/// Where the API server of the pod answers, once it does.
async fn beside(process: &Process) -> String {
    loop {
        if let Some(plane) = process.control_plane() {
            return plane.url().to_owned();
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Until it answers elsewhere, or that of its host does: after a restart each has another port.
async fn moved(process: &Process, before: &str, above: Option<&str>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let own = process.control_plane();
        let host = process.environment.get(HOST).and_then(|address| process.control_plane_at(address));
        if own.is_some_and(|plane| plane.url() != before)
            || host.is_some_and(|plane| above.is_some_and(|above| plane.url() != above))
        {
            return;
        }
    }
}

/// A kubeconfig of its host, and where that answers if it is a virtual cluster itself: a pod that came from inside of one has its
/// token and the address of its API server, as every pod.
fn host_of(process: &Process) -> Result<(String, Option<String>)> {
    let above = process.environment.get(HOST).and_then(|address| process.control_plane_at(address));
    let file = |name: &str| process.file(&format!("{ACCOUNT}/{name}"));
    if let (Some(above), Some(token), Some(authority)) = (above, file("token"), file("ca.crt")) {
        let config = v9s_sandbox::tls::kubeconfig("host", above.url(), &authority, &token);
        return Ok((config.to_string(), Some(above.url().to_owned())));
    }
    let access = process.access.as_ref().context("the pod has no access to its host")?;
    Ok((access.kubeconfig.clone(), None))
}

/// The same kubeconfig for an API server at another address.
fn at(kubeconfig: &str, url: &str) -> Result<String> {
    let mut config: Value = serde_saphyr::from_str(kubeconfig).context("its kubeconfig is no YAML")?;
    let server = config.pointer_mut("/clusters/0/cluster/server").context("its kubeconfig has no server")?;
    *server = url.into();
    Ok(config.to_string())
}

async fn connect(kubeconfig: String) -> Result<Cluster> {
    Ok(open(&KubeconfigSource::Text(kubeconfig.into()), None, &ConnectOptions::default()).await?)
}
