//! What of a host goes into a backup: the configuration, keys, its own objects, and lists of what is mirrored and of volumes.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::backup::archive::{Coverage, Volumes};
use crate::cluster::read::BothConfigs;
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, ReadError};
use crate::lifecycle::delete::{Found, Role, Whose, survey};
use crate::target::Target;
use crate::wire::{annotation, name};

/// Requests that are under way at a time.
const AT_ONCE: usize = 8;

/// What was found on the host.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// `vcluster.yaml`, with what is secret in it or without.
    pub config: String,
    /// Whether it is there word by word.
    pub config_whole: bool,
    /// Version of Kubernetes that it asks for, where it does.
    pub kubernetes: Option<SmolStr>,
    /// Secrets with certificates and keys; none when they were not wanted.
    pub keys: Vec<Value>,
    /// Its own objects, without Secrets.
    pub own: Vec<Value>,
    /// What is mirrored from inside.
    pub mirrored: Vec<Mirrored>,
    /// Claims of the tenant.
    pub volumes: Vec<VolumeClaim>,
    /// Kinds that could not be looked at, and why.
    pub unseen: Vec<SmolStr>,
}

/// An object that the host has for one of the tenant's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirrored {
    /// API group, empty for the core.
    pub group: SmolStr,
    /// Kind.
    pub kind: SmolStr,
    /// Host namespace, empty for cluster-scoped kinds.
    pub namespace: SmolStr,
    /// Name on the host.
    pub name: SmolStr,
    /// UID on the host.
    pub uid: SmolStr,
    /// Namespace inside, where the host's object says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_namespace: Option<SmolStr>,
    /// Name inside, where the host's object says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_name: Option<SmolStr>,
}

/// A claim of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeClaim {
    /// The claim on the host.
    #[serde(flatten)]
    pub claim: Mirrored,
    /// Whether its data are in the backup.
    pub covered: bool,
}

impl Gathered {
    /// What a backup of this covers.
    pub fn coverage(&self, state: bool) -> Coverage {
        let covered = self.volumes.iter().filter(|volume| volume.covered).count() as u64;
        Coverage {
            state,
            config: self.config_whole,
            keys: !self.keys.is_empty(),
            volumes: Volumes { claims: self.volumes.len() as u64, covered },
        }
    }
}

/// Looks at the host. `keys` are read only for an archive that is encrypted; without them, secrets in the configuration are hidden.
///
/// # Errors
/// When the configuration or the keys cannot be read, or not even be told which objects there are. Single kinds that cannot be listed
/// are told.
pub async fn look(cluster: &Cluster, target: &Target, keys: bool) -> Result<Gathered, ReadError> {
    let (namespace, vcluster) = (target.namespace.as_str(), target.name.as_str());
    let BothConfigs { written, hidden } = cluster.vcluster_config_both(namespace, vcluster).await?;
    let config_whole = keys || hides_nothing(&written, &hidden);
    let mut gathered = Gathered {
        kubernetes: kubernetes(&written),
        config: if config_whole { written } else { hidden },
        config_whole,
        ..Gathered::default()
    };
    let survey = survey(cluster, namespace, vcluster).await?;
    let whose = Whose { namespace, name: vcluster };
    gathered.unseen =
        survey.unseen.iter().map(|(kind, failure)| smol_str::format_smolstr!("{kind}: {failure}")).collect();
    let mut own = Vec::new();
    let outside = survey.outside.into_iter().filter_map(|found| Some((whose.cluster_role(&found)?, found)));
    for (role, found) in whose.sort(survey.inside, &survey.deleted).into_iter().chain(outside) {
        match role {
            Role::Synced => {
                let mirrored = mirrored(&found);
                if found.resource.group.is_empty() && found.resource.kind == "PersistentVolumeClaim" {
                    gathered.volumes.push(VolumeClaim { claim: mirrored.clone(), covered: false });
                }
                gathered.mirrored.push(mirrored);
            }
            Role::Workload | Role::Own if is_made(&found) => own.push(found.object()),
            _ => {}
        }
    }
    gathered.own = objects(cluster, own).await?;
    if keys {
        let secrets = [name::certificates_secret(vcluster), name::store_secret(vcluster)];
        let secrets = secrets
            .into_iter()
            .map(|secret| ObjectRef::namespaced(crate::cluster::Resource::SECRETS, namespace, secret));
        gathered.keys = objects(cluster, secrets.collect()).await?;
    }
    Ok(gathered)
}

/// Whether the configuration for people's eyes says the same as the one that is deployed.
fn hides_nothing(written: &str, hidden: &str) -> bool {
    let tree = |text: &str| serde_saphyr::from_str::<Value>(text).ok();
    let (written, hidden) = (tree(written), tree(hidden));
    written.is_some() && written == hidden
}

/// The version that a configuration names, as `v9s create` writes it.
pub(crate) fn kubernetes(config: &str) -> Option<SmolStr> {
    let tree: Value = serde_saphyr::from_str(config).ok()?;
    let k8s = tree.pointer("/controlPlane/distro/k8s")?;
    let named = [k8s.get("version"), k8s.pointer("/image/tag")].into_iter().flatten();
    named.filter_map(Value::as_str).find(|version| !version.is_empty()).map(SmolStr::new)
}

/// What somebody made for it, and not what comes and goes by itself. Secrets have their own part.
fn is_made(found: &Found) -> bool {
    !matches!(
        (found.resource.group.as_str(), found.resource.kind.as_str()),
        ("", "Secret" | "Pod" | "Event" | "Endpoints")
            | ("coordination.k8s.io", "Lease")
            | ("apps", "ControllerRevision" | "ReplicaSet")
            | ("discovery.k8s.io", "EndpointSlice")
    )
}

fn mirrored(found: &Found) -> Mirrored {
    let annotation = |key: &str| found.meta.annotations.get(key).filter(|value| !value.is_empty()).cloned();
    Mirrored {
        group: found.resource.group.clone(),
        kind: found.resource.kind.clone(),
        namespace: found.meta.namespace.clone(),
        name: found.meta.name.clone(),
        uid: found.meta.uid.clone(),
        virtual_namespace: annotation(annotation::OBJECT_NAMESPACE),
        virtual_name: annotation(annotation::OBJECT_NAME),
    }
}

/// The objects as the server has them, in the same order; those that are gone by now are left out.
async fn objects(cluster: &Cluster, all: Vec<ObjectRef>) -> Result<Vec<Value>, ReadError> {
    let found: Vec<Option<Value>> = stream::iter(all)
        .map(|object| async move {
            match cluster.get::<Value>(&object).await {
                Ok(value) => Ok(Some(tidy(value))),
                Err(Failure { kind: FailureKind::NotFound, .. }) => Ok(None),
                Err(failure) => Err(cluster.error(format!("read {object}"), failure)),
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Without the record of who wrote which field, which is long and of no use.
fn tidy(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_without_secrets_is_the_same_for_everybody() {
        assert!(hides_nothing("a: 1\nb:\n  - c # with a comment\n", "a: 1\nb: [c]\n"));
        assert!(!hides_nothing("password: hunter2\n", "password: '***'\n"));
        assert!(!hides_nothing("a: [", "a: ["), "what is not understood is not given out");
    }

    #[test]
    fn volumes_are_listed_and_none_is_covered() {
        let claim = Mirrored {
            group: "".into(),
            kind: "PersistentVolumeClaim".into(),
            namespace: "team".into(),
            name: "data-x-web-x-shop".into(),
            uid: "u".into(),
            virtual_namespace: Some("web".into()),
            virtual_name: Some("data".into()),
        };
        let volume = VolumeClaim { claim, covered: false };
        let gathered =
            Gathered { volumes: vec![volume.clone(); 9], config_whole: true, ..Gathered::default() };
        assert_eq!(gathered.coverage(true).sentence(false), "state ✓ config ✓ keys ✗ volumes 0/9");
        let line = serde_json::to_value(&volume).unwrap();
        assert_eq!((&line["covered"], &line["virtualName"]), (&Value::Bool(false), &Value::from("data")));
    }
}
