//! The watcher of kube's runtime, in both of its modes.

use crate::hosts::{both, cached};
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::runtime::watcher::{self, Event, InitialListStrategy, watcher};
use serde_json::json;

both! {
    async fn the_watcher_lists_and_follows(host: Host) -> Result<()> {
        for strategy in [InitialListStrategy::ListWatch, InitialListStrategy::StreamingList] {
            let stem = format!("watcher-{strategy:?}").to_lowercase();
            let namespace = host.namespace(&stem).await?;
            let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
            for name in ["a", "b"] {
                host.post(&maps, &json!({"metadata": {"name": name, "labels": {"t": "t"}}})).await?.expect_code(201)?;
            }
            // A list that is streamed may begin with what the server has at hand.
            cached(&host, &format!("{maps}/b"), |_| true).await?;
            let mut config = watcher::Config::default().labels("t");
            config.initial_list_strategy = strategy;
            let api: Api<ConfigMap> = Api::namespaced(host.client(), &namespace);
            let mut stream = std::pin::pin!(watcher(api, config));
            let mut seen = Vec::new();
            while seen.len() < 4 {
                seen.push(show(stream.try_next().await?));
            }
            assert_eq!(seen, ["init", "initial a", "initial b", "done"]);
            host.post(&maps, &json!({"metadata": {"name": "c", "labels": {"t": "t"}}})).await?.expect_code(201)?;
            host.delete(&format!("{maps}/a")).await?.expect_code(200)?;
            let live = [show(stream.try_next().await?), show(stream.try_next().await?)];
            assert_eq!(live, ["applied c", "deleted a"]);
        }
        Ok(())
    }
}

fn show(event: Option<Event<ConfigMap>>) -> String {
    let name = |object: ConfigMap| object.metadata.name.unwrap_or_default();
    match event {
        None => "end".into(),
        Some(Event::Init) => "init".into(),
        Some(Event::InitApply(object)) => format!("initial {}", name(object)),
        Some(Event::InitDone) => "done".into(),
        Some(Event::Apply(object)) => format!("applied {}", name(object)),
        Some(Event::Delete(object)) => format!("deleted {}", name(object)),
    }
}
