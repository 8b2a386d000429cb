//! An unmodified kubectl in a virtual cluster with a real API server: logs, commands, terminals, files and ports of pods
//! that run on the host, by way of the syncer. The host plays the pods; both ways to carry streams are tried.

use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;
use v9s_testkit::host::{Host, Needs};
use v9s_testkit::inside;
use v9s_testkit::real_test;
use v9s_testkit::rooms::Rooms;
use v9s_testkit::seat::{Seat, words};

use crate::kubelet::Endpoint;
use crate::pair::{Pair, create};
use crate::pods::{furnish, in_tenant, mirrored, pod, run};

/// A virtual cluster with a pod `p` that runs, and kubectl in it. The tests of this process share it.
struct Room {
    _runtime: tokio::runtime::Runtime,
    _pair: Pair,
    _endpoint: Endpoint,
    seat: Seat,
    stranger: Seat,
}

impl Room {
    fn open() -> Result<&'static Room> {
        static ROOM: OnceLock<Result<Room, String>> = OnceLock::new();
        let opened = ROOM.get_or_init(|| Room::new().map_err(|error| format!("{error:#}")));
        opened.as_ref().map_err(|error| anyhow!("{error}"))
    }

    fn new() -> Result<Room> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (pair, endpoint, seat, stranger) = runtime.block_on(async {
            let (tenant, host) = (Host::real(Needs::NONE.alone()).await?, Host::embedded(Needs::NONE).await?);
            host.sandbox().context("the embedded host")?.api().set_runtime(Arc::new(Rooms::default()));
            let mut pair = Pair::new(tenant, host).await?;
            furnish(&pair).await?;
            let endpoint = Endpoint::start(&mut pair).await?;
            let container = json!({"containers": [{"name": "c", "image": "i", "tty": true, "stdin": true,
                "ports": [{"containerPort": 8080}]}]});
            mirrored(&pair, &pod("p", container)).await?;
            run(&pair, "p", "n").await?;
            pair.until(&pair.tenant, &in_tenant("p"), |v| v["status"]["phase"] == "Running").await?;
            let reached = |v: &serde_json::Value| v["status"]["addresses"][0]["type"] == "InternalIP";
            pair.until(&pair.tenant, "/api/v1/nodes/n", reached).await?;
            let seat = Seat::new(&pair.tenant.kubeconfig, "default")?;
            let stranger = Seat::new(&stranger(&pair).await?, "default")?;
            anyhow::Ok((pair, endpoint, seat, stranger))
        })?;
        Ok(Room { _runtime: runtime, _pair: pair, _endpoint: endpoint, seat, stranger })
    }
}

/// Somebody in the virtual cluster who may look at pods and nothing more.
async fn stranger(pair: &Pair) -> Result<String> {
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "stranger"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "looks"},
        "subjects": [{"kind": "User", "name": "stranger", "apiGroup": "rbac.authorization.k8s.io"}]});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "looks"},
        "rules": [{"apiGroups": [""], "verbs": ["get", "list"], "resources": ["pods"]}]});
    create(&pair.tenant, &format!("{rbac}/clusterroles"), &role).await?;
    create(&pair.tenant, &format!("{rbac}/clusterrolebindings"), &binding).await?;
    v9s_testkit::kubeconfig::altered(&pair.tenant.kubeconfig, Some("stranger"), None)
}

real_test! {
    fn logs_are_cut_stamped_and_followed() -> Result<()> {
        inside::logs(&Room::open()?.seat)
    }
}

real_test! {
    fn who_may_only_look_may_neither_read_nor_enter() -> Result<()> {
        let room = Room::open()?;
        for line in ["logs p", "exec p -- cat", "attach p", "port-forward p :8080"] {
            let said = room.stranger.run(&words(line), "")?;
            assert_eq!((said.code, said.err.contains("forbidden")), (Some(1), true), "{line}: {}", said.err);
        }
        Ok(())
    }
}

real_test! {
    fn exec_carries_streams_and_the_exit_code() -> Result<()> {
        inside::exec(&Room::open()?.seat)
    }
}

real_test! {
    fn exec_in_a_terminal_carries_keys_and_sizes() -> Result<()> {
        inside::exec_in_a_terminal(&Room::open()?.seat)
    }
}

real_test! {
    fn cp_brings_back_what_it_took() -> Result<()> {
        inside::copy(&Room::open()?.seat)
    }
}

real_test! {
    fn port_forward_carries_connections_apart() -> Result<()> {
        inside::forward(&Room::open()?.seat)
    }
}

real_test! {
    fn port_forward_says_why_a_port_is_closed() -> Result<()> {
        for said in inside::forward_to_a_closed_port(&Room::open()?.seat)? {
            assert!(said.contains("error forwarding port 81 to pod") && said.contains("connection refused"), "{said}");
        }
        Ok(())
    }
}
