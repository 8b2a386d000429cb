//! Objects come, change, show and go.

use crate::hosts::both;
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::json;

fn config_map(name: &str, data: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}, "data": {"k": data}})).expect("a ConfigMap")
}

both! {
    async fn objects_are_created_read_changed_and_deleted(host: Host) -> anyhow::Result<()> {
        let namespace = host.namespace("basics").await?;
        let api: Api<ConfigMap> = Api::namespaced(host.client(), &namespace);
        let created = api.create(&PostParams::default(), &config_map("a", "1")).await?;
        assert!(created.metadata.uid.is_some() && created.metadata.resource_version.is_some());
        let mut changed = created.clone();
        changed.data = config_map("a", "2").data;
        let replaced = api.replace("a", &PostParams::default(), &changed).await?;
        assert_ne!(replaced.metadata.resource_version, created.metadata.resource_version);
        let patched = api
            .patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"k": "3", "l": "4"}})))
            .await?;
        assert_eq!(patched.data.map(|d| d.len()), Some(2));
        assert_eq!(api.get("a").await?.data.and_then(|d| d.get("k").cloned()).as_deref(), Some("3"));
        let deleted = api.delete("a", &DeleteParams::default()).await?;
        assert!(deleted.right().is_some_and(|status| status.is_success()));
        assert_eq!(api.get_opt("a").await?, None);
        Ok(())
    }

    async fn a_watch_goes_on_where_a_list_ends(host: Host) -> anyhow::Result<()> {
        let namespace = host.namespace("listwatch").await?;
        let api: Api<ConfigMap> = Api::namespaced(host.client(), &namespace);
        api.create(&PostParams::default(), &config_map("before", "1")).await?;
        let list = api.list(&ListParams::default()).await?;
        let version = list.metadata.resource_version.expect("a list has a version");
        api.create(&PostParams::default(), &config_map("after", "1")).await?;
        api.delete("after", &DeleteParams::default()).await?;
        let events: Vec<_> = api.watch(&WatchParams::default(), &version).await?.try_collect_two().await?;
        assert_eq!(events, ["ADDED after", "DELETED after"]);
        Ok(())
    }
}

/// Reads what a watch says first.
trait Two {
    async fn try_collect_two(self) -> anyhow::Result<Vec<String>>;
}

impl<S> Two for S
where
    S: futures::Stream<Item = kube::Result<WatchEvent<ConfigMap>>>,
{
    async fn try_collect_two(self) -> anyhow::Result<Vec<String>> {
        let mut stream = std::pin::pin!(self);
        let mut seen = Vec::new();
        while seen.len() < 2 {
            let Some(event) = stream.try_next().await? else { break };
            seen.push(match event {
                WatchEvent::Added(o) => format!("ADDED {}", o.metadata.name.unwrap_or_default()),
                WatchEvent::Modified(o) => format!("MODIFIED {}", o.metadata.name.unwrap_or_default()),
                WatchEvent::Deleted(o) => format!("DELETED {}", o.metadata.name.unwrap_or_default()),
                WatchEvent::Bookmark(_) => "BOOKMARK".to_owned(),
                WatchEvent::Error(status) => format!("ERROR {}", status.reason),
            });
        }
        Ok(seen)
    }
}
