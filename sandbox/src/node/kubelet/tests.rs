//! Pods on nodes, on a host turned by hand.

use super::super::behaviour::{Behaviour, Images, Pull, Run};
use super::super::machine::Machines;
use super::*;
use crate::controllers::Options;
use crate::controllers::testing::{Host as Sandbox, host_with};
use serde_json::json;

fn host(images: Images, pace: f64) -> Sandbox {
    let machines = Machines { count: 2, ..Machines::default() };
    host_with(Options { machines, images, pace, ..Options::default() })
}

fn pod(image: &str) -> Value {
    json!({"metadata": {"name": "p"}, "spec": {"terminationGracePeriodSeconds": 30,
        "containers": [{"name": "c", "image": image}]}})
}

fn reasons(host: &Sandbox, about: &str) -> Vec<String> {
    let events = host.events();
    let about = events.iter().filter(|event| event["involvedObject"]["name"] == about);
    about.map(|event| event["reason"].as_str().expect("a reason").to_owned()).collect()
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

#[test]
fn without_delays_a_pod_runs_at_once() {
    let mut host = host(Images::default(), 0.0);
    host.create("pods", pod("app:1"));
    host.settle();
    let pod = host.find("pods", "p").expect("pod");
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(pod["status"]["containerStatuses"][0]["ready"], true);
    assert_eq!(pod["status"]["podIP"], "10.64.0.1");
    let expected = ["Created", "Pulled", "Pulling", "Scheduled", "Started"];
    assert_eq!(sorted(reasons(&host, "p")), expected);
}

#[test]
fn with_delays_a_pod_takes_its_time() {
    let images = Images::default().on("app:1", |_| Behaviour {
        pull: Pull::Takes(Duration::from_secs(10)),
        start: Duration::ZERO,
        ready: Some(Duration::from_secs(10)),
        ..Behaviour::default()
    });
    let mut host = host(images, 1.0);
    host.create("pods", pod("app:1"));
    host.settle();
    let state =
        |host: &Sandbox| host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0].clone();
    assert_eq!(state(&host)["state"]["waiting"]["reason"], "ContainerCreating");
    host.advance(13);
    assert!(state(&host)["state"]["running"].is_object());
    assert_eq!(state(&host)["ready"], false);
    host.advance(13);
    assert_eq!(state(&host)["ready"], true);
}

#[test]
fn a_deleted_pod_stops_and_goes() {
    let images =
        Images::default().on("*", |_| Behaviour { stop: Duration::from_secs(5), ..Behaviour::default() });
    let mut host = host(images, 1.0);
    host.create("pods", pod("app:1"));
    host.settle();
    host.advance(20);
    host.delete("pods", "p");
    host.settle();
    assert!(host.find("pods", "p").expect("stopping")["metadata"]["deletionTimestamp"].is_string());
    assert!(reasons(&host, "p").contains(&"Killing".to_owned()));
    host.advance(5);
    assert!(host.find("pods", "p").is_none());
}

#[test]
fn what_does_not_stop_is_killed_when_its_grace_is_over() {
    let images =
        Images::default().on("*", |_| Behaviour { stop: Duration::from_secs(500), ..Behaviour::default() });
    let mut host = host(images, 1.0);
    host.create("pods", pod("app:1"));
    host.settle();
    host.advance(20);
    host.delete("pods", "p");
    host.settle();
    host.advance(29);
    assert!(host.find("pods", "p").is_some());
    host.advance(1);
    assert!(host.find("pods", "p").is_none());
}

#[test]
fn a_container_that_is_killed_comes_back_with_its_reason_kept() {
    let mut host = host(Images::default(), 0.0);
    host.create("pods", pod("app:1"));
    host.settle();
    host.advance(100);
    host.engine.hand().exit("default", "p", "c", Exit::out_of_memory());
    host.settle();
    let status = host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0].clone();
    assert_eq!(status["restartCount"], 1);
    assert_eq!(status["lastState"]["terminated"]["reason"], "OOMKilled");
    assert!(status["state"]["running"].is_object());
}

#[test]
fn a_crash_loop_waits_and_says_so() {
    let run = Run::Exits { after: Duration::from_secs(1), exit: Exit::code(1) };
    let images = Images::default().on("bad", move |_| Behaviour { run: run.clone(), ..Behaviour::default() });
    let mut host = host(images, 0.0);
    host.create("pods", pod("bad"));
    host.settle();
    for _ in 0..5 {
        host.advance(1);
    }
    let status = host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0].clone();
    assert_eq!(status["state"]["waiting"]["reason"], "CrashLoopBackOff");
    assert_eq!(status["restartCount"], 1);
    assert!(reasons(&host, "p").contains(&"BackOff".to_owned()));
}

#[test]
fn readiness_follows_what_the_rule_says_now() {
    let sick = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&sick);
    let images = Images::default().on("app:1", move |_| {
        let sick = seen.load(std::sync::atomic::Ordering::Relaxed);
        Behaviour { ready: (!sick).then_some(Duration::ZERO), ..Behaviour::default() }
    });
    let mut host = host(images, 0.0);
    host.create("pods", pod("app:1"));
    host.settle();
    let ready = |host: &Sandbox| {
        host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0]["ready"].clone()
    };
    assert_eq!(ready(&host), true);
    sick.store(true, std::sync::atomic::Ordering::Relaxed);
    host.engine.hand().look("default", "p");
    host.settle();
    assert_eq!(ready(&host), false);
    sick.store(false, std::sync::atomic::Ordering::Relaxed);
    host.engine.hand().look_everywhere();
    host.settle();
    assert_eq!(ready(&host), true);
}

#[test]
fn a_container_that_starts_again_is_asked_again_what_it_does() {
    let images = Images::default().on("app:1", |container| Behaviour {
        ready: (container.restarts == 0).then_some(Duration::ZERO),
        ..Behaviour::default()
    });
    let mut host = host(images, 0.0);
    host.create("pods", pod("app:1"));
    host.settle();
    host.engine.hand().exit("default", "p", "c", Exit::killed());
    host.settle();
    let status = host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0].clone();
    assert_eq!((&status["restartCount"], &status["ready"]), (&json!(1), &json!(false)));
}

#[test]
fn what_ended_with_the_power_of_its_node_is_not_seen_before_the_node_is_back() {
    let mut host = host(Images::default(), 0.0);
    host.create("pods", pod("app:1"));
    host.settle();
    let node = host.find("pods", "p").expect("pod")["spec"]["nodeName"].as_str().expect("a node").to_owned();
    // Something else has the pod looked at in the same turn, before the node's silence was noticed.
    host.engine.hand().crash(&node);
    host.engine.hand().look("default", "p");
    host.settle();
    let status =
        |host: &Sandbox| host.find("pods", "p").expect("pod")["status"]["containerStatuses"][0].clone();
    assert!(status(&host)["state"]["running"].is_object(), "{}", status(&host));
    host.engine.hand().cut_off(&node, false);
    host.settle();
    assert_eq!(status(&host)["lastState"]["terminated"]["exitCode"], 255);
}

#[test]
fn pods_left_alone_keep_their_status_but_go_when_deleted() {
    let mut host = host(Images::default().leave_alone("theirs*"), 0.0);
    host.create("pods", pod("theirs:1"));
    host.settle();
    assert_eq!(host.find("pods", "p").expect("pod")["status"]["phase"], "Pending");
    host.update_status_in("default", "pods", "p", |pod| pod["status"]["phase"] = json!("Running"));
    host.settle();
    assert_eq!(host.find("pods", "p").expect("pod")["status"]["phase"], "Running");
    host.delete("pods", "p");
    host.settle();
    assert!(host.find("pods", "p").is_none());
}

#[test]
fn nothing_happens_on_a_node_that_is_cut_off() {
    let mut host = host(Images::default(), 0.0);
    host.create("pods", pod("app:1"));
    host.settle();
    let node = host.find("pods", "p").expect("pod")["spec"]["nodeName"].as_str().expect("a node").to_owned();
    host.engine.hand().cut_off(&node, true);
    host.settle();
    host.delete("pods", "p");
    host.advance(60);
    assert!(host.find("pods", "p").is_some(), "nobody is there to end it");
    host.engine.hand().cut_off(&node, false);
    host.settle();
    assert!(host.find("pods", "p").is_none());
}

#[test]
fn pod_addresses_do_not_repeat_soon() {
    assert_eq!(pod_address(1), "10.64.0.1");
    assert_eq!(pod_address(0x0001_0203), "10.65.2.3");
}
