//! What is looked at before anything is written, and how it is told.

use anyhow::Result;
use k8s_openapi::api::core::v1::{Namespace, Node, Secret, Service};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host as Seeded;
use v9s_testkit::users::Grant;

use crate::shell::{Shell, err};

/// Runs create, which must refuse with these words, and must have written nothing.
async fn refuses(host: &Seeded, args: &[&str], namespace: &str, name: &str, words: &[&str]) -> Result<()> {
    let shell = Shell::with(&host.kubeconfig)?;
    let refused = shell.v9s(args).await?;
    assert_eq!(refused.status.code(), Some(1), "{args:?}: {}", err(&refused));
    for word in words {
        assert!(err(&refused).contains(word), "{word}: {}", err(&refused));
    }
    assert!(err(&refused).contains("nothing was written"), "{}", err(&refused));
    assert!(Api::<Service>::namespaced(host.client(), namespace).get_opt(name).await?.is_none());
    let left = shell.home.path().join(".local/state/v9s/audit.jsonl").exists();
    assert!(!left, "nothing is in the record of changes");
    Ok(())
}

fn node(name: &str, cpu: &str, labels: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
        "status": {
            "allocatable": {"cpu": cpu, "memory": "8Gi", "ephemeral-storage": "100Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "",
                "lastHeartbeatTime": "2026-05-04T12:00:00Z", "lastTransitionTime": "2026-05-04T12:00:00Z"}],
        },
    })
}

fn network(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name, "image": "i"}]}}},
    })
}

fn busy(node: &str, cpu: &str, namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "busy", "namespace": namespace},
        "spec": {"nodeName": node, "automountServiceAccountToken": false, "containers": [
            {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}]},
    })
}

both_hosts! {
    async fn a_quota_that_is_used_up_is_told_before(host: Host) -> Result<()> {
        let (name, namespace) = (host.named("quota"), host.namespace("team-quota").await?);
        host.seed(&[json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team", "namespace": namespace},
            "spec": {"hard": {"requests.cpu": "2", "pods": "10"}},
            "status": {"hard": {"requests.cpu": "2", "pods": "10"}, "used": {"requests.cpu": "1900m", "pods": "10"}},
        })]).await?;
        let words = [
            "ResourceQuota team leaves requests.cpu 100m of 2; the control plane needs 270m",
            "ResourceQuota team leaves pods 0 of 10; the control plane needs 1",
        ];
        refuses(&host, &["create", &name, "-n", &namespace], &namespace, &name, &words).await?;
        // Nobody who knows better: the host itself would refuse the pod.
        refuses(&host, &["create", &name, "-n", &namespace, "--anyway"], &namespace, &name, &words).await
    }

    async fn limits_that_the_programs_do_not_keep_are_told_before(host: Host) -> Result<()> {
        let (name, namespace) = (host.named("limits"), host.namespace("team-limits").await?);
        host.seed(&[json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "team", "namespace": namespace},
            "spec": {"limits": [{"type": "Container", "max": {"memory": "2Gi"}}]},
        })]).await?;
        let word = "LimitRange team lets a container have at most memory 2Gi; kube-apiserver";
        refuses(&host, &["create", &name, "-n", &namespace], &namespace, &name, &[word]).await
    }

    async fn objects_of_somebody_else_are_left_alone(host: Host) -> Result<()> {
        let (name, namespace) = (host.named("mine"), host.namespace("team-mine").await?);
        let certs = format!("{name}-certs");
        host.seed(&[json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": certs, "namespace": namespace}, "stringData": {"a": "b"},
        })]).await?;
        let word = format!("Secret {namespace}/{certs} is there and somebody else's; take another name");
        refuses(&host, &["create", &name, "-n", &namespace], &namespace, &name, &[&word]).await?;
        let kept = Api::<Secret>::namespaced(host.client(), &namespace).get(&certs).await?;
        assert_eq!(kept.data.unwrap_or_default().len(), 1);
        Ok(())
    }

    async fn versions_that_do_not_go_together_are_told_before(host: Host) -> Result<()> {
        let (name, namespace) = (host.named("old"), host.named("team-old"));
        let with = |version: &str| format!("controlPlane.distro.k8s.version={version}");
        let doubted = "v9s is tried with 1.30 to 1.36, and v1.25.0 is none of them, or say --anyway";
        refuses(&host, &["create", &name, "-n", &namespace, "--set", &with("v1.25.0")], &namespace, &name, &[doubted]).await?;
        assert!(Api::<Namespace>::all(host.client()).get_opt(&namespace).await?.is_none());
        let shell = Shell::with(&host.kubeconfig)?;
        let made = shell.v9s(&["create", &name, "-n", &namespace, "--set", &with("v1.25.0"), "--anyway"]).await?;
        assert_eq!(made.status.code(), Some(0), "{}", err(&made));
        assert!(err(&made).contains("v1.25.0 is none of them"), "{}", err(&made));
        // Once it is there, it goes on release by release, and never back.
        for (version, told) in [("v1.24.0", "does not read what that has stored"), ("v1.30.0", "so go to 1.26 first")] {
            let refused = shell.v9s(&["create", &name, "-n", &namespace, "--anyway", "--set", &with(version)]).await?;
            assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
            assert!(err(&refused).contains(told), "{}", err(&refused));
        }
        Ok(())
    }

    async fn another_store_is_no_change_of_a_setting(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let (name, namespace) = (host.named("moves"), host.named("team-moves"));
        let etcd = ["create", &name, "-n", &namespace, "--set", "controlPlane.backingStore.etcd.deploy.enabled=true"];
        let made = shell.v9s(&etcd).await?;
        assert_eq!(made.status.code(), Some(0), "{}", err(&made));
        let database = "controlPlane.backingStore.database.external={enabled: true, dataSource: 'postgres://a@db/a'}";
        let refused = shell.v9s(&["create", &name, "-n", &namespace, "--set", database]).await?;
        assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
        assert!(err(&refused).contains("keeps its objects in deployed etcd"), "{}", err(&refused));
        Ok(())
    }
}

both_hosts! {
    #![needs(alone)]

    async fn nodes_and_the_network_are_looked_at(host: Host) -> Result<()> {
        let namespace = host.namespace("team-nodes").await?;
        let dedicated = json!([{"key": "dedicated", "value": "shop", "effect": "NoSchedule"}]);
        let nodes = [("small", "2", json!({}), json!([])), ("pool", "4", json!({"pool": "shop"}), dedicated)];
        for (name, cpu, labels, taints) in nodes {
            host.seed(&[node(name, cpu, labels)]).await?;
            // A new node is taken for one that is not ready, and nobody looks after its taints here.
            let taints = json!({"spec": {"taints": taints}});
            Api::<Node>::all(host.client()).patch(name, &PatchParams::default(), &Patch::Merge(&taints)).await?;
        }
        host.seed(&[
            busy("small", "1900m", &namespace),
            network("kube-flannel-ds"),
        ])
        .await?;
        let create = |more: &[&'static str]| -> Vec<&'static str> {
            ["create", "shop", "-n", "team-shop", "--dry-run"].into_iter().chain(more.iter().copied()).collect()
        };
        let in_pool = "controlPlane.statefulSet.scheduling.nodeSelector={pool: shop}";
        let tolerates = "controlPlane.statefulSet.scheduling.tolerations=[{key: dedicated, operator: Exists}]";
        let tenants = "sync.fromHost.nodes={enabled: true, selector: {labels: {pool: shop}}}";
        let elsewhere = "sync.fromHost.nodes={enabled: true, selector: {labels: {pool: none}}}";
        let enforced = "sync.toHost.pods.enforceTolerations=['dedicated=shop:NoSchedule']";
        let policies = "policies.networkPolicy.enabled=true";
        let cases: [(&[&str], &str); 7] = [
            (&[], "it asks for cpu 270m, and small has 100m left, or say --anyway"),
            (&["--set", in_pool], "node pool has the taint dedicated=shop:NoSchedule, which the scheduling of StatefulSet shop does not"),
            (&["--set", in_pool, "--set", tolerates], ""),
            (&["--set", in_pool, "--set", tolerates, "--set", tenants], "add \"dedicated=shop:NoSchedule\" to sync.toHost.pods"),
            (&["--set", in_pool, "--set", tolerates, "--set", elsewhere], "no node has pool=none, so no pod of the tenant would run"),
            (&["--set", in_pool, "--set", tolerates, "--set", tenants, "--set", enforced], ""),
            (&["--set", in_pool, "--set", tolerates, "--set", policies], "Flannel enforces no NetworkPolicy"),
        ];
        let shell = Shell::with(&host.kubeconfig)?;
        for (more, told) in cases {
            let done = shell.v9s(&create(more)).await?;
            let expected = if told.is_empty() { 0 } else { 1 };
            assert_eq!(done.status.code(), Some(expected), "{more:?}: {}", err(&done));
            assert!(err(&done).contains(told), "{more:?}: {}", err(&done));
        }
        let anyway = shell.v9s(&create(&["--anyway"])).await?;
        assert_eq!(anyway.status.code(), Some(0), "{}", err(&anyway));
        assert!(err(&anyway).contains("small has 100m left"), "it is still said: {}", err(&anyway));

        // Beside it, something that enforces policies; and a user who may see neither nodes nor networks.
        host.seed(&[network("kube-router")]).await?;
        let calm = create(&["--set", in_pool, "--set", tolerates, "--set", policies]);
        let fine = shell.v9s(&calm).await?;
        assert_eq!((fine.status.code(), err(&fine).contains("NetworkPolic")), (Some(0), false), "{}", err(&fine));
        let plain = host.namespace("team-plain").await?;
        let rights = [
            "services", "secrets", "serviceaccounts", "statefulsets.apps", "deployments.apps", "roles.rbac.authorization.k8s.io",
            "rolebindings.rbac.authorization.k8s.io", "networkpolicies.networking.k8s.io",
        ];
        let own = Grant::within(&plain).may(&["create", "patch", "get", "list", "escalate", "bind"], &rights);
        let few = Shell::with(&host.user("blind", &[own]).await?)?;
        let blind = few
            .v9s(&["create", "shop", "-n", &plain, "--dry-run", "--set", policies, "--set", "networking.serviceCIDR=10.96.0.0/16"])
            .await?;
        assert_eq!(blind.status.code(), Some(0), "{}", err(&blind));
        assert!(err(&blind).contains("whether a node has room is not known: you may not list nodes"), "{}", err(&blind));
        assert!(err(&blind).contains("you may not list DaemonSets, among which the network is"), "{}", err(&blind));
        Ok(())
    }
}

async fn granting(host: Seeded) -> Result<()> {
    let (name, namespace) = (host.named("grant"), host.namespace("team-grant").await?);
    let all = Grant::within(&namespace).may(
        &["create", "patch", "get", "list"],
        &[
            "services",
            "secrets",
            "serviceaccounts",
            "statefulsets.apps",
            "deployments.apps",
            "roles.rbac.authorization.k8s.io",
            "rolebindings.rbac.authorization.k8s.io",
        ],
    );
    let few = host.user("grants", &[all]).await?;
    let shell = Shell::with(&few)?;
    let refused = shell
        .v9s(&["create", &name, "-n", &namespace, "--set", "networking.serviceCIDR=10.96.0.0/16"])
        .await?;
    assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
    let word = format!("you may not grant what is in Role {namespace}/vc-{name}");
    assert!(err(&refused).contains(&word), "{}", err(&refused));
    assert!(Api::<Service>::namespaced(host.client(), &namespace).get_opt(&name).await?.is_none());
    Ok(())
}

// The embedded host lets whoever may write Roles grant anything.
v9s_testkit::real_test! {
    fn nobody_grants_more_than_they_have() -> Result<()> {
        v9s_testkit::host::run_real(v9s_testkit::host::Needs::NONE, granting)
    }
}
