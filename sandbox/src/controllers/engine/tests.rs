//! Turning, freezing, falling behind.

use super::*;
use crate::controllers::testing::host;
use serde_json::json;

#[test]
fn a_frozen_controller_acts_on_everything_when_thawed() {
    let mut host = host();
    host.engine.freeze("namespaces", true);
    host.create("ns", json!({"metadata": {"name": "blue"}}));
    host.settle();
    assert!(host.find_in("blue", "sa", "default").is_none());
    host.engine.freeze("namespaces", false);
    host.settle();
    assert!(host.find_in("blue", "sa", "default").is_some());
}

#[test]
fn what_the_log_has_lost_is_found_by_listing() {
    let mut host = host();
    host.create("cm", json!({"metadata": {"name": "owner"}}));
    let uid = host.uid("cm", "owner");
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]);
    host.create("cm", json!({"metadata": {"name": "owned", "ownerReferences": owner}}));
    host.settle();
    host.delete("cm", "owner");
    host.create("cm", json!({"metadata": {"name": "other"}}));
    host.world().store.compact();
    host.settle();
    assert!(host.find("cm", "owned").is_none(), "the deletion was not missed");
}

#[tokio::test]
async fn the_thread_settles_after_writes() {
    let store = Store::new(crate::kinds::Kinds::builtin().clone(), &crate::store::StoreOptions::default());
    let controllers = Controllers::start(store.clone(), &Options::default()).expect("a thread");
    controllers.settled().await;
    assert!(store.find(&super::super::SERVICE_ACCOUNTS, Some("kube-system"), "default").is_some());
}
