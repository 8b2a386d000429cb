//! What is written, what is recorded, and what changes nothing.

use anyhow::Result;
use k8s_openapi::api::core::v1::{Namespace, Secret, Service};
use kube::Api;
use serde_json::Value;
use v9s_testkit::both_hosts;
use v9s_testkit::users::Grant;

use crate::shell::{Shell, err, out};

both_hosts! {
    async fn what_is_made_is_found_recorded_and_not_changed_by_another_run(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let (name, namespace) = (host.named("prod"), host.named("team-prod"));
        let create = ["create", &name, "-n", &namespace, "--preset", "prod"];
        let made = shell.v9s(&create).await?;
        assert_eq!(made.status.code(), Some(0), "{}", err(&made));
        assert!(err(&made).contains("5 keys and certificates: made"), "{}", err(&made));

        // It is on the list as what it is: made by this version, and nothing runs yet.
        let listed = shell.v9s(&["list", "-n", &namespace, "-o", "json"]).await?;
        let listed: Value = serde_json::from_slice(&listed.stdout)?;
        let item = &listed["items"][0];
        assert_eq!((item["name"].as_str(), item["store"].as_str()), (Some(name.as_str()), Some("deployed-etcd")), "{item}");
        assert_eq!(item["version"], env!("CARGO_PKG_VERSION"));
        let namespaces = Api::<Namespace>::all(host.client());
        let marks = namespaces.get(&namespace).await?.metadata.annotations.unwrap_or_default();
        assert_eq!(marks.get("vcluster.loft.sh/created").map(String::as_str), Some("true"));

        // Every object that was applied is in the record, with its UID.
        let record = std::fs::read_to_string(shell.home.path().join(".local/state/v9s/audit.jsonl"))?;
        let records: Vec<Value> = record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(records.len() > 15, "{record}");
        assert!(records.iter().all(|it| it["action"] == "create" && it["outcome"] == "done" && it["uid"] != ""), "{record}");
        let secrets = Api::<Secret>::namespaced(host.client(), &namespace);
        let keys = |secret: Secret| secret.data;
        let before = keys(secrets.get(&format!("{name}-certs")).await?);

        let again = shell.v9s(&create).await?;
        assert_eq!(again.status.code(), Some(0), "{}", err(&again));
        assert!(err(&again).contains("5 keys and certificates: kept"), "{}", err(&again));
        assert_eq!(keys(secrets.get(&format!("{name}-certs")).await?), before);
        let dry = shell.v9s(&["create", &name, "-n", &namespace, "--preset", "prod", "--dry-run"]).await?;
        let others: Vec<String> = out(&dry).lines().filter(|line| !line.starts_with("keep ")).map(str::to_owned).collect();
        assert!(others.is_empty() && dry.status.code() == Some(0), "{others:?} {}", err(&dry));

        // Something else is another plan, of one object.
        let more = ["create", &name, "-n", &namespace, "--preset", "prod", "--dry-run", "--set", "policies.resourceQuota.quota={requests.cpu: 3}"];
        let dry = shell.v9s(&more).await?;
        let mut changed: Vec<String> = out(&dry).lines().filter(|line| line.starts_with("change ")).map(str::to_owned).collect();
        changed.sort();
        let quota = format!("change  ResourceQuota {namespace}/vc-{name}");
        assert!(changed.contains(&quota) && changed.len() == 3, "the quota, the configuration and the pods that read it: {changed:?}");
        Ok(())
    }

    async fn a_plan_and_plain_yaml_write_nothing(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let (name, namespace) = (host.named("plan"), host.named("team-plan"));
        let dry = shell.v9s(&["create", &name, "-n", &namespace, "--dry-run"]).await?;
        assert!(out(&dry).lines().all(|line| line.starts_with("create ")), "{}", out(&dry));
        assert!(out(&dry).contains(&format!("create  StatefulSet {namespace}/{name}\n")), "{}", out(&dry));
        assert!(!out(&dry).contains("BEGIN") && !err(&dry).contains("BEGIN"), "no keys in a plan");
        let printed = shell.v9s(&["create", &name, "-n", &namespace, "--print"]).await?;
        assert_eq!(printed.status.code(), Some(0), "{}", err(&printed));
        let documents: Vec<Value> = serde_saphyr::from_multiple(&out(&printed))?;
        let kinds: Vec<&str> = documents.iter().filter_map(|document| document["kind"].as_str()).collect();
        assert_eq!((kinds.first(), kinds.last()), (Some(&"Namespace"), Some(&"StatefulSet")));
        assert!(err(&printed).contains("the Service has no address yet"), "{}", err(&printed));
        assert!(Api::<Namespace>::all(host.client()).get_opt(&namespace).await?.is_none());
        assert!(!shell.home.path().join(".local/state/v9s/audit.jsonl").exists());
        // What is printed is what a host takes.
        for document in &documents {
            host.seed(std::slice::from_ref(document)).await?;
        }
        Ok(())
    }

    async fn without_the_rights_nothing_is_written(host: Host) -> Result<()> {
        let (name, namespace) = (host.named("few"), host.namespace("team-few").await?);
        let some = Grant::within(&namespace)
            .may(&["create", "patch", "get", "list"], &["services", "secrets", "serviceaccounts", "statefulsets.apps"])
            .may(&["list"], &["deployments.apps"]);
        let shell = Shell::with(&host.user("few", &[some]).await?)?;
        let refused = shell.v9s(&["create", &name, "-n", &namespace, "--set", "networking.serviceCIDR=10.96.0.0/16"]).await?;
        assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
        for kind in ["roles", "rolebindings"] {
            let told = format!("you may not create {kind} for namespace {namespace}; ask for that right");
            assert!(err(&refused).contains(&told), "{}", err(&refused));
        }
        assert!(!err(&refused).contains("you may not create services"), "{}", err(&refused));
        assert!(Api::<Service>::namespaced(host.client(), &namespace).get_opt(&name).await?.is_none());
        Ok(())
    }

    async fn there_is_one_virtual_cluster_to_a_namespace(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let (first, second, namespace) = (host.named("one"), host.named("two"), host.named("team-one"));
        let made = shell.v9s(&["create", &first, "-n", &namespace]).await?;
        assert_eq!(made.status.code(), Some(0), "{}", err(&made));
        let refused = shell.v9s(&["create", &second, "-n", &namespace]).await?;
        assert_eq!(refused.status.code(), Some(1));
        assert!(err(&refused).contains(&format!("has the virtual cluster {first} already")), "{}", err(&refused));
        assert!(Api::<Service>::namespaced(host.client(), &namespace).get_opt(&second).await?.is_none());
        Ok(())
    }

    async fn who_only_looks_makes_nothing(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let namespace = host.named("team-look");
        let refused = shell.v9s(&["create", "look", "-n", &namespace, "--read-only"]).await?;
        assert_eq!(refused.status.code(), Some(1));
        assert!(err(&refused).contains("--read-only makes nothing"), "{}", err(&refused));
        assert!(Api::<Namespace>::all(host.client()).get_opt(&namespace).await?.is_none());
        Ok(())
    }
}
