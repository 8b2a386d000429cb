//! What Jobs and CronJobs may say, and what follows from it. The tests end the pods, on both hosts.

use crate::hosts::{Host, name, until};
use crate::workloads::{conditions, end, has, pods, task};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

const INDEX: &str = "batch.kubernetes.io/job-completion-index";
const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// Creates a Job `j` in a new namespace; answers the namespace and its path.
async fn job(host: &Host, spec: Value) -> Result<(String, String)> {
    let namespace = host.namespace("jobs").await?;
    let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
    let mut job = json!({"metadata": {"name": "j"}, "spec": {"template": task()}});
    merge(&mut job["spec"], &spec);
    host.post(&jobs, &job).await?.expect_code(201)?;
    Ok((namespace, format!("{jobs}/j")))
}

fn merge(object: &mut Value, change: &Value) {
    for (key, value) in change.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => merge(&mut object[key], value),
            value => object[key] = value.clone(),
        }
    }
}

fn note(pod: &Value, key: &str) -> Value {
    pod["metadata"]["annotations"][key].clone()
}

/// Waits for the pod of an index whose predecessors have failed so often.
async fn pod_of(host: &Host, namespace: &str, index: u32, failures: &str) -> Result<Value> {
    let wanted =
        |pod: &&Value| note(pod, INDEX) == index.to_string().as_str() && note(pod, FAILURES) == failures;
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let like =
        |list: &Value| list["items"].as_array().is_some_and(|items| items.iter().any(|pod| wanted(&pod)));
    let list = until(host, &path, like).await?;
    let items = list["items"].as_array().into_iter().flatten();
    items.into_iter().find(wanted).cloned().context("a pod")
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn an_index_is_tried_again_and_lost_for_itself(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let spec = json!({"completions": 2, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 1});
        let (namespace, path) = job(&host, spec).await?;
        let first = pod_of(&host, &namespace, 0, "0").await?;
        let seen = until(&host, &path, |job| job["status"]["active"] == 2).await?;
        assert_eq!((&seen["status"]["failedIndexes"], &seen["spec"]["backoffLimit"]), (&json!(""), &json!(i32::MAX)));
        end(&host, &first, "Failed", 1).await?;
        let second = pod_of(&host, &namespace, 0, "1").await?;
        assert_eq!(note(&second, IGNORED), Value::Null);
        until(&host, &path, |job| job["status"]["failed"] == 1).await?;
        end(&host, &second, "Failed", 1).await?;
        let lost = until(&host, &path, |job| job["status"]["failed"] == 2).await?;
        assert_eq!((&lost["status"]["failedIndexes"], conditions(&lost)), (&json!("0"), Vec::new()));
        end(&host, &pod_of(&host, &namespace, 1, "0").await?, "Succeeded", 0).await?;
        let over = until(&host, &path, |job| has(job, "Failed")).await?;
        assert_eq!(conditions(&over), ["FailureTarget True FailedIndexes", "Failed True FailedIndexes"]);
        assert_eq!(over["status"]["conditions"][1]["message"], "Job has failed indexes");
        let status = &over["status"];
        assert_eq!((&status["completedIndexes"], &status["failedIndexes"], &status["succeeded"]), (&json!("1"), &json!("0"), &json!(1)));
        Ok(())
    }

    async fn too_many_lost_indexes_end_a_job(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let spec = json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed", "backoffLimitPerIndex": 0, "maxFailedIndexes": 1});
        let (namespace, path) = job(&host, spec).await?;
        for index in 0..2 {
            end(&host, &pod_of(&host, &namespace, index, "0").await?, "Failed", 1).await?;
        }
        let over = until(&host, &path, |job| has(job, "Failed")).await?;
        assert_eq!(conditions(&over).last().map(String::as_str), Some("Failed True MaxFailedIndexesExceeded"));
        assert_eq!(over["status"]["conditions"][1]["message"], "Job has exceeded the specified maximal number of failed indexes");
        // Whoever was cut short has failed, too, and is no lost index.
        assert_eq!((&over["status"]["failedIndexes"], &over["status"]["failed"]), (&json!("0,1"), &json!(3)));
        Ok(())
    }

    async fn a_policy_gives_up_an_index_or_ignores_its_failure(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let rules = json!([{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [9]}},
            {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [3]}}]);
        let spec = json!({"completions": 2, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 5,
            "podFailurePolicy": {"rules": rules}});
        let (namespace, path) = job(&host, spec).await?;
        let made = host.get(&path).await?.expect_code(200)?;
        assert_eq!(made["spec"]["podReplacementPolicy"], "Failed");
        end(&host, &pod_of(&host, &namespace, 0, "0").await?, "Failed", 9).await?;
        let lost = until(&host, &path, |job| job["status"]["failedIndexes"] == "0").await?;
        assert_eq!(conditions(&lost), Vec::<String>::new());
        let ignored = pod_of(&host, &namespace, 1, "0").await?;
        end(&host, &ignored, "Failed", 3).await?;
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        let again = |list: &Value| list["items"].as_array().is_some_and(|items| items.iter().any(|pod| note(pod, IGNORED) == "1"));
        let list = until(&host, &pods, again).await?;
        let next = list["items"].as_array().into_iter().flatten().find(|pod| note(pod, IGNORED) == "1").context("a second try")?;
        assert_eq!((note(next, INDEX), note(next, FAILURES)), (json!("1"), json!("0")));
        assert_eq!(host.get(&path).await?.json()["status"]["failed"], 1);
        Ok(())
    }

    async fn who_still_runs_when_a_job_fails_has_failed_with_it(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let (namespace, path) = job(&host, json!({"parallelism": 2, "completions": 2, "backoffLimit": 0})).await?;
        let all = pods(&host, &namespace, "job-name%3Dj", 2).await?;
        end(&host, &all[0], "Failed", 1).await?;
        let over = until(&host, &path, |job| has(job, "Failed")).await?;
        assert_eq!(over["status"]["failed"], 2);
        Ok(())
    }

    async fn who_is_sent_away_has_not_failed(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let (namespace, path) = job(&host, json!({"parallelism": 2, "completions": 3})).await?;
        pods(&host, &namespace, "job-name%3Dj", 2).await?;
        host.patch(&path, "merge", &json!({"spec": {"parallelism": 1}})).await?.expect_code(200)?;
        pods(&host, &namespace, "job-name%3Dj", 1).await?;
        host.patch(&path, "merge", &json!({"spec": {"suspend": true}})).await?.expect_code(200)?;
        let held = until(&host, &path, |job| has(job, "Suspended")).await?;
        pods(&host, &namespace, "job-name%3Dj", 0).await?;
        assert_eq!(held["status"].get("failed"), None);
        assert_eq!(host.get(&path).await?.json()["status"].get("failed"), None);
        Ok(())
    }

    async fn enough_success_ends_a_job(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let spec = json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed",
            "successPolicy": {"rules": [{"succeededIndexes": "0,2", "succeededCount": 1}]}});
        let (namespace, path) = job(&host, spec).await?;
        let all = pods(&host, &namespace, "job-name%3Dj", 3).await?;
        let of = |index: &str| all.iter().find(|pod| note(pod, INDEX) == index).context("a pod");
        end(&host, of("2")?, "Succeeded", 0).await?;
        let over = until(&host, &path, |job| has(job, "Complete")).await?;
        assert_eq!(conditions(&over), ["SuccessCriteriaMet True SuccessPolicy", "Complete True SuccessPolicy"]);
        assert_eq!(over["status"]["conditions"][1]["message"], "Matched rules at index 0");
        assert_eq!((&over["status"]["succeeded"], over["status"].get("failed")), (&json!(1), None));
        Ok(())
    }

    async fn lengths_of_time_make_a_schedule(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("every").await?;
        let crons = format!("/apis/batch/v1/namespaces/{namespace}/cronjobs");
        let cron = json!({"metadata": {"name": "c"}, "spec": {"schedule": "@every 1h30m", "suspend": true, "timeZone": "Asia/Kathmandu",
            "jobTemplate": {"spec": {"template": task()}}}});
        host.post(&crons, &cron).await?.expect_code(201)?;
        let path = format!("{crons}/c");
        let now = host.get(&path).await?.json()["metadata"]["creationTimestamp"].as_str().context("a time")?.parse::<jiff::Timestamp>()?;
        // Two lengths and a bit ago: one Job is made, for the later of the two.
        let last = now - jiff::SignedDuration::from_mins(2 * 90 + 5);
        let before = json!({"status": {"lastScheduleTime": last.to_string()}});
        host.patch(&format!("{path}/status"), "merge", &before).await?.expect_code(200)?;
        host.patch(&path, "merge", &json!({"spec": {"suspend": false}})).await?.expect_code(200)?;
        let started = until(&host, &path, |cron| cron["status"]["active"].as_array().is_some_and(|a| a.len() == 1)).await?;
        let due = last + jiff::SignedDuration::from_mins(2 * 90);
        assert_eq!(started["status"]["lastScheduleTime"], due.to_string());
        let job = host.get(&format!("/apis/batch/v1/namespaces/{namespace}/jobs/{}", name(&json!({"metadata": {"name": started["status"]["active"][0]["name"]}})))).await?;
        let at = due.to_zoned(jiff::tz::TimeZone::get("Asia/Kathmandu")?).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        assert_eq!(job.expect_code(200)?["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"], at);
        Ok(())
    }
}

/// What a host says of a body that lays these changes over a good one, without the name before it.
async fn refusals(
    host: &Host,
    path: &str,
    good: &Value,
    changes: &[Value],
    kind: &str,
) -> Result<Vec<(u16, String)>> {
    let mut told = Vec::new();
    for change in changes {
        let mut body = good.clone();
        merge(&mut body, change);
        let (code, _, message) = host.post(&format!("{path}?dryRun=All"), &body).await?.refusal();
        let prefix = format!("{kind} \"{}\" is invalid: ", name(&body));
        told.push((code, message.strip_prefix(&prefix).unwrap_or(&message).to_owned()));
    }
    Ok(told)
}

fn lines(told: &[(u16, String)]) -> String {
    told.iter().map(|(code, message)| format!("{code} {message}\n")).collect()
}

crate::hosts::both! {
    async fn what_a_job_may_not_say(host: Host) -> Result<()> {
        let namespace = host.namespace("badjobs").await?;
        let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
        let good = json!({"metadata": {"name": "j"}, "spec": {"template": task()}});
        let indexed = |more: Value| {
            let mut spec = json!({"completionMode": "Indexed", "completions": 3});
            merge(&mut spec, &more);
            json!({"spec": spec})
        };
        let rule = |rule: Value| json!({"spec": {"podFailurePolicy": {"rules": [rule]}}});
        let changes = [
            json!({"spec": {"backoffLimitPerIndex": 1, "maxFailedIndexes": 1}}),
            indexed(json!({"maxFailedIndexes": 1})),
            indexed(json!({"backoffLimitPerIndex": 1, "maxFailedIndexes": 4})),
            json!({"spec": {"completionMode": "Indexed"}}),
            json!({"spec": {"completionMode": "Indexed", "completions": 100_001, "backoffLimitPerIndex": 1}}),
            json!({"spec": {"completionMode": "Odd"}}),
            json!({"spec": {"backoffLimit": -1, "activeDeadlineSeconds": -1, "ttlSecondsAfterFinished": -1}}),
            json!({"spec": {"podReplacementPolicy": "Odd"}}),
            json!({"spec": {"podReplacementPolicy": "TerminatingOrFailed", "podFailurePolicy": {"rules": [
                {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}]}}}),
            rule(json!({"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [1]}})),
            rule(json!({"action": "Odd", "onExitCodes": {"operator": "Odd", "values": [3, 2, 2], "containerName": "x"}})),
            rule(json!({"action": "Count", "onExitCodes": {"operator": "In", "values": [0]}, "onPodConditions": [{"type": "A"}]})),
            rule(json!({"action": "Count"})),
            rule(json!({"action": "Count", "onPodConditions": [{"type": "a b", "status": "Odd"}]})),
            json!({"spec": {"podFailurePolicy": {"rules": []}, "template": {"spec": {"restartPolicy": "OnFailure"}}}}),
            json!({"spec": {"successPolicy": {"rules": [{"succeededCount": 1}]}}}),
            indexed(json!({"successPolicy": {"rules": []}})),
            indexed(json!({"successPolicy": {"rules": [{}]}})),
            indexed(json!({"successPolicy": {"rules": [{"succeededIndexes": "0-5", "succeededCount": 9}]}})),
            indexed(json!({"successPolicy": {"rules": [{"succeededIndexes": "1,0"}, {"succeededIndexes": "x"}, {"succeededIndexes": "0-1-2"}]}})),
            json!({"spec": {"template": {"spec": {"restartPolicy": "Always"}}}}),
            json!({"metadata": {"name": "n".repeat(62)}, "spec": {"completionMode": "Indexed", "completions": 101}}),
            json!({"spec": {"manualSelector": true}}),
        ];
        let told = refusals(&host, &jobs, &good, &changes, "Job.batch").await?;
        insta::assert_snapshot!("refused_jobs", lines(&told));
        Ok(())
    }

    async fn what_of_a_job_may_not_change(host: Host) -> Result<()> {
        let namespace = host.namespace("fixedjobs").await?;
        let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
        let indexed = json!({"metadata": {"name": "j"}, "spec": {"completionMode": "Indexed", "completions": 3, "parallelism": 2,
            "backoffLimitPerIndex": 1, "suspend": true, "template": task()}});
        host.post(&jobs, &indexed).await?.expect_code(201)?;
        host.post(&jobs, &json!({"metadata": {"name": "plain"}, "spec": {"template": task()}})).await?.expect_code(201)?;
        let container = |image: &str, memory: &str| json!({"spec": {"template": {"spec": {"containers": [
            {"name": "c", "image": image, "resources": {"requests": {"memory": memory}}}]}}}});
        let mut told = Vec::new();
        for (name, change) in [
            ("j", json!({"spec": {"completions": 4}})),
            ("j", json!({"spec": {"backoffLimitPerIndex": 2}})),
            ("plain", json!({"spec": {"completions": 2}})),
            ("plain", json!({"spec": {"completionMode": "Indexed"}})),
        ] {
            let (code, _, message) = host.patch(&format!("{jobs}/{name}"), "merge", &change).await?.refusal();
            told.push((code, message));
        }
        insta::assert_snapshot!("refused_job_changes", lines(&told));
        let mut fields = Vec::new();
        for (name, change) in [
            ("plain", json!({"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}})),
            ("plain", container("i:2", "1Mi")),
            ("j", container("i:2", "1Mi")),
            ("j", container("i:1", "1Mi")),
            ("j", json!({"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}})),
            ("j", json!({"spec": {"completions": 4, "parallelism": 4}})),
            ("j", json!({"spec": {"suspend": false}})),
        ] {
            let answer = host.patch(&format!("{jobs}/{name}"), "strategic", &change).await?;
            // What the template is, the real server shows as Go does: the field is enough here.
            fields.push((answer.code, answer.json()["details"]["causes"][0]["field"].clone()));
        }
        let fine = (200, Value::Null);
        assert_eq!(fields, [(422, json!("spec.template")), (422, json!("spec.template")), (422, json!("spec.template.spec")),
            fine.clone(), fine.clone(), fine.clone(), fine]);
        Ok(())
    }

    async fn what_a_cron_job_may_not_say(host: Host) -> Result<()> {
        let namespace = host.namespace("badcrons").await?;
        let crons = format!("/apis/batch/v1/namespaces/{namespace}/cronjobs");
        let good = json!({"metadata": {"name": "c"}, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": task()}}}});
        let schedules = ["every day", "* * * * * *", "60 * * * *", "* * 0 * *", "9-5 * * * *", "*/0 * * * *", "* * * * 7", "1-2-3 * * * *",
            "1/2/3 * * * *", "*/-1 * * * *", "x * * * *", "@often", "@every", "@every 1d", "@every 5", "@every x", "TZ=UTC * * * * *", "TZ=Nowhere/Land * * * * *",
            "TZ=UTC", " ", "", "0 0 L * *", "0 0 * * 5#2", "5/15 0 ? JAN-mar Mon", "@every 90m", "@hourly"];
        let mut changes: Vec<Value> = schedules.iter().map(|schedule| json!({"spec": {"schedule": schedule}})).collect();
        changes.extend([
            json!({"spec": {"timeZone": "Nowhere/Land"}}),
            json!({"spec": {"timeZone": ""}}),
            json!({"spec": {"timeZone": "local"}}),
            json!({"spec": {"timeZone": "../UTC"}}),
            json!({"spec": {"timeZone": "Europe/Berlin"}}),
            json!({"spec": {"concurrencyPolicy": "Odd"}}),
            json!({"spec": {"startingDeadlineSeconds": -1, "failedJobsHistoryLimit": -1, "successfulJobsHistoryLimit": -1}}),
            json!({"metadata": {"name": "n".repeat(53)}}),
            json!({"spec": {"jobTemplate": {"spec": {"manualSelector": true}}}}),
            json!({"spec": {"jobTemplate": {"spec": {"backoffLimitPerIndex": 1}}}}),
        ]);
        let told = refusals(&host, &crons, &good, &changes, "CronJob.batch").await?;
        insta::assert_snapshot!("refused_cron_jobs", lines(&told));
        Ok(())
    }
}
