use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::cause::{cause, crashed};
use super::planned::plan;
use super::preflight::tests::{fine, plane, request};
use super::*;
use crate::cluster::{EventKind, EventRow};

#[test]
fn names_are_those_of_services() {
    for (name, why) in [
        ("", "it is empty"),
        ("Shop", "only lower-case"),
        ("-shop", "begins or ends"),
        ("shop-", "begins or ends"),
        ("1shop", "begin with a letter"),
        (&"x".repeat(49), "longer than 48"),
    ] {
        let told = check_name("name", name).unwrap_err().to_string();
        assert!(told.contains(why), "{name}: {told}");
    }
    check_name("name", "shop-1").unwrap();
    check_name("namespace", "1team").unwrap();
}

#[test]
fn the_plan_has_every_object_once_and_keeps_keys() {
    let request = request("");
    let first = plan(&request, &fine(), None).unwrap();
    let mut places: Vec<String> = first.objects.iter().map(|object| object.at.to_string()).collect();
    assert_eq!(places.first().map(String::as_str), Some("Namespace team"));
    assert_eq!(first.notes.len(), 1, "the Service has no address yet");
    let all = places.len();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), all);
    let blueprint = request.blueprint(&first_range()).objects().all().count();
    assert_eq!(all, blueprint + 3, "its namespace and two Secrets with keys");
}

fn first_range() -> ServiceRange {
    fine().service_range
}

fn pod(status: serde_json::Value) -> Pod {
    serde_json::from_value(json!({"metadata": {"name": "shop-0"}, "status": status})).unwrap()
}

fn event(object: &str, reason: &str, message: &str) -> EventRow {
    EventRow {
        uid: "u".into(),
        kind: EventKind::Warning,
        reason: reason.into(),
        object: object.into(),
        message: message.into(),
        count: 1,
        first: None,
        last: None,
        source: "kubelet".into(),
    }
}

#[test]
fn what_it_waits_for_is_said_in_one_sentence() {
    let waiting = |name: &str, reason: &str, message: &str| {
        json!({
            "name": name, "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": {"waiting": {"reason": reason, "message": message}},
        })
    };
    let runs = |name: &str| {
        json!({
            "name": name, "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": {"running": {}},
        })
    };
    let unscheduled = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 Insufficient cpu."},
    ]});
    let pull = json!({"containerStatuses": [runs("syncer"), runs("kube-apiserver"), waiting("kine", "ErrImagePull", "no such tag")]});
    let crash = json!({"containerStatuses": [waiting("syncer", "CrashLoopBackOff", "back-off 10s")]});
    let starting = json!({"containerStatuses": [
        runs("syncer"), runs("kube-apiserver"), waiting("kube-controller-manager", "CrashLoopBackOff", "back-off 10s")]});
    let own = json!({"initContainerStatuses": [waiting("own", "ErrImagePull", "no such tag")], "containerStatuses": [runs("kine")]});
    let quota = event("StatefulSet/shop", "FailedCreate", "exceeded quota: vc-shop");
    let mount = event("Pod/shop-0", "FailedMount", "no volume");
    let probe = event("Pod/shop-0", "Unhealthy", "503");
    let cases = [
        (vec![], vec![quota], None, "no pod yet; FailedCreate: exceeded quota: vc-shop"),
        (vec![], vec![], None, "no pod yet"),
        (vec![pod(unscheduled)], vec![], None, "shop-0: 0/3 nodes are available: 3 Insufficient cpu."),
        (vec![pod(pull)], vec![], None, "shop-0: kine ErrImagePull, no such tag"),
        (vec![pod(own)], vec![], None, "shop-0: own ErrImagePull, no such tag"),
        (vec![pod(starting.clone())], vec![probe], None, "shop-0: kube-apiserver runs and is not ready"),
        (
            vec![pod(starting)],
            vec![mount],
            None,
            "shop-0: kube-apiserver runs and is not ready; FailedMount: no volume",
        ),
        (
            vec![pod(crash)],
            vec![],
            Some("no such flag"),
            "shop-0: syncer CrashLoopBackOff, back-off 10s: no such flag",
        ),
    ];
    for (pods, events, words, expected) in cases {
        assert_eq!(cause("shop", &pods, &events, words), expected);
    }
}

#[test]
fn last_words_are_asked_of_the_one_that_the_others_wait_for() {
    let status = |name: &str, state: serde_json::Value| json!({"name": name, "ready": false, "restartCount": 2, "image": "", "imageID": "", "state": state});
    let ended = json!({"terminated": {"exitCode": 1}});
    let both = pod(json!({"containerStatuses": [
        status("kube-controller-manager", ended.clone()), status("kube-apiserver", ended.clone())]}));
    assert_eq!(crashed(&both), Some(("shop-0".into(), "kube-apiserver".into())));
    let starts = pod(json!({"containerStatuses": [
        status("kube-controller-manager", ended), status("kube-apiserver", json!({"running": {}}))]}));
    assert_eq!(crashed(&starts), None, "the controllers have ended because it is not there yet");
}

#[test]
fn what_was_written_down_before_is_not_taken_back_by_another_run() {
    use crate::wire::annotation::{EXPIRES, OWNER};
    let before = Term { expires: Some("2026-05-04T12:00:00Z".into()), owner: Some("jane".into()) };
    let there = ControlPlaneFound { term: before, ..plane("StatefulSet", "shop", "v9s", false) };
    let other = ControlPlaneFound { release: "other".into(), ..there.clone() };
    let later = Term { expires: Some("2026-06-04T12:00:00Z".into()), owner: None };
    for (planes, term, expires, owner) in [
        (vec![], Term::default(), None, None),
        (vec![other], later.clone(), Some("2026-06-04T12:00:00Z"), None),
        (vec![there.clone()], Term::default(), Some("2026-05-04T12:00:00Z"), Some("jane")),
        (vec![there], later, Some("2026-06-04T12:00:00Z"), Some("jane")),
    ] {
        let found = Found { control_planes: planes, ..fine() };
        let objects = Request { term, ..request("") }.objects(&found);
        let marks = &objects.control_plane[0].body["metadata"]["annotations"];
        assert_eq!((marks[EXPIRES].as_str(), marks[OWNER].as_str()), (expires, owner));
        assert!(
            objects.confines.iter().all(|object| object.body["metadata"]["annotations"][EXPIRES].is_null())
        );
    }
}
