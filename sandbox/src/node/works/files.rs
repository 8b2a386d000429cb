//! Files that containers have from Secrets and ConfigMaps, as programs read them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Works;
use super::disk::{containers, volume_at};
use crate::controllers::{CONFIG_MAPS, SECRETS};

impl Works {
    /// What the file at a path of a container says now.
    pub(super) fn file(&self, pod: &Value, container: &str, path: &str) -> Option<String> {
        let spec = containers(pod).find(|spec| spec["name"] == container)?;
        let volume = volume_at(pod, spec, path)?;
        let mounts = spec["volumeMounts"].as_array()?;
        let mount = mounts.iter().find(|mount| mount["name"] == volume["name"])?;
        let relative = path.strip_prefix(mount["mountPath"].as_str()?)?.trim_start_matches('/');
        let namespace = pod["metadata"]["namespace"].as_str();
        match volume["projected"]["sources"].as_array() {
            None => self.entry(namespace, volume, relative),
            Some(sources) => sources.iter().find_map(|source| self.entry(namespace, source, relative)),
        }
    }

    /// The entry of a Secret or ConfigMap that a volume, or a part of one, has at a path.
    fn entry(&self, namespace: Option<&str>, source: &Value, path: &str) -> Option<String> {
        let secret = &source["secret"];
        // A volume calls it otherwise than a part of one does.
        if let Some(name) = secret["secretName"].as_str().or(secret["name"].as_str()) {
            let found = self.0.store.find(&SECRETS, namespace, name)?.value();
            let encoded = found["data"][key(secret, path)?].as_str()?;
            return String::from_utf8(STANDARD.decode(encoded).ok()?).ok();
        }
        let name = source["configMap"]["name"].as_str()?;
        let map = self.0.store.find(&CONFIG_MAPS, namespace, name)?.value();
        map["data"][key(&source["configMap"], path)?].as_str().map(str::to_owned)
    }
}

/// The key whose value is at a path of the volume: that of the item with this path, where there are items.
fn key<'a>(source: &'a Value, path: &'a str) -> Option<&'a str> {
    match source["items"].as_array() {
        None => Some(path),
        Some(items) => items.iter().find(|item| item["path"] == path)?["key"].as_str(),
    }
}
