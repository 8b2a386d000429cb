//! The store as the control plane reaches it: kine in its pod, deployed etcd, or what somebody else runs.
//!
//! The place of a store that somebody else runs may hold a password: it is in a Secret, and programs get it by their environment.

use std::collections::BTreeSet;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, Lifecycle, LifecycleHandler, Secret, SecretKeySelector, SleepAction,
    VolumeMount,
};

use super::containers::{self, DATA, DATA_VOLUME, PKI, TMP_VOLUME, flag, mount};
use super::{Blueprint, Object, etcd, images, meta};
use crate::cluster::Resource;
use crate::provision::values::settings::{BackingStore, Confidential, Tls};
use crate::wire::{App, KINE_CONTAINER, name};

/// Where kine answers, to this pod alone.
const LISTENS: &str = "127.0.0.1:2379";
/// For how long kine outlives the other programs of its pod, in seconds: all are told to end at once, the API server does so in
/// two seconds with its store and takes twenty more without.
const OUTLIVES: i64 = 5;
/// Key of the Secret with the place of the store.
const ENDPOINT: &str = "endpoint";
/// Variable with the URLs of external etcd.
const SERVERS: &str = "ETCD_SERVERS";

/// The Secret with the place of the store, where somebody else runs it.
pub(super) fn secret(plan: &Blueprint) -> Option<Object> {
    let place = place(plan)?;
    let secret = Secret {
        metadata: meta::of(plan, App::ControlPlane, name::store_secret(plan.name), None),
        data: Some([(ENDPOINT.to_owned(), ByteString(place.expose().clone().into_bytes()))].into()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    Some(Object::of(Resource::SECRETS, &secret))
}

fn place<'a>(plan: &Blueprint<'a>) -> Option<&'a Confidential<String>> {
    match &plan.settings.control_plane.store {
        BackingStore::ExternalDatabase(database) => Some(&database.data_source),
        BackingStore::ExternalEtcd { endpoint, .. } => Some(endpoint),
        BackingStore::EmbeddedDatabase { .. } | BackingStore::DeployedEtcd(_) => None,
    }
}

fn from_secret(plan: &Blueprint, variable: &str) -> EnvVar {
    EnvVar {
        name: variable.to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: name::store_secret(plan.name),
                key: ENDPOINT.to_owned(),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// Where the API server keeps its objects.
pub(super) fn flags(plan: &Blueprint) -> Vec<String> {
    match &plan.settings.control_plane.store {
        BackingStore::DeployedEtcd(_) => vec![
            flag("etcd-servers", etcd::endpoints(plan)),
            flag("etcd-cafile", format_args!("{PKI}/etcd-ca.crt")),
            flag("etcd-certfile", format_args!("{PKI}/apiserver-etcd-client.crt")),
            flag("etcd-keyfile", format_args!("{PKI}/apiserver-etcd-client.key")),
        ],
        BackingStore::EmbeddedDatabase { .. } | BackingStore::ExternalDatabase(_) => {
            vec![flag("etcd-servers", format_args!("http://{LISTENS}"))]
        }
        BackingStore::ExternalEtcd { tls, .. } => {
            let mut flags = vec![flag("etcd-servers", format_args!("$({SERVERS})"))];
            flags.extend(files(tls, ["etcd-cafile", "etcd-certfile", "etcd-keyfile"]));
            flags
        }
    }
}

/// What the API server needs besides these, to reach its store: variables and mounts.
pub(super) fn reach(plan: &Blueprint) -> (Vec<EnvVar>, Vec<VolumeMount>) {
    match &plan.settings.control_plane.store {
        BackingStore::ExternalEtcd { .. } => (vec![from_secret(plan, SERVERS)], added(plan)),
        _ => (Vec::new(), Vec::new()),
    }
}

/// Mounts that the settings add: files for TLS come by them.
fn added(plan: &Blueprint) -> Vec<VolumeMount> {
    plan.settings.control_plane.workload.persistence.add_volume_mounts.clone()
}

fn files(tls: &Tls, [authority, certificate, key]: [&str; 3]) -> Vec<String> {
    let each = [(authority, &tls.ca_file), (certificate, &tls.cert_file), (key, &tls.key_file)];
    each.into_iter().filter_map(|(name, file)| Some(flag(name, file.as_ref()?))).collect()
}

/// etcd's language for SQLite, and for databases that somebody else runs.
pub(super) fn kine(plan: &Blueprint) -> Option<Container> {
    let mut args = Vec::new();
    let mut env = Vec::new();
    let mut mounts = vec![mount(TMP_VOLUME, "/tmp", false)];
    let extra = match &plan.settings.control_plane.store {
        BackingStore::EmbeddedDatabase { extra_args } => {
            let options = "_journal=WAL&cache=shared&_busy_timeout=30000&_txlock=immediate";
            args.push(flag("endpoint", format_args!("sqlite://{DATA}/state.db?{options}")));
            mounts.insert(0, mount(DATA_VOLUME, DATA, false));
            extra_args
        }
        BackingStore::ExternalDatabase(database) => {
            args.extend(files(&database.tls, ["ca-file", "cert-file", "key-file"]));
            env.push(from_secret(plan, "KINE_ENDPOINT"));
            mounts.extend(added(plan));
            &database.extra_args
        }
        BackingStore::DeployedEtcd(_) | BackingStore::ExternalEtcd { .. } => return None,
    };
    args.extend([flag("listen-address", LISTENS), flag("metrics-bind-address", 0)]);
    args.extend(extra.iter().cloned());
    Some(Container {
        name: KINE_CONTAINER.to_owned(),
        image: Some(images::kine(plan)),
        args: Some(args),
        env: containers::some(env),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction { seconds: OUTLIVES }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        resources: Some(containers::amounts(("20m", "48Mi"), "1Gi")),
        security_context: Some(containers::security(plan)),
        volume_mounts: Some(mounts),
        ..Container::default()
    })
}

/// Ports on which a store that somebody else runs is reached, for those who let nothing else through.
pub(super) fn ports(plan: &Blueprint) -> BTreeSet<u16> {
    let Some(place) = place(plan) else { return BTreeSet::new() };
    place.expose().split(',').filter_map(port).collect()
}

/// The port of a URL, also as MySQL's driver writes it: `mysql://user:password@tcp(host:3306)/name`.
fn port(url: &str) -> Option<u16> {
    let (scheme, rest) = url.trim().split_once("://").unwrap_or(("", url));
    // Of several hosts only the first has the credentials in front, and a password may hold anything.
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let host = host.trim_end_matches(')');
    let given = host.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']'));
    match (given.and_then(|(_, port)| port.parse().ok()), scheme) {
        (Some(port), _) => Some(port),
        (None, "postgres" | "postgresql") => Some(5432),
        (None, "mysql") => Some(3306),
        (None, "nats") => Some(4222),
        (None, "http" | "https") => Some(2379),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_store_is_in_its_url_or_its_kinds_own() {
        for (url, expected) in [
            ("postgres://v9s:p@ss/w:rd@db.example.org:5433/shop?sslmode=require", Some(5433)),
            ("postgres://db.example.org/shop", Some(5432)),
            ("mysql://root:secret@tcp(10.0.0.7:3307)/shop", Some(3307)),
            ("mysql://root:secret@tcp(10.0.0.7)/shop", Some(3306)),
            ("https://etcd-0.example.org:2379", Some(2379)),
            ("https://[fd00::7]:2380", Some(2380)),
            ("https://[fd00::7]", Some(2379)),
            ("nats://n", Some(4222)),
            ("something", None),
        ] {
            assert_eq!(port(url), expected, "{url}");
        }
    }
}
