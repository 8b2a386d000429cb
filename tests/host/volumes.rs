//! Claims and volumes, as the controllers bind, protect and release them.
//!
//! Where a volume comes from by itself cannot be compared: on the real host nobody plays a provisioner.

use crate::hosts::{Host, name, until};
use anyhow::Result;
use serde_json::{Value, json};

const VOLUMES: &str = "/api/v1/persistentvolumes";

fn claim(name: &str, class: &str, size: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class,
        "resources": {"requests": {"storage": size}}}})
}

fn volume(name: &str, class: &str, size: &str, policy: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class,
        "capacity": {"storage": size}, "persistentVolumeReclaimPolicy": policy, "hostPath": {"path": "/tmp/v9s-test"}}})
}

/// Waits until an object is in this phase.
async fn phase(host: &Host, path: &str, phase: &str) -> Result<Value> {
    until(host, path, |object| object["status"]["phase"] == phase).await
}

async fn claims(host: &Host, stem: &str) -> Result<String> {
    Ok(format!("/api/v1/namespaces/{}/persistentvolumeclaims", host.namespace(stem).await?))
}

/// Reason and message of the first event about an object with this reason.
async fn said(host: &Host, claims: &str, name: &str, reason: &str) -> Result<String> {
    let events = claims.replace("persistentvolumeclaims", "events");
    let about = |event: &&Value| event["involvedObject"]["name"] == name && event["reason"] == reason;
    let list = until(host, &events, |list| list["items"].as_array().into_iter().flatten().any(|e| about(&e)))
        .await?;
    let found = list["items"].as_array().into_iter().flatten().find(about).cloned().unwrap_or_default();
    Ok(found["message"].as_str().unwrap_or_default().to_owned())
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn a_claim_gets_the_smallest_volume_that_suits(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let class = host.named("class");
        let (large, small) = (host.named("large"), host.named("small"));
        for (name, size) in [(&large, "9Gi"), (&small, "6Gi")] {
            host.post(VOLUMES, &volume(name, &class, size, "Retain")).await?.expect_code(201)?;
            phase(&host, &format!("{VOLUMES}/{name}"), "Available").await?;
        }
        let claims = claims(&host, "binding").await?;
        host.post(&claims, &claim("c", &class, "5Gi")).await?.expect_code(201)?;
        let bound = phase(&host, &format!("{claims}/c"), "Bound").await?;
        assert_eq!(bound["spec"]["volumeName"], small);
        assert_eq!(bound["status"]["capacity"]["storage"], "6Gi");
        assert_eq!(bound["status"]["accessModes"], json!(["ReadWriteOnce"]));
        let annotations = &bound["metadata"]["annotations"];
        assert_eq!(annotations["pv.kubernetes.io/bind-completed"], "yes");
        assert_eq!(annotations["pv.kubernetes.io/bound-by-controller"], "yes");
        assert_eq!(bound["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
        let volume = phase(&host, &format!("{VOLUMES}/{small}"), "Bound").await?;
        assert_eq!(volume["spec"]["claimRef"]["uid"], bound["metadata"]["uid"]);
        assert_eq!(volume["metadata"]["finalizers"], json!(["kubernetes.io/pv-protection"]));
        assert!(volume["status"]["lastPhaseTransitionTime"].is_string());
        Ok(())
    }

    async fn a_claim_may_name_its_volume_and_a_volume_its_claim(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let class = host.named("class");
        let claims = claims(&host, "naming").await?;
        let (first, second) = (host.named("first"), host.named("second"));
        host.post(VOLUMES, &volume(&first, &class, "5Gi", "Retain")).await?.expect_code(201)?;
        let mut named = claim("named", &class, "1Gi");
        named["spec"]["volumeName"] = json!(first);
        host.post(&claims, &named).await?.expect_code(201)?;
        phase(&host, &format!("{claims}/named"), "Bound").await?;
        named["metadata"]["name"] = json!("late");
        host.post(&claims, &named).await?.expect_code(201)?;
        let why = said(&host, &claims, "late", "FailedBinding").await?;
        assert_eq!(why, format!("volume \"{first}\" already bound to a different claim."));
        let mut kept = volume(&second, &class, "5Gi", "Retain");
        let namespace = claims.split('/').nth(4).unwrap_or_default();
        kept["spec"]["claimRef"] = json!({"namespace": namespace, "name": "awaited"});
        host.post(VOLUMES, &kept).await?.expect_code(201)?;
        host.post(&claims, &claim("other", &class, "1Gi")).await?.expect_code(201)?;
        host.post(&claims, &claim("awaited", &class, "1Gi")).await?.expect_code(201)?;
        let bound = phase(&host, &format!("{claims}/awaited"), "Bound").await?;
        assert_eq!(bound["spec"]["volumeName"], second);
        assert_eq!(host.get(&format!("{claims}/other")).await?.json()["status"], json!({"phase": "Pending"}));
        Ok(())
    }

    async fn a_claim_that_waits_says_why(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let claims = claims(&host, "waiting").await?;
        let classes = "/apis/storage.k8s.io/v1/storageclasses";
        let (external, delayed, old) = (host.named("external"), host.named("delayed"), host.named("old"));
        for (name, provisioner, mode) in [
            (&external, "disks.example.org", "Immediate"),
            (&delayed, "disks.example.org", "WaitForFirstConsumer"),
            (&old, "kubernetes.io/no-provisioner", "Immediate"),
        ] {
            let class = json!({"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": mode});
            host.post(classes, &class).await?.expect_code(201)?;
        }
        let ghost = host.named("ghost");
        let cases = [
            ("none", "", "FailedBinding", "no persistent volumes available for this claim and no storage class is set".to_owned()),
            ("ghost", &ghost, "ProvisioningFailed", format!("storageclass.storage.k8s.io \"{ghost}\" not found")),
            ("old", &old, "ProvisioningFailed", "no volume plugin matched name: kubernetes.io/no-provisioner".to_owned()),
            ("delayed", &delayed, "WaitForFirstConsumer", "waiting for first consumer to be created before binding".to_owned()),
            ("external", &external, "ExternalProvisioning", "Waiting for a volume to be created either by the external provisioner 'disks.example.org' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.".to_owned()),
        ];
        for (name, class, reason, message) in cases {
            host.post(&claims, &claim(name, class, "1Gi")).await?.expect_code(201)?;
            assert_eq!(said(&host, &claims, name, reason).await?, message);
        }
        let claim = host.get(&format!("{claims}/external")).await?.json();
        assert_eq!(claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"], "disks.example.org");
        Ok(())
    }

    async fn a_claim_stays_while_a_pod_on_a_node_mounts_it(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let class = host.named("class");
        let claims = claims(&host, "protected").await?;
        let pods = claims.replace("persistentvolumeclaims", "pods");
        let volume_name = host.named("volume");
        host.post(VOLUMES, &volume(&volume_name, &class, "5Gi", "Retain")).await?.expect_code(201)?;
        host.post(&claims, &claim("c", &class, "1Gi")).await?.expect_code(201)?;
        phase(&host, &format!("{claims}/c"), "Bound").await?;
        let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "no-such-node",
            "containers": [{"name": "c", "image": "i:1"}],
            "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]}});
        host.post(&pods, &pod).await?.expect_code(201)?;
        // The pod must be known before the claim goes; a volume is protected by its claim all the while.
        host.delete(&format!("{VOLUMES}/{volume_name}")).await?.expect_code(200)?;
        host.delete(&format!("{claims}/c")).await?.expect_code(200)?;
        let held = host.get(&format!("{claims}/c")).await?.expect_code(200)?;
        assert!(held["metadata"]["deletionTimestamp"].is_string());
        host.delete(&format!("{pods}/p?gracePeriodSeconds=0")).await?.expect_code(200)?;
        crate::hosts::gone(&host, &format!("{claims}/c")).await?;
        crate::hosts::gone(&host, &format!("{VOLUMES}/{volume_name}")).await?;
        Ok(())
    }

    async fn released_volumes_follow_their_policy(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let claims = claims(&host, "released").await?;
        for (policy, expected) in [("Retain", Some("Released")), ("Delete", None)] {
            let (class, name) = (host.named(policy).to_lowercase(), host.named(&policy.to_lowercase()));
            host.post(VOLUMES, &volume(&name, &class, "5Gi", policy)).await?.expect_code(201)?;
            let one = policy.to_lowercase();
            host.post(&claims, &claim(&one, &class, "1Gi")).await?.expect_code(201)?;
            phase(&host, &format!("{claims}/{one}"), "Bound").await?;
            host.delete(&format!("{claims}/{one}")).await?.expect_code(200)?;
            match expected {
                Some(expected) => drop(phase(&host, &format!("{VOLUMES}/{name}"), expected).await?),
                None => crate::hosts::gone(&host, &format!("{VOLUMES}/{name}")).await?,
            }
        }
        Ok(())
    }

    async fn a_namespace_with_claims_ends(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let class = host.named("class");
        let claims = claims(&host, "ending").await?;
        let volume_name = host.named("volume");
        host.post(VOLUMES, &volume(&volume_name, &class, "5Gi", "Retain")).await?.expect_code(201)?;
        host.post(&claims, &claim("c", &class, "1Gi")).await?.expect_code(201)?;
        phase(&host, &format!("{claims}/c"), "Bound").await?;
        let namespace = claims.trim_end_matches("/persistentvolumeclaims");
        host.delete(namespace).await?.expect_code(200)?;
        crate::hosts::gone(&host, namespace).await?;
        phase(&host, &format!("{VOLUMES}/{volume_name}"), "Released").await?;
        Ok(())
    }

    async fn a_set_gives_each_pod_a_claim_and_keeps_or_deletes_it(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let claims = claims(&host, "sets").await?;
        let sets = format!("/apis/apps/v1/namespaces/{}/statefulsets", claims.split('/').nth(4).unwrap_or_default());
        for (name, policy) in [("kept", "Retain"), ("swept", "Delete")] {
            let set = json!({"metadata": {"name": name}, "spec": {"replicas": 2, "serviceName": "s",
                "podManagementPolicy": "Parallel", "selector": {"matchLabels": {"app": name}},
                "persistentVolumeClaimRetentionPolicy": {"whenScaled": policy, "whenDeleted": policy},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}}}}]}});
            host.post(&sets, &set).await?.expect_code(201)?;
            let all = format!("{claims}?labelSelector=app%3D{name}");
            let count = |wanted: usize| move |list: &Value| list["items"].as_array().is_some_and(|items| items.len() == wanted);
            let made = until(&host, &all, count(2)).await?;
            let mut names: Vec<String> = made["items"].as_array().into_iter().flatten().map(crate::hosts::name).collect();
            names.sort();
            assert_eq!(names, [format!("data-{name}-0"), format!("data-{name}-1")]);
            host.patch(&format!("{sets}/{name}"), "merge", &json!({"spec": {"replicas": 1}})).await?.expect_code(200)?;
            let pods = format!("{}?labelSelector=app%3D{name}", claims.replace("persistentvolumeclaims", "pods"));
            until(&host, &pods, count(1)).await?;
            until(&host, &all, count(if policy == "Delete" { 1 } else { 2 })).await?;
            host.delete(&format!("{sets}/{name}")).await?.expect_code(200)?;
            until(&host, &pods, count(0)).await?;
            until(&host, &all, count(if policy == "Delete" { 0 } else { 2 })).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_class_makes_volumes_where_its_provisioner_is_played() -> Result<()> {
    let controllers = v9s_sandbox::controllers::Options::default();
    let options = v9s_sandbox::Options { controllers: Some(controllers), ..v9s_sandbox::Options::default() };
    let sandbox = v9s_sandbox::Sandbox::start(options).await?;
    let kit = crate::hosts::client(&sandbox.kubeconfig()).await?;
    let post = |path: &'static str, body: Value| {
        let kit = kit.clone();
        async move { crate::hosts::post(&kit, path, &body).await?.expect_code(201) }
    };
    let class = json!({"metadata": {"name": "disks"}, "provisioner": "disks.example.org"});
    post("/apis/storage.k8s.io/v1/storageclasses", class).await?;
    let made = post("/api/v1/namespaces/default/persistentvolumeclaims", claim("c", "disks", "5Gi")).await?;
    sandbox.controllers().expect("controllers").settled().await;
    let bound = crate::hosts::get(&kit, "/api/v1/namespaces/default/persistentvolumeclaims/c").await?.json();
    assert_eq!(bound["status"]["phase"], "Bound");
    let volume = format!("{VOLUMES}/pvc-{}", made["metadata"]["uid"].as_str().unwrap_or_default());
    let volume = crate::hosts::get(&kit, &volume).await?.expect_code(200)?;
    assert_eq!(name(&volume), bound["spec"]["volumeName"].as_str().unwrap_or_default());
    Ok(())
}
