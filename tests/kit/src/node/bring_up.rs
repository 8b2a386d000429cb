//! The order in which a cluster comes up.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1 as core;
use kube::{Api, Client};
use serde_json::json;
use tokio::runtime::Runtime;

use super::cgroups::Hierarchies;
use super::claim::Claim;
use super::layout::Layout;
use super::machine::Machine;
use super::network::Network;
use super::{Cluster, Node, Options, containerd, dns, images, kubelet};
use crate::cache::Toolset;
use crate::kubeconfig;
use crate::objects;
use crate::real::assets::Assets;
use crate::real::launch::Place;
use crate::real::process::Running;
use crate::real::{self, ControlPlane};

/// Starting on a machine that compiles beside it takes several times the usual half minute.
const PATIENCE: Duration = Duration::from_secs(240);

pub(super) fn start(options: &Options) -> Result<Cluster> {
    let (node_programs, dns_programs) = (Assets::of(Toolset::Node)?, Assets::of(Toolset::Dns)?);
    Assets::find()?;
    let hierarchies = Hierarchies::find()?;
    // From here on the guard removes what is made.
    let Claim { layout, folder, guard } = Claim::take()?;
    hierarchies.enable(&folder)?;
    let network = Network::start(layout, &folder, &hierarchies)?;

    // The control plane takes longest; nodes get their runtimes and images meanwhile.
    let (plane, machines) = thread::scope(|scope| {
        let plane = scope.spawn(|| start_plane(options, layout, &folder, &hierarchies));
        let machines =
            boot(options, layout, &folder, &hierarchies, [&node_programs, &dns_programs], &network);
        let plane = plane.join().map_err(|_| anyhow!("starting the control plane panicked"))?;
        anyhow::Ok((plane?, machines?))
    })?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = runtime.block_on(kubeconfig::client(&plane.kubeconfig()))?;
    let mut nodes = Vec::new();
    for (node, (machine, containerd)) in machines.into_iter().enumerate() {
        let object = node_object(layout, node);
        runtime.block_on(objects::create(&client, &object))?;
        let address = layout.address(node);
        let programs = vec![
            containerd,
            kubelet::start_kubelet(&machine, &plane, layout, address)?,
            kubelet::start_proxy(&machine, &plane, layout)?,
        ];
        nodes.push(Node { machine, address, programs });
    }
    for object in dns::objects(layout.dns(), &images::coredns_name()?) {
        runtime.block_on(objects::create(&client, &object))?;
    }
    wait(&runtime, &client, &mut nodes)?;
    Ok(Cluster { guard, name: layout.name(), folder, nodes, _network: network, plane })
}

fn start_plane(
    options: &Options,
    layout: Layout,
    folder: &Path,
    hierarchies: &Hierarchies,
) -> Result<ControlPlane> {
    let groups = hierarchies.make(&[&layout.name(), "control-plane"])?;
    ControlPlane::start(&real::Options {
        controllers: true,
        virtual_cluster: false,
        scheduler: true,
        service_accounts: false,
        apiserver_args: options.apiserver_args.clone(),
        hosts: Vec::new(),
        store: None,
        data: None,
        place: Place {
            address: layout.machine(),
            services: layout.services(),
            parent: Some(folder.to_owned()),
            groups,
        },
    })
}

/// All nodes with their runtimes and images, side by side.
fn boot(
    options: &Options,
    layout: Layout,
    folder: &Path,
    hierarchies: &Hierarchies,
    [node_programs, dns_programs]: [&Assets; 2],
    network: &Network,
) -> Result<Vec<(Machine, Running)>> {
    let archives = pack(folder, node_programs, dns_programs)?;
    let boot_one = |node: usize| -> Result<(Machine, Running)> {
        let machine = Machine::boot(layout, node, folder, hierarchies, node_programs.folder())?;
        network.connect(&machine, node, options.nodes)?;
        let containerd = containerd::start(&machine, layout.pods_of(node))?;
        archives.iter().try_for_each(|archive| containerd::import(&machine, archive))?;
        Ok((machine, containerd))
    };
    thread::scope(|scope| {
        let booting: Vec<_> = (0..options.nodes).map(|node| scope.spawn(move || boot_one(node))).collect();
        booting.into_iter().map(|one| one.join().map_err(|_| anyhow!("starting a node panicked"))?).collect()
    })
}

/// Archives of the images that all nodes have.
fn pack(folder: &Path, node: &Assets, dns: &Assets) -> Result<Vec<PathBuf>> {
    let home = folder.join("images");
    fs::create_dir(&home).with_context(|| format!("creating {}", home.display()))?;
    let all = [images::pause(node)?, images::busybox()?, images::coredns(dns)?];
    let archive = |(number, image): (usize, &super::Image)| {
        let path = home.join(format!("{number}.tar"));
        image.pack(&path).map(|()| path)
    };
    all.iter().enumerate().map(archive).collect()
}

/// Made before kubelet comes, which would make it otherwise, so that the addresses of its pods are known from the start.
fn node_object(layout: Layout, node: usize) -> serde_json::Value {
    let (name, pods) = (Layout::node(node), layout.pods_of(node).to_string());
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"podCIDR": pods, "podCIDRs": [pods]},
    })
}

/// Waits until all nodes and the name server are ready.
fn wait(runtime: &Runtime, client: &Client, nodes: &mut [Node]) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let waiting = runtime.block_on(not_ready(client))?;
        let Some(waiting) = waiting else { return Ok(()) };
        nodes.iter_mut().try_for_each(Node::check)?;
        if Instant::now() > deadline {
            let logs: Vec<_> = nodes.iter().map(Node::last_lines).collect();
            bail!("{waiting} was not ready after {PATIENCE:?}\n{}", logs.join("\n"));
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// What is not ready yet.
async fn not_ready(client: &Client) -> Result<Option<String>> {
    let nodes = Api::<core::Node>::all(client.clone()).list(&Default::default()).await?;
    let is_ready = |node: &core::Node| {
        let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    };
    if let Some(node) = nodes.items.iter().find(|node| !is_ready(node)) {
        return Ok(Some(format!("node {}", node.metadata.name.as_deref().unwrap_or_default())));
    }
    let deployments = Api::<Deployment>::namespaced(client.clone(), "kube-system");
    let status = deployments.get("coredns").await?.status.unwrap_or_default();
    Ok((status.ready_replicas.unwrap_or(0) == 0).then(|| "the name server".to_owned()))
}
