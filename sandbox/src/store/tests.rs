//! The rules of the store, without HTTP.

use super::testing::{CONFIG_MAPS, NAMESPACES, PODS, config_map, store, touch};
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn options() -> WriteOptions {
    WriteOptions::default()
}

fn pod(node: Option<&str>, phase: &str) -> (Store, Arc<Object>) {
    let store = store(100);
    let spec = json!({"nodeName": node, "terminationGracePeriodSeconds": 30, "containers": [{"name": "c", "image": "i"}]});
    let pod = json!({"metadata": {"name": "p"}, "spec": spec});
    store.create(&PODS, Some("n"), pod, &options()).unwrap();
    let pod = store
        .update(&PODS, Some("n"), "p", "status", &options(), |_, mut pod| {
            pod["status"]["phase"] = json!(phase);
            Ok(pod)
        })
        .unwrap();
    (store, pod)
}

fn delete(store: &Store, gr: &Gr, name: &str, options: &DeleteOptions) -> Result<Deleted, Status> {
    store.delete(gr, Some("n"), name, options)
}

#[test]
fn every_write_is_one_revision_and_a_no_op_is_none() {
    let store = store(100);
    let before = store.revision();
    let created = config_map(&store, "a", &json!({}));
    assert_eq!(created.revision(), before + 1);
    assert_eq!(touch(&store, "a", "1").revision(), before + 2);
    assert_eq!(touch(&store, "a", "1").revision(), before + 2);
    assert_eq!(store.revision(), before + 2);
    let gone = delete(&store, &CONFIG_MAPS, "a", &DeleteOptions::default()).unwrap();
    assert!(gone.gone);
    assert_eq!(gone.object.revision(), before + 3, "a deletion has its own revision");
    assert_eq!(gone.object.value()["metadata"]["resourceVersion"], json!((before + 3).to_string()));
}

#[test]
fn the_server_alone_sets_identity() {
    let store = store(100);
    let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a", "uid": "mine",
        "creationTimestamp": "2001-01-01T00:00:00Z", "deletionTimestamp": "2001-01-01T00:00:00Z",
        "selfLink": "/x", "generation": 9}});
    let created = store.create(&CONFIG_MAPS, Some("n"), object, &options()).unwrap().value();
    let metadata = &created["metadata"];
    assert_ne!(metadata["uid"], "mine");
    assert_ne!(metadata["creationTimestamp"], "2001-01-01T00:00:00Z");
    assert_eq!(metadata["namespace"], "n");
    for key in ["deletionTimestamp", "selfLink", "generation"] {
        assert!(metadata.get(key).is_none(), "{key}");
    }
    assert!(created.get("kind").is_none() && created.get("apiVersion").is_none());
}

#[test]
fn creates_are_refused_as_the_real_server_refuses_them() {
    let store = store(100);
    config_map(&store, "taken", &json!({}));
    let cases = [
        (json!({"metadata": {"name": "taken"}}), "n", 409, "AlreadyExists"),
        (json!({"metadata": {"name": "A"}}), "n", 422, "Invalid"),
        (json!({"metadata": {}}), "n", 422, "Invalid"),
        (json!({"metadata": {"name": "a", "namespace": "other"}}), "n", 400, "BadRequest"),
        (json!({"metadata": {"name": "a", "resourceVersion": "5"}}), "n", 500, ""),
        (json!({"metadata": {"name": "a"}}), "missing", 404, "NotFound"),
        (json!({"metadata": {"name": "a", "labels": {"x": "-"}}}), "n", 422, "Invalid"),
        (json!([]), "n", 400, "BadRequest"),
    ];
    for (object, namespace, code, reason) in cases {
        let status = store.create(&CONFIG_MAPS, Some(namespace), object.clone(), &options()).unwrap_err();
        assert_eq!((status.code, status.reason.as_str()), (code, reason), "{object}: {status}");
    }
}

#[test]
fn generated_names_keep_58_bytes_of_their_base() {
    let store = store(100);
    let base = "x".repeat(70);
    let object = json!({"metadata": {"generateName": base}});
    let created = store.create(&CONFIG_MAPS, Some("n"), object, &options()).unwrap();
    assert_eq!(created.name().len(), 63);
    let both = json!({"metadata": {"generateName": "g-", "name": "named"}});
    assert_eq!(store.create(&CONFIG_MAPS, Some("n"), both, &options()).unwrap().name(), "named");
}

#[test]
fn a_name_that_is_taken_is_generated_anew_eight_times() {
    let object = || json!({"metadata": {"generateName": "g-"}});
    let mut taken: Vec<String> = Vec::new();
    loop {
        // The same chance draws the same names.
        let store = store(100);
        let seeds = taken.iter().map(|name| Seed {
            resource: CONFIG_MAPS,
            object: json!({"metadata": {"name": name, "namespace": "n", "uid": "u", "creationTimestamp": "t"}}),
        });
        assert_eq!(store.seed(seeds.collect::<Vec<_>>()), taken.len());
        match store.create(&CONFIG_MAPS, Some("n"), object(), &options()) {
            Ok(created) => taken.push(created.name().to_owned()),
            Err(refused) => {
                assert_eq!((taken.len(), refused.code, refused.reason.as_str()), (8, 409, "AlreadyExists"));
                break;
            }
        }
    }
}

#[test]
fn an_update_names_the_version_it_was_made_from() {
    let store = store(100);
    let first = config_map(&store, "a", &json!({}));
    touch(&store, "a", "1");
    let replace = |object: &Value| {
        store.replace(&CONFIG_MAPS, Some("n"), "a", "", object, &options()).map(|w| w.object.revision())
    };
    let mut stale = first.value();
    stale["data"] = json!({"k": "2"});
    let conflict = replace(&stale).unwrap_err();
    assert_eq!((conflict.code, conflict.reason.as_str()), (409, "Conflict"));
    assert!(
        conflict
            .message
            .starts_with("Operation cannot be fulfilled on configmaps \"a\": the object has been")
    );
    assert!(replace(&json!({"metadata": {"name": "a"}, "data": {"k": "3"}})).is_ok(), "unconditional");
    let other_uid = json!({"metadata": {"name": "a", "uid": "other"}});
    assert_eq!(replace(&other_uid).unwrap_err().code, 409);
    assert_eq!(replace(&json!({"metadata": {"name": "b"}})).unwrap_err().code, 422);
}

#[test]
fn some_kinds_must_name_a_version_and_some_are_created_by_replace() {
    let store = store(100);
    let leases = Gr::new_static("coordination.k8s.io", "leases");
    let lease = json!({"metadata": {"name": "l"}, "spec": {}});
    let written = store.replace(&leases, Some("n"), "l", "", &lease, &options()).unwrap();
    assert!(written.created);
    let refused = store.replace(&leases, Some("n"), "l", "", &lease, &options()).unwrap_err();
    assert_eq!(refused.code, 422);
    assert!(
        refused
            .message
            .contains("metadata.resourceVersion: Invalid value: 0: must be specified for an update")
    );
    let missing = json!({"metadata": {"name": "no"}});
    let refused = store.replace(&CONFIG_MAPS, Some("n"), "no", "", &missing, &options()).unwrap_err();
    assert_eq!(refused.code, 404);
}

#[test]
fn two_writers_do_not_lose_a_change() {
    let store = store(100);
    config_map(&store, "a", &json!({}));
    let mut interfered = false;
    let written = store
        .update(&CONFIG_MAPS, Some("n"), "a", "", &options(), |_, mut object| {
            if !interfered {
                interfered = true;
                touch(&store, "a", "theirs");
            }
            object["metadata"]["labels"] = json!({"mine": "1"});
            Ok(object)
        })
        .unwrap();
    assert_eq!(written.value()["data"]["k"], "theirs");
    assert_eq!(written.label("mine"), Some("1"));
}

#[test]
fn spec_and_status_are_written_by_different_paths() {
    let (store, pod) = pod(Some("node"), "Running");
    assert_eq!(pod.generation(), 1, "a status is no new generation");
    let changed = store
        .update(&PODS, Some("n"), "p", "", &options(), |_, mut pod| {
            pod["status"]["phase"] = json!("Failed");
            pod["spec"]["containers"][0]["image"] = json!("new");
            pod["metadata"]["generation"] = json!(50);
            Ok(pod)
        })
        .unwrap();
    assert_eq!(changed.value()["status"]["phase"], "Running");
    assert_eq!(changed.generation(), 2);
    let status = store
        .update(&PODS, Some("n"), "p", "status", &options(), |_, mut pod| {
            pod["status"]["phase"] = json!("Succeeded");
            pod["spec"]["containers"][0]["image"] = json!("other");
            Ok(pod)
        })
        .unwrap();
    assert_eq!(status.value()["status"]["phase"], "Succeeded");
    assert_eq!(status.value()["spec"]["containers"][0]["image"], "new");
}

#[test]
fn a_dry_run_checks_everything_and_stores_nothing() {
    let store = store(100);
    let dry = WriteOptions { dry_run: true, ..options() };
    let revision = store.revision();
    let object = json!({"metadata": {"name": "a"}});
    assert_eq!(store.create(&CONFIG_MAPS, Some("n"), object.clone(), &dry).unwrap().name(), "a");
    assert!(store.find(&CONFIG_MAPS, Some("n"), "a").is_none());
    assert_eq!(store.revision(), revision);
    config_map(&store, "a", &json!({}));
    assert_eq!(store.create(&CONFIG_MAPS, Some("n"), object, &dry).unwrap_err().code, 409);
    let gone = DeleteOptions { dry_run: true, ..DeleteOptions::default() };
    assert!(delete(&store, &CONFIG_MAPS, "a", &gone).unwrap().gone);
    assert!(store.find(&CONFIG_MAPS, Some("n"), "a").is_some());
}

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

#[test]
fn the_pages_of_a_list_show_one_moment() {
    let store = store(100);
    for name in ["a", "b", "c", "d"] {
        config_map(&store, name, &json!({}));
    }
    let mut query = ListQuery { namespace: Some("n".into()), limit: 2, ..ListQuery::default() };
    let first = store.list(&CONFIG_MAPS, &query).unwrap();
    assert_eq!((first.items.len(), first.remaining), (2, Some(2)));
    delete(&store, &CONFIG_MAPS, "c", &DeleteOptions::default()).unwrap();
    touch(&store, "d", "later");
    config_map(&store, "e", &json!({}));
    query.after = first.next;
    query.revision = Some(first.revision);
    let second = store.list(&CONFIG_MAPS, &query).unwrap();
    let names: Vec<&str> = second.items.iter().map(|o| o.name()).collect();
    assert_eq!((names.as_slice(), second.revision, second.next), (&["c", "d"][..], first.revision, None));
    assert!(second.items[1].value().get("data").is_none());
    store.compact();
    assert_eq!(store.list(&CONFIG_MAPS, &query).unwrap_err().reason, "Expired");
    query.revision = Some(store.revision() + 1);
    assert_eq!(store.list(&CONFIG_MAPS, &query).unwrap_err().code, 504);
}

#[test]
fn keys_sort_as_bytes_of_namespace_slash_name() {
    let store = store(100);
    for namespace in ["a", "a-b"] {
        let object = json!({"metadata": {"name": namespace}});
        store.create(&NAMESPACES, None, object, &options()).unwrap();
        let object = json!({"metadata": {"name": "x"}});
        store.create(&CONFIG_MAPS, Some(namespace), object, &options()).unwrap();
    }
    let order: Vec<String> = store.all(&CONFIG_MAPS, None).iter().map(|o| o.namespace().to_owned()).collect();
    assert_eq!(order, ["a-b", "a"], "'-' comes before '/'");
    assert_eq!(store.all(&CONFIG_MAPS, Some("a")).len(), 1);
}

#[test]
fn a_cursor_that_falls_off_the_log_is_told() {
    let store = store(3);
    config_map(&store, "a", &json!({}));
    let mut slow = store.cursor(&CONFIG_MAPS, 0);
    let mut quick = store.cursor(&CONFIG_MAPS, 0);
    for n in 0..3 {
        touch(&store, "a", &n.to_string());
        quick.take().unwrap();
    }
    assert!(slow.take().is_err());
    store.compact();
    assert_eq!(quick.take().unwrap().len(), 0, "who has read everything misses nothing");
}

#[tokio::test]
async fn a_cursor_waits_for_the_next_write() {
    let store = store(100);
    let mut cursor = store.cursor(&CONFIG_MAPS, store.revision());
    let writer = store.clone();
    let (events, _) = tokio::join!(cursor.next(), async move { config_map(&writer, "a", &json!({})) });
    assert_eq!(events.unwrap()[0].object.name(), "a");
}

#[test]
fn admission_changes_and_refuses() {
    struct Labels;
    impl Admission for Labels {
        fn admit(&self, _: &Store, review: &Review<'_>, object: &mut Value) -> Result<(), Status> {
            if review.operation == Operation::Delete {
                return Err(Status::forbidden(&CONFIG_MAPS, review.name, "kept"));
            }
            object["metadata"]["labels"]["seen"] = json!(review.name);
            Ok(())
        }
    }
    let store = store(100);
    store.add_admission(Arc::new(Labels));
    assert_eq!(config_map(&store, "a", &json!({})).label("seen"), Some("a"));
    assert_eq!(delete(&store, &CONFIG_MAPS, "a", &DeleteOptions::default()).unwrap_err().code, 403);
}

#[test]
fn secrets_fold_plain_text_into_data() {
    let store = store(100);
    let secrets = Gr::core("secrets");
    let secret = json!({"metadata": {"name": "s"}, "data": {"a": "Yg=="}, "stringData": {"c": "d"}});
    let stored = store.create(&secrets, Some("n"), secret, &options()).unwrap().value();
    assert_eq!(stored["data"], json!({"a": "Yg==", "c": "ZA=="}));
    assert!(stored.get("stringData").is_none());
}

#[test]
fn seeding_keeps_what_is_given() {
    let store = store(100);
    let pod = json!({"metadata": {"name": "p", "namespace": "elsewhere", "uid": "u"}, "status": {"phase": "Running"}});
    let nameless = json!({"metadata": {}});
    let seeds = [pod, nameless].map(|object| Seed { resource: PODS, object });
    assert_eq!(store.seed(seeds), 1);
    let stored = store.get(&PODS, Some("elsewhere"), "p").unwrap();
    assert_eq!((stored.uid(), stored.generation()), ("u", 1));
    assert_eq!(stored.value()["status"]["phase"], "Running");
}

proptest! {
    /// Undoing the log gives back every earlier list exactly.
    #[test]
    fn the_past_can_be_listed(writes in proptest::collection::vec((0usize..6, 0u8..3), 1..40)) {
        let store = store(1000);
        let names = ["a", "b", "c", "d", "e", "f"];
        let snapshot = |revision| {
            let query = ListQuery { revision, ..ListQuery::default() };
            let page = store.list(&CONFIG_MAPS, &query).unwrap();
            page.items.iter().map(|o| (o.name().to_owned(), o.revision())).collect::<Vec<_>>()
        };
        let mut history = vec![(store.revision(), snapshot(None))];
        for (at, action) in writes {
            let name = names[at];
            let exists = store.find(&CONFIG_MAPS, Some("n"), name).is_some();
            match (exists, action) {
                (false, _) => { config_map(&store, name, &json!({})); }
                (true, 0) => { delete(&store, &CONFIG_MAPS, name, &DeleteOptions::default()).unwrap(); }
                (true, _) => { touch(&store, name, &store.revision().to_string()); }
            }
            history.push((store.revision(), snapshot(None)));
        }
        for (revision, expected) in history {
            prop_assert_eq!(snapshot(Some(revision)), expected);
        }
    }
}
