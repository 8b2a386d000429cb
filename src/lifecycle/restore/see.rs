//! Whether what runs after a restore is what was in the backup, and what in the tenant's pods still speaks of before.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use serde::Deserialize;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::RestoreError;
use super::prepare::Prepared;
use crate::backup::archive::Census;
use crate::cluster::{Cluster, ObjectRef, Resource};
use crate::known::Known;
use crate::lifecycle::pods;
use crate::operation::Progress;
use crate::store::{Range, Store};
use crate::target::Target;
use crate::wire::name;

/// Keys in one page: their values stay away.
const PAGE: i64 = 5000;

/// Kinds whose objects come and go by themselves as soon as anything runs.
const FLEETING: [&str; 8] =
    ["events", "leases", "masterleases", "peerserverleases", "endpoints", "endpointslices", "ranges", "pods"];

/// What was seen after a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Keys that are there.
    pub keys: u64,
    /// Revision of the store now.
    pub revision: i64,
    /// Kinds of which fewer objects are there than in the backup: name, then, now. Only such as come and go by themselves.
    pub fewer: Vec<(SmolStr, u64, u64)>,
    /// Pods of the tenant on the host that were started with another address of its API server; they need a restart to reach it.
    pub stale: Vec<SmolStr>,
    /// Whether tokens of service accounts from before are still signed by the right key.
    pub tokens: Known<bool>,
}

/// Looks at the store that runs by now, and at what runs on the host.
pub(super) async fn see(
    cluster: &Cluster,
    target: &Target,
    store: &Store,
    prepared: &Prepared,
    progress: &Progress,
) -> Result<Checked, RestoreError> {
    let (census, keys, revision) = count(store, progress).await?;
    if revision <= prepared.revision {
        return Err(RestoreError::Differs(format!(
            "the store is at revision {revision}, and {} or later was put in place",
            prepared.revision
        )));
    }
    let fewer = compare(&prepared.counts, &census.into_counts()).map_err(RestoreError::Differs)?;
    Ok(Checked {
        keys,
        revision,
        fewer,
        stale: stale(cluster, target).await?,
        tokens: tokens(cluster, target, prepared.signing_key.as_deref()).await,
    })
}

async fn count(store: &Store, progress: &Progress) -> Result<(Census, u64, i64), RestoreError> {
    let (mut census, mut keys, mut revision) = (Census::default(), 0, 0);
    let mut range = Some(Range { keys_only: true, ..Range::all(PAGE) });
    while let Some(now) = range.take() {
        progress.check()?;
        let page = store.range(&now).await?;
        revision = page.revision;
        keys += page.keys.len() as u64;
        page.keys.iter().for_each(|pair| census.add(&pair.key));
        progress.waiting(format_smolstr!("{keys} keys are there"));
        range = now.after(&page);
    }
    Ok((census, keys, revision))
}

/// Kinds of which there are fewer. A kind that nobody takes away by itself must be there in full.
fn compare(
    backup: &BTreeMap<SmolStr, u64>,
    now: &BTreeMap<SmolStr, u64>,
) -> Result<Vec<(SmolStr, u64, u64)>, String> {
    let mut fewer = Vec::new();
    for (kind, then) in backup {
        let now = now.get(kind).copied().unwrap_or_default();
        if now >= *then {
            continue;
        }
        if now == 0 && !FLEETING.contains(&kind.as_str()) {
            return Err(format!("of {then} {kind} none is there"));
        }
        fewer.push((kind.clone(), *then, now));
    }
    Ok(fewer)
}

#[derive(Deserialize)]
struct Pod {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Meta {
    name: SmolStr,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    containers: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    env: Vec<Variable>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Variable {
    name: SmolStr,
    value: SmolStr,
}

/// Pods that were given another address of the tenant's API server than it has now.
async fn stale(cluster: &Cluster, target: &Target) -> Result<Vec<SmolStr>, RestoreError> {
    let service = ObjectRef::namespaced(Resource::SERVICES, target.namespace.clone(), target.name.clone());
    let read = cluster.get::<Value>(&service).await;
    let read = read.map_err(|failure| cluster.error(format!("read {service}"), failure))?;
    let spec = &read["spec"];
    let listed = spec["clusterIPs"].as_array().into_iter().flatten();
    let addresses: BTreeSet<&str> = listed.chain([&spec["clusterIP"]]).filter_map(Value::as_str).collect();
    let pods: Vec<Pod> = pods::synced_as(cluster, target).await?;
    Ok(pods.into_iter().filter(|pod| is_stale(pod, &addresses)).map(|pod| pod.metadata.name).collect())
}

fn is_stale(pod: &Pod, addresses: &BTreeSet<&str>) -> bool {
    let all = pod.spec.containers.iter().flat_map(|container| &container.env);
    let mut told = all.filter(|it| it.name == "KUBERNETES_SERVICE_HOST" && !it.value.is_empty());
    // Names are looked up anew each time.
    told.any(|it| it.value.parse::<std::net::IpAddr>().is_ok() && !addresses.contains(it.value.as_str()))
}

/// Whether the key that signs tokens is the one of the backup.
async fn tokens(cluster: &Cluster, target: &Target, before: Option<&[u8]>) -> Known<bool> {
    let Some(before) = before else {
        return Known::unknown("the backup holds no keys to compare with");
    };
    let secret = ObjectRef::namespaced(
        Resource::SECRETS,
        target.namespace.clone(),
        name::certificates_secret(&target.name),
    );
    match cluster.get::<Value>(&secret).await {
        Ok(secret) => Known::Yes(signing_key(&secret).as_deref() == Some(before)),
        Err(failure) => Known::unknown(format!("{secret} cannot be read: {failure}")),
    }
}

/// The key by which tokens of service accounts are checked, of the Secret with the keys.
pub(super) fn signing_key(secret: &Value) -> Option<Vec<u8>> {
    let bytes: ByteString = serde_json::from_value(secret["data"]["sa.pub"].clone()).ok()?;
    Some(bytes.0).filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counts(all: &[(&str, u64)]) -> BTreeMap<SmolStr, u64> {
        all.iter().map(|(kind, count)| ((*kind).into(), *count)).collect()
    }

    #[test]
    fn what_nobody_takes_away_must_be_there() {
        let backup = counts(&[("namespaces", 4), ("secrets", 9), ("events", 100), ("pods", 7)]);
        let now = counts(&[("namespaces", 4), ("secrets", 10), ("pods", 6), ("leases", 3)]);
        let fewer = compare(&backup, &now).unwrap();
        assert_eq!(fewer, [("events".into(), 100, 0), ("pods".into(), 7, 6)]);
        let why = compare(&backup, &counts(&[("namespaces", 4)])).unwrap_err();
        assert_eq!(why, "of 9 secrets none is there");
    }

    #[test]
    fn pods_that_were_told_another_address_are_found() {
        let pod = |value: &str| -> Pod {
            let env =
                json!([{"name": "A", "value": "b"}, {"name": "KUBERNETES_SERVICE_HOST", "value": value}]);
            serde_json::from_value(
                json!({"metadata": {"name": "web"}, "spec": {"containers": [{"env": env}]}}),
            )
            .unwrap()
        };
        let addresses = BTreeSet::from(["10.96.0.7", "fd00::7"]);
        for (told, stale) in
            [("10.96.0.7", false), ("fd00::7", false), ("10.96.0.8", true), ("shop.team", false), ("", false)]
        {
            assert_eq!(is_stale(&pod(told), &addresses), stale, "{told}");
        }
    }

    #[test]
    fn the_key_that_signs_tokens_is_found() {
        let secret = json!({"data": {"sa.pub": "a2V5"}});
        assert_eq!(signing_key(&secret), Some(b"key".to_vec()));
        assert_eq!(signing_key(&json!({})), None);
    }
}
