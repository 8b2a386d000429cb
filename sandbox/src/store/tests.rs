//! The rules of the store, without HTTP.

mod deletes;
mod reads;

use super::testing::{CONFIG_MAPS, NAMESPACES, PODS, config_map, store, touch};
use super::*;
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
        "selfLink": "/x"}});
    let created = store.create(&CONFIG_MAPS, Some("n"), object, &options()).unwrap().value();
    let metadata = &created["metadata"];
    assert_ne!(metadata["uid"], "mine");
    assert_ne!(metadata["creationTimestamp"], "2001-01-01T00:00:00Z");
    assert_eq!(metadata["namespace"], "n");
    for key in ["deletionTimestamp", "selfLink"] {
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
