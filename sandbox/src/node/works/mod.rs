//! What really runs in the containers: programs of the embedding one, and nested API servers.
//!
//! The nodes play their pods by the clock and by what the status says; only here something is kept. The `programs`
//! controller starts and stops what is to run, the kubelets ask what has become of it.

mod disk;
mod environment;
mod files;
mod nested;
mod program;
mod start;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use serde_json::Value;
use smol_str::SmolStr;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::Hand;
use super::behaviour::{Behaviour, Container, Exit, Run};
use crate::controllers::{Key, PODS, SERVICES};
use crate::http::Tokens;
use crate::runtime::LogLine;
use crate::sandbox::{Data, Sandbox};
use crate::store::{Gr, Health, Store};
use crate::tls::Signer;
use disk::{Disk, mounts};
pub use nested::ControlPlane;
use program::Output;
pub use program::{Access, Process, Program};

/// The way to the API server of the host, for programs.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) tokens: Tokens,
    pub(crate) url: String,
    pub(crate) authority: String,
    pub(crate) context: String,
    /// Who signs certificates of clients; none where the authority's key is with somebody else.
    pub(crate) signer: Option<Arc<Signer>>,
}

/// A container, by the UID of its pod and its name.
type Id = (SmolStr, SmolStr);

fn id(uid: &str, container: &str) -> Id {
    (uid.into(), container.into())
}

/// What runs in a container.
struct Instance {
    pod: Key,
    restarts: i64,
    stop: CancellationToken,
    task: Option<AbortHandle>,
    output: Output,
    /// The log of the instance before.
    previous: Option<Output>,
    ready: Option<bool>,
    ended: bool,
    nested: Option<Arc<Sandbox>>,
    disk: Option<Disk>,
    /// The port of the pod that leads to the nested API server.
    port: u16,
}

/// The registry. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Works(Arc<Inner>);

struct Inner {
    store: Store,
    hand: Hand,
    /// Where tasks run; none in tests that turn a host by hand.
    runtime: Option<Handle>,
    door: Option<Door>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    instances: HashMap<Id, Instance>,
    disks: HashMap<Disk, Data>,
    /// Claims on which nothing can be written any more.
    full: HashSet<Key>,
}

impl std::fmt::Debug for Works {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Works({} containers)", self.state().instances.len())
    }
}

impl Works {
    pub(crate) fn new(store: Store, hand: Hand, door: Option<Door>) -> Self {
        let runtime = Handle::try_current().ok();
        Works(Arc::new(Inner { store, hand, runtime, door, state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A container's behaviour, given what has become of what runs in it.
    pub(super) fn adjust(&self, container: &Container<'_>, mut behaviour: Behaviour) -> Behaviour {
        let state = self.state();
        let instance = state.instances.get(&id(container.uid, container.name));
        let on_disk = instance.is_some_and(|instance| instance.disk.is_some());
        if let Some(instance) = instance {
            // What the instance before had said does not hold for one that has still to start.
            let ready = match instance.restarts == container.restarts {
                true => instance.ready,
                false => instance.ready.and(Some(false)),
            };
            match ready {
                Some(true) => behaviour.ready = Some(std::time::Duration::ZERO),
                Some(false) => behaviour.ready = None,
                None => {}
            }
        }
        let stuck = state.full.iter().any(|claim| claim.namespace == container.namespace);
        drop(state);
        if stuck && !on_disk && self.is_stuck(container) {
            behaviour.run = Run::Exits { after: std::time::Duration::from_secs(2), exit: no_space() };
            behaviour.log.closing.push("write failed: no space left on device".to_owned());
        }
        behaviour
    }

    /// Whether a container mounts a claim that is full.
    fn is_stuck(&self, container: &Container<'_>) -> bool {
        let Some(pod) = self.0.store.find(&Gr::core("pods"), Some(container.namespace), container.pod) else {
            return false;
        };
        let pod = pod.value();
        let specs = pod["spec"]["containers"].as_array().into_iter().flatten();
        let Some(spec) = specs.into_iter().find(|spec| spec["name"] == container.name) else { return false };
        let state = self.state();
        let mut full = state.full.iter().filter(|claim| claim.namespace == container.namespace);
        full.any(|claim| mounts(&pod, spec, &claim.name))
    }

    /// Fills a claim, or makes room on it again.
    pub(super) fn fill(&self, claim: &Key, full: bool) {
        let claimed = disk::claimed(&self.0.store, &claim.namespace, &claim.name);
        let mut state = self.state();
        match full {
            true => state.full.insert(claim.clone()),
            false => state.full.remove(claim),
        };
        if let Some(data) = claimed.and_then(|disk| state.disks.get(&disk)) {
            data.store.set_health(if full { Health::Full } else { Health::Sound });
        }
    }

    /// The API server that runs in a pod.
    pub(crate) fn nested(&self, namespace: &str, pod: &str) -> Option<Arc<Sandbox>> {
        let key = Key::new(namespace, pod);
        let state = self.state();
        let mut of_pod = state.instances.values().filter(|instance| instance.pod == key && !instance.ended);
        of_pod.find_map(|instance| instance.nested.clone())
    }

    /// The API server that runs in a pod behind the Service with this address.
    pub(super) fn behind(&self, address: &str) -> Option<Arc<Sandbox>> {
        let services = self.0.store.all(&SERVICES, None);
        let service = services.iter().map(|service| service.value()).find(|service| {
            service["spec"]["clusterIPs"].as_array().is_some_and(|all| all.iter().any(|one| one == address))
        })?;
        let selector = service["spec"]["selector"].as_object().filter(|selector| !selector.is_empty())?;
        let pods = self.0.store.all(&PODS, service["metadata"]["namespace"].as_str());
        let selected =
            |pod: &Value| selector.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value);
        pods.iter().map(|pod| pod.value()).filter(|pod| selected(pod)).find_map(|pod| {
            let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
            self.nested(text("namespace"), text("name"))
        })
    }

    /// Where the nested API server of a pod answers, if this port leads to it.
    pub(super) fn address(&self, namespace: &str, pod: &str, port: u16) -> Option<std::net::SocketAddr> {
        let key = Key::new(namespace, pod);
        let state = self.state();
        let found = state.instances.values().find(|instance| instance.pod == key && instance.port == port)?;
        found.nested.as_ref().map(|nested| nested.address())
    }

    /// The log of a program; None where the container runs none.
    pub(super) fn log(
        &self,
        uid: &str,
        container: &str,
        previous: bool,
        tail: Option<usize>,
        since: Option<DateTime<Utc>>,
        follow: bool,
    ) -> Option<BoxStream<'static, LogLine>> {
        let state = self.state();
        let instance = state.instances.get(&id(uid, container))?;
        match previous {
            true => Some(instance.previous.as_ref()?.read(tail, since, false)),
            false => Some(instance.output.read(tail, since, follow)),
        }
    }

    /// Whether something still runs in a pod that is being stopped.
    pub(super) fn is_busy(&self, uid: &str) -> bool {
        let state = self.state();
        state.instances.iter().any(|((of, _), instance)| of == uid && !instance.ended)
    }

    pub(super) fn set_ready(&self, process: &Process, ready: bool) {
        let mut state = self.state();
        let id = id(process.uid(), &process.container);
        let current = state.instances.get_mut(&id).filter(|instance| instance.restarts == process.restarts);
        let Some(instance) = current else { return };
        if instance.ready.replace(ready) != Some(ready) {
            self.0.hand.look(process.namespace(), process.pod_name());
        }
    }

    /// Tells everything in a pod to stop.
    pub(super) fn stop(&self, uid: &str) {
        let state = self.state();
        for (_, instance) in state.instances.iter().filter(|((of, _), _)| of == uid) {
            instance.stop.cancel();
        }
    }

    /// A container does not run any more, or as another instance: what is left of this one is killed.
    pub(super) fn kill(&self, uid: &str, container: &str) {
        let mut state = self.state();
        if let Some(instance) = state.instances.get_mut(&id(uid, container)) {
            instance.kill();
        }
    }

    /// Kills all that runs in a pod.
    pub(super) fn kill_pod(&self, uid: &str) {
        let mut state = self.state();
        state.instances.iter_mut().filter(|((of, _), _)| of == uid).for_each(|(_, instance)| instance.kill());
    }

    /// A pod is gone, and with it all that was only its own.
    pub(super) fn forget_pod(&self, uid: &str) {
        let mut state = self.state();
        state.instances.retain(|(of, _), instance| {
            if of == uid {
                instance.kill();
            }
            of != uid
        });
        state.disks.retain(|disk, _| {
            !matches!(disk, Disk::Pod { uid: of, .. } | Disk::Container { uid: of, .. } if of == uid)
        });
    }

    /// A claim or a volume is gone, and with it what was on it.
    pub(super) fn forget_disk(&self, gone: &str, claim: Option<&Key>) {
        let mut state = self.state();
        state
            .disks
            .retain(|disk, _| !matches!(disk, Disk::Claim { uid } | Disk::Volume { uid } if uid == gone));
        if let Some(claim) = claim {
            state.full.remove(claim);
        }
    }

    /// Ends everything.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.instances.values_mut().for_each(Instance::kill);
        state.disks.clear();
    }
}

impl Instance {
    fn end(&mut self) {
        self.ended = true;
        // Whatever comes after it has to say so anew.
        self.ready = self.ready.and(Some(false));
        self.nested = None;
        self.output.end();
    }

    fn kill(&mut self) {
        self.stop.cancel();
        if let Some(nested) = self.nested.take() {
            nested.shut_down();
        }
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.end();
    }
}

/// What a container dies of that cannot write.
fn no_space() -> Exit {
    Exit { message: "write failed: no space left on device".to_owned(), ..Exit::code(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::host;

    #[test]
    fn what_an_instance_said_of_itself_does_not_hold_for_the_next() {
        let host = host();
        let works = Works::new(host.store().clone(), Hand::default(), None);
        // Restarts of the instance, whether it said that it is ready; restarts of the container; when that is ready, if a rule
        // says at once.
        let at_once = Some(std::time::Duration::ZERO);
        let cases = [
            (0, Some(true), 0, at_once),
            (0, Some(false), 0, None),
            (0, None, 0, at_once),
            (0, Some(true), 1, None),
            (0, Some(false), 1, None),
            (0, None, 1, at_once),
            (1, Some(true), 1, at_once),
        ];
        for (restarts, ready, now, expected) in cases {
            let instance = Instance {
                pod: Key::new("default", "vc"),
                restarts,
                stop: CancellationToken::new(),
                task: None,
                output: Output::new(host.store().clock().clone()),
                previous: None,
                ready,
                ended: false,
                nested: None,
                disk: None,
                port: 0,
            };
            works.state().instances.insert(id("u", "c"), instance);
            let container = Container {
                namespace: "default",
                pod: "vc",
                uid: "u",
                labels: &[],
                name: "c",
                image: "i",
                init: false,
                once: false,
                restarts: now,
            };
            let behaviour = Behaviour { ready: at_once, ..Behaviour::default() };
            let told = works.adjust(&container, behaviour).ready;
            assert_eq!(told, expected, "instance {restarts} said {ready:?}, container {now}");
        }
    }
}
