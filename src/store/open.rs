//! Which store a virtual cluster has, and the way to each process of it.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::client::Door;
use super::dial::{Proof, Way};
use super::{Engine, Kind, Store, StoreError, keys};
use crate::cluster::{Cluster, ObjectRef, ReadError, Resource};
use crate::fleet::config;
use crate::target::{Rest, Target};
use crate::wire::{self, App, label};

/// Port of etcd for clients, in every chart.
const CLIENTS: u16 = 2379;
/// Port of etcd with metrics in plain HTTP, in every chart: of the pod, or of its loopback interface.
const METRICS: u16 = 2381;
/// Flag with the address at which it does.
const LISTENS: &str = "--listen-address=";

/// The store of a virtual cluster, by its configuration and its pods. Nothing is asked of the store itself.
///
/// # Errors
/// When the host does not tell, nothing of it runs, or there is no way to it from outside. A virtual cluster that rests is never
/// woken.
pub async fn open(cluster: &Cluster, target: &Target) -> Result<Store, StoreError> {
    with(cluster, target, settings(cluster, target).await?).await
}

/// The same by settings that were read already.
pub(super) async fn with(
    cluster: &Cluster,
    target: &Target,
    settings: Settings,
) -> Result<Store, StoreError> {
    let vcluster = format_smolstr!("{target}");
    let kind = settings.kind;
    let app = if kind == Kind::DeployedEtcd { App::Etcd } else { App::ControlPlane };
    if kind == Kind::ExternalEtcd {
        return external(cluster, target, &settings, vcluster).await;
    }
    let pods = pods(cluster, target, app).await?;
    if pods.is_empty() {
        return Err(nothing_runs(target, vcluster));
    }
    let patience = cluster.request_timeout();
    let way = |pod: &PodSeen| Way::Pod {
        cluster: Box::new(cluster.clone()),
        namespace: target.namespace.clone(),
        pod: pod.metadata.name.clone(),
    };
    let absent = absent(target, app, &pods);
    let store = |engine, doors, metrics| Store {
        vcluster: vcluster.clone(),
        namespace: target.namespace.clone(),
        kind,
        engine,
        doors,
        absent,
        metrics,
        cluster: Some(cluster.clone()),
        pods: pods.iter().map(PodSeen::place).collect(),
    };
    match kind {
        Kind::DeployedEtcd | Kind::EmbeddedEtcd => {
            let proof: Proof = Some(proof(cluster, target, &vcluster).await?);
            let door = |pod: &PodSeen| {
                Door::new(
                    vcluster.clone(),
                    pod.metadata.name.clone(),
                    way(pod),
                    CLIENTS,
                    proof.clone(),
                    patience,
                )
            };
            Ok(store(Engine::Etcd, pods.iter().map(door).collect(), Some(METRICS)))
        }
        Kind::EmbeddedDatabase | Kind::ExternalDatabase | Kind::ExternalEtcd => {
            let listening: Vec<_> = pods.iter().filter_map(|pod| Some((pod, pod.kine()?))).collect();
            if listening.is_empty() {
                return Err(StoreError::NoWay {
                    vcluster: vcluster.clone(),
                    why: "its kine listens on a socket inside the control plane's container".into(),
                    remedy: "only virtual clusters made by v9s let their kine be asked; of this one its API server can tell",
                });
            }
            let door = |(pod, port): &(&PodSeen, u16)| {
                Door::new(vcluster.clone(), pod.metadata.name.clone(), way(pod), *port, None, patience)
            };
            Ok(store(Engine::Kine, listening.iter().map(door).collect(), None))
        }
    }
}

/// A store behind addresses that this machine reaches without certificates, `HOST:PORT` each.
pub fn of_addresses(vcluster: &str, kind: Kind, addresses: &[String], metrics: Option<u16>) -> Store {
    let engine = match kind {
        Kind::EmbeddedDatabase | Kind::ExternalDatabase => Engine::Kine,
        _ => Engine::Etcd,
    };
    let patience = crate::cluster::ConnectOptions::default().request_timeout;
    let door = |address: &String| {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let port = port.parse().unwrap_or(CLIENTS);
        let way = Way::Address(host.trim_start_matches('[').trim_end_matches(']').to_owned());
        Door::new(vcluster.into(), address.into(), way, port, None, patience)
    };
    let doors = addresses.iter().map(door).collect();
    Store {
        vcluster: vcluster.into(),
        namespace: SmolStr::default(),
        kind,
        engine,
        doors,
        absent: Vec::new(),
        metrics,
        cluster: None,
        pods: Vec::new(),
    }
}

/// etcd of somebody else's, where it can be asked without files that only the control plane's pod has.
async fn external(
    cluster: &Cluster,
    target: &Target,
    settings: &Settings,
    vcluster: SmolStr,
) -> Result<Store, StoreError> {
    let endpoint = match &settings.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => stored_endpoint(cluster, target).await?,
    };
    let plain: Vec<String> =
        endpoint.split(',').filter_map(|url| Some(url.trim().strip_prefix("http://")?.to_owned())).collect();
    if plain.is_empty() || settings.files {
        return Err(StoreError::NoWay {
            vcluster,
            why: "its etcd wants certificates that only the control plane's pod has".into(),
            remedy: "ask whoever runs that etcd; of this virtual cluster its API server can tell",
        });
    }
    Ok(of_addresses(&vcluster, Kind::ExternalEtcd, &plain, None))
}

async fn stored_endpoint(cluster: &Cluster, target: &Target) -> Result<String, StoreError> {
    let data = secret(cluster, target, wire::name::store_secret(&target.name)).await?;
    let endpoint = data.get("endpoint").and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
    endpoint.ok_or_else(|| StoreError::Keys {
        vcluster: format_smolstr!("{target}"),
        what: wire::name::store_secret(&target.name).into(),
        why: "it names no endpoint".into(),
    })
}

/// What the configuration says of the store.
pub(super) struct Settings {
    kind: Kind,
    /// URLs of external etcd, where they stand in the configuration.
    endpoint: Option<String>,
    /// Whether files are named for TLS.
    files: bool,
}

impl Settings {
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }
}

pub(super) async fn settings(cluster: &Cluster, target: &Target) -> Result<Settings, StoreError> {
    let name = wire::name::config_secret(&target.name);
    let data = secret(cluster, target, name.clone()).await?;
    let text = data.get(wire::CONFIG_KEY).map(|bytes| bytes.0.as_slice()).unwrap_or_default();
    let unreadable = || StoreError::Keys {
        vcluster: format_smolstr!("{target}"),
        what: name.clone().into(),
        why: "its configuration cannot be read".into(),
    };
    let kind = config::read(text).ok_or_else(unreadable)?.store;
    let external =
        (kind == Kind::ExternalEtcd).then(|| external_settings(text)).flatten().unwrap_or_default();
    let files = [&external.tls.ca_file, &external.tls.cert_file, &external.tls.key_file];
    let files = files.into_iter().any(|file| file.as_deref().is_some_and(|file| !file.is_empty()));
    Ok(Settings { kind, endpoint: external.endpoint.filter(|it| !it.is_empty()), files })
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct External {
    endpoint: Option<String>,
    tls: Files,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Files {
    ca_file: Option<String>,
    cert_file: Option<String>,
    key_file: Option<String>,
}

fn external_settings(text: &[u8]) -> Option<External> {
    let document: serde_json::Value = serde_saphyr::from_str(std::str::from_utf8(text).ok()?).ok()?;
    let external = document.pointer("/controlPlane/backingStore/etcd/external")?;
    serde_json::from_value(external.clone()).ok()
}

async fn secret(
    cluster: &Cluster,
    target: &Target,
    name: String,
) -> Result<BTreeMap<String, ByteString>, ReadError> {
    #[derive(Deserialize)]
    struct Secret {
        #[serde(default)]
        data: BTreeMap<String, ByteString>,
    }
    let object = ObjectRef::namespaced(Resource::SECRETS, target.namespace.clone(), name);
    let read = cluster.get::<Secret>(&object).await;
    Ok(read.map_err(|failure| cluster.error(format!("read {object}"), failure))?.data)
}

async fn proof(
    cluster: &Cluster,
    target: &Target,
    vcluster: &SmolStr,
) -> Result<std::sync::Arc<rustls::ClientConfig>, StoreError> {
    let name = wire::name::certificates_secret(&target.name);
    let files = secret(cluster, target, name.clone()).await?;
    keys::proof(&files).map_err(|why| StoreError::Keys {
        vcluster: vcluster.clone(),
        what: format_smolstr!("Secret {name}"),
        why,
    })
}

/// As much of a pod as the way to it needs.
#[derive(Deserialize)]
struct PodSeen {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: SmolStr,
    #[serde(default)]
    uid: SmolStr,
    deletion_timestamp: Option<SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: Option<SmolStr>,
    containers: Vec<Container>,
    init_containers: Vec<Container>,
    volumes: Vec<Volume>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Volume {
    persistent_volume_claim: Option<Claim>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Claim {
    claim_name: SmolStr,
}

/// A pod of a store, where it is, and on which volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodPlace {
    pub name: SmolStr,
    pub uid: SmolStr,
    pub node: Option<SmolStr>,
    pub claims: Vec<SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    name: SmolStr,
    args: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    phase: SmolStr,
}

impl PodSeen {
    fn place(&self) -> PodPlace {
        let claims = self.spec.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref());
        PodPlace {
            name: self.metadata.name.clone(),
            uid: self.metadata.uid.clone(),
            node: self.spec.node_name.clone(),
            claims: claims.map(|claim| claim.claim_name.clone()).collect(),
        }
    }

    /// The port of its kine, where that listens on one.
    fn kine(&self) -> Option<u16> {
        let mut all = self.spec.containers.iter().chain(&self.spec.init_containers);
        let kine = all.find(|container| container.name == wire::KINE_CONTAINER)?;
        let address = kine.args.iter().rev().find_map(|arg| arg.strip_prefix(LISTENS))?;
        let address = address.split_once("://").map_or(address, |(_, address)| address);
        address.rsplit_once(':')?.1.parse().ok()
    }
}

/// Pods that run and stay, by name.
async fn pods(cluster: &Cluster, target: &Target, app: App) -> Result<Vec<PodSeen>, ReadError> {
    let selector = format!("{}={},{}={}", label::APP, app.value(), label::RELEASE, target.name);
    let listed = cluster.list::<PodSeen>(&Resource::PODS, Some(&target.namespace), Some(&selector)).await;
    let mut pods = listed
        .map_err(|failure| cluster.error(format!("list the pods of the store of {target}"), failure))?;
    pods.retain(|pod| pod.metadata.deletion_timestamp.is_none() && pod.status.phase == "Running");
    pods.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    Ok(pods)
}

/// Members of a StatefulSet that have no pod that runs.
fn absent(target: &Target, app: App, pods: &[PodSeen]) -> Vec<SmolStr> {
    let set =
        target.parts.iter().find(|part| part.app == app && part.kind == crate::target::Kind::StatefulSet);
    let Some(set) = set else { return Vec::new() };
    let names = (0..set.replicas).map(|ordinal| format_smolstr!("{}-{ordinal}", set.name));
    names.filter(|name| !pods.iter().any(|pod| pod.metadata.name == *name)).collect()
}

fn nothing_runs(target: &Target, vcluster: SmolStr) -> StoreError {
    match target.rest() {
        Some(Rest::Paused(_)) => StoreError::Rests { vcluster, how: "it is paused".into() },
        Some(Rest::Asleep) => StoreError::Rests { vcluster, how: "it sleeps".into() },
        Some(Rest::Restoring) => StoreError::Rests { vcluster, how: "it is being restored".into() },
        Some(Rest::ScaledDown) => StoreError::Rests { vcluster, how: "it is scaled to nothing".into() },
        None => StoreError::NoPods { vcluster, why: "none of them is there and Running".into() },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_port_of_kine_is_the_one_it_was_told_to_listen_at() {
        let pod = |containers: serde_json::Value| -> PodSeen {
            serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": containers})).unwrap()
        };
        let listens = |args: &[&str]| json!({"name": "kine", "args": args});
        for (spec, expected) in [
            (json!({"containers": [listens(&["--listen-address=127.0.0.1:2379"])]}), Some(2379)),
            (json!({"initContainers": [listens(&["--listen-address=http://127.0.0.1:2400"])]}), Some(2400)),
            (
                json!({"containers": [listens(&["--listen-address=127.0.0.1:1", "--listen-address=127.0.0.1:2"])]}),
                Some(2),
            ),
            (json!({"containers": [listens(&["--listen-address=unix:///data/kine.sock"])]}), None),
            (json!({"containers": [listens(&[])]}), None),
            (json!({"containers": [{"name": "syncer"}]}), None),
        ] {
            assert_eq!(pod(spec.clone()).kine(), expected, "{spec}");
        }
    }

    #[test]
    fn what_the_configuration_says_of_external_etcd_is_read() {
        let text = b"controlPlane: {backingStore: {etcd: {external: {enabled: true, endpoint: 'http://a:1,http://b:2', tls: {caFile: /x}}}}}";
        let read = external_settings(text).unwrap();
        assert_eq!(read.endpoint.as_deref(), Some("http://a:1,http://b:2"));
        assert_eq!(read.tls.ca_file.as_deref(), Some("/x"));
        assert!(external_settings(b"a: 1").is_none());
    }
}
