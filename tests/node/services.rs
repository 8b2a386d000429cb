//! Traffic: between pods, by Services and by names, within a node, across nodes, and from the machine.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use v9s_testkit::pods::address;

use crate::seat::{Seat, on_nodes};

/// One server per node and a Service over both; its cluster IP and node port.
async fn servers(seat: &Seat, kind: &str) -> Result<(String, u16)> {
    for node in 0..2 {
        let labelled = format!("web-{node}");
        seat.server(&labelled, seat.on(node)).await?;
        let patch = json!({"metadata": {"labels": {"tier": "web"}}});
        let pods = seat.api::<k8s_openapi::api::core::v1::Pod>();
        pods.patch(&labelled, &Default::default(), &kube::api::Patch::Merge(patch)).await?;
    }
    service(
        seat,
        "web",
        json!({"type": kind, "selector": {"tier": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}),
    )
    .await
}

async fn service(seat: &Seat, name: &str, spec: Value) -> Result<(String, u16)> {
    seat.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}))
        .await?;
    let spec = seat.api::<Service>().get(name).await?.spec.context("no spec")?;
    let port = spec.ports.iter().flatten().find_map(|port| port.node_port).unwrap_or(0);
    Ok((spec.cluster_ip.context("no cluster IP")?, u16::try_from(port)?))
}

/// Asks from this machine until it is answered, and returns the body.
async fn get(address: Ipv4Addr, port: u16) -> Result<String> {
    let ask = async {
        let mut stream = TcpStream::connect((address, port)).await?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer.rsplit("\r\n\r\n").next().unwrap_or_default().trim().to_owned())
    };
    tokio::time::timeout(Duration::from_secs(5), ask).await?
}

/// Asks from this machine until both servers have answered.
async fn get_both(address: Ipv4Addr, port: u16) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    let mut last = None;
    for _ in 0..200 {
        match get(address, port).await {
            Ok(name) => drop(seen.insert(name)),
            Err(error) => last = Some(error),
        }
        if seen.len() == 2 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{address}:{port} led only to {seen:?}; last refusal: {last:?}")
}

/// A script that asks until both servers have answered; it fails when that takes too many questions.
fn both(url: &str) -> String {
    format!(
        "for i in $(seq 1 60); do wget -q -O - {url} >>/tmp/seen || sleep 0.2; \
         [ $(sort -u /tmp/seen | wc -l) = 2 ] && exec sort -u /tmp/seen; done; cat /tmp/seen; exit 1"
    )
}

on_nodes! {
    async fn pods_reach_pods_of_their_node_and_of_others(seat: Seat) -> Result<()> {
        for node in 0..2 {
            let pod = seat.server(&format!("server-{node}"), seat.on(node)).await?;
            seat.idle(&format!("client-{node}"), seat.on(node), json!({})).await?;
            let url = format!("http://{}:8080", address(&pod));
            for client in 0..=node {
                let answer = seat.sh(&format!("client-{client}"), &format!("wget -q -O - {url}")).await?;
                assert_eq!(answer, format!("server-{node}"));
            }
        }
        Ok(())
    }

    async fn a_cluster_ip_leads_to_the_pods_of_all_nodes(seat: Seat) -> Result<()> {
        let (ip, _) = servers(&seat, "ClusterIP").await?;
        for node in 0..2 {
            let client = format!("client-{node}");
            seat.idle(&client, seat.on(node), json!({})).await?;
            assert_eq!(seat.sh(&client, &both(&format!("http://{ip}"))).await?, "web-0\nweb-1");
            // A server is among those that answer it, so this also goes from a pod to itself.
            let server = format!("web-{node}");
            assert_eq!(seat.sh(&server, &both(&format!("http://{ip}"))).await?, "web-0\nweb-1");
        }
        Ok(())
    }

    async fn the_machine_reaches_cluster_ips_as_the_api_server_must(seat: Seat) -> Result<()> {
        let (ip, _) = servers(&seat, "ClusterIP").await?;
        get_both(ip.parse()?, 80).await
    }

    async fn a_node_port_of_any_node_leads_to_all_pods(seat: Seat) -> Result<()> {
        let (_, port) = servers(&seat, "NodePort").await?;
        for node in seat.cluster.nodes() {
            get_both(node.address(), port).await?;
        }
        Ok(())
    }

    async fn a_host_port_leads_to_its_pod(seat: Seat) -> Result<()> {
        let ports = json!({"ports": [{"containerPort": 8080, "hostPort": 18080}]});
        let script = "mkdir /www; hostname >/www/index.html; exec httpd -f -p 8080 -h /www";
        seat.script("hosted", script, seat.on(0), ports).await?;
        seat.ready("hosted").await?;
        let node = &seat.cluster.nodes()[0];
        assert_eq!(get(node.address(), 18080).await?, "hosted");
        Ok(())
    }

    async fn names_of_services_are_resolved_in_pods(seat: Seat) -> Result<()> {
        let (ip, _) = servers(&seat, "ClusterIP").await?;
        let headless = json!({"clusterIP": "None", "selector": {"tier": "web"}, "ports": [{"port": 8080}]});
        service(&seat, "each", headless).await?;
        seat.idle("client", seat.on(1), json!({})).await?;
        let answers = |name: &str| {
            format!("nslookup -type=a {name} | awk '/^Name:/ {{ found = 1 }} found && /^Address/ {{ print $NF }}' | sort")
        };
        let full = format!("web.{}.svc.cluster.local", seat.namespace);
        seat.sh_until("client", &answers(&full), |said| said == ip).await?;
        let each = format!("each.{}.svc.cluster.local", seat.namespace);
        let mut pods = Vec::new();
        for name in ["web-0", "web-1"] {
            pods.push(address(&seat.ready(name).await?));
        }
        pods.sort();
        seat.sh_until("client", &answers(&each), |said| said == pods.join("\n")).await?;
        // The short name goes by the search path that kubelet wrote.
        assert_eq!(seat.sh("client", &both("http://web")).await?, "web-0\nweb-1");
        let (kubernetes, _) = (seat.sh("client", &answers("kubernetes.default.svc.cluster.local")).await?, ());
        assert_eq!(kubernetes, seat.sh("client", "echo $KUBERNETES_SERVICE_HOST").await?);
        Ok(())
    }
}
