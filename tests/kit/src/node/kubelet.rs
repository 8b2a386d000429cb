//! kubelet and kube-proxy of a node.

use std::net::Ipv4Addr;

use anyhow::Result;
use serde_json::{Value, json};

use super::containerd::SOCKET;
use super::layout::Layout;
use super::machine::Machine;
use crate::real::ControlPlane;
use crate::real::process::Running;

/// Starts kubelet, whose node object is there already.
pub(super) fn start_kubelet(
    machine: &Machine,
    plane: &ControlPlane,
    layout: Layout,
    address: Ipv4Addr,
) -> Result<Running> {
    let name = &machine.name;
    let user = format!("system:node:{name}");
    machine.write("ca.crt", plane.authority())?;
    machine.write("kubelet.kubeconfig", &plane.kubeconfig_for(&user, Some("system:nodes"))?)?;
    machine.write("kubelet.json", &kubelet_configuration(layout, name, address).to_string())?;
    // Nothing beyond the cluster's network can be reached. The name server that is handed on refuses at once; without one,
    // some programs do not even start.
    machine.write("resolv.conf", &format!("nameserver {}\n", layout.machine()))?;
    let args = [
        "--config=/run/v9s/kubelet.json",
        "--kubeconfig=/run/v9s/kubelet.kubeconfig",
        &format!("--hostname-override={name}"),
        &format!("--node-ip={address}"),
        "--v=2",
    ];
    machine.start("kubelet", "/run/v9s/bin/kubelet", &args)
}

/// Starts kube-proxy.
pub(super) fn start_proxy(machine: &Machine, plane: &ControlPlane, layout: Layout) -> Result<Running> {
    machine.write("kube-proxy.kubeconfig", &plane.kubeconfig_for("system:kube-proxy", None)?)?;
    machine.write("kube-proxy.json", &proxy_configuration(layout, &machine.name).to_string())?;
    machine.start("kube-proxy", "/run/v9s/bin/kube-proxy", &["--config=/run/v9s/kube-proxy.json"])
}

fn kubelet_configuration(layout: Layout, name: &str, address: Ipv4Addr) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address.to_string(),
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": "/run/v9s/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}/{name}", layout.name()),
        // Machines with control groups of version 1 are still about.
        "failCgroupV1": false,
        "failSwapOn": false,
        "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
        "clusterDNS": [layout.dns().to_string()],
        "clusterDomain": "cluster.local",
        "resolvConf": "/run/v9s/resolv.conf",
        // The default is a folder of the machine.
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        // The disk is the machine's: how full it is says nothing about the tests.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "maxPods": 110,
        "serializeImagePulls": false,
        "nodeStatusUpdateFrequency": "5s",
    })
}

fn proxy_configuration(layout: Layout, name: &str) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": name,
        "clusterCIDR": layout.pods().to_string(),
        "clientConnection": {"kubeconfig": "/run/v9s/kube-proxy.kubeconfig"},
        // Limits of connection tracking are the machine's.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    })
}
