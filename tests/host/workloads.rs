//! What the controllers of workloads do, as far as it needs no node: on the real host no kubelet runs, so that the tests
//! write the status of pods themselves on both.

use crate::hosts::{Host, gone, name, until};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

fn template(label: &str) -> Value {
    json!({"metadata": {"labels": {"app": label}},
        "spec": {"restartPolicy": "Always", "containers": [{"name": "c", "image": "i:1"}]}})
}

pub fn task() -> Value {
    json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}})
}

/// Waits until so many pods have a label, and returns them.
pub async fn pods(host: &Host, namespace: &str, selector: &str, count: usize) -> Result<Vec<Value>> {
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={selector}");
    let list =
        until(host, &path, |list| list["items"].as_array().is_some_and(|items| items.len() == count)).await?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// Ends a pod as a node would.
pub async fn end(host: &Host, pod: &Value, phase: &str, code: i64) -> Result<()> {
    let namespace = pod["metadata"]["namespace"].as_str().context("a namespace")?;
    let path = format!("/api/v1/namespaces/{namespace}/pods/{}/status", name(pod));
    let time = "2026-01-01T00:00:00Z";
    let status = json!({"status": {"phase": phase, "containerStatuses": [{"name": "c", "image": "i:1", "imageID": "",
        "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": code, "startedAt": time, "finishedAt": time}}}]}});
    host.patch(&path, "strategic", &status).await?.expect_code(200)?;
    Ok(())
}

/// Type, status and reason of all conditions.
pub fn conditions(object: &Value) -> Vec<String> {
    let all = object["status"]["conditions"].as_array().into_iter().flatten();
    all.map(|c| format!("{} {} {}", c["type"], c["status"], c["reason"]).replace('"', "")).collect()
}

pub fn has(object: &Value, condition: &str) -> bool {
    let mut all = object["status"]["conditions"].as_array().into_iter().flatten();
    all.any(|c| c["type"] == condition && c["status"] == "True")
}

/// Field names of an object, sorted.
fn fields(object: &Value) -> Vec<String> {
    let mut fields: Vec<String> =
        object.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
    fields.sort();
    fields
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn a_job_ends_well(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("jobs").await?;
        let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
        let job = json!({"metadata": {"name": "j"}, "spec": {"completions": 3, "parallelism": 2, "template": task()}});
        host.post(&jobs, &job).await?.expect_code(201)?;
        let first = pods(&host, &namespace, "job-name%3Dj", 2).await?;
        assert_eq!(first[0]["metadata"]["finalizers"], json!(["batch.kubernetes.io/job-tracking"]));
        let running = until(&host, &format!("{jobs}/j"), |job| job["status"]["active"] == 2).await?;
        assert_eq!(fields(&running["status"]), ["active", "ready", "startTime", "terminating", "uncountedTerminatedPods"]);
        for pod in &first {
            end(&host, pod, "Succeeded", 0).await?;
        }
        let all = pods(&host, &namespace, "job-name%3Dj", 3).await?;
        let last = all.iter().find(|pod| pod["status"]["phase"] == "Pending").context("a third pod")?;
        end(&host, last, "Succeeded", 0).await?;
        let done = until(&host, &format!("{jobs}/j"), |job| has(job, "Complete")).await?;
        assert_eq!(conditions(&done), ["SuccessCriteriaMet True CompletionsReached", "Complete True CompletionsReached"]);
        assert_eq!(done["status"]["conditions"][1]["message"], "Reached expected number of succeeded pods");
        assert_eq!(fields(&done["status"]["conditions"][1]), ["lastProbeTime", "lastTransitionTime", "message", "reason", "status", "type"]);
        assert_eq!((&done["status"]["succeeded"], &done["status"]["ready"]), (&json!(3), &json!(0)));
        let expected = ["completionTime", "conditions", "ready", "startTime", "succeeded", "terminating", "uncountedTerminatedPods"];
        assert_eq!(fields(&done["status"]), expected);
        for pod in pods(&host, &namespace, "job-name%3Dj", 3).await? {
            assert!(pod["metadata"].get("finalizers").is_none(), "{pod}");
        }
        Ok(())
    }

    async fn a_job_that_fails_too_often_fails(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("jobs").await?;
        let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
        let job = json!({"metadata": {"name": "j"}, "spec": {"backoffLimit": 0, "template": task()}});
        host.post(&jobs, &job).await?.expect_code(201)?;
        end(&host, &pods(&host, &namespace, "job-name%3Dj", 1).await?[0], "Failed", 1).await?;
        let failed = until(&host, &format!("{jobs}/j"), |job| has(job, "Failed")).await?;
        assert_eq!(conditions(&failed), ["FailureTarget True BackoffLimitExceeded", "Failed True BackoffLimitExceeded"]);
        assert_eq!(failed["status"]["conditions"][1]["message"], "Job has reached the specified backoff limit");
        assert_eq!(failed["status"]["failed"], 1);
        Ok(())
    }

    async fn an_indexed_job_tells_each_pod_its_index(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("jobs").await?;
        let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
        let spec = json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed", "template": task()});
        host.post(&jobs, &json!({"metadata": {"name": "j"}, "spec": spec})).await?.expect_code(201)?;
        let mut all = pods(&host, &namespace, "job-name%3Dj", 3).await?;
        all.sort_by_key(|pod| pod["spec"]["hostname"].to_string());
        let index = "batch.kubernetes.io/job-completion-index";
        for (number, pod) in all.iter().enumerate() {
            assert_eq!(pod["spec"]["hostname"], format!("j-{number}"));
            assert_eq!(pod["metadata"]["annotations"][index], number.to_string());
            assert_eq!(pod["metadata"]["labels"][index], number.to_string());
            assert!(name(pod).starts_with(&format!("j-{number}-")));
            let expected = json!([{"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef":
                {"apiVersion": "v1", "fieldPath": format!("metadata.labels['{index}']")}}}]);
            assert_eq!(pod["spec"]["containers"][0]["env"], expected);
        }
        end(&host, &all[0], "Succeeded", 0).await?;
        end(&host, &all[2], "Succeeded", 0).await?;
        let partly = until(&host, &format!("{jobs}/j"), |job| job["status"]["succeeded"] == 2).await?;
        assert_eq!(partly["status"]["completedIndexes"], "0,2");
        Ok(())
    }

    async fn a_job_is_suspended_and_resumed(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("jobs").await?;
        let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
        let job = json!({"metadata": {"name": "j"}, "spec": {"suspend": true, "template": task()}});
        host.post(&path, &job).await?.expect_code(201)?;
        let path = format!("{path}/j");
        let held = until(&host, &path, |job| has(job, "Suspended")).await?;
        assert_eq!(conditions(&held), ["Suspended True JobSuspended"]);
        assert!(held["status"].get("startTime").is_none());
        host.patch(&path, "merge", &json!({"spec": {"suspend": false}})).await?.expect_code(200)?;
        pods(&host, &namespace, "job-name%3Dj", 1).await?;
        let going = until(&host, &path, |job| job["status"]["active"] == 1).await?;
        assert_eq!(conditions(&going), ["Suspended False JobResumed"]);
        Ok(())
    }

    async fn pods_of_a_deleted_job_go_with_it(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("jobs").await?;
        let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
        for policy in ["Background", "Foreground"] {
            host.post(&jobs, &json!({"metadata": {"name": "j"}, "spec": {"template": task()}})).await?.expect_code(201)?;
            pods(&host, &namespace, "job-name%3Dj", 1).await?;
            host.delete_with(&format!("{jobs}/j"), &json!({"propagationPolicy": policy})).await?.expect_code(200)?;
            gone(&host, &format!("{jobs}/j")).await?;
            pods(&host, &namespace, "job-name%3Dj", 0).await?;
        }
        Ok(())
    }

    async fn a_cron_job_starts_what_is_due(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("cron").await?;
        let crons = format!("/apis/batch/v1/namespaces/{namespace}/cronjobs");
        // Its last time is looked for since this one, so that a Job is due at once.
        let cron = json!({"metadata": {"name": "c"}, "spec": {"schedule": "* * * * *", "suspend": true,
            "jobTemplate": {"spec": {"template": task()}}}});
        host.post(&crons, &cron).await?.expect_code(201)?;
        let path = format!("{crons}/c");
        let before = json!({"status": {"lastScheduleTime": "2026-01-01T00:00:00Z"}});
        host.patch(&format!("{path}/status"), "merge", &before).await?.expect_code(200)?;
        host.patch(&path, "merge", &json!({"spec": {"suspend": false}})).await?.expect_code(200)?;
        let started = until(&host, &path, |cron| cron["status"]["active"].as_array().is_some_and(|a| a.len() == 1)).await?;
        let active = &started["status"]["active"][0];
        assert_eq!(fields(active), ["apiVersion", "kind", "name", "namespace", "resourceVersion", "uid"]);
        let job = name(&json!({"metadata": {"name": active["name"]}}));
        let made = host.get(&format!("/apis/batch/v1/namespaces/{namespace}/jobs/{job}")).await?.expect_code(200)?;
        let at = &made["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
        assert_eq!(at, &started["status"]["lastScheduleTime"]);
        assert_eq!(made["metadata"]["ownerReferences"][0]["kind"], "CronJob");
        let all = pods(&host, &namespace, &format!("job-name%3D{job}"), 1).await?;
        host.patch(&path, "merge", &json!({"spec": {"suspend": true}})).await?.expect_code(200)?;
        end(&host, &all[0], "Succeeded", 0).await?;
        let idle = until(&host, &path, |cron| cron["status"]["lastSuccessfulTime"].is_string()).await?;
        assert!(idle["status"].get("active").is_none());
        Ok(())
    }

    async fn a_daemon_runs_on_every_node_that_is_meant(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("daemons").await?;
        let label = host.named("pool");
        let nodes = ["a", "b", "tainted"].map(|stem| host.named(stem));
        for node in &nodes {
            let taints = if node.ends_with("tainted") { json!([{"key": "x", "effect": "NoSchedule"}]) } else { json!([]) };
            let object = json!({"metadata": {"name": node, "labels": {"pool": label}}, "spec": {"taints": taints}});
            host.post("/api/v1/nodes", &object).await?.expect_code(201)?;
        }
        let mut template = template("agent");
        template["spec"]["nodeSelector"] = json!({"pool": label});
        // Nodes without a kubelet are soon said not to be ready.
        template["spec"]["tolerations"] = json!([{"key": "node.kubernetes.io/not-ready", "operator": "Exists"},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists"}]);
        let sets = format!("/apis/apps/v1/namespaces/{namespace}/daemonsets");
        let set = json!({"metadata": {"name": "agent"}, "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template}});
        host.post(&sets, &set).await?.expect_code(201)?;
        let all = pods(&host, &namespace, "app%3Dagent", 2).await?;
        let terms = |pod: &Value| pod.pointer("/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms").cloned();
        let mut aims: Vec<String> = all.iter().filter_map(|pod| Some(terms(pod)?.to_string())).collect();
        aims.sort();
        let aim = |node: &str| json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]).to_string();
        assert_eq!(aims, [aim(&nodes[0]), aim(&nodes[1])]);
        assert!(all[0]["metadata"]["labels"]["controller-revision-hash"].is_string());
        assert_eq!(all[0]["metadata"]["labels"]["pod-template-generation"], "1");
        let path = format!("{sets}/agent");
        let set = until(&host, &path, |set| set["status"]["currentNumberScheduled"] == 2).await?;
        assert_eq!((&set["status"]["desiredNumberScheduled"], &set["status"]["numberUnavailable"]), (&json!(2), &json!(2)));
        host.patch(&format!("/api/v1/nodes/{}", nodes[2]), "merge", &json!({"spec": {"taints": null}})).await?.expect_code(200)?;
        pods(&host, &namespace, "app%3Dagent", 3).await?;
        // Pods that do not run are replaced all at once.
        let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "i:2"}]);
        host.patch(&path, "json", &image).await?.expect_code(200)?;
        let replaced = |set: &Value| set["status"]["updatedNumberScheduled"] == 3 && set["status"]["observedGeneration"] == 2;
        until(&host, &path, replaced).await?;
        let revisions = format!("/apis/apps/v1/namespaces/{namespace}/controllerrevisions");
        assert_eq!(host.get(&revisions).await?.names().len(), 2);
        for node in &nodes {
            host.delete(&format!("/api/v1/nodes/{node}")).await?.expect_code(200)?;
        }
        Ok(())
    }

    async fn a_cordoned_node_is_tainted(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let node = host.named("cordoned");
        host.post("/api/v1/nodes", &json!({"metadata": {"name": node}, "spec": {"unschedulable": true}})).await?.expect_code(201)?;
        let path = format!("/api/v1/nodes/{node}");
        let tainted = |node: &Value| {
            let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
            taints.any(|taint| taint["key"] == "node.kubernetes.io/unschedulable" && taint["effect"] == "NoSchedule")
        };
        until(&host, &path, tainted).await?;
        host.patch(&path, "merge", &json!({"spec": {"unschedulable": null}})).await?.expect_code(200)?;
        until(&host, &path, |node| !tainted(node)).await?;
        host.delete(&path).await?.expect_code(200)?;
        Ok(())
    }

    async fn a_budget_says_how_many_may_go(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("budgets").await?;
        let sets = format!("/apis/apps/v1/namespaces/{namespace}/replicasets");
        let set = json!({"metadata": {"name": "web"}, "spec": {"replicas": 3,
            "selector": {"matchLabels": {"app": "web"}}, "template": template("web")}});
        host.post(&sets, &set).await?.expect_code(201)?;
        let all = pods(&host, &namespace, "app%3Dweb", 3).await?;
        let budgets = format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets");
        let budget = json!({"metadata": {"name": "b"}, "spec": {"maxUnavailable": "34%", "selector": {"matchLabels": {"app": "web"}}}});
        host.post(&budgets, &budget).await?.expect_code(201)?;
        let path = format!("{budgets}/b");
        let none = until(&host, &path, |budget| budget["status"]["expectedPods"] == 3).await?;
        assert_eq!((&none["status"]["desiredHealthy"], &none["status"]["currentHealthy"]), (&json!(1), &json!(0)));
        assert_eq!(conditions(&none), ["DisruptionAllowed False InsufficientPods"]);
        for pod in &all {
            let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
            let path = format!("/api/v1/namespaces/{namespace}/pods/{}/status", name(pod));
            host.patch(&path, "strategic", &ready).await?.expect_code(200)?;
        }
        let some = until(&host, &path, |budget| budget["status"]["disruptionsAllowed"] == 2).await?;
        assert_eq!(conditions(&some), ["DisruptionAllowed True SufficientPods"]);
        Ok(())
    }
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn a_rollout_keeps_its_proportions_when_scaled(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("proportions").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        let deployment = json!({"metadata": {"name": "web"}, "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 0}}, "template": template("web")}});
        host.post(&path, &deployment).await?.expect_code(201)?;
        let one = format!("{path}/web");
        for pod in pods(&host, &namespace, "app%3Dweb", 5).await? {
            let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
            host.patch(&format!("/api/v1/namespaces/{namespace}/pods/{}/status", name(&pod)), "strategic", &ready).await?.expect_code(200)?;
        }
        until(&host, &one, |deployment| deployment["status"]["availableReplicas"] == 5).await?;
        let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "i:2"}]);
        host.patch(&one, "json", &image).await?.expect_code(200)?;
        let sizes = |list: &Value| {
            let sets = list["items"].as_array().cloned().unwrap_or_default();
            let mut sizes: Vec<i64> = sets.iter().filter_map(|set| set["spec"]["replicas"].as_i64()).collect();
            sizes.sort_unstable();
            sizes
        };
        let sets = format!("/apis/apps/v1/namespaces/{namespace}/replicasets");
        until(&host, &sets, |list| sizes(list) == [3, 5]).await?;
        host.patch(&one, "merge", &json!({"spec": {"replicas": 13}})).await?.expect_code(200)?;
        until(&host, &sets, |list| sizes(list) == [6, 10]).await?;
        let old = json!({"spec": {"replicas": 0}});
        host.patch(&one, "merge", &old).await?.expect_code(200)?;
        until(&host, &sets, |list| sizes(list) == [0, 0]).await?;
        Ok(())
    }

    async fn a_paused_deployment_says_so(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("paused").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        let deployment = json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template("web")}});
        host.post(&path, &deployment).await?.expect_code(201)?;
        let one = format!("{path}/web");
        let progressing = |deployment: &Value| conditions(deployment).into_iter().find(|text| text.starts_with("Progressing")).unwrap_or_default();
        until(&host, &one, |deployment| progressing(deployment).starts_with("Progressing True ")).await?;
        host.patch(&one, "merge", &json!({"spec": {"paused": true}})).await?.expect_code(200)?;
        until(&host, &one, |deployment| progressing(deployment) == "Progressing Unknown DeploymentPaused").await?;
        let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "i:2"}]);
        host.patch(&one, "json", &image).await?.expect_code(200)?;
        until(&host, &one, |deployment| deployment["status"]["observedGeneration"] == 3).await?;
        host.patch(&one, "merge", &json!({"spec": {"paused": false}})).await?.expect_code(200)?;
        until(&host, &one, |deployment| deployment["status"]["observedGeneration"] == 4 && !progressing(deployment).ends_with("DeploymentPaused")).await?;
        let sets = host.get(&format!("/apis/apps/v1/namespaces/{namespace}/replicasets")).await?;
        assert_eq!(sets.names().len(), 2);
        Ok(())
    }

    async fn what_is_behind_a_closed_gate_is_dropped(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("gates").await?;
        let sets = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets");
        let set = json!({"metadata": {"name": "db"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "db"}}, "template": template("db"),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1, "maxUnavailable": 2}}}});
        let made = host.post(&sets, &set).await?.expect_code(201)?;
        assert_eq!(made["spec"]["updateStrategy"]["rollingUpdate"], json!({"partition": 1}));
        let change = json!({"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 3}}}});
        let changed = host.patch(&format!("{sets}/db"), "merge", &change).await?.expect_code(200)?;
        assert_eq!((&changed["spec"]["updateStrategy"]["rollingUpdate"], &changed["metadata"]["generation"]), (&json!({"partition": 1}), &json!(1)));
        Ok(())
    }
}
