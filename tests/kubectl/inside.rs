//! What needs a node, which the real host of these tests has not: on the embedded host alone. kubectl comes with the
//! real one all the same, so these tests are ignored where that cannot be had.

use anyhow::{Context as _, Result};
use serde_json::json;
use std::sync::Arc;
use v9s_testkit::host::{Host, Needs};
use v9s_testkit::inside;
use v9s_testkit::real_test;
use v9s_testkit::rooms::Rooms;
use v9s_testkit::seat::Seat;

/// A host with a pod `p` on a node, and kubectl in its namespace.
struct Room {
    _runtime: tokio::runtime::Runtime,
    _host: Host,
    seat: Seat,
}

impl Room {
    fn open() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (host, seat) = runtime.block_on(async {
            let host = Host::embedded(Needs::NONE).await?;
            host.sandbox().context("the embedded host")?.api().set_runtime(Arc::new(Rooms::default()));
            let namespace = host.namespace("inside").await?;
            host.seed(&[json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace},
                "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i", "tty": true, "stdin": true,
                    "ports": [{"containerPort": 8080}]}]},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
            })])
            .await?;
            let seat = Seat::new(&host.kubeconfig, &namespace)?;
            anyhow::Ok((host, seat))
        })?;
        Ok(Self { _runtime: runtime, _host: host, seat })
    }
}

real_test! {
    fn logs_on_the_embedded_host_are_cut_stamped_and_followed() -> Result<()> {
        inside::logs(&Room::open()?.seat)
    }
}

real_test! {
    fn exec_on_the_embedded_host_carries_streams_and_the_exit_code() -> Result<()> {
        inside::exec(&Room::open()?.seat)
    }
}

real_test! {
    fn exec_in_a_terminal_on_the_embedded_host_carries_keys_and_sizes() -> Result<()> {
        inside::exec_in_a_terminal(&Room::open()?.seat)
    }
}

real_test! {
    fn cp_on_the_embedded_host_brings_back_what_it_took() -> Result<()> {
        inside::copy(&Room::open()?.seat)
    }
}

real_test! {
    fn port_forward_on_the_embedded_host_carries_connections() -> Result<()> {
        inside::forward(&Room::open()?.seat)
    }
}

real_test! {
    fn port_forward_on_the_embedded_host_says_why_a_port_is_closed() -> Result<()> {
        for said in inside::forward_to_a_closed_port(&Room::open()?.seat)? {
            assert!(said.contains("error forwarding port 81 to pod p: connection refused"), "{said}");
        }
        Ok(())
    }
}
