//! Starting what a container runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::disk::{Disk, disk};
use super::environment;
use super::nested::ControlPlane;
use super::program::{Access, Output, Process};
use super::{Instance, Works, id};
use crate::controllers::{CONFIG_MAPS, Key, SECRETS, SERVICE_ACCOUNTS};
use crate::http::issue;
use crate::node::behaviour::{Exit, Work};
use crate::store::Health;
use crate::tls::{self, Certificates};

impl Works {
    /// Starts what a container runs, unless it runs already.
    pub(in crate::node) fn start(&self, pod: &Arc<Value>, spec: &Value, restarts: i64, work: &Work) {
        let Some(runtime) = self.0.runtime.clone() else { return };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (uid, container) = (text(&pod["metadata"]["uid"]), text(&spec["name"]));
        let id = id(&uid, &container);
        let key = Key::new(text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]));
        let mut state = self.state();
        let before = state.instances.get(&id);
        if before.is_some_and(|before| before.restarts >= restarts) {
            return;
        }
        let previous = before.map(|before| before.output.clone());
        if let Some(mut before) = state.instances.remove(&id) {
            before.kill();
        }
        let process = Process {
            pod: Arc::clone(pod),
            container,
            restarts,
            arguments: arguments(spec),
            environment: self.environment(pod, spec, &key),
            access: self.access(pod, &key),
            stop: CancellationToken::new(),
            output: Output::new(self.0.store.clock().clone()),
            works: self.clone(),
        };
        let mut instance = Instance {
            pod: key,
            restarts,
            stop: process.stop.clone(),
            task: None,
            output: process.output.clone(),
            previous,
            ready: None,
            ended: false,
            nested: None,
            disk: None,
            port: 0,
        };
        let task = match work {
            Work::Program(program) => {
                let program = program.clone();
                runtime.spawn(async move {
                    let code = program.start(process.clone()).await;
                    process.works.ended(&process, &Exit::code(code));
                })
            }
            Work::ControlPlane(plane) => {
                instance.port = plane.port;
                let disk = disk(&self.0.store, pod, spec, restarts, &plane.data);
                instance.disk = Some(disk.clone());
                let plane = plane.clone();
                runtime.spawn(async move { process.works.clone().serve(process, plane, disk).await })
            }
        };
        instance.task = Some(task.abort_handle());
        let again = instance.previous.is_some();
        let pod = instance.pod.clone();
        state.instances.insert(id, instance);
        drop(state);
        if again {
            self.0.hand.look(&pod.namespace, &pod.name);
        }
    }

    /// Runs an API server until it is told to stop.
    async fn serve(self, process: Process, plane: ControlPlane, disk: Disk) {
        let data = self.state().disks.get(&disk).cloned();
        process.log(match &data {
            Some(_) => format!("opening the store in {}", plane.data),
            None => format!("a new store in {}", plane.data),
        });
        let store = &self.0.store;
        let context = process.pod_name().to_owned();
        let certificates = certificates(&process);
        let chance = store.chance().clone();
        let started = plane.start(context, store.clock().clone(), chance, data, certificates).await;
        let sandbox = match started {
            Ok(sandbox) => Arc::new(sandbox),
            Err(error) => {
                process.log(error.to_string());
                return self.ended(&process, &Exit::code(1));
            }
        };
        process.log(format!("serving on port {}", plane.port));
        {
            let mut state = self.state();
            let id = id(process.uid(), &process.container);
            let current = state.instances.get_mut(&id);
            let Some(instance) = current.filter(|it| it.restarts == process.restarts && !it.ended) else {
                // Killed while it started.
                return sandbox.shut_down();
            };
            instance.nested = Some(Arc::clone(&sandbox));
            state.disks.insert(disk, sandbox.data());
        }
        let mut health = sandbox.store().health_changes();
        loop {
            let healthy = *health.borrow_and_update() != Health::Corrupt;
            if !healthy {
                process.log("readiness: the store is corrupt");
            }
            process.set_ready(healthy);
            tokio::select! {
                () = process.stop.cancelled() => break,
                changed = health.changed() => if changed.is_err() { break },
            }
        }
        process.log("stopping");
        sandbox.shut_down();
        self.ended(&process, &Exit::code(0));
    }

    /// Takes note that an instance has ended by itself.
    fn ended(&self, process: &Process, exit: &Exit) {
        let id = id(process.uid(), &process.container);
        let mut state = self.state();
        let current = state.instances.get_mut(&id).filter(|instance| instance.restarts == process.restarts);
        let Some(instance) = current else { return };
        instance.end();
        drop(state);
        let (namespace, pod) = (process.namespace(), process.pod_name());
        self.0.hand.exit_of(namespace, pod, process.uid(), &process.container, exit.clone());
    }

    fn environment(&self, pod: &Value, spec: &Value, key: &Key) -> BTreeMap<String, String> {
        let lookup = |resource: &str, name: &str| {
            let gr = if resource == "secrets" { &SECRETS } else { &CONFIG_MAPS };
            self.0.store.find(gr, key.namespace(), name).map(|object| object.value())
        };
        environment::environment(pod, spec, &lookup)
    }

    /// A token of the pod's service account.
    fn access(&self, pod: &Value, key: &Key) -> Option<Access> {
        let door = self.0.door.as_ref()?;
        let account =
            pod["spec"]["serviceAccountName"].as_str().filter(|name| !name.is_empty()).unwrap_or("default");
        let account = self.0.store.find(&SERVICE_ACCOUNTS, key.namespace(), account)?;
        let token = issue(&self.0.store, &door.tokens, &account, TimeDelta::days(365), &[], None).token;
        let config = tls::kubeconfig(&door.context, &door.url, &door.authority, &token);
        // JSON is YAML, and every client reads it.
        let kubeconfig = serde_saphyr::to_string(&config).unwrap_or_else(|_| config.to_string());
        Some(Access { token, kubeconfig })
    }
}

/// What a kube-apiserver is told to serve with; None unless it is all there.
fn certificates(process: &Process) -> Option<Certificates> {
    let file = |flag: &str| {
        let flag = format!("--{flag}=");
        process.file(process.arguments.iter().find_map(|word| word.strip_prefix(&flag))?)
    };
    Some(Certificates {
        serving: file("tls-cert-file")?,
        key: file("tls-private-key-file")?,
        clients: file("client-ca-file")?,
    })
}

fn arguments(spec: &Value) -> Vec<String> {
    let lists = [&spec["command"], &spec["args"]];
    let words = lists.into_iter().filter_map(Value::as_array).flatten();
    words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}
