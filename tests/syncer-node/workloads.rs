//! What controllers of the tenant make runs on the host, and what became of it comes back.

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, PersistentVolumeClaim, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use v9s_testkit::node::images::BUSYBOX;
use v9s_testkit::objects;

use crate::tenancy::gone;
use crate::tenant::tenants;

fn template(app: &str, script: &str, more: Value) -> Value {
    let mut template = json!({
        "metadata": {"labels": {"app": app}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": BUSYBOX, "command": ["sh", "-c", script]}],
        },
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        template["spec"][field] = value.clone();
    }
    template
}

/// How the container `main` has ended.
fn end(pod: &Pod) -> Option<&ContainerStateTerminated> {
    pod.status.as_ref()?.container_statuses.as_ref()?.first()?.state.as_ref()?.terminated.as_ref()
}

tenants! {
    async fn a_deployment_becomes_available_and_rolls(tenant: Tenant) -> Result<()> {
        let probe = json!([{"name": "main", "image": BUSYBOX, "command": ["sh", "-c", "touch /tmp/up; sleep 100000"],
            "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1}}]);
        tenant.create(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
                "template": template("web", "", json!({"containers": probe}))},
        }))
        .await?;
        let is_available = |revision: i64| move |found: Option<&Deployment>| {
            let status = found.and_then(|web| web.status.clone()).unwrap_or_default();
            let mut conditions = status.conditions.iter().flatten();
            status.observed_generation == Some(revision)
                && (status.updated_replicas, status.available_replicas, status.replicas) == (Some(2), Some(2), Some(2))
                && conditions.any(|one| one.type_ == "Available" && one.status == "True")
        };
        tenant.wait("web", "available", is_available(1)).await?;
        let change = json!({"spec": {"template": {"metadata": {"annotations": {"release": "2"}}}}});
        tenant.api::<Deployment>().patch("web", &PatchParams::default(), &Patch::Merge(change)).await?;
        tenant.wait("web", "available in its new form", is_available(2)).await?;
        let pods = tenant.api::<Pod>().list(&ListParams::default().labels("app=web")).await?.items;
        let newer = |pod: &Pod| pod.metadata.annotations.as_ref().and_then(|all| all.get("release")).is_some_and(|r| r == "2");
        assert_eq!(pods.iter().filter(|pod| newer(pod)).count(), 2);
        for pod in pods.iter().filter(|pod| newer(pod)) {
            let status = pod.status.as_ref().context("it has a status")?;
            assert!(status.pod_ip.is_some() && status.phase.as_deref() == Some("Running"), "{status:?}");
            assert_eq!(pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()), Some("node-1"));
        }
        Ok(())
    }

    async fn a_stateful_set_keeps_what_it_has_written(tenant: Tenant) -> Result<()> {
        let disk = format!("disk-of-{}", tenant.namespace);
        objects::create(&tenant.outside.client, &json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": disk},
            "spec": {
                "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "disks",
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": format!("/var/lib/v9s-{disk}"), "type": "DirectoryOrCreate"},
            },
        }))
        .await?;
        let mount = json!([{"name": "main", "image": BUSYBOX, "command": ["sleep", "100000"],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]);
        tenant.create(json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
            "spec": {
                "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
                "template": template("db", "", json!({"containers": mount})),
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                    "accessModes": ["ReadWriteOnce"], "storageClassName": "disks",
                    "resources": {"requests": {"storage": "1Gi"}}}}],
            },
        }))
        .await?;
        let first = tenant.ready("db-0").await?;
        tenant.sh("db-0", "echo kept >/data/file").await?;
        let full = format!("db-0.db.{}.svc.cluster.local", tenant.namespace);
        let known = tenant.sh("db-0", "grep -w db-0 /etc/hosts").await?;
        assert!(known.split_whitespace().any(|word| word == full), "it is called what its tenant calls it: {known}");
        let claim = tenant.api::<PersistentVolumeClaim>().get("data-db-0").await?;
        assert_eq!(claim.status.context("it has a status")?.phase.as_deref(), Some("Bound"));

        tenant.api::<Pod>().delete("db-0", &DeleteParams::default()).await?;
        let is_another = |pod: &Pod| pod.metadata.uid != first.metadata.uid && v9s_testkit::pods::condition(pod, "Ready");
        tenant.pod("db-0", "there again", is_another).await?;
        assert_eq!(tenant.sh("db-0", "cat /data/file").await?, "kept");

        tenant.api::<StatefulSet>().delete("db", &DeleteParams::default()).await?;
        tenant.api::<PersistentVolumeClaim>().delete("data-db-0", &DeleteParams::default()).await?;
        gone(tenant.api::<PersistentVolumeClaim>(), "data-db-0").await?;
        gone(tenant.outside.api::<PersistentVolumeClaim>(), &tenant.outside_name("data-db-0")).await?;
        Ok(())
    }

    async fn jobs_end_as_their_pods_do(tenant: Tenant) -> Result<()> {
        for (name, script, limit) in [("good", "echo done", 0), ("bad", "exit 3", 0)] {
            let template = template(name, script, json!({"restartPolicy": "Never"}));
            tenant.create(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
                "spec": {"backoffLimit": limit, "template": template}}))
            .await?;
        }
        let has = |condition: &'static str| move |found: Option<&Job>| {
            let conditions = found.iter().flat_map(|job| job.status.iter().flat_map(|status| status.conditions.iter().flatten()));
            conditions.into_iter().any(|one| one.type_ == condition && one.status == "True")
        };
        tenant.wait("good", "complete", has("Complete")).await?;
        tenant.wait("bad", "failed", has("Failed")).await?;
        for (name, phase, code) in [("good", "Succeeded", 0), ("bad", "Failed", 3)] {
            let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={name}"));
            let pod = tenant.api::<Pod>().list(&of_job).await?.items.pop().context("it has no pod")?;
            assert_eq!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some(phase));
            assert_eq!(end(&pod).context("it has not ended")?.exit_code, code);
        }
        Ok(())
    }

    async fn a_deleted_pod_ends_in_its_own_time_and_how_it_ended_is_told(tenant: Tenant) -> Result<()> {
        // It stays in sight until it is let go.
        tenant.create(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "slow", "finalizers": ["example.com/watched"]},
            "spec": {
                "terminationGracePeriodSeconds": 100,
                "containers": [{"name": "main", "image": BUSYBOX, "command": ["sh", "-c",
                    "trap 'sleep 3; exit 7' TERM; touch /tmp/up; while true; do sleep 0.1; done"],
                    "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1}}],
            },
        }))
        .await?;
        tenant.ready("slow").await?;
        tenant.api::<Pod>().delete("slow", &DeleteParams::default().grace_period(60)).await?;
        let name = tenant.outside_name("slow");
        let outside = tenant.outside.pod(&name, "ending", |pod| pod.metadata.deletion_timestamp.is_some()).await?;
        assert_eq!(outside.metadata.deletion_grace_period_seconds, Some(60));
        gone(tenant.outside.api::<Pod>(), &name).await?;
        let pod = tenant.pod("slow", "at its end", |pod| end(pod).is_some()).await?;
        assert_eq!(end(&pod).context("it has not ended")?.exit_code, 7, "it was asked, and not killed");
        let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        tenant.api::<Pod>().patch("slow", &PatchParams::default(), &free).await?;
        gone(tenant.api::<Pod>(), "slow").await?;
        Ok(())
    }

    async fn what_the_node_tells_of_a_pod_the_tenant_hears(tenant: Tenant) -> Result<()> {
        tenant.script("heart", "touch /tmp/alive; sleep 100000", json!({}), json!({"livenessProbe":
            {"exec": {"command": ["test", "-e", "/tmp/alive"]}, "periodSeconds": 1, "failureThreshold": 1}})).await?;
        tenant.ready("heart").await?;
        tenant.sh("heart", "rm /tmp/alive").await?;
        let restarted = |pod: &Pod| {
            let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
            statuses.into_iter().any(|one| one.restart_count == 1 && one.ready)
        };
        tenant.pod("heart", "started anew", restarted).await?;
        let events: Api<k8s_openapi::api::core::v1::Event> = tenant.api();
        let unhealthy = ListParams::default().fields("involvedObject.name=heart,reason=Unhealthy");
        for _ in 0..600 {
            let told = events.list(&unhealthy).await?.items.pop().and_then(|event| event.message);
            if let Some(told) = told {
                assert!(told.starts_with("Liveness probe failed") && !told.contains("-x-"), "{told}");
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        anyhow::bail!("the tenant never heard of it")
    }
}
