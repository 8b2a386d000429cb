//! Garbage collection, namespaces, Services and quotas, as the controllers see to them.

use crate::hosts::{gone, until};
use serde_json::{Value, json};

fn owner(object: &Value, kind: &str, block: bool) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "name": object["metadata"]["name"], "uid": object["metadata"]["uid"],
        "blockOwnerDeletion": block})
}

fn owned(name: &str, owners: Value) -> Value {
    json!({"metadata": {"name": name, "ownerReferences": owners}})
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn owners_that_are_not_what_they_seem_do_not_exist(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let (here, there) = (host.config_maps("here").await?, host.config_maps("there").await?);
        let real = host.post(&here, &json!({"metadata": {"name": "owner"}})).await?.expect_code(201)?;
        let mut stranger = owner(&real, "ConfigMap", false);
        // In another namespace the owner is absent, and so is one with another UID.
        host.post(&there, &owned("far", json!([stranger]))).await?.expect_code(201)?;
        stranger["uid"] = json!("00000000-0000-0000-0000-000000000000");
        host.post(&here, &owned("wrong", json!([stranger]))).await?.expect_code(201)?;
        gone(&host, &format!("{there}/far")).await?;
        gone(&host, &format!("{here}/wrong")).await?;
        let events = there.replace("configmaps", "events");
        let warned = |list: &Value| {
            let mut items = list["items"].as_array().into_iter().flatten();
            items.any(|event| event["reason"] == "OwnerRefInvalidNamespace" && event["involvedObject"]["name"] == "far")
        };
        until(&host, &events, warned).await?;
        Ok(())
    }

    async fn what_lives_in_no_namespace_is_not_collected_for_an_owner_in_one(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let maps = host.config_maps("owners").await?;
        let real = host.post(&maps, &json!({"metadata": {"name": "owner"}})).await?.expect_code(201)?;
        let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
        let name = host.named("role");
        host.post(roles, &owned(&name, json!([owner(&real, "ConfigMap", false)]))).await?.expect_code(201)?;
        let canary = host.post(&maps, &owned("canary", json!([owner(&real, "ConfigMap", false)]))).await?;
        canary.expect_code(201)?;
        host.delete(&format!("{maps}/owner")).await?.expect_code(200)?;
        gone(&host, &format!("{maps}/canary")).await?;
        host.get(&format!("{roles}/{name}")).await?.expect_code(200)?;
        host.delete(&format!("{roles}/{name}")).await?.expect_code(200)?;
        Ok(())
    }

    async fn an_owner_waits_for_those_who_block_it(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let maps = host.config_maps("foreground").await?;
        let real = host.post(&maps, &json!({"metadata": {"name": "owner"}})).await?.expect_code(201)?;
        for (name, block) in [("blocks", true), ("does-not", false)] {
            let mut object = owned(name, json!([owner(&real, "ConfigMap", block)]));
            object["metadata"]["finalizers"] = json!(["example.org/hold"]);
            host.post(&maps, &object).await?.expect_code(201)?;
        }
        let path = format!("{maps}/owner");
        host.delete_with(&path, &json!({"propagationPolicy": "Foreground"})).await?.expect_code(200)?;
        until(&host, &format!("{maps}/blocks"), |map| map["metadata"]["deletionTimestamp"].is_string()).await?;
        assert_eq!(host.get(&path).await?.expect_code(200)?["metadata"]["finalizers"], json!(["foregroundDeletion"]));
        let free = json!({"metadata": {"finalizers": null}});
        host.patch(&format!("{maps}/blocks"), "merge", &free).await?.expect_code(200)?;
        gone(&host, &path).await?;
        host.patch(&format!("{maps}/does-not"), "merge", &free).await?.expect_code(200)?;
        gone(&host, &format!("{maps}/does-not")).await?;
        Ok(())
    }

    async fn a_namespace_is_furnished(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("furnished").await?;
        let path = format!("/api/v1/namespaces/{namespace}");
        until(&host, &format!("{path}/serviceaccounts/default"), |account| account["metadata"]["uid"].is_string()).await?;
        let bundle = format!("{path}/configmaps/kube-root-ca.crt");
        let like = |map: &Value| map["data"]["ca.crt"].as_str().is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE"));
        let map = until(&host, &bundle, like).await?;
        // It comes back.
        host.delete(&bundle).await?.expect_code(200)?;
        let again = until(&host, &bundle, |new| new["metadata"]["uid"] != map["metadata"]["uid"]).await?;
        assert_eq!(again["data"], map["data"]);
        Ok(())
    }

    async fn ready_pods_stand_behind_a_service(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.namespace("service").await?;
        let core = format!("/api/v1/namespaces/{namespace}");
        until(&host, &format!("{core}/serviceaccounts/default"), |account| account["metadata"]["uid"].is_string()).await?;
        let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80, "targetPort": "serve"}]}});
        let made = host.post(&format!("{core}/services"), &service).await?.expect_code(201)?;
        assert!(made["spec"]["clusterIP"].as_str().is_some_and(|ip| ip.starts_with("10.96.")));
        let node = host.named("node");
        host.post("/api/v1/nodes", &json!({"metadata": {"name": node}})).await?.expect_code(201)?;
        let pod = json!({"metadata": {"name": "p", "labels": {"app": "web"}}, "spec": {"nodeName": node,
            "containers": [{"name": "c", "image": "i:1", "ports": [{"name": "serve", "containerPort": 8080}]}]}});
        host.post(&format!("{core}/pods"), &pod).await?.expect_code(201)?;
        let status = json!({"status": {"phase": "Running", "podIP": "10.64.9.9", "podIPs": [{"ip": "10.64.9.9"}],
            "conditions": [{"type": "Ready", "status": "True"}]}});
        host.patch(&format!("{core}/pods/p/status"), "strategic", &status).await?.expect_code(200)?;
        let slices = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
        let filled = |list: &Value| list["items"][0]["endpoints"][0]["conditions"]["ready"] == true;
        let list = until(&host, &slices, filled).await?;
        let slice = &list["items"][0];
        assert_eq!(slice["endpoints"][0]["addresses"], json!(["10.64.9.9"]));
        assert_eq!(slice["endpoints"][0]["targetRef"]["name"], "p");
        assert_eq!(slice["ports"], json!([{"name": "http", "port": 8080, "protocol": "TCP"}]));
        assert_eq!((&slice["addressType"], &slice["metadata"]["labels"]["kubernetes.io/service-name"]), (&json!("IPv4"), &json!("web")));
        let endpoints = until(&host, &format!("{core}/endpoints/web"), |e| e["subsets"].is_array()).await?;
        assert_eq!(endpoints["subsets"][0]["addresses"][0]["ip"], "10.64.9.9");
        host.delete(&format!("{core}/pods/p?gracePeriodSeconds=0")).await?.expect_code(200)?;
        until(&host, &slices, |list| list["items"][0]["endpoints"].as_array().is_none_or(Vec::is_empty)).await?;
        host.delete(&format!("/api/v1/nodes/{node}")).await?.expect_code(200)?;
        Ok(())
    }

    async fn a_quota_counts_and_refuses(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let maps = host.config_maps("quota").await?;
        let core = maps.trim_end_matches("/configmaps").to_owned();
        let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"services": "1", "count/secrets": "5"}}});
        host.post(&format!("{core}/resourcequotas"), &quota).await?.expect_code(201)?;
        let path = format!("{core}/resourcequotas/q");
        until(&host, &path, |quota| quota["status"]["used"]["services"] == "0").await?;
        let service = |name: &str| json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
        host.post(&format!("{core}/services"), &service("a")).await?.expect_code(201)?;
        until(&host, &path, |quota| quota["status"]["used"]["services"] == "1").await?;
        let refused = host.post(&format!("{core}/services"), &service("b")).await?.refusal();
        let message = "services \"b\" is forbidden: exceeded quota: q, requested: services=1, used: services=1, limited: services=1";
        assert_eq!(refused, (403, "Forbidden".to_owned(), message.to_owned()));
        host.delete(&format!("{core}/services/a")).await?.expect_code(200)?;
        until(&host, &path, |quota| quota["status"]["used"]["services"] == "0").await?;
        host.post(&format!("{core}/services"), &service("b")).await?.expect_code(201)?;
        Ok(())
    }
}

v9s_testkit::both_hosts! {
    async fn services_have_addresses_without_controllers_too(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let services = format!("/api/v1/namespaces/{}/services", host.namespace("addresses").await?);
        let spec = |extra: Value| {
            let mut spec = json!({"ports": [{"port": 80}], "selector": {"app": "web"}});
            spec.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap());
            spec
        };
        let post = async |name: &str, extra: Value| {
            host.post(&services, &json!({"metadata": {"name": name}, "spec": spec(extra)})).await
        };
        let plain = post("plain", json!({})).await?.expect_code(201)?;
        let ip = plain["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
        assert!(ip.starts_with("10.96."), "{plain}");
        let families = (&plain["spec"]["ipFamilies"], &plain["spec"]["ipFamilyPolicy"]);
        assert_eq!(families, (&json!(["IPv4"]), &json!("SingleStack")));
        let (code, _, message) = post("same", json!({"clusterIP": ip})).await?.refusal();
        assert_eq!((code, message.contains("provided IP is already allocated")), (422, true), "{message}");
        // It is free again once its holder is gone.
        host.delete(&format!("{services}/plain")).await?.expect_code(200)?;
        post("same", json!({"clusterIP": ip})).await?.expect_code(201)?;
        let port = post("port", json!({"type": "NodePort"})).await?.expect_code(201)?;
        let number = port["spec"]["ports"][0]["nodePort"].as_i64().unwrap_or_default();
        assert!((30_000..32_768).contains(&number), "{port}");
        // Where there is one family, both are had only by those who can do with one.
        let prefers = post("prefers", json!({"ipFamilyPolicy": "PreferDualStack"})).await?.expect_code(201)?;
        assert_eq!(prefers["spec"]["ipFamilies"], json!(["IPv4"]));
        assert_eq!(prefers["spec"]["clusterIPs"].as_array().map(Vec::len), Some(1));
        let (code, _, message) = post("requires", json!({"ipFamilyPolicy": "RequireDualStack"})).await?.refusal();
        let why = "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services";
        assert_eq!((code, message.contains(why)), (422, true), "{message}");
        let (code, _, message) = post("six", json!({"ipFamilies": ["IPv6"]})).await?.refusal();
        let why = "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster";
        assert_eq!((code, message.contains(why)), (422, true), "{message}");
        Ok(())
    }
}
