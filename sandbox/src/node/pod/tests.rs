//! The lives of pods.

use super::super::behaviour::{Images, Run};
use super::*;
use chrono::TimeDelta;
use std::time::Duration;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn pod(spec: Value) -> Value {
    json!({"metadata": {"name": "p", "namespace": "n", "uid": "u", "generation": 1}, "spec": spec,
        "status": {"phase": "Pending", "qosClass": "BestEffort"}})
}

fn quick(run: Run) -> Behaviour {
    Behaviour {
        pull: Pull::Cached,
        start: Duration::ZERO,
        ready: Some(Duration::ZERO),
        run,
        ..Behaviour::default()
    }
}

fn exits(after: u64, code: i64) -> Behaviour {
    quick(Run::Exits { after: Duration::from_secs(after), exit: Exit::code(code) })
}

fn images() -> Images {
    Images::default()
        .on("setup", |_| exits(2, 0))
        .on("broken-setup", |_| exits(1, 1))
        .on("task", |_| exits(3, 0))
        .on("broken-task", |_| exits(3, 2))
        .on("app", |_| quick(Run::Forever))
        .on("slow", |_| Behaviour { ready: Some(Duration::from_secs(5)), ..quick(Run::Forever) })
        .leave_alone("theirs")
}

/// Lets a pod live until a second; its phase and whether it is ready.
fn lived(pod: &mut Value, seconds: i64) -> (String, bool) {
    for second in 0..=seconds {
        let floor = Floor::of(images());
        let around = Surrounding {
            now: at(second),
            floor: &floor,
            pace: 1.0,
            host: "10.1.0.1",
            address: "10.2.0.1",
            second: None,
            present: &|_| true,
            exit: None,
            labels: &[],
        };
        pod["status"] = advance(pod, &around).expect("not left alone").status;
    }
    let ready = condition(&pod["status"], "Ready").is_some_and(|condition| condition["status"] == "True");
    (pod["status"]["phase"].as_str().expect("a phase").to_owned(), ready)
}

#[test]
fn pods_live_as_their_containers_do() {
    let main = |image: &str| json!([{"name": "c", "image": image}]);
    let cases = [
        ("one that runs", json!({"containers": main("app")}), 1, ("Running", true)),
        ("not ready yet", json!({"containers": main("slow")}), 3, ("Running", false)),
        ("ready later", json!({"containers": main("slow")}), 9, ("Running", true)),
        (
            "setting up",
            json!({"initContainers": main("setup"), "containers": [{"name": "m", "image": "app"}]}),
            1,
            ("Pending", false),
        ),
        (
            "set up",
            json!({"initContainers": main("setup"), "containers": [{"name": "m", "image": "app"}]}),
            4,
            ("Running", true),
        ),
        (
            "cannot be set up",
            json!({"restartPolicy": "Never", "initContainers": main("broken-setup"), "containers": [{"name": "m", "image": "app"}]}),
            4,
            ("Failed", false),
        ),
        ("done", json!({"restartPolicy": "Never", "containers": main("task")}), 9, ("Succeeded", false)),
        (
            "failed",
            json!({"restartPolicy": "Never", "containers": main("broken-task")}),
            9,
            ("Failed", false),
        ),
        (
            "tries again",
            json!({"restartPolicy": "OnFailure", "containers": main("broken-task")}),
            9,
            ("Running", false),
        ),
        (
            "half done",
            json!({"restartPolicy": "Never", "containers": [{"name": "a", "image": "task"}, {"name": "b", "image": "app"}]}),
            9,
            ("Running", false),
        ),
    ];
    for (why, spec, seconds, (phase, ready)) in cases {
        assert_eq!(lived(&mut pod(spec), seconds), (phase.to_owned(), ready), "{why}");
    }
}

#[test]
fn sidecars_run_beside_and_do_not_hold_up() {
    let mut pod = pod(json!({"initContainers": [{"name": "s", "image": "app", "restartPolicy": "Always"},
        {"name": "i", "image": "setup"}], "containers": [{"name": "m", "image": "app"}]}));
    assert_eq!(lived(&mut pod, 5), ("Running".to_owned(), true));
    assert!(pod["status"]["initContainerStatuses"][0]["state"]["running"].is_object());
    assert_eq!(pod["status"]["initContainerStatuses"][1]["state"]["terminated"]["reason"], "Completed");
}

#[test]
fn the_status_says_what_is_missing() {
    let mut pod = pod(
        json!({"initContainers": [{"name": "i", "image": "setup"}], "containers": [{"name": "m", "image": "app"}]}),
    );
    lived(&mut pod, 0);
    let status = &pod["status"];
    let message = |kind: &str| condition(status, kind).expect(kind)["message"].clone();
    assert_eq!(message("Initialized"), "containers with incomplete status: [i]");
    assert_eq!(message("Ready"), "containers with unready status: [m]");
    assert_eq!(status["containerStatuses"][0]["state"]["waiting"]["reason"], "PodInitializing");
    assert_eq!((&status["podIP"], &status["hostIP"]), (&json!("10.2.0.1"), &json!("10.1.0.1")));
    assert_eq!(status["observedGeneration"], 1);
    assert_eq!(status["qosClass"], "BestEffort", "what others wrote stays");
}

#[test]
fn a_container_can_be_made_to_end() {
    let mut pod = pod(json!({"containers": [{"name": "c", "image": "app"}]}));
    lived(&mut pod, 1);
    let floor = Floor::of(images());
    let exit = Exit::out_of_memory();
    let around = Surrounding {
        now: at(60),
        floor: &floor,
        pace: 1.0,
        host: "",
        address: "",
        second: None,
        present: &|_| true,
        exit: Some(("c", &exit)),
        labels: &[],
    };
    let outcome = advance(&pod, &around).expect("not left alone");
    let status = &outcome.status["containerStatuses"][0];
    assert_eq!(status["restartCount"], 1);
    assert_eq!(status["lastState"]["terminated"]["reason"], "OOMKilled");
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 137);
}

#[test]
fn what_is_left_alone_is_not_touched() {
    let floor = Floor::of(images());
    let around = Surrounding {
        now: at(0),
        floor: &floor,
        pace: 1.0,
        host: "",
        address: "",
        second: None,
        present: &|_| true,
        exit: None,
        labels: &[],
    };
    let pod = pod(json!({"containers": [{"name": "a", "image": "app"}, {"name": "b", "image": "theirs"}]}));
    assert!(advance(&pod, &around).is_none());
}

#[test]
fn nothing_changes_when_nothing_is_due() {
    let mut pod = pod(json!({"containers": [{"name": "c", "image": "slow"}]}));
    lived(&mut pod, 2);
    let before = pod.clone();
    lived(&mut pod, 2);
    assert_eq!(pod, before);
}
