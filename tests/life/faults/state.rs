//! What there is of a virtual cluster on its host, object by object, without what differs by chance or by time.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kube::api::{Api, DynamicObject, ListParams};
use kube::discovery::{Discovery, Scope, verbs};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::room::Room;

/// Kinds that come and go by themselves, under names that nobody chooses.
const DERIVED: [&str; 7] =
    ["ControllerRevision", "EndpointSlice", "Endpoints", "Event", "Lease", "PodMetrics", "ReplicaSet"];
/// Values that differ between any two runs; that they are there is compared.
const CHANGING: [&str; 6] = [
    "loft.sh/paused-date",
    "v9s.io/certificates",
    "v9s.io/certificates-end",
    "v9s.io/expires",
    "clusterIP",
    "vcluster.loft.sh/cert-rotation-at",
];
/// Fields that the host fills in.
const FILLED: [&str; 8] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "clusterIPs",
    "deletionTimestamp",
    "healthCheckNodePort",
];

/// Objects by kind and name.
#[derive(Debug, PartialEq)]
pub struct State(BTreeMap<String, Value>);

/// How far apart two looks are.
const LOOK: Duration = Duration::from_millis(300);
/// So many looks in a row see the same once the host's controllers have come to rest.
const AT_REST: usize = 4;
/// Nobody waits that long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

impl State {
    /// What is there once nothing changes any more.
    pub async fn settled(room: &Room) -> Result<State> {
        let deadline = Instant::now() + PATIENCE;
        let (mut state, mut same) = (State::of(room).await?, 1);
        while same < AT_REST {
            ensure!(Instant::now() < deadline, "it never comes to rest: {:?}", state.0.keys());
            tokio::time::sleep(LOOK).await;
            let now = State::of(room).await?;
            same = if now == state { same + 1 } else { 1 };
            state = now;
        }
        Ok(state)
    }

    /// Waits until what is there is as it should be.
    pub async fn becomes(room: &Room, expected: &State) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let differs = State::of(room).await?.is_like(expected);
            if differs.is_ok() || Instant::now() > deadline {
                return differs;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Everything in its namespace, the namespace, and what is cluster-wide and has to do with it.
    async fn of(room: &Room) -> Result<State> {
        let mut all = BTreeMap::new();
        let found = Discovery::new(room.client.clone()).run().await?;
        for (resource, capabilities) in found.groups().flat_map(|group| group.recommended_resources()) {
            if !capabilities.supports_operation(verbs::LIST) || DERIVED.contains(&resource.kind.as_str()) {
                continue;
            }
            let api: Api<DynamicObject> = match capabilities.scope {
                Scope::Namespaced => Api::namespaced_with(room.client.clone(), &room.namespace, &resource),
                Scope::Cluster => Api::all_with(room.client.clone(), &resource),
            };
            for object in api.list(&ListParams::default()).await.with_context(|| resource.kind.clone())? {
                let mut object = serde_json::to_value(object)?;
                let name =
                    object["metadata"]["name"].as_str().unwrap_or_default().replace(&room.namespace, "NS");
                let its = capabilities.scope == Scope::Namespaced || name.contains("NS");
                if !its || object["metadata"]["deletionTimestamp"].is_string() {
                    continue;
                }
                plain(&resource.kind, &mut object, &room.namespace);
                // How many pods of the control plane there are: their names and hashes are drawn by lot.
                let app = object["metadata"]["labels"]["app"].as_str().filter(|_| resource.kind == "Pod");
                if let Some(app) = app {
                    let count = all.entry(format!("pods of {app}")).or_insert(Value::from(0));
                    *count = (count.as_u64().unwrap_or_default() + 1).into();
                } else {
                    all.insert(format!("{} {name}", resource.kind), object);
                }
            }
        }
        Ok(State(all))
    }

    /// Says what differs.
    fn is_like(&self, expected: &State) -> Result<()> {
        for (place, object) in &expected.0 {
            let found = self.0.get(place).with_context(|| format!("{place} is missing"))?;
            ensure!(found == object, "{place} differs:\n{found:#}\nshould be\n{object:#}");
        }
        let more: Vec<&String> = self.0.keys().filter(|place| !expected.0.contains_key(*place)).collect();
        ensure!(more.is_empty(), "there are also {more:?}");
        Ok(())
    }
}

fn plain(kind: &str, object: &mut Value, namespace: &str) {
    let secret = kind == "Secret";
    if let Some(top) = object.as_object_mut() {
        top.remove("status");
        if let Some(data) = top.get_mut("data").and_then(Value::as_object_mut).filter(|_| secret) {
            blank(data);
        }
    }
    walk(object, namespace);
}

fn walk(value: &mut Value, namespace: &str) {
    match value {
        Value::String(text) => *text = text.replace(namespace, "NS"),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, namespace)),
        Value::Object(map) => {
            map.retain(|key, _| !FILLED.contains(&key.as_str()));
            for (key, value) in map.iter_mut() {
                if CHANGING.contains(&key.as_str()) {
                    *value = "*".into();
                }
                walk(value, namespace);
            }
        }
        _ => {}
    }
}

fn blank(data: &mut Map<String, Value>) {
    data.values_mut().for_each(|value| *value = "*".into());
}
