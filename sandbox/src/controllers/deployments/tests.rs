//! Rollouts, on a host turned by hand.

use super::super::workload::condition;
use super::*;
use crate::controllers::testing::{Host, host};

fn deployment(image: &str) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"terminationGracePeriodSeconds": 30, "containers": [{"name": "c", "image": image}]}}}})
}

fn sets(host: &Host) -> Vec<(String, i64)> {
    let mut sets: Vec<_> = host
        .all("rs")
        .iter()
        .map(|set| {
            let image = set["spec"]["template"]["spec"]["containers"][0]["image"].as_str().expect("an image");
            (image.to_owned(), set["spec"]["replicas"].as_i64().expect("a number"))
        })
        .collect();
    sets.sort();
    sets
}

fn condition_of(host: &Host, kind: &str) -> Value {
    condition(&host.find("deploy", "web").expect("deployment")["status"], kind).expect("a condition").clone()
}

#[test]
fn a_deployment_makes_pods_and_becomes_available() {
    let mut host = host();
    host.create("deploy", deployment("i:1"));
    host.settle();
    assert_eq!(sets(&host), [("i:1".to_owned(), 2)]);
    assert_eq!(condition_of(&host, "Available")["status"], "False");
    host.run_all_pods();
    let status = host.find("deploy", "web").expect("deployment")["status"].clone();
    assert_eq!((&status["readyReplicas"], &status["updatedReplicas"]), (&json!(2), &json!(2)));
    assert_eq!(condition_of(&host, "Available")["status"], "True");
    assert_eq!(condition_of(&host, "Progressing")["reason"], "NewReplicaSetAvailable");
    let messages: Vec<_> = host.events().iter().map(|event| event["message"].clone()).collect();
    assert!(messages.iter().any(|m| m.as_str().is_some_and(|m| m.ends_with("from 0 to 2"))), "{messages:?}");
}

#[test]
fn a_new_image_rolls_out_step_by_step_and_can_be_taken_back() {
    let mut host = host();
    host.create("deploy", deployment("i:1"));
    host.run_all_pods();
    let image = |deployment: &mut Value, image: &str| {
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    };
    host.update("deploy", "web", |deployment| image(deployment, "i:2"));
    host.settle();
    assert_eq!(sets(&host), [("i:1".to_owned(), 2), ("i:2".to_owned(), 1)], "one more than wanted");
    host.run_all_pods();
    assert_eq!(sets(&host), [("i:1".to_owned(), 0), ("i:2".to_owned(), 2)]);
    let revision = |host: &Host| {
        host.find("deploy", "web").expect("deployment")["metadata"]["annotations"][REVISION].clone()
    };
    assert_eq!(revision(&host), "2");
    host.update("deploy", "web", |deployment| image(deployment, "i:1"));
    host.run_all_pods();
    assert_eq!(sets(&host), [("i:1".to_owned(), 2), ("i:2".to_owned(), 0)], "the old one is used again");
    assert_eq!(revision(&host), "3");
}

#[test]
fn recreate_waits_until_the_old_pods_are_gone() {
    let mut host = host();
    let mut object = deployment("i:1");
    object["spec"]["strategy"] = json!({"type": "Recreate"});
    host.create("deploy", object);
    host.run_all_pods();
    host.update("deploy", "web", |deployment| {
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2");
    });
    host.settle();
    assert_eq!(sets(&host), [("i:1".to_owned(), 0)]);
    host.reap_pods();
    assert_eq!(sets(&host), [("i:1".to_owned(), 0), ("i:2".to_owned(), 2)]);
}

#[test]
fn history_is_kept_within_its_limit() {
    let mut host = host();
    let mut object = deployment("i:0");
    object["spec"]["revisionHistoryLimit"] = json!(1);
    host.create("deploy", object);
    for image in ["i:1", "i:2", "i:3"] {
        host.run_all_pods();
        host.update("deploy", "web", |deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        });
    }
    host.run_all_pods();
    assert_eq!(sets(&host), [("i:2".to_owned(), 0), ("i:3".to_owned(), 2)]);
}

#[test]
fn a_rollout_that_does_not_move_times_out() {
    let mut host = host();
    host.create("deploy", deployment("i:1"));
    host.settle();
    host.advance(599);
    assert_eq!(condition_of(&host, "Progressing")["status"], "True");
    host.advance(2);
    assert_eq!(condition_of(&host, "Progressing")["reason"], "ProgressDeadlineExceeded");
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut host = host();
    host.create("deploy", deployment("i:1"));
    host.run_all_pods();
    host.update("deploy", "web", |deployment| {
        deployment["spec"]["paused"] = json!(true);
        deployment["spec"]["replicas"] = json!(3);
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2");
    });
    host.settle();
    assert_eq!(sets(&host), [("i:1".to_owned(), 3)]);
}

#[test]
fn a_pause_is_no_lack_of_progress() {
    let mut host = host();
    host.create("deploy", deployment("i:1"));
    host.settle();
    host.update("deploy", "web", |deployment| deployment["spec"]["paused"] = json!(true));
    host.settle();
    host.advance(3600);
    let paused = condition_of(&host, "Progressing");
    assert_eq!((&paused["status"], &paused["reason"]), (&json!("Unknown"), &json!("DeploymentPaused")));
    host.update("deploy", "web", |deployment| deployment["spec"]["paused"] = json!(false));
    host.settle();
    host.advance(599);
    assert_eq!(condition_of(&host, "Progressing")["reason"], "DeploymentResumed");
    host.advance(2);
    assert_eq!(condition_of(&host, "Progressing")["reason"], "ProgressDeadlineExceeded");
}

#[test]
fn a_rollout_that_is_scaled_keeps_its_proportions() {
    let mut host = host();
    let mut object = deployment("i:1");
    object["spec"]["replicas"] = json!(10);
    host.create("deploy", object);
    host.run_all_pods();
    host.update("deploy", "web", |deployment| {
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2");
        deployment["spec"]["strategy"]["rollingUpdate"] = json!({"maxSurge": 3, "maxUnavailable": 2});
    });
    host.settle();
    assert_eq!(sets(&host), [("i:1".to_owned(), 8), ("i:2".to_owned(), 5)]);
    host.update("deploy", "web", |deployment| deployment["spec"]["replicas"] = json!(15));
    host.settle();
    assert_eq!(sets(&host), [("i:1".to_owned(), 11), ("i:2".to_owned(), 7)]);
}
