//! Objects as text: YAML as a person reads it, secrets hidden.

use serde::Deserialize;
use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::ReadError;
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use crate::secrecy;
use crate::wire;

/// How an object is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct YamlOptions {
    /// With `metadata.managedFields`, which are half of most objects and of little use to a person.
    pub managed_fields: bool,
}

/// One container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerInfo {
    /// Its name.
    pub name: SmolStr,
    /// Whether it runs before the others.
    pub init: bool,
    /// Whether the log before its last restart can be had.
    pub restarted: bool,
}

#[derive(Deserialize)]
struct ConfigSecret {
    #[serde(default)]
    data: std::collections::BTreeMap<String, k8s_openapi::ByteString>,
}

/// The configuration of a virtual cluster in two ways.
#[cfg(feature = "backup")]
pub(crate) struct BothConfigs {
    /// Word by word, secrets among them.
    pub written: String,
    /// With passwords and keys hidden.
    pub hidden: String,
}

impl Cluster {
    /// An object as YAML. The values of Secrets and tokens in annotations are never in it.
    ///
    /// # Errors
    /// When the object is not there, may not be read, or the server cannot be reached.
    pub async fn yaml(&self, object: &ObjectRef, show: YamlOptions) -> Result<String, ReadError> {
        let read = async {
            let mut value: Value = self.get(object).await?;
            if !show.managed_fields
                && let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut)
            {
                metadata.remove("managedFields");
            }
            secrecy::hide_in_object(&mut value);
            to_yaml(&value)
        };
        read.await.map_err(|failure| self.error(format!("show {object}"), failure))
    }

    /// The configuration of a virtual cluster (`vcluster.yaml`), passwords and keys hidden.
    ///
    /// # Errors
    /// When its Secret is not there, may not be read, or holds no configuration.
    pub async fn vcluster_config(&self, namespace: &str, name: &str) -> Result<String, ReadError> {
        self.config_as(namespace, name, |config| hidden(&config)).await
    }

    /// The same word by word, secrets among them: for whoever changes it, never for a screen.
    ///
    /// # Errors
    /// When the Secret is not there, may not be read, or holds no configuration.
    pub(crate) async fn vcluster_config_as_written(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<String, ReadError> {
        self.config_as(namespace, name, written).await
    }

    /// Both, of the same moment.
    ///
    /// # Errors
    /// As those two.
    #[cfg(feature = "backup")]
    pub(crate) async fn vcluster_config_both(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<BothConfigs, ReadError> {
        let both = |config: Vec<u8>| Ok(BothConfigs { hidden: hidden(&config)?, written: written(config)? });
        self.config_as(namespace, name, both).await
    }

    async fn config_as<T>(
        &self,
        namespace: &str,
        name: &str,
        make: impl FnOnce(Vec<u8>) -> Result<T, Failure>,
    ) -> Result<T, ReadError> {
        let secret = ObjectRef::namespaced(Resource::SECRETS, namespace, wire::name::config_secret(name));
        let read = async {
            let mut content: ConfigSecret = self.get(&secret).await?;
            let missing =
                || Failure::new(FailureKind::NotFound, format!("it has no key {}", wire::CONFIG_KEY));
            make(content.data.remove(wire::CONFIG_KEY).ok_or_else(missing)?.0)
        };
        read.await.map_err(|failure| self.error(format!("read the configuration in {secret}"), failure))
    }

    /// The containers of a pod: those that run, then those that ran first.
    ///
    /// # Errors
    /// When the pod is not there, may not be read, or the server cannot be reached.
    pub async fn containers(&self, namespace: &str, pod: &str) -> Result<Vec<ContainerInfo>, ReadError> {
        let object = ObjectRef::namespaced(Resource::PODS, namespace, pod);
        let read = self.get::<PodContainers>(&object).await;
        let pod = read.map_err(|failure| self.error(format!("list the containers of {object}"), failure))?;
        Ok(pod.infos())
    }
}

fn hidden(config: &[u8]) -> Result<String, Failure> {
    // The parser's message quotes the text, which is a Secret.
    let unreadable = |_| Failure::new(FailureKind::Protocol, "its configuration is not YAML");
    let mut value: Value = serde_saphyr::from_slice(config).map_err(unreadable)?;
    secrecy::hide_in_config(&mut value);
    to_yaml(&value)
}

fn written(config: Vec<u8>) -> Result<String, Failure> {
    let unreadable = |_| Failure::new(FailureKind::Protocol, "its configuration is no text");
    String::from_utf8(config).map_err(unreadable)
}

/// A value as YAML.
fn to_yaml(value: &Value) -> Result<String, Failure> {
    serde_saphyr::to_string(value)
        .map_err(|_| Failure::new(FailureKind::Protocol, "it cannot be written as YAML"))
}

#[derive(Deserialize)]
struct PodContainers {
    spec: ContainerLists,
    #[serde(default)]
    status: Statuses,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerLists {
    #[serde(default)]
    containers: Vec<Container>,
    #[serde(default)]
    init_containers: Vec<Container>,
    #[serde(default)]
    ephemeral_containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    name: SmolStr,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Statuses {
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: SmolStr,
    #[serde(default)]
    restart_count: u32,
    #[serde(default)]
    last_state: Map<String, Value>,
}

impl PodContainers {
    fn infos(self) -> Vec<ContainerInfo> {
        let statuses: Vec<&ContainerStatus> =
            self.status.container_statuses.iter().chain(&self.status.init_container_statuses).collect();
        let restarted = |name: &SmolStr| {
            let status = statuses.iter().find(|status| status.name == *name);
            status.is_some_and(|status| status.restart_count > 0 && !status.last_state.is_empty())
        };
        let info = |init: bool| {
            move |container: &Container| ContainerInfo {
                name: container.name.clone(),
                init,
                restarted: restarted(&container.name),
            }
        };
        let spec = &self.spec;
        let running = spec.containers.iter().chain(&spec.ephemeral_containers).map(info(false));
        running.chain(spec.init_containers.iter().map(info(true))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_come_before_init_containers_and_know_their_past() {
        let pod: PodContainers = serde_json::from_value(serde_json::json!({
            "spec": {
                "containers": [{"name": "syncer"}, {"name": "sidecar"}],
                "initContainers": [{"name": "kubernetes"}],
            },
            "status": {
                "containerStatuses": [
                    {"name": "syncer", "restartCount": 2, "lastState": {"terminated": {"exitCode": 137}}},
                    {"name": "sidecar", "restartCount": 0, "lastState": {}},
                ],
            },
        }))
        .unwrap();
        let infos = pod.infos();
        let told: Vec<_> = infos.iter().map(|info| (info.name.as_str(), info.init, info.restarted)).collect();
        assert_eq!(told, [("syncer", false, true), ("sidecar", false, false), ("kubernetes", true, false)]);
    }

    #[test]
    fn yaml_reads_like_kubectl() {
        let value = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "labels": {}, "annotations": {"note": "two\nlines\n"}},
            "spec": {"containers": [{"name": "c", "args": ["--yes", "null", "1"], "port": 80}], "host": null},
        });
        let text = to_yaml(&value).unwrap();
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), value, "{text}");
        assert!(text.contains("note: |\n"), "{text}");
    }
}
