//! Jobs on a host turned by hand.

use serde_json::{Value, json};

use crate::controllers::testing::{Host, host};
use crate::store::{DeleteOptions, Propagation};

fn job(spec: Value) -> Value {
    let mut job = json!({"metadata": {"name": "j"}, "spec": spec});
    job["spec"]["template"]["spec"]["containers"] = json!([{"name": "c", "image": "i:1"}]);
    if job["spec"]["template"]["spec"].get("restartPolicy").is_none() {
        job["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    }
    job
}

fn names(host: &Host) -> Vec<String> {
    host.all("pods").iter().map(|pod| pod["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
}

/// Ends a pod as a node would.
fn end(host: &mut Host, name: &str, phase: &str, code: i64) {
    let now = host.store().clock().stamp();
    host.update_status_in("default", "pods", name, |pod| {
        pod["status"]["phase"] = json!(phase);
        pod["status"]["containerStatuses"] =
            json!([{"name": "c", "state": {"terminated": {"exitCode": code, "finishedAt": now}}}]);
    });
    host.settle();
}

fn status(host: &Host) -> Value {
    host.find("jobs", "j").expect("job")["status"].clone()
}

fn conditions(host: &Host) -> Vec<String> {
    let status = status(host);
    let all = status["conditions"].as_array().into_iter().flatten();
    all.map(|c| format!("{} {} {}", c["type"], c["status"], c["reason"]).replace('"', "")).collect()
}

/// Lets the pods that are active end one after the other until the Job is over.
fn run(host: &mut Host, phase: &str) {
    for _ in 0..20 {
        let active = |pod: &&Value| !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        let Some(pod) = host.all("pods").iter().find(active).cloned() else { return };
        end(host, pod["metadata"]["name"].as_str().expect("a name"), phase, i64::from(phase == "Failed"));
        host.advance(700);
    }
}

/// Whoever sees that a Job has ended finds none of its pods held, as with the real controller.
#[test]
fn no_pod_is_held_when_the_end_is_told() {
    for (phase, spec) in
        [("Succeeded", json!({"completions": 2, "parallelism": 2})), ("Failed", json!({"backoffLimit": 0}))]
    {
        let mut host = host();
        host.create("jobs", job(spec));
        host.settle();
        run(&mut host, phase);
        let revision = |object: &Value| -> u64 {
            let text = object["metadata"]["resourceVersion"].as_str().expect("a revision");
            text.parse().expect("a number")
        };
        // The finalizers were the last that was written of pods, and the end the last that was written of the Job.
        let pods = host.all("pods");
        assert!(pods.iter().all(|pod| pod["metadata"].get("finalizers").is_none()));
        let job = host.find("jobs", "j").expect("job");
        assert!(
            conditions(&host)
                .iter()
                .any(|it| it.starts_with("Complete True") || it.starts_with("Failed True"))
        );
        assert!(pods.iter().all(|pod| revision(pod) < revision(&job)), "{pods:?}\n{job}");
    }
}

#[test]
fn a_job_runs_until_enough_has_succeeded() {
    let mut host = host();
    host.create("jobs", job(json!({"completions": 3, "parallelism": 2})));
    host.settle();
    assert_eq!(names(&host).len(), 2);
    assert_eq!((&status(&host)["active"], &status(&host)["ready"]), (&json!(2), &json!(0)));
    let pod = host.all("pods")[0].clone();
    assert_eq!(pod["metadata"]["finalizers"], json!(["batch.kubernetes.io/job-tracking"]));
    assert_eq!(pod["metadata"]["labels"]["job-name"], "j");
    run(&mut host, "Succeeded");
    let status = status(&host);
    assert_eq!((&status["succeeded"], status.get("active")), (&json!(3), None));
    assert!(status["completionTime"].is_string());
    assert_eq!(
        conditions(&host),
        ["SuccessCriteriaMet True CompletionsReached", "Complete True CompletionsReached"]
    );
    assert!(
        host.all("pods").iter().all(|pod| pod["metadata"].get("finalizers").is_none()),
        "all are counted"
    );
    assert_eq!(host.events().last().map(|event| event["reason"].clone()), Some(json!("Completed")));
}

#[test]
fn failures_are_tried_again_ever_later_up_to_the_limit() {
    let mut host = host();
    host.create("jobs", job(json!({"backoffLimit": 1})));
    host.settle();
    let first = names(&host)[0].clone();
    end(&mut host, &first, "Failed", 1);
    assert_eq!(names(&host).len(), 1, "it waits first");
    host.advance(10);
    let second = names(&host).into_iter().find(|name| *name != first).expect("a second try");
    end(&mut host, &second, "Failed", 1);
    host.advance(3600);
    assert_eq!(names(&host).len(), 2);
    assert_eq!(status(&host)["failed"], 2);
    assert_eq!(
        conditions(&host),
        ["FailureTarget True BackoffLimitExceeded", "Failed True BackoffLimitExceeded"]
    );
}

#[test]
fn an_indexed_job_does_every_index_once() {
    let mut host = host();
    host.create("jobs", job(json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed"})));
    host.settle();
    let pods = host.all("pods");
    let mut hosts: Vec<&str> = pods.iter().filter_map(|pod| pod["spec"]["hostname"].as_str()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["j-0", "j-1", "j-2"]);
    assert_eq!(pods[0]["spec"]["containers"][0]["env"][0]["name"], "JOB_COMPLETION_INDEX");
    run(&mut host, "Succeeded");
    assert_eq!(status(&host)["completedIndexes"], "0-2");
    assert_eq!(conditions(&host).last().map(String::as_str), Some("Complete True CompletionsReached"));
}

#[test]
fn a_suspended_job_has_no_pods() {
    let mut host = host();
    host.create("jobs", job(json!({"suspend": true})));
    host.settle();
    assert!(names(&host).is_empty());
    assert_eq!(conditions(&host), ["Suspended True JobSuspended"]);
    assert!(status(&host).get("startTime").is_none());
    host.update("jobs", "j", |job| job["spec"]["suspend"] = json!(false));
    host.settle();
    assert_eq!(names(&host).len(), 1);
    assert_eq!(conditions(&host), ["Suspended False JobResumed"]);
    host.update("jobs", "j", |job| job["spec"]["suspend"] = json!(true));
    host.settle();
    assert!(names(&host).is_empty(), "a pod on no node goes at once, counted or not");
}

#[test]
fn a_deadline_ends_what_runs() {
    let mut host = host();
    host.create("jobs", job(json!({"activeDeadlineSeconds": 30})));
    host.settle();
    host.advance(29);
    assert!(conditions(&host).is_empty());
    host.advance(1);
    assert_eq!(conditions(&host).last().map(String::as_str), Some("Failed True DeadlineExceeded"));
    assert!(names(&host).is_empty());
}

#[test]
fn a_finished_job_is_cleaned_away_in_time() {
    let mut host = host();
    host.create("jobs", job(json!({"ttlSecondsAfterFinished": 3600})));
    host.settle();
    run(&mut host, "Succeeded");
    assert!(host.find("jobs", "j").is_some());
    host.advance(3600);
    assert!(host.find("jobs", "j").is_none());
    assert!(names(&host).is_empty());
}

#[test]
fn a_policy_fails_the_job_at_once_or_ignores_a_failure() {
    let rules = json!([
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [3]}},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
    ]);
    let mut host = host();
    host.create("jobs", job(json!({"podFailurePolicy": {"rules": rules}})));
    host.settle();
    let first = names(&host)[0].clone();
    end(&mut host, &first, "Failed", 3);
    assert!(status(&host).get("failed").is_none());
    host.advance(60);
    let second = names(&host).into_iter().find(|name| *name != first).expect("a second try");
    end(&mut host, &second, "Failed", 42);
    assert_eq!(conditions(&host).last().map(String::as_str), Some("Failed True PodFailurePolicy"));
}

#[test]
fn pods_of_a_deleted_job_are_let_go_of() {
    for propagation in [Propagation::Background, Propagation::Foreground] {
        let mut host = host();
        host.create("jobs", job(json!({"parallelism": 2, "completions": 2})));
        host.settle();
        let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
        host.delete_with("jobs", "j", &options);
        host.settle();
        assert!(host.find("jobs", "j").is_none(), "{propagation:?}");
        assert!(names(&host).is_empty(), "{propagation:?}");
    }
}

#[test]
fn without_completions_one_success_is_enough() {
    let mut host = host();
    host.create("jobs", job(json!({"parallelism": 2})));
    host.settle();
    let pods = names(&host);
    end(&mut host, &pods[0], "Succeeded", 0);
    assert!(conditions(&host).is_empty(), "the other one goes on");
    assert_eq!(names(&host).len(), 2);
    end(&mut host, &pods[1], "Succeeded", 0);
    assert_eq!(conditions(&host).last().map(String::as_str), Some("Complete True CompletionsReached"));
}

#[test]
fn an_index_has_failures_of_its_own() {
    let mut host = host();
    let spec =
        json!({"completions": 2, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 1});
    host.create("jobs", job(spec));
    host.settle();
    let of = |host: &Host, index: i64| -> Vec<Value> {
        let mut pods = host.all("pods");
        pods.retain(|pod| {
            pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]
                == index.to_string().as_str()
        });
        pods
    };
    let text = |pod: &Value| pod["metadata"]["name"].as_str().expect("a name").to_owned();
    let failures =
        |pod: &Value| pod["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"].clone();
    assert_eq!(status(&host)["failedIndexes"], "");
    let first = of(&host, 0).remove(0);
    assert_eq!(failures(&first), "0");
    end(&mut host, &text(&first), "Failed", 1);
    assert_eq!(of(&host, 0).len(), 1, "it waits first");
    assert!(of(&host, 0)[0]["metadata"]["finalizers"].is_array(), "and is kept for its successor");
    host.advance(10);
    let second = of(&host, 0).into_iter().find(|pod| text(pod) != text(&first)).expect("a second try");
    assert_eq!(failures(&second), "1");
    assert_eq!(status(&host)["failed"], 1);
    end(&mut host, &text(&second), "Failed", 1);
    assert_eq!((&status(&host)["failedIndexes"], &status(&host)["failed"]), (&json!("0"), &json!(2)));
    assert!(conditions(&host).is_empty(), "the other one goes on");
    let other = of(&host, 1).remove(0);
    end(&mut host, &text(&other), "Succeeded", 0);
    assert_eq!(conditions(&host), ["FailureTarget True FailedIndexes", "Failed True FailedIndexes"]);
    assert_eq!(status(&host)["completedIndexes"], "1");
}

#[test]
fn too_many_failed_indexes_end_the_job() {
    let mut host = host();
    let spec = json!({"completions": 5, "parallelism": 5, "completionMode": "Indexed", "backoffLimitPerIndex": 0, "maxFailedIndexes": 1});
    host.create("jobs", job(spec));
    host.settle();
    for name in names(&host).iter().take(2) {
        assert!(conditions(&host).is_empty());
        end(&mut host, name, "Failed", 1);
    }
    assert_eq!(conditions(&host).last().map(String::as_str), Some("Failed True MaxFailedIndexesExceeded"));
    assert_eq!(
        (&status(&host)["failedIndexes"], &status(&host)["failed"]),
        (&json!("0,1"), &json!(5)),
        "those cut short have failed, too"
    );
}

#[test]
fn nobody_counts_a_pod_that_was_sent_away() {
    let mut host = host();
    host.create("jobs", job(json!({"parallelism": 2, "completions": 2})));
    host.settle();
    for name in names(&host) {
        host.run_pod("default", &name, true);
    }
    host.settle();
    host.update("jobs", "j", |job| job["spec"]["suspend"] = json!(true));
    host.settle();
    host.reap_pods();
    assert!(names(&host).is_empty());
    assert_eq!(status(&host).get("failed"), None);
}
