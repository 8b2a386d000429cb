//! CronJobs on a host turned by hand.

use serde_json::{Value, json};

use crate::controllers::CRON_JOBS;
use crate::controllers::testing::{Host, host};
use crate::store::Seed;

fn cron(change: impl Fn(&mut Value)) -> Value {
    let template = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}});
    let mut cron = json!({"metadata": {"name": "c"}, "spec": {"schedule": "0 * * * *",
        "jobTemplate": {"metadata": {"labels": {"l": "v"}}, "spec": {"template": template}}}});
    change(&mut cron);
    cron
}

fn names(host: &Host, word: &str) -> Vec<String> {
    host.all(word).iter().map(|o| o["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
}

fn reasons(host: &Host) -> Vec<String> {
    let about = host.events().into_iter().filter(|event| event["involvedObject"]["kind"] == "CronJob");
    about.map(|event| event["reason"].as_str().expect("a reason").to_owned()).collect()
}

/// Lets every pod end.
fn end_pods(host: &mut Host, phase: &str) {
    for pod in host.all("pods") {
        let name = pod["metadata"]["name"].as_str().expect("a name").to_owned();
        host.update_status_in("default", "pods", &name, |pod| pod["status"]["phase"] = json!(phase));
    }
    host.settle();
}

#[test]
fn a_job_comes_whenever_it_is_due() {
    let mut host = host();
    host.create("cronjobs", cron(|_| ()));
    host.advance(3599);
    assert!(names(&host, "jobs").is_empty());
    host.advance(1);
    // Minutes since 1970 at 2026-01-01T01:00Z.
    assert_eq!(names(&host, "jobs"), ["c-29453820"]);
    let job = host.all("jobs")[0].clone();
    assert_eq!(
        job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"],
        "2026-01-01T01:00:00Z"
    );
    assert_eq!(job["metadata"]["labels"]["l"], "v");
    let status = host.find("cronjobs", "c").expect("cron")["status"].clone();
    assert_eq!(status["lastScheduleTime"], "2026-01-01T01:00:00Z");
    assert_eq!(status["active"][0]["name"], "c-29453820");
    end_pods(&mut host, "Succeeded");
    let status = host.find("cronjobs", "c").expect("cron")["status"].clone();
    assert!(status.get("active").is_none());
    assert_eq!(status["lastSuccessfulTime"], "2026-01-01T01:00:00Z");
    assert_eq!(reasons(&host), ["SuccessfulCreate", "SawCompletedJob"]);
}

#[test]
fn what_still_runs_is_joined_forbidden_or_replaced() {
    for (policy, expected) in [("Allow", 2), ("Forbid", 1), ("Replace", 1)] {
        let mut host = host();
        host.create("cronjobs", cron(|cron| cron["spec"]["concurrencyPolicy"] = json!(policy)));
        host.settle();
        host.advance(3600);
        let first = names(&host, "jobs");
        host.advance(3600);
        assert_eq!(names(&host, "jobs").len(), expected, "{policy}");
        assert_eq!(names(&host, "jobs") == first, policy == "Forbid", "{policy}");
        assert_eq!(reasons(&host).contains(&"JobAlreadyActive".to_owned()), policy == "Forbid", "{policy}");
    }
}

#[test]
fn only_so_many_jobs_are_kept() {
    let mut host = host();
    host.create("cronjobs", cron(|cron| cron["spec"]["successfulJobsHistoryLimit"] = json!(2)));
    host.settle();
    for _ in 0..4 {
        host.advance(3600);
        end_pods(&mut host, "Succeeded");
    }
    assert_eq!(names(&host, "jobs"), ["c-29453940", "c-29454000"]);
}

#[test]
fn suspended_late_or_unreadable_ones_start_nothing() {
    let cases: [(&str, Value, Option<&str>); 3] = [
        ("suspend", json!(true), None),
        ("schedule", json!("every hour"), Some("UnparseableSchedule")),
        ("timeZone", json!("Nowhere/Land"), Some("UnknownTimeZone")),
    ];
    for (field, value, reason) in cases {
        let mut host = host();
        // The API takes no such schedule; one may be there from before.
        let object = cron(|cron| {
            cron["spec"][field] = value.clone();
            cron["metadata"]["namespace"] = json!("default");
        });
        host.store().seed([Seed { resource: CRON_JOBS, object }]);
        host.settle();
        assert_eq!(reasons(&host).first().map(String::as_str), reason, "{field}");
        host.advance(7200);
        assert!(names(&host, "jobs").is_empty(), "{field}");
    }
    let mut host = host();
    host.create("cronjobs", cron(|cron| cron["spec"]["startingDeadlineSeconds"] = json!(60)));
    host.engine.freeze("cronjobs", true);
    host.advance(3600 + 300);
    host.engine.freeze("cronjobs", false);
    host.settle();
    assert!(names(&host, "jobs").is_empty());
}

#[test]
fn lengths_of_time_are_counted_from_the_last_job() {
    let mut host = host();
    host.create("cronjobs", cron(|cron| cron["spec"]["schedule"] = json!("@every 7m")));
    host.advance(419);
    assert!(names(&host, "jobs").is_empty());
    host.advance(1);
    assert_eq!(names(&host, "jobs").len(), 1);
    host.advance(500);
    let cron = host.find("cronjobs", "c").expect("cron");
    assert_eq!(cron["status"]["lastScheduleTime"], "2026-01-01T00:14:00Z");
}

#[test]
fn whoever_has_missed_much_hears_of_it_and_starts_once() {
    let mut host = host();
    host.create("cronjobs", cron(|_| ()));
    host.engine.freeze("cronjobs", true);
    host.advance(3600 * 200);
    host.engine.freeze("cronjobs", false);
    host.settle();
    let mut reasons = reasons(&host);
    reasons.sort();
    assert_eq!(reasons, ["SuccessfulCreate", "TooManyMissedTimes"]);
    assert_eq!(names(&host, "jobs").len(), 1);
}
