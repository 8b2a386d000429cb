//! What holds an object that is deleted, and what becomes of it.

use super::*;

#[test]
fn preconditions_of_a_delete_hold_or_refuse() {
    let store = store(100);
    let object = config_map(&store, "a", &json!({}));
    let other = DeleteOptions::default().uid("other");
    assert!(
        delete(&store, &CONFIG_MAPS, "a", &other)
            .unwrap_err()
            .message
            .contains("the UID in the precondition")
    );
    let stale = DeleteOptions { resource_version: Some("1".into()), ..DeleteOptions::default() };
    let refused = delete(&store, &CONFIG_MAPS, "a", &stale).unwrap_err();
    assert!(refused.message.contains("the ResourceVersion in the precondition (1)"), "{refused}");
    let right = DeleteOptions {
        resource_version: Some(object.revision().to_string().into()),
        ..DeleteOptions::default().uid(object.uid())
    };
    assert!(delete(&store, &CONFIG_MAPS, "a", &right).unwrap().gone);
    assert_eq!(delete(&store, &CONFIG_MAPS, "a", &right).unwrap_err().code, 404);
}

#[test]
fn finalizers_hold_a_deleted_object_until_the_last_one_is_gone() {
    let store = store(100);
    let object = json!({"metadata": {"name": "a", "finalizers": ["x.y/one", "x.y/two"]}});
    store.create(&CONFIG_MAPS, Some("n"), object, &options()).unwrap();
    let marked = delete(&store, &CONFIG_MAPS, "a", &DeleteOptions::default()).unwrap();
    assert!(!marked.gone && marked.object.deleting());
    assert_eq!(marked.object.value()["metadata"]["deletionGracePeriodSeconds"], 0);
    let set = |finalizers: Value| {
        store.update(&CONFIG_MAPS, Some("n"), "a", "", &options(), |_, mut object| {
            object["metadata"]["finalizers"] = finalizers.clone();
            object["metadata"]["deletionTimestamp"] = Value::Null;
            Ok(object)
        })
    };
    let refused = set(json!(["x.y/one", "x.y/three"])).unwrap_err();
    assert!(
        refused.message.contains("no new finalizers can be added if the object is being deleted"),
        "{refused}"
    );
    assert!(set(json!(["x.y/one"])).unwrap().deleting(), "nobody takes a deletion back");
    set(json!([])).unwrap();
    assert!(store.find(&CONFIG_MAPS, Some("n"), "a").is_none());
    let (events, _) = store.events(&CONFIG_MAPS, marked.object.revision(), 10).unwrap();
    let changes: Vec<_> = events.iter().map(|e| e.change).collect();
    assert_eq!(changes.last(), Some(&Change::Deleted));
}

#[test]
fn a_scheduled_pod_has_grace_that_only_shrinks() {
    let (store, _) = pod(Some("node"), "Running");
    let seconds = |n: i64| DeleteOptions { grace_period_seconds: Some(n), ..DeleteOptions::default() };
    let grace = |deleted: &Deleted| deleted.object.value()["metadata"]["deletionGracePeriodSeconds"].clone();
    let first = delete(&store, &PODS, "p", &DeleteOptions::default()).unwrap();
    assert_eq!((first.gone, grace(&first)), (false, json!(30)));
    assert_eq!(first.object.generation(), 2, "the beginning of a deletion is a new generation");
    let longer = delete(&store, &PODS, "p", &seconds(60)).unwrap();
    assert_eq!(longer.object.revision(), first.object.revision());
    let shorter = delete(&store, &PODS, "p", &seconds(5)).unwrap();
    assert_eq!(grace(&shorter), json!(5));
    assert!(delete(&store, &PODS, "p", &seconds(0)).unwrap().gone);
}

#[test]
fn pods_that_run_nowhere_go_at_once() {
    for (node, phase) in [(None, "Pending"), (Some("node"), "Succeeded"), (Some("node"), "Failed")] {
        let (store, _) = pod(node, phase);
        assert!(delete(&store, &PODS, "p", &DeleteOptions::default()).unwrap().gone, "{node:?} {phase}");
    }
}

#[test]
fn propagation_becomes_a_finalizer() {
    for (policy, finalizer) in
        [(Propagation::Orphan, "orphan"), (Propagation::Foreground, "foregroundDeletion")]
    {
        let store = store(100);
        config_map(&store, "a", &json!({}));
        let options = DeleteOptions { propagation: Some(policy), ..DeleteOptions::default() };
        let marked = delete(&store, &CONFIG_MAPS, "a", &options).unwrap();
        assert!(!marked.gone);
        assert_eq!(marked.object.meta().finalizers, [finalizer]);
    }
}

#[test]
fn namespaces_go_in_two_steps_and_take_nothing_new_meanwhile() {
    let store = store(100);
    let marked = store.delete(&NAMESPACES, None, "n", &DeleteOptions::default()).unwrap();
    assert!(!marked.gone);
    let value = marked.object.value();
    assert_eq!(
        (&value["status"]["phase"], &value["spec"]["finalizers"]),
        (&json!("Terminating"), &json!(["kubernetes"]))
    );
    assert_eq!(value["metadata"]["labels"]["kubernetes.io/metadata.name"], "n");
    let refused =
        store.create(&CONFIG_MAPS, Some("n"), json!({"metadata": {"name": "a"}}), &options()).unwrap_err();
    assert_eq!(refused.code, 403);
    assert_eq!(refused.details.map(|d| d.causes[0].reason.clone()), Some("NamespaceTerminating".into()));
    store
        .update(&NAMESPACES, None, "n", "finalize", &options(), |_, mut namespace| {
            namespace["spec"]["finalizers"] = json!([]);
            Ok(namespace)
        })
        .unwrap();
    assert!(store.find(&NAMESPACES, None, "n").is_none());
    store.seed([Seed { resource: NAMESPACES, object: json!({"metadata": {"name": "default"}}) }]);
    assert_eq!(store.delete(&NAMESPACES, None, "default", &DeleteOptions::default()).unwrap_err().code, 403);
}
