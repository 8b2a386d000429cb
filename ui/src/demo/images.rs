//! What runs in the demo's containers: healthy ones, those that are in trouble, and what they log.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use v9s::wire::{self, App as Part, label};
use v9s_sandbox::node::{Behaviour, Container, Exit, Images, Log, Pull, Run};

use super::company::Estate;
use super::spec::{Fate, Standing};
use super::works;

/// What is in trouble on one host. Everything else is well.
#[derive(Debug, Default)]
struct Troubles {
    /// Applications: host namespace, virtual cluster, virtual namespace, name.
    apps: HashMap<[String; 4], Fate>,
    /// Virtual clusters whose store is killed again and again: host namespace, name.
    stores: HashSet<[String; 2]>,
}

/// The rules for the images of an estate.
pub fn images(estate: &Estate) -> Images {
    let troubles = Arc::new(Troubles::of(estate));
    works::images().on("*", move |container| troubles.behaviour(container))
}

impl Troubles {
    fn of(estate: &Estate) -> Self {
        let mut troubles = Troubles::default();
        for tenant in &estate.tenants {
            if matches!(tenant.standing, Standing::StoreCrashing { .. }) {
                troubles.stores.insert([tenant.namespace.clone(), tenant.name.clone()]);
            }
            for app in &tenant.apps {
                if matches!(app.fate, Fate::ImagePull | Fate::CrashLoop { .. }) {
                    let key = [&tenant.namespace, &tenant.name, &app.namespace, &app.name].map(String::clone);
                    troubles.apps.insert(key, app.fate);
                }
            }
        }
        troubles
    }

    fn behaviour(&self, container: &Container<'_>) -> Behaviour {
        let usual = Behaviour::unknown(container);
        if container.init {
            return usual;
        }
        let label = |key: &str| container.label(key).unwrap_or_default();
        if let Some(part) = Part::of(label(label::APP)) {
            let key = [container.namespace, label(label::RELEASE)].map(str::to_owned);
            return control_plane(part, container.name, self.stores.contains(&key), usual);
        }
        let key = [container.namespace, label(label::MANAGED_BY), label(label::NAMESPACE), container.name]
            .map(str::to_owned);
        let log = application_log(container.name);
        match self.apps.get(&key) {
            Some(Fate::ImagePull) => Behaviour {
                pull: Pull::Fails(format!("failed to resolve reference \"{}\": not found", container.image)),
                ..usual
            },
            Some(Fate::CrashLoop { oom: true, .. }) => Behaviour {
                run: exits(14, Exit::out_of_memory()),
                log: Log::repeating(
                    &["loading model", "model loaded, 1.9 GiB"],
                    Duration::from_secs(3),
                    &["batch prefetched", "cache grew to 2.1 GiB"],
                ),
                ..usual
            },
            Some(Fate::CrashLoop { .. }) => Behaviour {
                run: exits(5, Exit::code(1)),
                log: Log {
                    closing: vec!["fatal: cannot reach database: connection refused".to_owned()],
                    ..Log::repeating(&["starting"], Duration::ZERO, &[])
                },
                ..usual
            },
            _ => Behaviour { log, ..usual },
        }
    }
}

fn exits(after: u64, exit: Exit) -> Run {
    Run::Exits { after: Duration::from_secs(after), exit }
}

/// The syncer or a member of a deployed etcd.
fn control_plane(part: Part, name: &str, sick: bool, usual: Behaviour) -> Behaviour {
    match (part, sick) {
        (Part::Etcd, false) => Behaviour { log: etcd_log(), ..usual },
        (Part::Etcd, true) => Behaviour {
            ready: None,
            run: exits(25, Exit::out_of_memory()),
            log: Log::repeating(
                &["starting etcd version=3.6.8", "recovered store from snapshot size=1.9 GB"],
                Duration::from_secs(4),
                &["apply request took too long took=2.31s", "slow fdatasync took=1.44s"],
            ),
            ..usual
        },
        (_, true) if name == wire::SYNCER_CONTAINER => Behaviour {
            ready: None,
            run: exits(40, Exit::code(1)),
            log: Log {
                closing: vec!["fatal: etcd is not reachable: context deadline exceeded".to_owned()],
                ..Log::repeating(
                    &["starting the control plane"],
                    Duration::from_secs(5),
                    &["waiting for etcd: dial tcp: connection refused"],
                )
            },
            ..usual
        },
        _ => Behaviour { ready: Some(Duration::from_secs(6)), log: syncer_log(), ..usual },
    }
}

fn syncer_log() -> Log {
    Log::repeating(
        &[
            "starting the control plane",
            "kube-apiserver is ready",
            "successfully acquired the lease",
            "starting the controllers of all synced kinds",
        ],
        Duration::from_secs(9),
        &[
            "pods: reconciled, created on the host",
            "configmaps: reconciled, no change",
            "endpointslices: reconciled, updated on the host",
            "pods: reconciled, status copied back",
            "services: reconciled, no change",
        ],
    )
}

fn etcd_log() -> Log {
    Log::repeating(
        &["starting etcd version=3.6.8", "elected leader term=4", "ready to serve client requests"],
        Duration::from_secs(30),
        &["finished scheduled compaction took=18ms", "compact tree index revision=81204"],
    )
}

fn application_log(name: &str) -> Log {
    let (opening, lines): (&[&str], &'static [&'static str]) = match name {
        "coredns" => (&[".:1053", "CoreDNS-1.14.2"], &["[INFO] plugin/reload: Running configuration"]),
        "postgres" => (
            &["database system is ready to accept connections"],
            &["checkpoint starting: time", "checkpoint complete: wrote 41 buffers"],
        ),
        "worker" => (
            &["connected to queue", "4 consumers started"],
            &["job done id=8831 took=212ms", "job done id=8832 took=96ms", "job retried id=8829 attempt=2"],
        ),
        _ => (
            &["starting", "configuration loaded", "listening on :8080"],
            &[
                "GET /healthz 200 1ms",
                "GET /api/items?page=2 200 14ms",
                "POST /api/items 201 31ms",
                "GET /api/items/77 404 3ms",
            ],
        ),
    };
    Log::repeating(opening, Duration::from_secs(7), lines)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use smol_str::SmolStr;

    use super::*;
    use crate::demo::company::estates;
    use crate::demo::objects::{Maker, Setting};
    use crate::demo::seed::Seed;

    #[test]
    fn pods_do_what_their_description_says() {
        let now = DateTime::from_timestamp(1_794_000_000, 0).unwrap();
        let setting = Setting { now, nodes: vec!["node-1".to_owned()], managed_fields: false };
        for estate in estates(Seed::new(1), now) {
            let troubles = Troubles::of(&estate);
            for tenant in &estate.tenants {
                let maker = Maker::new(tenant, &setting);
                for pod in tenant.pods().filter(|pod| pod.stray.is_none()) {
                    let object = maker.pod(&pod, &maker.planned_owner());
                    let labels: Vec<(SmolStr, SmolStr)> = object["metadata"]["labels"]
                        .as_object()
                        .unwrap()
                        .iter()
                        .map(|(key, value)| (key.into(), value.as_str().unwrap().into()))
                        .collect();
                    let container = Container {
                        namespace: &tenant.namespace,
                        pod: &pod.name,
                        uid: "u",
                        labels: &labels,
                        name: object["spec"]["containers"][0]["name"].as_str().unwrap(),
                        image: &pod.app.image,
                        init: false,
                        once: false,
                        restarts: 0,
                    };
                    let does = troubles.behaviour(&container);
                    let crashes = matches!(does.run, Run::Exits { .. });
                    assert_eq!(crashes, matches!(pod.fate, Fate::CrashLoop { .. }), "{}", pod.name);
                    let unpullable = matches!(does.pull, Pull::Fails(_));
                    assert_eq!(unpullable, pod.fate == Fate::ImagePull, "{}", pod.name);
                }
            }
        }
    }

    #[test]
    fn only_a_sick_store_takes_its_control_plane_down() {
        for sick in [false, true] {
            let syncer = control_plane(Part::ControlPlane, "syncer", sick, Behaviour::default());
            let etcd = control_plane(Part::Etcd, "etcd", sick, Behaviour::default());
            for behaviour in [syncer, etcd] {
                assert_eq!(matches!(behaviour.run, Run::Exits { .. }), sick);
                assert_eq!(behaviour.ready.is_none(), sick);
            }
        }
    }
}
